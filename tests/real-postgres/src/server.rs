//! The server and its process.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Error;
use crate::program::{command, user};

const LOG: &str = "log";
const DATA: &str = "data";
/// How long a server may take to listen: a busy machine, and an initdb before.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// Ports that are tried, because another process may take the one that was free.
pub(crate) const ATTEMPTS: u32 = 5;

/// The settings of a server.
#[derive(Debug, Default)]
pub struct Builder {
    configuration: String,
    hba: Option<String>,
    sql: Vec<String>,
    secrets: Vec<(String, String)>,
}

impl Builder {
    /// Adds a line to postgresql.conf.
    #[must_use]
    pub fn configuration(mut self, line: &str) -> Self {
        self.configuration += line;
        self.configuration += "\n";
        self
    }

    /// The clients that may connect, instead of all: lines of `pg_hba.conf`. The superuser `postgres` may use the
    /// Unix socket.
    #[must_use]
    pub fn hba(mut self, lines: &str) -> Self {
        self.hba = Some(format!("local all postgres trust\n{lines}\n"));
        self
    }

    /// Puts a file into the folder of the data that its owner alone may read, such as a key.
    #[must_use]
    pub fn secret(mut self, name: &str, text: &str) -> Self {
        self.secrets.push((name.into(), text.into()));
        self
    }

    /// Runs this once the server listens.
    #[must_use]
    pub fn sql(mut self, sql: &str) -> Self {
        self.sql.push(sql.into());
        self
    }

    /// Makes the data and starts the server.
    ///
    /// # Errors
    ///
    /// There is no PostgreSQL, or it does not start.
    pub fn start(self) -> Result<RealPostgres, Error> {
        let folder = TempDir::new().map_err(|source| Error::Folder { path: std::env::temp_dir(), source })?;
        let path = folder.path();
        if let Some(user) = user()? {
            chown(path, Some(user.uid), None)
                .map_err(|source| Error::Folder { path: path.into(), source })?;
        }
        run(command("initdb", path)?.args([
            "--no-sync",
            "--auth=trust",
            "--encoding=UTF8",
            "--username=postgres",
            "--pgdata",
            DATA,
        ]))?;
        let data = path.join(DATA);
        let write = |name: &str, text: &str| {
            let path = data.join(name);
            fs::write(&path, text).map_err(|source| Error::Folder { path, source })
        };
        // The file that initdb made belongs to its owner; it is written again, readable for all users.
        let fixed = "fsync = off\nlisten_addresses = '127.0.0.1'\nshared_buffers = 8MB\n";
        let socket = format!("unix_socket_directories = '{}'\n", path.display());
        write("postgresql.conf", &format!("{fixed}{socket}{}", self.configuration))?;
        if let Some(hba) = &self.hba {
            write("pg_hba.conf", hba)?;
        }
        for (name, text) in &self.secrets {
            write(name, text)?;
            let file = data.join(name);
            let owned = match user()? {
                Some(user) => chown(&file, Some(user.uid), None),
                None => Ok(()),
            };
            owned
                .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o600)))
                .map_err(|source| Error::Folder { path: file, source })?;
        }
        let server = RealPostgres::on_a_free_port(folder)?;
        for sql in &self.sql {
            server.psql(sql)?;
        }
        Ok(server)
    }
}

/// A running server. It ends with this value.
#[derive(Debug)]
pub struct RealPostgres {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl RealPostgres {
    fn on_a_free_port(folder: TempDir) -> Result<Self, Error> {
        let mut server = Self { folder, port: 0, child: None };
        for attempt in 1.. {
            server.port = free_port().map_err(|source| Error::Folder { path: "127.0.0.1".into(), source })?;
            match server.start() {
                Ok(()) => break,
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => {}
            }
        }
        Ok(server)
    }

    /// A hot standby of this server; [`Self::promote`] makes it a primary.
    ///
    /// # Errors
    ///
    /// It cannot be copied, or does not start.
    pub fn standby(&self) -> Result<Self, Error> {
        let folder = new_folder()?;
        let mut copy = command("pg_basebackup", folder.path())?;
        copy.args(["-U", "postgres", "-D", DATA, "-R", "--checkpoint=fast", "--no-sync"]);
        copy.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        run(&mut copy)?;
        let path = folder.path().join(DATA).join("postgresql.conf");
        let edited = fs::read_to_string(&path).and_then(|text| {
            let ours = folder.path().display().to_string();
            fs::write(&path, text.replace(&self.folder.path().display().to_string(), &ours))
        });
        edited.map_err(|source| Error::Folder { path, source })?;
        Self::on_a_free_port(folder)
    }

    /// Makes a standby a primary (`pg_ctl promote`, because `pg_promote()` is new in PostgreSQL 12).
    ///
    /// # Errors
    ///
    /// It is no standby, or does not become a primary.
    pub fn promote(&self) -> Result<(), Error> {
        run(command("pg_ctl", self.folder.path())?.args(["promote", "-D", DATA])).map(drop)
    }

    /// The settings of a server before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Its port of 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder; the Unix socket is in there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join(DATA)
    }

    /// As the superuser.
    pub fn url(&self) -> String {
        format!("postgres://postgres:@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, or starts it again on its port.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn start(&mut self) -> Result<(), Error> {
        let path = self.folder.path();
        let log_path = path.join(LOG);
        let log =
            File::create(&log_path).map_err(|source| Error::Folder { path: log_path.clone(), source })?;
        let errors = log.try_clone().map_err(|source| Error::Folder { path: log_path.clone(), source })?;
        let mut postgres = command("postgres", path)?;
        postgres.args(["-D", DATA, "-p", &self.port.to_string()]);
        let child = postgres.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.child = Some(child.map_err(|source| Error::NoProgram { program: "postgres".into(), source })?);
        let deadline = Instant::now() + PATIENCE;
        let said = || fs::read_to_string(&log_path).unwrap_or_default();
        while self.psql("SELECT 1").is_err() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                return Err(Error::Failed { program: format!("postgres ({status})"), said: said() });
            }
            if Instant::now() > deadline {
                return Err(Error::Silent { program: "postgres", log: said() });
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// The result of a statement of the superuser, as `psql` prints it without headings.
    ///
    /// # Errors
    ///
    /// The server's error.
    pub fn psql(&self, sql: &str) -> Result<String, Error> {
        psql(self.folder.path(), self.folder.path().as_os_str(), self.port, sql)
    }

    /// Sends the server's process a signal, such as `STOP`. Its children, one for each connection, get it as well.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub fn signal(&self, name: &str) -> Result<(), Error> {
        let Some(child) = &self.child else { return Ok(()) };
        let parent = child.id().to_string();
        let children =
            fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        for pid in std::iter::once(parent.as_str()).chain(children.split_whitespace()) {
            // A child may have ended meanwhile.
            let _status =
                Command::new("kill").args([&format!("-{name}"), pid]).stderr(Stdio::null()).status();
        }
        Ok(())
    }

    /// Stops the server without waiting for clients (`pg_ctl stop -m fast`).
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            let _waited = child.wait();
        }
    }

    /// Ends the server at once, without a word to its clients (`pg_ctl stop -m immediate`).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _status = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status();
            let _waited = child.wait();
        }
    }
}

impl Drop for RealPostgres {
    fn drop(&mut self) {
        // A process that is stopped does not end.
        let _resumed = self.signal("CONT");
        self.kill();
    }
}

/// The result of a statement at this host and port.
pub(crate) fn psql(working: &Path, host: &OsStr, port: u16, sql: &str) -> Result<String, Error> {
    let mut psql = command("psql", working)?;
    psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres"]);
    psql.arg("-h").arg(host).args(["-p", &port.to_string(), "-c", sql]);
    run(&mut psql)
}

/// A folder of the user who runs the server.
pub(crate) fn new_folder() -> Result<TempDir, Error> {
    let folder = TempDir::new().map_err(|source| Error::Folder { path: std::env::temp_dir(), source })?;
    if let Some(user) = user()? {
        let path = folder.path();
        chown(path, Some(user.uid), None).map_err(|source| Error::Folder { path: path.into(), source })?;
    }
    Ok(folder)
}

pub(crate) fn free_port() -> io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr().map(|address| address.port())
}

/// Runs a program to its end. Returns its output.
fn run(command: &mut Command) -> Result<String, Error> {
    let program = PathBuf::from(command.get_program());
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::NoProgram { program: program.clone(), source })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Failed { program: program.display().to_string(), said });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
