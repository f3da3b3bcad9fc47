//! How a link was made, and why one was lost, as the event loop reports it.

use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use super::tls::TlsError;
use crate::model::{Code, ConnectTimes};

/// How a link was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connected {
    /// The address that accepted the connection; `None` for a Unix socket.
    pub peer: Option<SocketAddr>,
    /// The stage that took longest.
    pub slowest: Option<Stage>,
    /// How long the stages took.
    pub times: ConnectTimes,
}

/// A stage of making a link, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The lookup of a name.
    Lookup {
        /// The name.
        host: String,
        /// How long it took.
        took: Duration,
    },
    /// The attempt to connect to one address.
    Connect {
        /// The address.
        address: String,
        /// How long it took, whether it succeeded or not.
        took: Duration,
    },
}

impl Stage {
    /// How long it took.
    pub fn took(&self) -> Duration {
        match self {
            Self::Lookup { took, .. } | Self::Connect { took, .. } => *took,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = seconds(self.took());
        match self {
            Self::Lookup { host, .. } => write!(f, "looking up {host} took {took} s"),
            Self::Connect { address, .. } => write!(f, "connecting to {address} took {took} s"),
        }
    }
}

/// A time for people, in seconds: tenths above one second, milliseconds below.
pub(super) fn seconds(time: Duration) -> f64 {
    let steps = if time < Duration::from_secs(1) { 1000.0 } else { 10.0 };
    (time.as_secs_f64() * steps).round() / steps
}

/// Why a link was lost or could not be made, as the event loop saw it.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The name has no address.
    #[error("cannot resolve {host}: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's error.
        reason: String,
    },
    /// No address accepted the connection.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The last address tried.
        address: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The time was up while an address was tried. Names the stage that took longest and, if there was no
    /// time for the other addresses, the last one that was tried: the next attempt begins with the others.
    #[error("no connection in time: {0}")]
    TimedOut(Stage, Option<SocketAddr>),
    /// The peer closed the connection.
    #[error("the server closed the connection")]
    Eof,
    /// The connection was closed, and the server had not announced the end within TLS.
    #[error(
        "the connection was cut: something in between cut it, or the server closed it without a close_notify"
    )]
    Truncated,
    /// Reading or writing failed.
    #[error("the connection broke: {0}")]
    Io(std::io::Error),
    /// The link could not be secured, or the bytes received were damaged on their way.
    #[error("TLS: {0}")]
    Tls(TlsError),
}

impl LinkError {
    /// The code of the error that addons see.
    pub fn code(&self) -> Code {
        match self {
            Self::Resolve { .. } => Code::Resolve,
            Self::Connect { source, .. } if source.kind() == ErrorKind::TimedOut => Code::Timeout,
            Self::Connect { .. } => Code::Refused,
            Self::TimedOut(..) => Code::Timeout,
            Self::Eof | Self::Truncated | Self::Io(_) => Code::Disconnected,
            Self::Tls(_) => Code::Tls,
        }
    }
}
