//! The event loop's side of a session: its wishes, its links' bytes in both directions, its timers.

use std::io;
use std::time::Duration;

use realtime::backend::{Action, Connected, LinkError, Stage};
use realtime::model::{LinkId, State};

use super::peer::Peer;
use super::{LINKS, MAX_FLOOD, World};

/// More unread bytes than this are read at once: in pieces they would take as many calls.
const MAX_PIECES: usize = 4096;
/// Timers that may fire at one point in time, one making the next due.
const MAX_TIMERS: usize = 8;
/// Timers that may fire in the longest wait.
const MAX_WAKES: usize = 2000;
/// Wishes about links that one call may lead to.
const MAX_ACTIONS: usize = 16;

impl World {
    /// Takes what the session wishes and writes.
    pub(super) fn collect(&mut self) {
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
                    assert!(self.judge.closed, "it ends without a word");
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
            let peer = &mut self.peers[link];
            let session = self.session.as_deref_mut().expect("dropped at the end alone");
            let mut held = 0;
            held += allocation_counter::measure(|| {
                let pending = session.poll_transmit(id);
                let taken = &pending[..pending.len().min(room)];
                allocation_counter::opt_out(|| bytes.extend_from_slice(taken));
            })
            .bytes_current;
            self.held += held;
            if bytes.is_empty() {
                return;
            }
            assert!(self.links[link].open, "something is written to a link that is not open");
            peer.written(&bytes);
            if room != usize::MAX {
                self.links[link].writable -= bytes.len();
            }
            let n = bytes.len();
            self.call(|session, now, _| session.transmitted(id, now, n));
        }
    }

    /// The connection is no more.
    fn gone(&mut self, link: usize) {
        self.links[link].open = false;
        self.links[link].wanted = false;
        self.links[link].unread = Vec::new();
        self.peers[link] = Peer::default();
    }

    /// The server sends bytes, and they are read in pieces.
    pub(super) fn server(&mut self, link: u8, bytes: &[u8]) {
        let at = usize::from(link);
        if at >= LINKS || !self.links[at].open {
            // To a link that is not there: it means nothing.
            let taken =
                self.call(|session, now, judge| session.handle_input(LinkId(link), now, bytes, judge));
            assert_eq!(taken, 0, "bytes of a link that is not open");
            return;
        }
        let room = MAX_FLOOD.saturating_sub(self.links[at].unread.len());
        let from = self.links[at].unread.len();
        self.links[at].unread.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let many = self.links[at].unread.len() > MAX_PIECES;
        let size = if self.reads == 0 || many { usize::MAX } else { self.reads.into() };
        let mut end = from;
        // While nobody reads, the bytes wait in the socket.
        while !self.judge.full && end < self.links[at].unread.len() {
            end = end.saturating_add(size).min(self.links[at].unread.len());
            end -= self.read(at, end);
        }
    }

    /// Hands in the first `end` unread bytes; returns how many were taken.
    fn read(&mut self, link: usize, end: usize) -> usize {
        let id = LinkId(u8::try_from(link).unwrap_or(u8::MAX));
        let mut unread = std::mem::take(&mut self.links[link].unread);
        let end = end.min(unread.len());
        self.judge.stopped = false;
        let taken = self.call(|session, now, judge| session.handle_input(id, now, &unread[..end], judge));
        assert!(taken <= end);
        unread.drain(..taken);
        self.links[link].unread = unread;
        self.collect();
        assert!(
            taken == end || self.judge.stopped || !self.links[link].open || self.finished,
            "{} bytes are left, and nobody said Stop",
            end - taken
        );
        taken
    }

    /// There is room in the queue again: reading goes on.
    pub(super) fn resume(&mut self, link: usize) {
        if self.links[link].open {
            self.read(link, usize::MAX);
        }
    }

    pub(super) fn connected(&mut self, link: u8) {
        if let Some(pipe) = self.links.get_mut(usize::from(link))
            && std::mem::take(&mut pipe.wanted)
        {
            pipe.open = true;
            pipe.in_step = true;
        }
        self.call(|session, now, judge| {
            session.handle_connected(LinkId(link), now, Connected::default(), judge);
        });
    }

    pub(super) fn lost(&mut self, link: u8, cause: u8) {
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
        self.call(|session, now, judge| session.handle_disconnected(LinkId(link), now, cause, judge));
    }

    /// Time passes; timers fire when they are due, and never for ever at one moment.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        let (mut at_once, mut wakes) = (0, 0);
        while let Some(due) = self.call(|session, _, _| session.poll_timeout()).filter(|&due| due <= end) {
            at_once = if due > self.now { 0 } else { at_once + 1 };
            wakes += 1;
            assert!(at_once < MAX_TIMERS && wakes < MAX_WAKES, "a timer that never rests");
            self.now = self.now.max(due);
            self.call(|session, now, judge| session.handle_timeout(now, judge));
            self.collect();
        }
        self.now = end;
    }
}
