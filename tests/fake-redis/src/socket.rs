//! TCP and Unix sockets behind one interface.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};
use socket2::{Domain, SockRef, Socket, Type};

use crate::faults::Close;

/// The server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP port on 127.0.0.1.
    Tcp(u16),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl fmt::Display for Address {
    /// A URL in the form for clients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(port) => write!(f, "redis://{}:{port}", Ipv4Addr::LOCALHOST),
            #[cfg(unix)]
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// The server's listener.
#[derive(Debug)]
pub(crate) enum Door {
    Tcp(mio::net::TcpListener),
    #[cfg(unix)]
    Unix(mio::net::UnixListener),
    /// Closed. A TCP port stays bound, so that connections are refused and no other process gets the port.
    Shut(Option<Socket>),
}

impl Door {
    /// Opens the listener; port 0 takes a free one, which is in the returned address.
    pub(crate) fn open(address: &Address) -> io::Result<(Door, Address)> {
        match address {
            Address::Tcp(port) => {
                let socket = bind(*port)?;
                let port = socket.local_addr()?.as_socket().map_or(*port, |address| address.port());
                Ok((Door::listen(socket)?, Address::Tcp(port)))
            }
            #[cfg(unix)]
            Address::Unix(path) => Ok((Door::Unix(mio::net::UnixListener::bind(path)?), address.clone())),
        }
    }

    fn listen(socket: Socket) -> io::Result<Door> {
        socket.listen(BACKLOG)?;
        Ok(Door::Tcp(mio::net::TcpListener::from_std(socket.into())))
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self, Door::Shut(_))
    }

    /// Closes the listener and releases the address.
    #[cfg_attr(not(unix), expect(unused_variables, reason = "only a Unix socket leaves a file"))]
    pub(crate) fn give_up(&mut self, address: &Address, registry: &Registry) -> io::Result<()> {
        if self.is_open() {
            self.deregister(registry)?;
            #[cfg(unix)]
            remove_file(address)?;
        }
        *self = Door::Shut(None);
        Ok(())
    }

    /// Closes the listener: from now on connections to `address` are refused.
    pub(crate) fn shut(&mut self, address: &Address, registry: &Registry) -> io::Result<()> {
        if !self.is_open() {
            return Ok(());
        }
        self.deregister(registry)?;
        // The listener has to be gone before its port can be bound again.
        *self = Door::Shut(None);
        match address {
            Address::Tcp(port) => *self = Door::Shut(Some(bind_again(*port)?)),
            #[cfg(unix)]
            Address::Unix(_) => remove_file(address)?,
        }
        Ok(())
    }

    /// Opens a closed listener again, at the same address.
    pub(crate) fn open_again(&mut self, address: &Address) -> io::Result<()> {
        match self {
            Door::Shut(held) => {
                *self = match held.take() {
                    Some(socket) => Door::listen(socket)?,
                    None => Door::open(address)?.0,
                };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Door::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            #[cfg(unix)]
            Door::Unix(listener) => registry.register(listener, token, Interest::READABLE),
            Door::Shut(_) => Ok(()),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Door::Tcp(listener) => registry.deregister(listener),
            #[cfg(unix)]
            Door::Unix(listener) => registry.deregister(listener),
            Door::Shut(_) => Ok(()),
        }
    }

    /// The next waiting connection, and a name for its other end.
    pub(crate) fn accept(&self) -> io::Result<(Stream, String)> {
        match self {
            Door::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), peer.to_string()))
            }
            #[cfg(unix)]
            Door::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                let path = listener.local_addr()?.as_pathname().map(PathBuf::from).unwrap_or_default();
                // Redis names clients by the server's own path.
                Ok((Stream::Unix(stream), format!("{}:0", path.display())))
            }
            Door::Shut(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// Removes what a Unix socket leaves behind; a TCP port leaves nothing.
#[cfg(unix)]
fn remove_file(address: &Address) -> io::Result<()> {
    let Address::Unix(path) = address else { return Ok(()) };
    match std::fs::remove_file(path) {
        // The file, or the whole directory, was removed before.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

fn bind(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // On other systems than Unix the option would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket)
}

/// How long it may take until a port is released.
const HANDING_BACK: Duration = Duration::from_secs(60);

/// Binds a port that this process has just released. A child process that is being started holds a copy of every
/// socket until its program is loaded: until then the port is not free.
fn bind_again(port: u16) -> io::Result<Socket> {
    let deadline = Instant::now() + HANDING_BACK;
    loop {
        match bind(port) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                thread::yield_now();
            }
            outcome => return outcome,
        }
    }
}

/// One connection's socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(mio::net::TcpStream),
    #[cfg(unix)]
    Unix(mio::net::UnixStream),
}

impl Stream {
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Stream::Tcp(stream) => registry.register(stream, token, interest),
            #[cfg(unix)]
            Stream::Unix(stream) => registry.register(stream, token, interest),
        }
    }

    pub(crate) fn is_unix(&self) -> bool {
        !matches!(self, Stream::Tcp(_))
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(buffer),
        }
    }

    /// Writes some of `bytes`. Never vectored: that form raises SIGPIPE on a closed peer in a C process.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    /// Ends the connection. The peer may have ended it before, so errors do not matter.
    pub(crate) fn close(mut self, how: Close, registry: &Registry) {
        let _ = match &mut self {
            Stream::Tcp(stream) => {
                let _ = registry.deregister(stream);
                match how {
                    Close::Reset => SockRef::from(&*stream).set_linger(Some(Duration::ZERO)),
                    Close::Fin => stream.shutdown(std::net::Shutdown::Write).and_then(|()| self.drain()),
                }
            }
            #[cfg(unix)]
            Stream::Unix(stream) => {
                let _ = registry.deregister(stream);
                stream.shutdown(std::net::Shutdown::Write).and_then(|()| self.drain())
            }
        };
    }

    /// Reads what has arrived: closing a socket with unread bytes would send a reset, and the peer might lose bytes
    /// that were written to it.
    fn drain(&mut self) -> io::Result<()> {
        let mut scrap = [0; 4096];
        while self.read(&mut scrap)? > 0 {}
        Ok(())
    }
}
