//! A port for a process that is yet to start.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A free port of 127.0.0.1 that stays reserved: no other process gets it while this exists, and a process that knows
/// its number can listen there, as often as it starts. Nothing listens by reserving it.
///
/// So it is on Linux, for processes that set `SO_REUSEADDR`, as servers do. Elsewhere the port is merely free at first.
///
/// ```
/// let port = real_redis::HeldPort::new()?;
/// let address = format!("127.0.0.1:{}", port.number());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct HeldPort {
    number: u16,
    _socket: Option<Socket>,
}

impl HeldPort {
    /// Any port that is free.
    ///
    /// # Errors
    ///
    /// The system gives none.
    pub fn new() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?;
        let address = address.as_socket().ok_or_else(|| io::Error::other("not an IP address"))?;
        Ok(Self { number: address.port(), _socket: cfg!(target_os = "linux").then_some(socket) })
    }

    /// The port.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}
