//! A pgbouncer in front of a server.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Instant;

use tempfile::TempDir;

use crate::program::pooler_command;
use crate::server::{ATTEMPTS, BETWEEN_LOOKS, PATIENCE, free_port, new_folder, psql};
use crate::{Error, RealPostgres};

const LOG: &str = "log";
const CONFIGURATION: &str = "pgbouncer.ini";

/// For how long a client has a connection to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    /// As long as its own lasts.
    Session,
    /// For one transaction.
    Transaction,
    /// For one statement.
    Statement,
}

/// A running pgbouncer, on a free port of 127.0.0.1. It ends with this value.
#[derive(Debug)]
pub struct Pooler {
    /// Of its configuration and its log.
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Pooler {
    /// Starts one in front of this server. It accepts every client.
    ///
    /// # Errors
    ///
    /// There is no pgbouncer, or it does not start.
    pub fn start(server: &RealPostgres, mode: PoolMode) -> Result<Self, Error> {
        Self::configured(server, mode, "")
    }

    /// The same with more lines of pgbouncer.ini.
    ///
    /// # Errors
    ///
    /// There is no pgbouncer, or it does not start.
    pub fn configured(server: &RealPostgres, mode: PoolMode, lines: &str) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            // Another process may take the port that was free.
            match Self::attempt(server, mode, lines) {
                Err(Error::Failed { .. }) if attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    fn attempt(server: &RealPostgres, mode: PoolMode, lines: &str) -> Result<Self, Error> {
        let port = free_port().map_err(|source| Error::Folder { path: "127.0.0.1".into(), source })?;
        let folder = new_folder()?;
        let mode = match mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
            PoolMode::Statement => "statement",
        };
        let configuration = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n{lines}\n",
            server.port()
        );
        let path = folder.path().join(CONFIGURATION);
        fs::write(&path, configuration).map_err(|source| Error::Folder { path, source })?;
        let path = folder.path().join(LOG);
        let log = File::create(&path).map_err(|source| Error::Folder { path: path.clone(), source })?;
        let mut command = pooler_command(folder.path())?;
        command.arg(CONFIGURATION).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child =
            command.spawn().map_err(|source| Error::NoProgram { program: "pgbouncer".into(), source })?;
        let mut pooler = Self { folder, port, child };
        let deadline = Instant::now() + PATIENCE;
        let said = || fs::read_to_string(&path).unwrap_or_default();
        while pooler.psql("SELECT 1").is_err() {
            if let Some(status) = pooler.child.try_wait().ok().flatten() {
                return Err(Error::Failed { program: format!("pgbouncer ({status})"), said: said() });
            }
            if Instant::now() > deadline {
                return Err(Error::Silent { program: "pgbouncer", log: said() });
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(pooler)
    }

    /// To the server's database `postgres`, through the pooler.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres:@127.0.0.1:{}/postgres", self.port)
    }

    /// The result of a statement through the pooler.
    ///
    /// # Errors
    ///
    /// The error of the pooler or the server.
    pub fn psql(&self, sql: &str) -> Result<String, Error> {
        psql(self.folder.path(), OsStr::new("127.0.0.1"), self.port, sql)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}
