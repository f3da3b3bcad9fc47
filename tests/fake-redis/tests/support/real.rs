//! A real `redis-server`, on a Unix socket in a folder of its own.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::LIMIT;
use super::client::Client;
use super::table::Setting;

/// The version whose words this crate has.
const VERSION: &str = "v=7.0.";

pub struct RealRedis {
    process: Child,
    folder: PathBuf,
}

impl RealRedis {
    /// Whether there is one to compare with.
    pub fn find() -> Result<(), String> {
        let output = Command::new("redis-server")
            .arg("--version")
            .output()
            .map_err(|error| format!("the comparison needs a redis-server on the PATH: {error}"))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !version.contains(VERSION) {
            return Err(format!("the comparison needs a redis-server 7.0, this one is: {version}"));
        }
        Ok(())
    }

    pub fn start(settings: &[Setting]) -> RealRedis {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("fake-redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            "0",
            "--unixsocket",
            "redis.sock",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ]);
        command.arg(&folder).current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null());
        for setting in settings {
            match setting {
                Setting::Bare => {}
                Setting::Debug => {
                    command.args(["--enable-debug-command", "yes"]);
                }
                Setting::Password(password) => {
                    command.args(["--requirepass", password]);
                }
                Setting::User(rules) => {
                    command.arg("--user").args(rules.split(' '));
                }
                Setting::MaxClients(clients) => {
                    command.args(["--maxclients", &clients.to_string()]);
                }
            }
        }
        let server = RealRedis { process: command.spawn().unwrap(), folder };
        let deadline = Instant::now() + LIMIT;
        while UnixStream::connect(server.socket()).is_err() {
            assert!(Instant::now() < deadline, "redis-server did not start");
            // Another process says nothing when it is ready: asking again is all one can do.
            thread::sleep(Duration::from_millis(1));
        }
        server.wait_for_no_clients();
        server
    }

    /// The server counts the connection that found it ready until it has seen that connection's end.
    fn wait_for_no_clients(&self) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let mut client = self.connect();
            client.say("QUIT");
            if client.read_to_end() == b"+OK\r\n" {
                return;
            }
            assert!(Instant::now() < deadline, "redis-server holds on to a connection");
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    pub fn connect(&self) -> Client {
        Client::unix(UnixStream::connect(self.socket()).unwrap())
    }
}

impl Drop for RealRedis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
