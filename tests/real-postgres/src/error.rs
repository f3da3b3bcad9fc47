//! Why there is no server, or no answer.

use std::io;
use std::path::PathBuf;

/// Why there is no server, or no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no PostgreSQL here.
    #[error("no PostgreSQL: install postgresql, or name the folder of its programs in POSTGRES_BIN")]
    NotInstalled,
    /// There is no pgbouncer here.
    #[error("no pgbouncer: install pgbouncer, or name one in PGBOUNCER")]
    NoPooler,
    /// The test runs as root, and there is no other user to run a server as.
    #[error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")]
    NoUser,
    /// A program cannot be run.
    #[error("{}: {source}", program.display())]
    NoProgram {
        /// Which one.
        program: PathBuf,
        /// The system's own.
        source: io::Error,
    },
    /// The server's folder or a file in it cannot be written.
    #[error("{}: {source}", path.display())]
    Folder {
        /// Of the folder or the file.
        path: PathBuf,
        /// The system's own.
        source: io::Error,
    },
    /// A program failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Which one.
        program: String,
        /// Its output.
        said: String,
    },
    /// The server does not listen in time.
    #[error("{program} does not listen after two minutes; it said\n{log}")]
    Silent {
        /// Which one.
        program: &'static str,
        /// Its output.
        log: String,
    },
}
