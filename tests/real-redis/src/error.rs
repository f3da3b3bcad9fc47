//! Why there is no server.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program cannot be run.
    #[error("{program}: {source}; install redis-server, or name one in REDIS_SERVER")]
    NoProgram {
        /// The one on the PATH, or the one in `REDIS_SERVER`.
        program: String,
        /// The system's own.
        source: io::Error,
    },
    /// The program is another one.
    #[error("{program} is no redis-server, it calls itself \"{said}\"; name one in REDIS_SERVER")]
    NoVersion {
        /// The one on the PATH, or the one in `REDIS_SERVER`.
        program: String,
        /// Its answer to the question for its version.
        said: String,
    },
    /// The server's folder or a file in it cannot be written, or its path is longer than a socket's may be.
    #[error("{}: {source}", path.display())]
    Folder {
        /// Of the folder or the file.
        path: PathBuf,
        /// The system's own.
        source: io::Error,
    },
    /// The system gives no port.
    #[error("no free port of 127.0.0.1: {0}; end what holds so many")]
    NoPort(io::Error),
    /// The server ended instead of starting.
    #[error(
        "redis-server ended with {status}: its configuration is wrong, or its port somebody else's; it said\n{log}"
    )]
    Ended {
        /// How.
        status: ExitStatus,
        /// Its output.
        log: String,
    },
    /// The server does not listen in time.
    #[error(
        "redis-server does not listen after a minute: the machine is too busy, or it waits for something; it said\n{log}"
    )]
    Silent {
        /// Its output.
        log: String,
    },
    /// The process cannot be waited for.
    #[error("redis-server's process: {0}")]
    Process(io::Error),
}
