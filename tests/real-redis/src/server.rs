//! The process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{Builder, Error, HeldPort, program};

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// A process does not announce that it is ready, so it has to be asked repeatedly.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

const CONFIGURATION: &str = "redis.conf";
const SOCKET: &str = "redis.sock";
const LOG: &str = "redis.log";

/// A server of one's own. It ends with this value.
#[derive(Debug)]
pub struct RealRedis {
    folder: PathBuf,
    /// The folder's owner, if it is to go with the server.
    _own: Option<TempDir>,
    port: u16,
    /// Also while the process is ended: its clients try again there.
    _held: Option<HeldPort>,
    configuration: String,
    prepare: Option<fn(&mut Command)>,
    is_sentinel: bool,
    child: Option<Child>,
}

impl RealRedis {
    /// One that is yet to be started.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(
        folder: PathBuf,
        own: Option<TempDir>,
        port: u16,
        held: Option<HeldPort>,
        configuration: String,
        prepare: Option<fn(&mut Command)>,
        is_sentinel: bool,
    ) -> Self {
        Self { folder, _own: own, port, _held: held, configuration, prepare, is_sentinel, child: None }
    }

    /// On 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// `unix:///FOLDER/redis.sock`.
    #[must_use]
    pub fn unix_url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// `redis.conf`, `redis.sock` and `redis.log` are in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join(SOCKET)
    }

    /// The process; `None` after [`RealRedis::kill`] and [`RealRedis::wait`].
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Adds lines to the configuration that the process has from its next start on.
    pub fn configure(&mut self, lines: &str) {
        self.configuration.push_str(lines);
        self.configuration.push('\n');
    }

    /// Starts the process again after it has ended, on the same port, and waits until it listens. Earlier settings by
    /// `CONFIG SET` are lost.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::start`], except for the port, which it has.
    pub fn start(&mut self) -> Result<(), Error> {
        if let Some(child) = &mut self.child
            && child.try_wait().map_err(Error::Process)?.is_none()
        {
            return Ok(());
        }
        let file = self.folder.join(CONFIGURATION);
        fs::write(&file, &self.configuration).map_err(|source| Error::Folder { path: file, source })?;
        // A process that was killed left its socket.
        let socket = self.socket();
        match fs::remove_file(&socket) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Folder { path: socket, source });
            }
            _ => {}
        }
        let name = program::name();
        let mut command = Command::new(program::from_anywhere(&name));
        command.arg(CONFIGURATION).args(self.is_sentinel.then_some("--sentinel")).current_dir(&self.folder);
        // Not by its configuration: of that it complains before it has read it.
        let (out, errors) =
            self.log().map_err(|source| Error::Folder { path: self.folder.join(LOG), source })?;
        command.stdin(Stdio::null()).stdout(out).stderr(errors);
        if let Some(prepare) = self.prepare {
            prepare(&mut command);
        }
        let child = command
            .spawn()
            .map_err(|source| Error::NoProgram { program: name.display().to_string(), source })?;
        self.child = Some(child);
        self.wait_until_it_listens().inspect_err(|_| self.kill())
    }

    fn log(&self) -> io::Result<(File, File)> {
        let log = File::create(self.folder.join(LOG))?;
        Ok((log.try_clone()?, log))
    }

    fn wait_until_it_listens(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        let log = || fs::read_to_string(self.folder.join(LOG)).unwrap_or_default();
        while let Some(child) = &mut self.child {
            if let Some(status) = child.try_wait().map_err(Error::Process)? {
                return Err(Error::Ended { status, log: log() });
            }
            // The server makes its socket once it has its port: an earlier answer there comes from another process.
            let socket = self.folder.join(SOCKET);
            match connect(&socket, self.port) {
                Ok(()) => break,
                // The path is longer than a socket's may be.
                Err(source) if source.kind() == io::ErrorKind::InvalidInput => {
                    return Err(Error::Folder { path: socket, source });
                }
                Err(_) => {}
            }
            if Instant::now() > deadline {
                return Err(Error::Silent { log: log() });
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// Ends the process at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Either it is gone already, or these work.
            let _gone = child.kill();
            let _waited = child.wait();
        }
    }

    /// Waits for the process to end, after something that makes it.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub fn wait(&mut self) -> Result<(), Error> {
        if let Some(mut child) = self.child.take() {
            child.wait().map_err(Error::Process)?;
        }
        Ok(())
    }
}

impl Drop for RealRedis {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
fn connect(socket: &Path, _port: u16) -> io::Result<()> {
    std::os::unix::net::UnixStream::connect(socket).map(drop)
}

/// Without Unix sockets in std, the port has to do.
#[cfg(not(unix))]
fn connect(_socket: &Path, port: u16) -> io::Result<()> {
    std::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).map(drop)
}
