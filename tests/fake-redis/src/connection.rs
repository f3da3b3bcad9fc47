//! One client: its state in the server, and the bytes to and from it.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::time::Instant;

use crate::acl::DEFAULT_USER;
use crate::faults::{Close, Faults};
use crate::pubsub::Kind;
use crate::reply::Protocol;
use crate::request::{Request, Requests};
use crate::socket::Stream;

/// A buffer larger than this is freed when it is empty.
const RETAIN: usize = 64 * 1024;

/// Commands between MULTI and EXEC.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<Request>,
    /// Whether a command was refused, so that EXEC must refuse too.
    pub(crate) spoiled: bool,
}

/// The state of a key when WATCH named it.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) db: usize,
    pub(crate) key: Vec<u8>,
    pub(crate) version: u64,
}

/// The mode that `CLIENT REPLY` has set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    #[default]
    On,
    Off,
    /// The next command's reply is left out.
    SkipNext,
    /// This command's reply is left out.
    Skip,
}

/// Whether a connection is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    No,
    /// Once all of its output is written; it reads nothing more.
    Flushed,
    Now(Close),
}

/// The protocol's state of a client.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) protocol: Protocol,
    pub(crate) user: Vec<u8>,
    pub(crate) authenticated: bool,
    pub(crate) name: Vec<u8>,
    pub(crate) db: usize,
    pub(crate) channels: BTreeSet<Vec<u8>>,
    pub(crate) patterns: BTreeSet<Vec<u8>>,
    pub(crate) sharded: BTreeSet<Vec<u8>>,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) watched: Vec<Watched>,
    pub(crate) reply_mode: ReplyMode,
    /// ASKING was the last command, or came before the transaction.
    pub(crate) asking: bool,
    /// Full name of the last command.
    pub(crate) last_command: &'static str,
}

impl Session {
    pub(crate) fn new(authenticated: bool) -> Session {
        Session {
            protocol: Protocol::Resp2,
            user: DEFAULT_USER.to_vec(),
            authenticated,
            name: Vec::new(),
            db: 0,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            sharded: BTreeSet::new(),
            transaction: None,
            watched: Vec::new(),
            reply_mode: ReplyMode::On,
            asking: false,
            last_command: "NULL",
        }
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.sharded.len()
    }

    /// The number of subscriptions in a confirmation: sharded channels are counted separately.
    pub(crate) fn counted(&self, kind: Kind) -> usize {
        if kind == Kind::Sharded { self.sharded.len() } else { self.channels.len() + self.patterns.len() }
    }

    /// ASKING holds for one command, or for one transaction.
    pub(crate) fn command_done(&mut self, command: &str) {
        self.asking &= command == "asking" || self.transaction.is_some();
    }

    pub(crate) fn names(&mut self, kind: Kind) -> &mut BTreeSet<Vec<u8>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Sharded => &mut self.sharded,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) stream: Stream,
    pub(crate) peer: String,
    pub(crate) since: Instant,
    pub(crate) session: Session,
    pub(crate) requests: Requests,
    pub(crate) faults: Faults,
    pub(crate) ending: Ending,
    /// The socket may be readable, or writable. Readiness is reported only once.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) commands: u64,
    /// What commands append to.
    pub(crate) fresh: Vec<u8>,
    /// Replies that the client does not want.
    pub(crate) unwanted: Vec<u8>,
    /// Bytes that wait for their time.
    delayed: VecDeque<(Instant, Vec<u8>)>,
    delayed_bytes: usize,
    /// Bytes that may be written, from `written` on.
    ready: Vec<u8>,
    written: usize,
    /// Which of the fault's pieces comes next.
    piece: usize,
}

impl Connection {
    pub(crate) fn new(
        id: u64,
        stream: Stream,
        peer: String,
        authenticated: bool,
        faults: Faults,
    ) -> Connection {
        Connection {
            id,
            stream,
            peer,
            since: Instant::now(),
            session: Session::new(authenticated),
            requests: Requests::new(),
            fresh: faults.greeting.clone(),
            faults,
            ending: Ending::No,
            readable: true,
            writable: true,
            received: 0,
            sent: 0,
            commands: 0,
            unwanted: Vec::new(),
            delayed: VecDeque::new(),
            delayed_bytes: 0,
            ready: Vec::new(),
            written: 0,
            piece: 0,
        }
    }

    /// Bytes of output that are not yet written.
    pub(crate) fn unsent(&self) -> usize {
        self.fresh.len() + self.delayed_bytes + self.ready.len() - self.written
    }

    /// Ends the connection, unless it is already about to end sooner.
    pub(crate) fn end(&mut self, ending: Ending) {
        if !matches!(self.ending, Ending::Now(_)) {
            self.ending = ending;
        }
    }

    /// Reads at most one buffer full. `None`: nothing now.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if !self.readable || !self.faults.read || self.ending != Ending::No {
            return None;
        }
        let left =
            self.faults.cut_after_received.map_or(u64::MAX, |limit| limit.saturating_sub(self.received));
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 {
            return None;
        }
        match self.stream.read(&mut buffer[..room]) {
            Ok(0) => self.end(Ending::Now(Close::Fin)),
            Ok(n) => {
                self.received += n as u64;
                return Some(n);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.end(Ending::Now(Close::Fin)),
        }
        None
    }

    /// Writes as much as is due and the socket accepts.
    pub(crate) fn flush(&mut self, now: Instant) {
        self.ripen(now);
        while self.writable && self.faults.write && !matches!(self.ending, Ending::Now(_)) {
            let left = self.faults.cut_after_sent.map_or(u64::MAX, |limit| limit.saturating_sub(self.sent));
            let waiting = self.ready.len() - self.written;
            if left == 0 || waiting == 0 {
                break;
            }
            let pieces = &self.faults.pieces;
            let piece = if pieces.is_empty() { usize::MAX } else { pieces[self.piece % pieces.len()].max(1) };
            let whole = usize::try_from(left).unwrap_or(usize::MAX).min(piece).min(waiting);
            match self.stream.write(&self.ready[self.written..self.written + whole]) {
                Ok(n) => {
                    self.written += n;
                    self.sent += n as u64;
                    if !self.faults.pieces.is_empty() {
                        self.piece = self.piece.wrapping_add(1);
                        // One piece at a time: the client gets a turn before the next one.
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.end(Ending::Now(Close::Fin)),
            }
        }
        self.tidy();
        let enough = |limit: Option<u64>, count: u64| limit.is_some_and(|limit| count >= limit);
        if enough(self.faults.cut_after_sent, self.sent)
            || enough(self.faults.cut_after_received, self.received)
        {
            self.end(Ending::Now(self.faults.cut_with));
        } else if self.ending == Ending::Flushed && self.unsent() == 0 {
            self.ending = Ending::Now(Close::Fin);
        }
    }

    /// Moves bytes that need not wait any longer to `ready`.
    fn ripen(&mut self, now: Instant) {
        if !self.fresh.is_empty() && (!self.faults.delay.is_zero() || !self.delayed.is_empty()) {
            self.delayed_bytes += self.fresh.len();
            self.delayed.push_back((now + self.faults.delay, std::mem::take(&mut self.fresh)));
        }
        // From the front only: nothing overtakes earlier bytes.
        while self.delayed.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, bytes)) = self.delayed.pop_front() {
                self.delayed_bytes -= bytes.len();
                self.ready.extend_from_slice(&bytes);
            }
        }
        if self.ready.is_empty() {
            std::mem::swap(&mut self.ready, &mut self.fresh);
        } else {
            self.ready.append(&mut self.fresh);
        }
    }

    /// Drops the bytes that were written.
    fn tidy(&mut self) {
        if self.written == self.ready.len() {
            self.ready.clear();
            self.written = 0;
            if self.ready.capacity() > RETAIN {
                self.ready = Vec::new();
            }
        } else if self.written > self.ready.len() / 2 {
            self.ready.drain(..self.written);
            self.written = 0;
        }
    }

    /// Whether there is work that need not wait for the socket.
    pub(crate) fn is_busy(&self) -> bool {
        let reads = self.readable && self.faults.read && self.ending == Ending::No;
        let writes = self.writable && self.faults.write && self.written < self.ready.len();
        reads || writes
    }

    /// When the first of the delayed bytes may go out.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.delayed.front().map(|(due, _)| *due)
    }

    /// Updates the reply mode after a command.
    pub(crate) fn command_done(&mut self) {
        self.unwanted.clear();
        self.session.reply_mode = match self.session.reply_mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            mode => mode,
        };
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use super::*;

    /// A connection with these faults, and its other end.
    fn connection(faults: Faults) -> (Connection, mio::net::UnixStream) {
        let (near, far) = mio::net::UnixStream::pair().unwrap();
        let mut connection = Connection::new(1, Stream::Unix(near), String::new(), true, faults);
        connection.readable = false;
        (connection, far)
    }

    /// The bytes that have arrived at the other end.
    fn heard(far: &mut mio::net::UnixStream) -> Vec<u8> {
        let mut bytes = [0; 64];
        let n = far.read(&mut bytes).unwrap_or(0);
        bytes[..n].to_vec()
    }

    #[test]
    fn each_flush_writes_one_piece() {
        let pieces = vec![1, 3, 0];
        let (mut connection, mut far) = connection(Faults { pieces, ..Faults::default() });
        connection.fresh.extend_from_slice(b"abcdefgh");
        let mut found = Vec::new();
        while connection.unsent() > 0 {
            assert!(found.is_empty() || connection.is_busy());
            connection.flush(Instant::now());
            found.push(heard(&mut far));
        }
        let expected: [&[u8]; 5] = [b"a", b"bcd", b"e", b"f", b"gh"];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_delayed_waits_for_its_moment_and_is_not_overtaken() {
        const SECOND: Duration = Duration::from_secs(1);
        let (mut connection, mut far) = connection(Faults { delay: 2 * SECOND, ..Faults::default() });
        let start = Instant::now();
        connection.fresh.extend_from_slice(b"a");
        connection.flush(start);
        connection.fresh.extend_from_slice(b"b");
        connection.flush(start + SECOND);
        assert_eq!((heard(&mut far), connection.unsent()), (b"".to_vec(), 2));
        assert_eq!(connection.due(), Some(start + 2 * SECOND));
        // Without a delay from now on, new bytes still wait for earlier ones.
        connection.faults.delay = Duration::ZERO;
        connection.fresh.extend_from_slice(b"c");
        connection.flush(start + 2 * SECOND);
        assert_eq!(heard(&mut far), b"a");
        assert!(!connection.is_busy());
        connection.flush(start + 3 * SECOND);
        assert_eq!((heard(&mut far), connection.unsent()), (b"bc".to_vec(), 0));
        assert_eq!(connection.due(), None);
    }

    #[test]
    fn a_buffer_that_was_large_once_is_given_back() {
        let (mut connection, mut far) = connection(Faults::default());
        connection.fresh.resize(16 * RETAIN, b'x');
        let mut sink = vec![0; RETAIN];
        while connection.unsent() > 0 {
            connection.writable = true;
            connection.flush(Instant::now());
            while far.read(&mut sink).is_ok_and(|n| n > 0) {}
        }
        assert!(connection.ready.capacity() + connection.fresh.capacity() <= 2 * RETAIN);
    }
}
