//! The target of a transport.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use mio::{Registry, Token};

use super::Transport;
use super::socket::Socket;

/// An address to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::net) enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Target {
    /// The IP address and port, if it has one.
    pub(in crate::net) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Begins to connect.
///
/// # Errors
///
/// The system refused at once.
pub(in crate::net) fn connect(
    target: &Target,
    registry: &Registry,
    token: Token,
) -> io::Result<Box<dyn Transport>> {
    Ok(match target {
        Target::Tcp(address) => Box::new(Socket::new(TcpStream::connect(*address)?, registry, token)?),
        #[cfg(unix)]
        Target::Unix(path) => Box::new(Socket::new(UnixStream::connect(path)?, registry, token)?),
        #[cfg(not(unix))]
        Target::Unix(_) => {
            let text = "this system has no Unix sockets; use host and port";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
    })
}
