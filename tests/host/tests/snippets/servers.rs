//! A redis-server, for tests that need a real one.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use real_redis::RealRedis;

const PATIENCE: Duration = Duration::from_secs(60);

/// A program on the PATH, or in the folders of administrators' programs.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A process that ends with its owner.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Process, Failed> {
        Ok(Process(command.stdin(Stdio::null()).spawn()?))
    }

    /// Asks until the answer is yes, because another process does not report when it is ready.
    pub(crate) fn wait(&mut self, what: &str, mut ready: impl FnMut() -> bool) -> Result<(), Failed> {
        let deadline = Instant::now() + PATIENCE;
        while !ready() {
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("{what} ended with {status}").into());
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
        // Either it has ended already, or these work.
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// A redis-server with a configuration from the documentation.
pub(crate) struct Redis {
    server: RealRedis,
    /// The password of the user `default`, if the configuration has one.
    password: Option<String>,
}

impl Redis {
    /// Starts it in an empty folder. Addresses of the page's network become addresses of this machine.
    pub(crate) fn start(folder: &Path, configuration: &str) -> Result<Redis, Failed> {
        let adapted = configuration.replace("10.0.0.5", "127.0.0.2");
        let builder = RealRedis::builder().folder(folder).configuration(&adapted);
        let is_sentinel = configuration.contains("sentinel monitor ");
        let server = if is_sentinel { builder.sentinel() } else { builder }.start();
        let server = server.map_err(|error| format!("{error}\n{adapted}"))?;
        let password = configuration.lines().find_map(|line| line.strip_prefix("requirepass "));
        Ok(Redis { server, password: password.map(str::to_owned) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.server.folder()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.server.socket()
    }

    /// `redis-cli` as a user with all permissions. An error reply is a failure.
    pub(crate) fn cli(&self, words: &[&str]) -> Command {
        let mut command = Command::new("redis-cli");
        command.args(["-e", "-s"]).arg(self.socket()).args(words);
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        command
    }

    /// The server's answer to that user.
    pub(crate) fn ask(&self, words: &[&str]) -> Result<String, Failed> {
        let output = self.cli(words).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        Err(format!("{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // The remains of a failure are not needed.
        let _removed = fs::remove_dir_all(self.folder());
    }
}

/// Words of a line, as `redis-cli` reads them: none in the documentation has white space in quotes.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().map(|word| word.trim_matches('\'')).collect()
}

/// Whether a path exists, from the root of the repository.
pub(crate) fn exists(root: &Path, path: &str) -> Result<(), Failed> {
    if root.join(path).exists() { Ok(()) } else { Err(format!("there is no {path}").into()) }
}
