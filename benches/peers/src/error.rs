//! Errors, grouped by their source.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Any failure of a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Wrong arguments.
    #[error("{0}\n\n{usage}", usage = crate::USAGE)]
    Usage(#[from] lexopt::Error),
    /// An error of the system.
    #[error("{what}: {source}")]
    Io {
        /// The operation.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// An error of a peer.
    #[error("{peer}: {message}")]
    Peer {
        /// The peer.
        peer: &'static str,
        /// Its message.
        message: String,
    },
    /// A parser found another number of frames than there are.
    #[error("{parser} found {found} of the {frames} frames of \"{corpus}\"")]
    Frames {
        /// The parser.
        parser: &'static str,
        /// The corpus.
        corpus: String,
        /// How many it found.
        found: usize,
        /// How many there are.
        frames: usize,
    },
    /// A child process failed.
    #[error("{command} ended with {how}\n{said}")]
    Child {
        /// Its command line.
        command: String,
        /// Its exit status.
        how: String,
        /// Its standard error.
        said: String,
    },
    /// A child process ran too long and was ended.
    #[error("{command} did not end within {patience:?}")]
    Timeout {
        /// Its command line.
        command: String,
        /// How long it may take.
        patience: Duration,
    },
    /// A child process did not print an expected figure.
    #[error("{command} did not print \"= {key}\"")]
    Missing {
        /// Its command line.
        command: String,
        /// What is missing.
        key: &'static str,
    },
    /// The results' file.
    #[error("{path}: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl Error {
    /// For `map_err`: the system's error with the operation.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }

    /// For `map_err`: a peer's error.
    pub(crate) fn peer<E: std::fmt::Display>(peer: &'static str) -> impl Fn(E) -> Self + Copy {
        move |error| Self::Peer { peer, message: error.to_string() }
    }
}
