//! What can go wrong, and whose fault it is.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Any failure of a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line.
    #[error("{0}\n\n{usage}", usage = crate::USAGE)]
    Usage(#[from] lexopt::Error),
    /// The system's own.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's word.
        source: io::Error,
    },
    /// A peer's, as it words it.
    #[error("{peer}: {message}")]
    Peer {
        /// Whose.
        peer: &'static str,
        /// Its word.
        message: String,
    },
    /// A parser found more or less than there is.
    #[error("{parser} found {found} of the {frames} frames of \"{corpus}\"")]
    Frames {
        /// Whose.
        parser: &'static str,
        /// In which bytes.
        corpus: String,
        /// What it found.
        found: usize,
        /// What there is.
        frames: usize,
    },
    /// A child process ended badly.
    #[error("{command} ended with {how}\n{said}")]
    Child {
        /// Its command line.
        command: String,
        /// Its exit status.
        how: String,
        /// Its standard error.
        said: String,
    },
    /// A child process was ended.
    #[error("{command} did not end within {patience:?}")]
    Timeout {
        /// Its command line.
        command: String,
        /// How long it may take.
        patience: Duration,
    },
    /// A child process did not say what it was run for.
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
    /// For `map_err`: the system's error with what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }

    /// For `map_err`: a peer's error.
    pub(crate) fn peer<E: std::fmt::Display>(peer: &'static str) -> impl Fn(E) -> Self + Copy {
        move |error| Self::Peer { peer, message: error.to_string() }
    }
}
