//! The driver of a session: its clock, the bytes of its links in both directions, its timers, and the main thread's commands.
//! Whatever happens, it sees that the session keeps its promises: no panic, no endless loop, one answer to each request,
//! `closed` as the last word, wakes in the future, bounded memory that is given back in the end, no secret told.

mod encode;
mod main_thread;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use realtime::backend::{Action, Backend, Connected, LinkError, Session, Stage, Start};
use realtime::model::{
    Command, Counters, LinkId, READ_BYTES, ReplyTo, Request, RequestKind, RequestSlot, Room, State,
    SubscriptionSlot, Ticket, Topic,
};

pub(crate) use encode::push;
pub(crate) use main_thread::{Heard, MainThread};

pub(crate) const PASSWORD: &str = "correct-horse-battery-staple";
/// What the channels of the option verify_delivery begin with.
pub(crate) const PROBES: &[u8] = b"realtime:probe:";
pub(crate) const LINKS: usize = 2;
/// Unread bytes that a link may have: what is more is thrown away.
pub(crate) const MAX_UNREAD: usize = 1 << 20;
/// Requests under way at most: the queue refuses more, and the option `max_pending` is the same.
pub(crate) const MAX_PENDING: usize = 40;

/// More unread bytes than this are read at once: in pieces they would take as many calls.
const MAX_PIECES: usize = 4096;
/// Timers that may fire at one point in time, one making the next due.
const MAX_TIMERS: usize = 8;
/// Timers that may fire in the longest wait.
const MAX_WAKES: usize = 2000;
/// Wishes about links that one call may lead to.
const MAX_ACTIONS: usize = 16;

/// The servers at the other end of the links.
pub(crate) trait Peers {
    /// The session wrote these bytes.
    fn written(&mut self, link: usize, bytes: &[u8], now: Instant);

    /// The link is no more.
    fn gone(&mut self, link: usize);
}

/// A session and all that surrounds it.
pub(crate) struct Driver<P> {
    session: Option<Box<dyn Session>>,
    pub(crate) now: Instant,
    pub(crate) main_thread: MainThread,
    pub(crate) counters: Arc<Counters>,
    pub(crate) peers: P,
    pub(crate) links: [Pipe; LINKS],
    /// Bytes of each read; 0: all there are.
    pub(crate) reads: u8,
    /// Subscriptions and requests so far.
    asked: u32,
    /// What the session holds, counted by the allocator.
    held: i64,
    /// What it may hold, whatever comes.
    max_held: i64,
    finished: bool,
}

/// The event loop's side of a link.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// The session asks for it.
    pub(crate) wanted: bool,
    /// It is made.
    pub(crate) open: bool,
    /// The server said nothing but whole answers to its commands.
    pub(crate) in_step: bool,
    /// Bytes that the socket still takes.
    pub(crate) writable: usize,
    /// Bytes that were not read yet.
    unread: Vec<u8>,
    /// Nothing is read before there is room in the queue to the main thread.
    paused: bool,
}

impl Pipe {
    fn new() -> Self {
        let writable = usize::MAX;
        Self { wanted: false, open: false, in_step: true, writable, unread: Vec::new(), paused: false }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }
}

impl<P: Peers> Driver<P> {
    pub(crate) fn new(
        backend: &dyn Backend,
        seed: u64,
        peers: P,
        main_thread: MainThread,
        max_held: i64,
    ) -> Self {
        let now = Instant::now();
        let counters = Arc::new(Counters::default());
        let mut session = None;
        let held = allocation_counter::measure(|| {
            session = Some(backend.session(Start { now, seed, counters: Arc::clone(&counters) }));
        });
        let mut driver = Self {
            session,
            now,
            main_thread,
            counters,
            peers,
            links: [Pipe::new(), Pipe::new()],
            reads: 0,
            asked: 0,
            held: held.bytes_current,
            max_held,
            finished: false,
        };
        driver.collect();
        driver
    }

    /// Calls the session, and counts what it holds.
    fn call<T>(&mut self, call: impl FnOnce(&mut dyn Session, Instant, &mut MainThread) -> T) -> T {
        let Self { session, now, main_thread, .. } = self;
        let session = session.as_deref_mut().expect("dropped at the end alone");
        let mut result = None;
        let memory = allocation_counter::measure(|| {
            result = Some(call(session, *now, main_thread));
        });
        let peak = self.held + i64::try_from(memory.bytes_max).unwrap_or(i64::MAX);
        self.held += memory.bytes_current;
        assert!(peak < self.max_held, "{peak} bytes held");
        result.expect("it was called")
    }

    /// Takes what the session wishes and writes.
    pub(crate) fn collect(&mut self) {
        for count in 0.. {
            assert!(count < MAX_ACTIONS, "wishes without end");
            // Dropped inside of the count.
            let wish = self.call(|session, _, _| match session.poll_action()? {
                Action::Connect { link, .. } => Some((Some(link), true)),
                Action::Close(link) => Some((Some(link), false)),
                Action::Finish => Some((None, false)),
            });
            match wish {
                None => break,
                Some((Some(LinkId(link)), wanted)) => {
                    assert!(!self.finished, "a wish behind the end");
                    let pipe = &mut self.links[usize::from(link)];
                    assert!(!wanted || !(pipe.open || pipe.wanted), "link {link} is wanted twice");
                    assert!(wanted || pipe.open || pipe.wanted, "link {link} is closed twice");
                    pipe.wanted = wanted;
                    if !wanted {
                        self.gone(link.into());
                    }
                }
                Some((None, _)) => {
                    assert!(self.main_thread.closed, "it ends without a word");
                    self.finished = true;
                }
            }
        }
        for link in 0..LINKS {
            self.write(link);
        }
        if self.finished {
            assert_eq!(self.counters.state(), State::Closed);
        }
    }

    /// Writes what the socket takes.
    fn write(&mut self, link: usize) {
        let id = LinkId(u8::try_from(link).unwrap_or(u8::MAX));
        loop {
            let room = self.links[link].writable;
            let mut bytes = Vec::new();
            let now = self.now;
            let session = self.session.as_deref_mut().expect("dropped at the end alone");
            let mut held = 0;
            held += allocation_counter::measure(|| {
                let pending = session.poll_transmit(id, now);
                let taken = &pending[..pending.len().min(room)];
                allocation_counter::opt_out(|| bytes.extend_from_slice(taken));
            })
            .bytes_current;
            self.held += held;
            if bytes.is_empty() {
                return;
            }
            assert!(self.links[link].open, "something is written to a link that is not open");
            self.peers.written(link, &bytes, self.now);
            if room != usize::MAX {
                self.links[link].writable -= bytes.len();
            }
            let n = bytes.len();
            self.call(|session, _, _| session.transmitted(id, n));
        }
    }

    /// The connection is no more.
    fn gone(&mut self, link: usize) {
        let pipe = &mut self.links[link];
        (pipe.open, pipe.wanted, pipe.paused) = (false, false, false);
        pipe.unread = Vec::new();
        self.peers.gone(link);
    }

    /// The server sends bytes, and they are read in pieces.
    pub(crate) fn server(&mut self, link: u8, bytes: &[u8]) {
        let at = usize::from(link);
        if at >= LINKS || !self.links[at].open {
            // To a link that is not there: it means nothing.
            self.call(|session, now, main_thread| {
                session.handle_input(LinkId(link), now, bytes, main_thread);
            });
            return;
        }
        let room = MAX_UNREAD.saturating_sub(self.links[at].unread.len());
        self.links[at].unread.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.read(at);
        self.resume();
    }

    /// Reads what there is in pieces, as long as the queue has room. Beyond that the bytes wait in the socket.
    fn read(&mut self, link: usize) {
        let id = LinkId(u8::try_from(link).unwrap_or(u8::MAX));
        let many = self.links[link].unread.len() > MAX_PIECES;
        let size = if self.reads == 0 || many { READ_BYTES } else { self.reads.into() };
        while !self.links[link].paused && !self.links[link].unread.is_empty() {
            if self.is_full_for(id) {
                self.links[link].paused = true;
                self.call(|session, _, _| session.handle_paused(id));
                return;
            }
            let unread = &mut self.links[link].unread;
            let piece: Vec<u8> = unread.drain(..size.min(unread.len())).collect();
            self.call(|session, now, main_thread| session.handle_input(id, now, &piece, main_thread));
            self.collect();
        }
    }

    fn is_full_for(&mut self, link: LinkId) -> bool {
        self.main_thread.full && self.call(|session, _, _| session.room_needed(link)) != Room::None
    }

    /// The queue to the main thread is full, or there is room again and reading goes on.
    pub(crate) fn set_full(&mut self, full: bool) {
        self.main_thread.full = full;
        self.resume();
    }

    /// Reading goes on wherever there is room.
    fn resume(&mut self) {
        for (link, id) in (0..LINKS).zip(0..) {
            if self.links[link].paused && !self.is_full_for(LinkId(id)) {
                self.links[link].paused = false;
                self.call(|session, now, _| session.handle_resumed(LinkId(id), now));
                self.read(link);
            }
        }
    }

    /// The link is made, to this peer.
    pub(crate) fn connected(&mut self, link: u8, peer: Option<SocketAddr>) {
        if let Some(pipe) = self.links.get_mut(usize::from(link))
            && std::mem::take(&mut pipe.wanted)
        {
            pipe.open = true;
            pipe.in_step = true;
        }
        self.call(|session, now, main_thread| {
            session.handle_connected(LinkId(link), now, Connected { peer, slowest: None }, main_thread);
        });
    }

    pub(crate) fn lost(&mut self, link: u8, cause: u8) {
        let error = io::Error::from(
            [io::ErrorKind::ConnectionReset, io::ErrorKind::TimedOut][usize::from(cause & 1)],
        );
        let cause = match cause % 4 {
            0 => LinkError::Eof,
            1 => LinkError::Io(error),
            2 => LinkError::Connect { address: "127.0.0.1:6379".to_owned(), source: error },
            _ if cause & 4 != 0 => {
                LinkError::TimedOut(Stage::Lookup { host: "server".to_owned(), took: Duration::from_secs(5) })
            }
            _ => LinkError::Resolve { host: "server".to_owned(), reason: "no such name".to_owned() },
        };
        if usize::from(link) < LINKS {
            self.gone(link.into());
        }
        // Its text was made outside of the count.
        let made = match &cause {
            LinkError::Connect { address, .. } => address.capacity(),
            LinkError::Resolve { host, reason } => host.capacity() + reason.capacity(),
            LinkError::TimedOut(Stage::Lookup { host, .. }) => host.capacity(),
            _ => 0,
        };
        self.held += i64::try_from(made).unwrap_or(0);
        self.call(|session, now, main_thread| {
            session.handle_disconnected(LinkId(link), now, cause, main_thread);
        });
    }

    /// When a timer is due.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        self.call(|session, _, _| session.poll_timeout())
    }

    /// Timers fire, due or not.
    pub(crate) fn fire(&mut self) {
        self.call(|session, now, main_thread| session.handle_timeout(now, main_thread));
    }

    /// Time passes; timers fire when they are due, and never for ever at one moment.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        let (mut at_once, mut wakes) = (0, 0);
        while let Some(due) = self.due().filter(|&due| due <= end) {
            at_once = if due > self.now { 0 } else { at_once + 1 };
            wakes += 1;
            assert!(at_once < MAX_TIMERS && wakes < MAX_WAKES, "a timer that never rests");
            self.now = self.now.max(due);
            self.fire();
            self.collect();
        }
        self.now = end;
    }

    /// Returns the slot of the subscription's messages.
    pub(crate) fn subscribe(&mut self, topic: &Topic) -> SubscriptionSlot {
        self.asked += 1;
        let slot = SubscriptionSlot::new(self.asked, 0);
        if !self.main_thread.closing {
            self.main_thread.wanted.insert(topic.clone(), slot);
        }
        self.hand_over(|| Command::Subscribe { topic: topic.clone(), slot });
        slot
    }

    pub(crate) fn unsubscribe(&mut self, topic: &Topic) {
        self.main_thread.unwanted(topic);
        self.hand_over(|| Command::Unsubscribe(topic.clone()));
    }

    /// Asks for something. Returns the number of the request, if the queue has room for it.
    pub(crate) fn request(&mut self, time: Duration, kind: impl FnOnce() -> RequestKind) -> Option<u32> {
        if self.main_thread.pending.len() >= MAX_PENDING {
            return None;
        }
        self.asked += 1;
        let id = self.asked;
        self.main_thread.pending.insert(id);
        let deadline = self.now + time;
        let ticket = Ticket { to: ReplyTo::Callback(RequestSlot::new(id, 0)), bytes: 0 };
        self.hand_over(move || Command::Request(Request { ticket, deadline, kind: kind() }));
        assert!(
            !self.main_thread.closed || !self.main_thread.pending.contains(&id),
            "what comes behind the end is answered at once"
        );
        Some(id)
    }

    pub(crate) fn disconnect(&mut self, time: Duration) {
        self.main_thread.wanted.clear();
        self.main_thread.closing = true;
        let deadline = self.now + time;
        self.hand_over(move || Command::Disconnect { deadline });
    }

    /// Hands over a command, which is made inside of the count: its memory becomes the session's.
    fn hand_over(&mut self, command: impl FnOnce() -> Command) {
        self.call(|session, now, main_thread| {
            session.handle_command(now, command(), main_thread);
        });
    }

    /// Sees that it ends, with an answer to everything and with nothing left behind.
    pub(crate) fn end(mut self) {
        self.disconnect(Duration::from_secs(1));
        self.collect();
        self.wait(Duration::from_millis(1100));
        assert!(self.main_thread.closed && self.finished, "it does not end");
        assert!(self.main_thread.pending.is_empty(), "unanswered: {:?}", self.main_thread.pending);
        assert_eq!(self.due(), None, "a timer behind the end");
        let session = self.session.take();
        let memory = allocation_counter::measure(|| drop(session));
        assert_eq!(self.held + memory.bytes_current, 0, "bytes that nobody gives back");
    }
}
