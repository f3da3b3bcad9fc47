//! A redis-server, for what only a real one can say.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use libtest_mimic::Failed;

const PATIENCE: Duration = Duration::from_secs(20);

/// Whether tests that need a redis-server run. Where CI is set, a missing one is a failure.
pub(crate) fn there_must_be_one() -> bool {
    env::var_os("CI").is_some() || find("redis-server").is_some()
}

/// A program on the PATH, or where administrators' programs are.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16, Failed> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Another process may take a free port between our asking and our server's. It then ends at once.
pub(crate) fn attempts<T>(mut once: impl FnMut() -> Result<T, Failed>) -> Result<T, Failed> {
    for _ in 0..4 {
        match once() {
            Err(error) if error.message().is_some_and(|text| text.contains(ENDED)) => {}
            outcome => return outcome,
        }
    }
    once()
}

const ENDED: &str = "ended with";

/// A process that ends with its owner.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Process, Failed> {
        Ok(Process(command.stdin(Stdio::null()).spawn()?))
    }

    /// Asks until the answer is yes: another process says nothing when it is ready.
    pub(crate) fn wait(&mut self, what: &str, mut ready: impl FnMut() -> bool) -> Result<(), Failed> {
        let deadline = Instant::now() + PATIENCE;
        while !ready() {
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("{what} {ENDED} {status}").into());
            }
            if Instant::now() > deadline {
                return Err(format!("{what} does not answer").into());
            }
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either it is gone already, or these work.
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// A redis-server with a configuration of the documentation's.
pub(crate) struct Redis {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    /// Of the user `default`, if the configuration has one.
    password: Option<String>,
    process: Process,
}

impl Redis {
    /// Starts it in an empty folder. Addresses of somebody's network become ones of this machine's own.
    pub(crate) fn start(folder: &Path, configuration: &str) -> Result<Redis, Failed> {
        attempts(|| Redis::start_once(folder.to_path_buf(), configuration))
    }

    fn start_once(folder: PathBuf, configuration: &str) -> Result<Redis, Failed> {
        fs::create_dir_all(&folder)?;
        let port = free_port()?;
        let adapted = configuration.replace("10.0.0.5", "127.0.0.2");
        let file = folder.join("redis.conf");
        fs::write(
            &file,
            format!("{adapted}\nport {port}\nunixsocket redis.sock\nlogfile redis.log\nsave \"\"\n"),
        )?;
        let mut command = Command::new("redis-server");
        let process = Process::start(command.arg("redis.conf").current_dir(&folder).stdout(Stdio::null()))?;
        let password = configuration.lines().find_map(|line| line.strip_prefix("requirepass "));
        let mut redis = Redis { folder, port, password: password.map(str::to_owned), process };
        let ask = redis.cli(&["PING"]);
        let mut answer = ask;
        let ready = || answer.output().is_ok_and(|output| output.stdout == b"PONG\n");
        let waited = redis.process.wait("redis-server", ready);
        waited.map_err(|error| {
            let log = fs::read_to_string(redis.folder.join("redis.log")).unwrap_or_default();
            format!("{}\n{log}\n{adapted}", error.message().unwrap_or_default())
        })?;
        Ok(redis)
    }

    /// `redis-cli` as the user who may do everything. An error reply is a failure.
    pub(crate) fn cli(&self, words: &[&str]) -> Command {
        let mut command = Command::new("redis-cli");
        command.args(["-e", "-s"]).arg(self.folder.join("redis.sock")).args(words);
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        command
    }

    /// What the server answers to that user.
    pub(crate) fn ask(&self, words: &[&str]) -> Result<String, Failed> {
        let output = self.cli(words).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        Err(format!("{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr)).into())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // What is left of a failure is looked at by nobody.
        let _removed = fs::remove_dir_all(&self.folder);
    }
}

/// Words of a line, as `redis-cli` reads them: none of the documentation's has quotes.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Whether a path is there, from the root of the repository.
pub(crate) fn exists(root: &Path, path: &str) -> Result<(), Failed> {
    if root.join(path).exists() { Ok(()) } else { Err(format!("there is no {path}").into()) }
}
