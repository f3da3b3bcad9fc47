//! The settings of a server.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::{Error, HeldPort, RealRedis};

/// The settings of a server.
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    configuration: String,
    folder: Option<PathBuf>,
    port: Option<u16>,
    prepare: Option<fn(&mut Command)>,
    is_sentinel: bool,
}

impl Builder {
    /// Lines of redis.conf, beside those of every server here: on 127.0.0.1 alone, nothing saved, a port, a Unix socket.
    pub fn configuration(mut self, lines: impl AsRef<str>) -> Self {
        self.configuration.push_str(lines.as_ref());
        self.configuration.push('\n');
        self
    }

    /// The folder of its files, which stay. By default a folder that is removed with the server.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// On this port and no other.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// As a Sentinel, which takes `sentinel monitor` and the like in its configuration.
    pub fn sentinel(mut self) -> Self {
        self.is_sentinel = true;
        self
    }

    /// Changes the command before each start of the process.
    pub fn prepare(mut self, prepare: fn(&mut Command)) -> Self {
        self.prepare = Some(prepare);
        self
    }

    /// Starts a server, and waits until it listens.
    ///
    /// # Errors
    ///
    /// There is no redis-server, the system has no free port, the folder cannot be written or its path is too long
    /// for a socket, the server ends or does not listen, or its process cannot be waited for.
    pub fn start(&self) -> Result<RealRedis, Error> {
        // A missing program gets its own error.
        crate::version()?;
        let (port, held) = match self.port {
            Some(port) => (port, None),
            None => {
                let held = HeldPort::new().map_err(Error::NoPort)?;
                (held.number(), Some(held))
            }
        };
        let (folder, own) = match &self.folder {
            Some(folder) => (folder.clone(), None),
            None => {
                let own = TempDir::with_prefix("real-redis-")
                    .map_err(|source| Error::Folder { path: std::env::temp_dir(), source })?;
                (own.path().to_owned(), Some(own))
            }
        };
        fs::create_dir_all(&folder).map_err(|source| Error::Folder { path: folder.clone(), source })?;
        let configuration = format!(
            "bind 127.0.0.1\nsave \"\"\nappendonly no\n{}port {port}\nunixsocket redis.sock\n",
            self.configuration
        );
        let mut server =
            RealRedis::new(folder, own, port, held, configuration, self.prepare, self.is_sentinel);
        server.start()?;
        Ok(server)
    }
}
