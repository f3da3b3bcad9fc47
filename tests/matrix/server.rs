//! The servers behind the proxy.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fake_redis::FakeRedis;

pub const PASSWORD: &str = "secret";
const PATIENCE: Duration = Duration::from_secs(60);

pub enum Server {
    Fake(FakeRedis),
    Real(Real),
}

impl Server {
    pub fn fake() -> Self {
        Self::Fake(FakeRedis::builder().password(PASSWORD).start().expect("a server"))
    }

    pub fn real() -> Self {
        Self::Real(Real::start())
    }

    pub fn address(&self) -> SocketAddr {
        let port = match self {
            Self::Fake(fake) => fake.port(),
            Self::Real(real) => real.port,
        };
        (Ipv4Addr::LOCALHOST, port).into()
    }
}

/// A redis-server of this test's own.
pub struct Real {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Real {
    /// Whether there is a redis-server on the PATH.
    pub fn is_there() -> bool {
        Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn start() -> Self {
        // Another process may take the port before the server does; then another port is tried.
        loop {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let port = listener.local_addr().expect("bound").port();
            drop(listener);
            if let Some(real) = Self::start_on(port) {
                return real;
            }
        }
    }

    /// A server on this port; `None` if somebody else has it.
    pub fn start_on(port: u16) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("realtime-matrix-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD])
            .args(["--unixsocket", "redis.sock", "--port", &port.to_string(), "--dir"])
            .arg(&folder)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server on the PATH");
        let mut real = Self { process, folder, port };
        let deadline = Instant::now() + PATIENCE;
        while real.process.try_wait().expect("a child").is_none() {
            // The server makes its socket once it has the port: until then, whoever answers there is somebody else.
            if real.folder.join("redis.sock").exists()
                && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
            {
                return Some(real);
            }
            assert!(Instant::now() < deadline, "redis-server did not start");
            std::thread::yield_now();
        }
        None
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // Either it is gone already, or these work.
        let _gone = self.process.kill();
        let _waited = self.process.wait();
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}
