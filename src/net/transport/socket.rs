//! Plain stream sockets, TCP and Unix.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};

use mio::event::{Event, Source};
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};

use super::Transport;
use crate::backend::LinkError;

/// Whether a read that does not fill the buffer shows that nothing is left. With edge-triggered readiness (epoll,
/// kqueue) it does, which saves a system call for each single message. On Windows only a read that would block
/// requests further events.
const SHORT_READ_SHOWS_END: bool = cfg!(unix);

/// What both kinds of socket can do besides reading and writing.
pub(super) trait Stream: Read + Write + Source + fmt::Debug + Send {
    /// The pending error of the socket.
    fn take_error(&self) -> io::Result<Option<io::Error>>;

    /// Fails with `NotConnected` as long as there is no peer.
    fn check_peer(&self) -> io::Result<()>;

    /// Sends small writes at once: requests are written whole, so waiting for more only delays them.
    fn set_nodelay(&self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }

    fn check_peer(&self) -> io::Result<()> {
        self.peer_addr().map(drop)
    }

    fn set_nodelay(&self) -> io::Result<()> {
        self.set_nodelay(true)
    }
}

#[cfg(unix)]
impl Stream for UnixStream {
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }

    fn check_peer(&self) -> io::Result<()> {
        self.peer_addr().map(drop)
    }

    fn set_nodelay(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A non-blocking socket, and the readiness that the selector reported.
#[derive(Debug)]
pub(super) struct Socket<S> {
    stream: S,
    token: Token,
    /// There may be something to read. Edge-triggered, so it stays set until a read finds nothing more.
    readable: bool,
    /// The peer has closed its side, so only an empty read shows the end.
    read_closed: bool,
    writable: bool,
    /// The selector was asked to report when the socket becomes writable.
    asks_writable: bool,
    /// A write failed. Bytes that the peer sent before are still worth reading: they may say why.
    write_error: Option<io::Error>,
}

impl<S: Stream> Socket<S> {
    /// A socket that has begun to connect. The selector reports its events under `token`.
    pub(super) fn new(mut stream: S, registry: &Registry, token: Token) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            token,
            readable: false,
            read_closed: false,
            writable: false,
            asks_writable: true,
            write_error: None,
        })
    }

    fn fail(&mut self, error: io::Error) {
        self.write_error = Some(error);
        self.readable = true;
    }
}

impl<S: Stream> Transport for Socket<S> {
    fn handle_event(&mut self, event: &Event) {
        self.read_closed |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || self.read_closed;
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    fn finish_connect(&mut self) -> io::Result<bool> {
        // In the order that mio demands: first the pending error, then the peer.
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.check_peer() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(false),
            Err(error) => return Err(error),
        }
        self.stream.set_nodelay()?;
        self.writable = true;
        Ok(true)
    }

    fn can_read(&self) -> bool {
        self.readable
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        loop {
            return match self.stream.read(buffer) {
                Ok(0) => Err(LinkError::Eof),
                Ok(n) => {
                    if SHORT_READ_SHOWS_END && n < buffer.len() && !self.read_closed {
                        self.readable = self.write_error.is_some();
                    }
                    Ok(n)
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    self.write_error.take().map_or(Ok(0), |error| Err(LinkError::Io(error)))
                }
                Err(error) => Err(LinkError::Io(error)),
            };
        }
    }

    fn can_write(&self) -> bool {
        self.writable && self.write_error.is_none()
    }

    /// Never the vectored form: in the standard library it raises SIGPIPE on a closed peer, which kills the game.
    fn write(&mut self, bytes: &[u8]) -> usize {
        loop {
            match self.stream.write(bytes) {
                Ok(0) => self.fail(ErrorKind::WriteZero.into()),
                Ok(n) => return n,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) => self.fail(error),
            }
            return 0;
        }
    }

    /// The selector is asked for writability only while a write waits, because a Unix socket reports it whenever its
    /// peer reads.
    fn rearm(&mut self, registry: &Registry) {
        let wanted = !self.writable && self.write_error.is_none();
        if wanted == self.asks_writable {
            return;
        }
        let interest = if wanted { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        match registry.reregister(&mut self.stream, self.token, interest) {
            Ok(()) => self.asks_writable = wanted,
            Err(error) => self.fail(error),
        }
    }

    fn close(&mut self, registry: &Registry) {
        // The socket is closed right after, so a failure does not matter.
        let _ = registry.deregister(&mut self.stream);
    }
}
