//! Drives a [`Session`] like the event loop, without sockets and in virtual time: links, reads, writes, pauses,
//! wishes and timers. Tests, fuzzers, memory tests and benches all use it, so the trait's contract has one
//! implementation beside `src/net`.
//!
//! The user supplies a [`Queue`], which takes the session's output for the main thread, and [`Peers`], which take its
//! bytes. Nothing happens without a call: the methods of [`Driver`] are the events, and [`Driver::drive`] ends a
//! turn.
//!
//! It panics if the session breaks the contract: wishes or timers without end, a link asked for twice or closed
//! twice, bytes for a link that is not up, securing a link that is not up or has something to write, a wish after the
//! end. It allocates only the bytes that wait on a paused link.

#![allow(clippy::panic, reason = "a session that breaks its contract fails the test")]

use std::time::{Duration, Instant};

use realtime::backend::{Action, Connected, LinkError, Secured, Session};
use realtime::model::{Command, LinkId, READ_BYTES, Room, Sink};
use realtime::queue::Producer;

/// Wishes that one call may lead to.
const MAX_ACTIONS: usize = 16;
/// Timers that may fire at one point in time, each making the next one due.
const MAX_TIMERS: usize = 8;
/// Timers that may fire in one wait.
const MAX_WAKES: usize = 2000;
/// Input longer than this is read whole, however small the reads are, because it would take too many calls in pieces.
const MAX_PIECES: usize = 4096;

/// The main thread's side of a session.
pub trait Queue: Sink {
    /// Whether there is no room for a read of a link that needs this much.
    fn is_full(&mut self, need: Room) -> bool;

    /// Whether a paused link that needs this much may be read again.
    fn has_room(&mut self, need: Room) -> bool {
        !self.is_full(need)
    }

    /// The end of a turn: the main thread may see its output.
    fn flush(&mut self) {}
}

impl Queue for Producer {
    fn is_full(&mut self, need: Room) -> bool {
        Self::is_full(self, need)
    }

    fn has_room(&mut self, need: Room) -> bool {
        Self::has_room(self, need)
    }

    fn flush(&mut self) {
        Self::flush(self);
    }
}

/// The servers at the other end of a session's links.
pub trait Peers {
    /// The session wrote these bytes.
    fn written(&mut self, link: LinkId, now: Instant, bytes: &[u8]);

    /// The session wishes for something, which the driver has noted.
    fn wished(&mut self, _action: Action) {}

    /// The link was closed, lost, or could not be made.
    fn gone(&mut self, _link: LinkId) {}
}

/// A session and the event loop's side of its links.
#[derive(Debug)]
pub struct Driver<Q, P, S: ?Sized = dyn Session> {
    /// The session.
    pub session: Box<S>,
    /// The time.
    pub now: Instant,
    /// Takes the session's output for the main thread.
    pub queue: Q,
    /// Takes the session's bytes.
    pub peers: P,
    /// Bytes that a read brings at most.
    pub read_bytes: usize,
    /// In the order in which they were asked for first.
    links: Vec<Link>,
    finished: bool,
}

/// The event loop's side of a link.
#[derive(Debug)]
struct Link {
    id: LinkId,
    state: State,
    /// Bytes that the socket still takes.
    writable: usize,
    /// Bytes that were not read because the queue had no room.
    unread: Vec<u8>,
    paused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    /// The session asks for it.
    Wanted,
    Up,
    /// Up, and to be secured: nothing is read or written.
    Securing,
}

impl Link {
    fn new(id: LinkId) -> Self {
        Self { id, state: State::Absent, writable: usize::MAX, unread: Vec::new(), paused: false }
    }
}

impl<Q: Queue, P: Peers, S: Session + ?Sized> Driver<Q, P, S> {
    /// Drives a session that was made at this time. Its first wishes are noted.
    pub fn new(session: Box<S>, now: Instant, queue: Q, peers: P) -> Self {
        let (read_bytes, links) = (READ_BYTES, Vec::new());
        let mut driver = Self { session, now, queue, peers, read_bytes, links, finished: false };
        driver.carry_out();
        driver
    }

    /// Whether the session asks for this link, and it is not made yet.
    pub fn is_wanted(&self, link: LinkId) -> bool {
        self.state(link) == State::Wanted
    }

    /// Whether the link is up.
    pub fn is_up(&self, link: LinkId) -> bool {
        self.state(link) == State::Up
    }

    /// Whether bytes wait on the link for room in the queue.
    pub fn is_paused(&self, link: LinkId) -> bool {
        self.known(link).is_some_and(|link| link.paused)
    }

    /// Whether the session has ended.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The link's socket accepts so many more bytes; the initial [`usize::MAX`] means any number. It stays when the
    /// link is lost.
    pub fn set_writable(&mut self, link: LinkId, bytes: usize) {
        self.link(link).writable = bytes;
    }

    /// The main thread asks for something. Commands that come together are followed by one [`Driver::drive`].
    pub fn command(&mut self, command: Command) {
        self.session.handle_command(self.now, command, &mut self.queue);
    }

    /// The link is made.
    pub fn connected(&mut self, link: LinkId, how: Connected) {
        if self.is_wanted(link) {
            self.link(link).state = State::Up;
        }
        self.session.handle_connected(link, self.now, how, &mut self.queue);
        self.carry_out();
    }

    /// Whether the session asks for this link to be secured, and it is not yet.
    pub fn is_securing(&self, link: LinkId) -> bool {
        self.state(link) == State::Securing
    }

    /// The link is secured.
    pub fn secured(&mut self, link: LinkId, how: Secured) {
        if self.is_securing(link) {
            self.link(link).state = State::Up;
        }
        self.session.handle_secured(link, self.now, how, &mut self.queue);
        self.carry_out();
    }

    /// The link is lost, or cannot be made.
    pub fn lost(&mut self, link: LinkId, cause: LinkError) {
        self.close(link);
        self.session.handle_disconnected(link, self.now, cause, &mut self.queue);
        self.carry_out();
    }

    /// Bytes arrive on a link. They are read as far as the queue has room; the rest waits.
    pub fn receive(&mut self, link: LinkId, bytes: &[u8]) {
        if !self.is_up(link) {
            // No event loop does this; the session takes it for nothing.
            self.session.handle_input(link, self.now, bytes, &mut self.queue);
        } else if self.is_paused(link) {
            self.link(link).unread.extend_from_slice(bytes);
        } else {
            self.read(link, bytes);
        }
        // The input may change what other links need.
        self.resume();
    }

    fn read(&mut self, link: LinkId, mut bytes: &[u8]) {
        let size = if bytes.len() > MAX_PIECES { READ_BYTES } else { self.read_bytes };
        while !bytes.is_empty() && self.is_up(link) {
            if self.queue.is_full(self.session.room_needed(link)) {
                let pipe = self.link(link);
                pipe.paused = true;
                pipe.unread.extend_from_slice(bytes);
                self.session.handle_paused(link);
                return;
            }
            let (piece, rest) = bytes.split_at(size.min(bytes.len()));
            bytes = rest;
            self.session.handle_input(link, self.now, piece, &mut self.queue);
            self.drive();
        }
    }

    /// Reading resumes on the links for which the queue has room again.
    pub fn resume(&mut self) {
        for at in 0..self.links.len() {
            let link = self.links[at].id;
            if self.is_paused(link) && self.queue.has_room(self.session.room_needed(link)) {
                let pipe = self.link(link);
                pipe.paused = false;
                let unread = std::mem::take(&mut pipe.unread);
                self.session.handle_resumed(link, self.now);
                self.read(link, &unread);
            }
        }
    }

    /// Ends a turn: notes the session's wishes, and writes as much as the links accept.
    pub fn drive(&mut self) {
        self.carry_out();
        for at in 0..self.links.len() {
            self.write(self.links[at].id);
        }
        self.queue.flush();
    }

    fn write(&mut self, link: LinkId) {
        if self.is_securing(link) {
            return;
        }
        loop {
            let bytes = self.session.poll_transmit(link, self.now);
            let Some(pipe) = self.links.iter_mut().find(|known| known.id == link) else { break };
            let n = bytes.len().min(pipe.writable);
            if n == 0 {
                break;
            }
            assert!(pipe.state == State::Up, "bytes for a link that is not up");
            if pipe.writable != usize::MAX {
                pipe.writable -= n;
            }
            self.peers.written(link, self.now, &bytes[..n]);
            self.session.transmitted(link, n);
        }
        self.carry_out();
    }

    /// Notes the session's wishes, without writing.
    pub fn carry_out(&mut self) {
        let mut count = 0;
        while let Some(action) = self.session.poll_action() {
            count += 1;
            assert!(count <= MAX_ACTIONS, "wishes without end");
            assert!(!self.finished, "a wish after the end");
            match action {
                Action::Connect { link, .. } => {
                    let pipe = self.link(link);
                    assert!(pipe.state == State::Absent, "{link:?} is asked for twice");
                    pipe.state = State::Wanted;
                }
                Action::Secure { link, .. } => {
                    assert!(self.state(link) == State::Up, "{link:?} is not up, or secured already");
                    let written = self.session.poll_transmit(link, self.now);
                    assert!(written.is_empty(), "bytes that would be in front of the handshake");
                    self.link(link).state = State::Securing;
                }
                Action::Close(link) => {
                    assert!(self.state(link) != State::Absent, "{link:?} is closed twice");
                    self.close(link);
                }
                Action::Finish => {
                    self.finished = true;
                    (0..self.links.len()).for_each(|at| self.close(self.links[at].id));
                }
            }
            self.peers.wished(action);
        }
    }

    /// Time passes. Timers fire when they are due, and each is followed by a turn.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        let (mut at_once, mut wakes) = (0, 0);
        while let Some(due) = self.session.poll_timeout().filter(|&due| due <= end) {
            at_once = if due > self.now { 0 } else { at_once + 1 };
            wakes += 1;
            assert!(at_once < MAX_TIMERS && wakes < MAX_WAKES, "a timer that never rests");
            self.now = self.now.max(due);
            self.fire();
        }
        self.now = end;
    }

    /// The timers fire, due or not.
    pub fn fire(&mut self) {
        self.session.handle_timeout(self.now, &mut self.queue);
        self.drive();
    }

    fn close(&mut self, link: LinkId) {
        if self.state(link) != State::Absent {
            let pipe = self.link(link);
            (pipe.state, pipe.paused, pipe.unread) = (State::Absent, false, Vec::new());
            self.peers.gone(link);
        }
    }

    fn state(&self, link: LinkId) -> State {
        self.known(link).map_or(State::Absent, |link| link.state)
    }

    fn known(&self, link: LinkId) -> Option<&Link> {
        self.links.iter().find(|known| known.id == link)
    }

    fn link(&mut self, link: LinkId) -> &mut Link {
        let at = self.links.iter().position(|known| known.id == link).unwrap_or_else(|| {
            self.links.push(Link::new(link));
            self.links.len() - 1
        });
        &mut self.links[at]
    }
}
