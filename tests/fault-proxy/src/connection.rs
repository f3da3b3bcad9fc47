//! One client's connection, and the corresponding one to the server.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use socket2::SockRef;

use crate::faults::{Cut, Faults};
use crate::pipe::{Outcome, Pipe};

/// Data about a connection, see [`FaultProxy::connections`](crate::FaultProxy::connections).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its number, from 0, in the order in which they were accepted.
    pub id: u64,
    /// From which address the server was connected to.
    pub seen_as: Option<SocketAddr>,
    /// Whether the client's side is still open.
    pub open: bool,
    /// Whether a fault has cut it.
    pub cut: bool,
    /// Bytes passed on to the server, and to the client.
    pub passed_up: u64,
    /// The same towards the client.
    pub passed_down: u64,
    /// The bytes to the server, if [`Faults::record`] was set; otherwise empty.
    pub up: Vec<u8>,
    /// The same towards the client.
    pub down: Vec<u8>,
}

/// A connection as the thread has it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: u64,
    seen_as: Option<SocketAddr>,
    pub(crate) client: Option<TcpStream>,
    pub(crate) server: Option<TcpStream>,
    pub(crate) up: Pipe,
    pub(crate) down: Pipe,
    /// Cut with [`Cut::Close`]: nothing is passed on any more.
    drains: bool,
    cut: bool,
}

impl Link {
    /// A link whose sockets are open, or, without `server`, one that is never answered.
    pub(crate) fn new(id: u64, client: TcpStream, server: Option<TcpStream>, faults: Faults) -> Link {
        for stream in [Some(&client), server.as_ref()].into_iter().flatten() {
            // Pieces are to go as they are written. A peer that is gone already is seen at the first read.
            let _gone = stream.set_nodelay(true);
        }
        let up = Pipe::new(faults.up, faults.record);
        let down = Pipe::new(faults.down, faults.record);
        let seen_as = server.as_ref().and_then(|stream| stream.local_addr().ok());
        Link { id, seen_as, client: Some(client), server, up, down, drains: false, cut: false }
    }

    pub(crate) fn describe(&self) -> Connection {
        Connection {
            id: self.id,
            seen_as: self.seen_as,
            open: self.client.is_some(),
            cut: self.cut,
            passed_up: self.up.passed,
            passed_down: self.down.passed,
            up: self.up.record.clone().unwrap_or_default(),
            down: self.down.record.clone().unwrap_or_default(),
        }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(crate) fn is_over(&self) -> bool {
        self.client.is_none() && self.server.is_none()
    }

    /// Forwards as much as possible; returns the time at which there is more to do without an event on a socket.
    pub(crate) fn serve(&mut self, now: Instant) -> Option<Instant> {
        if !self.drains
            && let (Some(client), Some(server)) = (&mut self.client, &mut self.server)
        {
            for direction in [Direction::Up, Direction::Down] {
                let outcome = match direction {
                    Direction::Up => self.up.flow(client, server, now),
                    Direction::Down => self.down.flow(server, client, now),
                };
                match outcome {
                    Outcome::Flows => {}
                    Outcome::Cut(Cut::HalfClose) => self.cut = true,
                    Outcome::Cut(how) => {
                        self.end(how);
                        break;
                    }
                    Outcome::Broken => {
                        self.reset();
                        return None;
                    }
                }
            }
            if self.up.ended && self.down.ended {
                self.drains = true;
            }
        }
        if self.drains || self.server.is_none() {
            drain(&mut self.client);
            drain(&mut self.server);
        }
        [self.up.due, self.down.due].into_iter().flatten().min()
    }

    /// Cuts it now.
    pub(crate) fn end(&mut self, how: Cut) {
        self.cut = true;
        if how == Cut::Reset {
            return self.reset();
        }
        for stream in [&self.client, &self.server].into_iter().flatten() {
            // If the peer is gone already, it need not know.
            let _gone = stream.shutdown(Shutdown::Write);
        }
        self.drains = true;
        (self.up.due, self.down.due) = (None, None);
    }

    fn reset(&mut self) {
        for stream in [self.client.take(), self.server.take()].into_iter().flatten() {
            // If that fails, the connection has failed before.
            let _gone = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// Discards input. Closes the socket at its end.
fn drain(stream: &mut Option<TcpStream>) {
    let mut scrap = [0; 4096];
    while let Some(open) = stream {
        match open.read(&mut scrap) {
            Ok(n) if n > 0 => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => *stream = None,
        }
    }
}
