//! `host.real`: a redis-server process of this run's own.

use std::{
    cell::RefCell,
    env,
    ffi::OsString,
    fs::File,
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{bytes, client};
use crate::{
    ffi::{self, Signal},
    value::Value,
};

/// The program, if it is not the one on the PATH.
const PROGRAM: &str = "REDIS_SERVER";

/// The user with whom the host speaks to the server, whatever the script makes of the default one. Where there are users:
/// before Redis 6 there is one password for everybody.
const USER: &str = "gmod-host";
const PASSWORD: &str = "known-to-the-host-alone";

/// How long the server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// Another process may take the port between our asking and the server's.
const ATTEMPTS: usize = 5;

const METHODS: &str = "url, socket, publish, drop, stop, start, kill, pause, resume, command, port";

/// A redis-server on a free port of 127.0.0.1 and on a Unix socket.
#[derive(Debug)]
pub(crate) struct Real {
    program: OsString,
    has_users: bool,
    /// `requirepass` of a server without users, as far as a script has set it.
    password: RefCell<Vec<u8>>,
    folder: PathBuf,
    port: u16,
    child: RefCell<Option<Child>>,
}

impl Real {
    /// Starts a server that keeps its socket and its log in `folder`.
    ///
    /// # Errors
    ///
    /// There is no such redis-server, or it does not start.
    pub(super) fn start(folder: &Path) -> Result<Self, String> {
        let program = env::var_os(PROGRAM).unwrap_or_else(|| "redis-server".into());
        let has_users = major_version(&program)? >= 6;
        let mut last_error = String::new();
        for _ in 0..ATTEMPTS {
            let server = Self {
                program: program.clone(),
                has_users,
                password: RefCell::default(),
                folder: folder.to_path_buf(),
                port: free_port().map_err(|error| format!("no free port: {error}"))?,
                child: RefCell::new(None),
            };
            match server.spawn() {
                Ok(()) => return Ok(server),
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    fn spawn(&self) -> Result<(), String> {
        let log_file = self.folder.join("redis.log");
        let log = File::create(&log_file).map_err(|error| format!("{}: {error}", log_file.display()))?;
        let mut command = Command::new(&self.program);
        command
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--port",
                &self.port.to_string(),
            ])
            .arg("--dir")
            .arg(&self.folder)
            .arg("--unixsocket")
            .arg(self.socket())
            .stdin(Stdio::null())
            .stdout(log);
        if self.has_users {
            command.args(["--user", USER, "on", &format!(">{PASSWORD}"), "~*", "&*", "+@all"]);
        }
        // What CONFIG SET said to the process before is forgotten.
        self.password.take();
        ffi::die_with_parent(&mut command);
        let child = command.spawn().map_err(|error| format!("{}: {error}", self.program.display()))?;
        *self.child.borrow_mut() = Some(child);
        self.wait_until_ready().map_err(|error| {
            let said = std::fs::read_to_string(&log_file).unwrap_or_default();
            self.kill();
            format!("{}: {error}\n{said}", self.program.display())
        })
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(child) = self.child.borrow_mut().as_mut()
                && let Some(status) = child.try_wait().map_err(|error| error.to_string())?
            {
                return Err(format!("it ended with {status}"));
            }
            let ready =
                self.socket().exists() && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
            if ready && self.command(&[b"PING"]).is_ok() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err("it does not answer".to_owned());
            }
            thread::sleep(BETWEEN_LOOKS);
        }
    }

    fn command(&self, words: &[&[u8]]) -> Result<Value, String> {
        let password = self.password.borrow().clone();
        let login: &[&[u8]] = match &*password {
            _ if self.has_users => &[b"AUTH", USER.as_bytes(), PASSWORD.as_bytes()],
            [] => &[],
            password => &[b"AUTH", password],
        };
        let answer = client::command(self.port, login, words)?;
        if let [b"CONFIG", b"SET", b"requirepass", password] = words {
            *self.password.borrow_mut() = password.to_vec();
        }
        Ok(answer)
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        match self.child.borrow().as_ref() {
            Some(child) => ffi::send_signal(child.id(), signal).map_err(|error| error.to_string()),
            None => Err("the server is stopped".to_owned()),
        }
    }

    /// Ends the process, if there is one.
    fn kill(&self) {
        if let Some(mut child) = self.child.borrow_mut().take() {
            // Either it is gone already, or these work.
            let _gone = child.kill();
            let _waited = child.wait();
        }
    }

    /// Ends the process as an administrator would: it closes its connections.
    fn stop(&self) -> Result<(), String> {
        self.signal(Signal::End)?;
        self.signal(Signal::Resume)?;
        let mut child = self.child.borrow_mut();
        if let Some(mut child) = child.take() {
            child.wait().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// `host.real.METHOD(…)`.
    ///
    /// # Errors
    ///
    /// There is no such method, the arguments are wrong, or the server can't.
    pub(crate) fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        match method {
            "url" => return Ok(self.url().into()),
            "socket" => return Ok(format!("unix://{}", self.socket().display()).into()),
            "port" => return Ok(f64::from(self.port).into()),
            "publish" => {
                let publish = [b"PUBLISH", bytes(arguments, 0, method)?, bytes(arguments, 1, method)?];
                return self.command(&publish);
            }
            "command" => {
                let words: Vec<&[u8]> = (0..arguments.len())
                    .map(|index| bytes(arguments, index, method))
                    .collect::<Result<_, _>>()?;
                return self.command(&words);
            }
            "drop" => {
                for kind in ["normal", "pubsub"] {
                    self.command(&["CLIENT", "KILL", "TYPE", kind].map(str::as_bytes))?;
                }
            }
            "stop" => self.stop()?,
            "start" if self.child.borrow().is_some() => {}
            "start" => self.spawn()?,
            "kill" => self.kill(),
            "pause" => self.signal(Signal::Pause)?,
            "resume" => self.signal(Signal::Resume)?,
            _ => return Err(format!("host.real has {METHODS}, but no '{method}'")),
        }
        Ok(Value::Nil)
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the program says of itself: `Redis server v=5.0.6 …`, `Server v=8.0.1 …`.
fn major_version(program: &OsString) -> Result<u32, String> {
    let name = program.display();
    let output =
        Command::new(program).arg("--version").output().map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_once("v=").and_then(|(_, version)| version.split('.').next()?.parse().ok());
    version.ok_or_else(|| format!("{name} is no redis-server: it does not tell its version"))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
