//! One link: a connection, or one in the making.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use mio::event::Event;
use mio::{Registry, Token};

use super::connect::{Connecting, Progress};
use super::io::Io;
use super::resolve::{Answer, Lookup};
use super::socket::{Socket, Target};
use crate::backend::{Connected, Endpoint, LinkError, Stage};
use crate::model::LinkId;

/// Whether a read of less than was asked for shows that nothing is left. Where readiness is told by edges (epoll,
/// kqueue) it does, and saves a system call for each lone message. On Windows only a read that would block asks for
/// more news.
const SHORT_READ_SHOWS_END: bool = cfg!(unix);

/// One link of a session.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) token: Token,
    phase: Phase,
    /// There may be something to read. Told by edges, so it stays set until a read finds nothing more.
    readable: bool,
    /// The peer has ended its side, so that only an empty read shows the end.
    read_closed: bool,
    writable: bool,
    /// The selector was asked for news of writability.
    asks_writable: bool,
    /// Bytes may wait, and the queue had no room for them: nothing is read until it has.
    paused: bool,
    /// A write failed. What the peer sent before is still worth reading: it may say why.
    broken: Option<io::Error>,
}

#[derive(Debug)]
enum Phase {
    Resolving {
        host: String,
        port: u16,
        after: Option<SocketAddr>,
        began: Instant,
        deadline: Instant,
        _lookup: Lookup,
    },
    Connecting(Connecting),
    Up(Socket),
    /// Nothing there, while it passes from one to another, or after it failed.
    Gone,
}

/// What a link has to tell.
#[derive(Debug)]
pub(super) enum News {
    Nothing,
    Connected(Connected),
    Lost(LinkError),
}

/// What a read brought.
#[derive(Debug)]
pub(super) enum Input {
    Bytes(usize),
    Nothing,
    Lost(LinkError),
}

impl Link {
    /// Begins to make a link.
    pub(super) fn connect(
        id: LinkId,
        token: Token,
        endpoint: Endpoint,
        after: Option<SocketAddr>,
        deadline: Instant,
        io: &Io,
        now: Instant,
    ) -> (Self, News) {
        let mut link = Self {
            id,
            token,
            phase: Phase::Gone,
            readable: false,
            read_closed: false,
            writable: false,
            asks_writable: true,
            paused: false,
            broken: None,
        };
        let target = match endpoint {
            Endpoint::Unix(path) => Target::Unix(path),
            Endpoint::Tcp { host, port } => match host.parse::<IpAddr>() {
                Ok(ip) => Target::Tcp(SocketAddr::new(ip, port)),
                Err(_) => {
                    let lookup = io.look_up(&host, token, now);
                    link.phase =
                        Phase::Resolving { host, port, after, began: now, deadline, _lookup: lookup };
                    return (link, News::Nothing);
                }
            },
        };
        let progress = Connecting::begin([target].into(), None, &io.registry, token, now, deadline);
        let news = link.progress(progress);
        (link, news)
    }

    /// The answer of the resolver.
    pub(super) fn resolved(&mut self, answer: Answer, io: &Io, now: Instant) -> News {
        match std::mem::replace(&mut self.phase, Phase::Gone) {
            Phase::Resolving { host, deadline, .. } if deadline <= now => {
                io.keep_late(answer, now);
                too_late(host)
            }
            Phase::Resolving { host, port, after, began, deadline, .. } => match answer.resolved {
                Ok(addresses) => {
                    let took = now.saturating_duration_since(began);
                    if took > deadline.saturating_duration_since(now) {
                        // What is left may be too short to connect. Then the next attempt has time for it.
                        io.keep_late(Answer { resolved: Ok(addresses.clone()), ..answer }, now);
                    }
                    let targets = in_turn(addresses, port, after);
                    let lookup = Stage::Lookup { host, took };
                    let progress =
                        Connecting::begin(targets, Some(lookup), &io.registry, self.token, now, deadline);
                    self.progress(progress)
                }
                Err(reason) => News::Lost(LinkError::Resolve { host, reason }),
            },
            other => {
                self.phase = other;
                News::Nothing
            }
        }
    }

    /// Takes note of what the selector says.
    pub(super) fn ready(&mut self, event: &Event) {
        self.read_closed |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || self.read_closed;
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Goes on with making the link, if the socket has news or time is up.
    pub(super) fn make(&mut self, io: &Io, now: Instant) -> News {
        match std::mem::replace(&mut self.phase, Phase::Gone) {
            Phase::Resolving { host, deadline, .. } if deadline <= now => too_late(host),
            Phase::Connecting(connecting) if self.writable || connecting.until() <= now => {
                let progress = connecting.check(&io.registry, self.token, now);
                self.progress(progress)
            }
            other => {
                self.phase = other;
                News::Nothing
            }
        }
    }

    fn progress(&mut self, progress: Progress) -> News {
        match progress {
            Progress::Going(connecting) => {
                // Whatever was heard so far was about an earlier attempt.
                (self.readable, self.read_closed, self.writable) = (false, false, false);
                self.phase = Phase::Connecting(connecting);
                News::Nothing
            }
            Progress::Connected(socket, how) => {
                self.phase = Phase::Up(socket);
                self.writable = true;
                News::Connected(how)
            }
            Progress::Failed(error) => News::Lost(error),
        }
    }

    /// When [`Link::make`] is due.
    pub(super) fn timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Resolving { deadline, .. } => Some(*deadline),
            Phase::Connecting(connecting) => Some(connecting.until()),
            Phase::Up(_) | Phase::Gone => None,
        }
    }

    /// Whether a read may bring something.
    pub(super) fn can_read(&self) -> bool {
        self.readable && !self.paused && matches!(self.phase, Phase::Up(_))
    }

    /// One read.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Input {
        let Phase::Up(socket) = &mut self.phase else { return Input::Nothing };
        loop {
            return match socket.read(buffer) {
                Ok(0) => Input::Lost(LinkError::Eof),
                Ok(n) => {
                    if SHORT_READ_SHOWS_END && n < buffer.len() && !self.read_closed {
                        self.readable = self.broken.is_some();
                    }
                    Input::Bytes(n)
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    match self.broken.take() {
                        Some(error) => Input::Lost(LinkError::Io(error)),
                        None => Input::Nothing,
                    }
                }
                Err(error) => Input::Lost(LinkError::Io(error)),
            };
        }
    }

    /// Whether it waits for room in the queue.
    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Reads nothing until it is resumed.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    /// There is room again.
    pub(super) fn resume(&mut self) {
        self.paused = false;
    }

    /// Writes some of `bytes`. `None` if the link takes no more for now; if it broke, reading tells.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        let Phase::Up(socket) = &mut self.phase else { return None };
        loop {
            match socket.write(bytes) {
                Ok(0) => self.broke(ErrorKind::WriteZero.into()),
                Ok(n) => return Some(n),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) => self.broke(error),
            }
            return None;
        }
    }

    fn broke(&mut self, error: io::Error) {
        self.broken = Some(error);
        self.readable = true;
    }

    /// Whether a write may succeed.
    pub(super) fn can_write(&self) -> bool {
        self.writable && self.broken.is_none() && matches!(self.phase, Phase::Up(_))
    }

    /// Has the selector tell of writability exactly if something waits for it.
    pub(super) fn ask_for_news(&mut self, registry: &Registry) {
        let wanted = !self.writable && self.broken.is_none();
        if let Phase::Up(socket) = &mut self.phase
            && wanted != self.asks_writable
        {
            match socket.reregister(registry, self.token, wanted) {
                Ok(()) => self.asks_writable = wanted,
                Err(error) => self.broke(error),
            }
        }
    }

    /// Closes what there is.
    pub(super) fn close(self, io: &mut Io) {
        io.forget_token(self.token);
        let mut socket = match self.phase {
            Phase::Up(socket) => socket,
            Phase::Connecting(connecting) => connecting.into_socket(),
            Phase::Resolving { .. } | Phase::Gone => return,
        };
        socket.deregister(&io.registry);
    }
}

/// The addresses of a name, each once, in the order in which they are tried.
///
/// The resolver knows which one is best, but it may give them in another order each time. So once a peer was of no use
/// the addresses are a ring, in an order of their own, and each attempt begins with the one after the last peer: every
/// address has its turn within as many attempts as there are addresses.
fn in_turn(addresses: Vec<SocketAddr>, port: u16, after: Option<SocketAddr>) -> VecDeque<Target> {
    let mut ring = VecDeque::with_capacity(addresses.len());
    for mut address in addresses {
        address.set_port(port);
        if !ring.contains(&address) {
            ring.push_back(address);
        }
    }
    if let Some(last) = after {
        ring.make_contiguous().sort_unstable();
        let passed = ring.iter().take_while(|&&address| address <= last).count();
        ring.rotate_left(passed);
    }
    ring.into_iter().map(Target::Tcp).collect()
}

/// A lookup did not end in time.
fn too_late(host: String) -> News {
    News::Lost(LinkError::Resolve { host, reason: "no answer in time".into() })
}
