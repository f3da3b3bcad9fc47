//! One connection: how far it has come, what waits to be written to it and what is awaited from it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use resp::Encoder;

use super::backoff::Backoff;
use super::batch::Batch;
use super::handshake::Step;
use super::request::{Asked, Replies};
use super::role::{Question, Watch};
use super::transmit::Transmit;
use crate::backend::Stage;
use crate::model::{Error, LinkId, READ_BYTES};

/// Entries for which an empty in-flight queue keeps room.
const KEEP_IN_FLIGHT: usize = 1024;
/// How many of a connection's first bytes are kept to tell what answered, if it is no Redis server.
const OPENING: usize = 32;

/// How long after a pause in which messages waited a lost connection is still blamed on it: the time after which a server
/// drops a subscriber whose buffer is over its soft limit, <https://redis.io/docs/latest/develop/reference/clients/>.
const SLOW_CONSUMER: Duration = Duration::from_secs(60);

/// How far a link has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not wanted, or not yet.
    Idle,
    /// The event loop makes it.
    Connecting {
        /// When the attempt, handshake included, is given up.
        deadline: Instant,
    },
    /// It is made; the server has not let us in yet.
    Handshaking {
        /// As above.
        deadline: Instant,
    },
    /// In use.
    Up,
    /// Between two attempts.
    Waiting {
        /// When the next one begins.
        until: Instant,
    },
}

/// The version of the protocol that a link speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Resp2 = 2,
    Resp3 = 3,
}

/// Something that was encoded and whose answer is awaited. The entries of a link cover its whole stream of bytes, in
/// order and without holes.
#[derive(Debug)]
pub(super) struct InFlight {
    /// Offset of its first byte in the stream.
    pub(super) start: u64,
    /// Offset behind its last byte.
    pub(super) end: u64,
    /// What is awaited.
    pub(super) awaits: Awaits,
}

/// What the next answer belongs to.
#[derive(Debug)]
pub(super) enum Awaits {
    /// A step of the handshake.
    Handshake(Step),
    /// A SUBSCRIBE or UNSUBSCRIBE: confirmations, which are no answers, or one error in their place.
    Batch(Batch),
    /// The PING behind a batch; any answer to it ends the batch.
    Fence {
        /// What it echoes.
        token: u64,
    },
    /// The PING that looks for life.
    Liveness {
        /// When it was encoded.
        since: Instant,
    },
    /// A question for the server's role.
    Role {
        /// Which one.
        question: Question,
        /// When it was encoded.
        since: Instant,
    },
    /// The SUBSCRIBE to the channel of the probes: a confirmation, or an error in its place.
    ProbeChannel,
    /// The PUBLISH of a probe.
    Probe,
    /// The PING that asks whether the server serves.
    Serving,
    /// A request of the main thread.
    Request(Asked),
    /// A request that was answered with an error already; its late answers are swallowed.
    Abandoned {
        /// Those that are still to come.
        replies: Replies,
    },
}

/// The server let us in but has no data to serve: `LOADING` or `MASTERDOWN`.
#[derive(Debug)]
pub(super) struct Unserved {
    /// What it says.
    pub(super) error: Error,
    /// When it is asked again; `None` while its answer is awaited.
    pub(super) ask_at: Option<Instant>,
}

/// One connection of a session.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) phase: Phase,
    pub(super) version: Version,
    pub(super) backoff: Backoff,
    pub(super) transmit: Transmit,
    pub(super) in_flight: VecDeque<InFlight>,
    /// The server does not serve data yet.
    pub(super) unserved: Option<Unserved>,
    /// The PING that asks whether it does has no answer yet.
    pub(super) serving_in_flight: bool,
    /// When it was known to serve last.
    pub(super) served: Instant,
    /// The watch over the server's role, on the link of the commands.
    pub(super) watch: Option<Watch>,
    /// This connection has done all that it was made for at least once.
    pub(super) proved: bool,
    /// The event loop made the connection: when, and the stage of it that took longest.
    pub(super) made: Option<(Instant, Option<Stage>)>,
    /// The address at the other end.
    pub(super) peer: Option<SocketAddr>,
    /// What tells the server from every other, if it says so.
    pub(super) server_id: Option<Box<str>>,
    /// Up to here all that the server sent has come. What is read behind a pause may be old, so it tells nothing of that.
    pub(super) heard: Instant,
    /// Since when silence counts: when the last byte was read, or when reading went on.
    pub(super) listening: Instant,
    /// The PING that looks for life is in flight, and nothing was heard since: when the link counts as dead.
    pub(super) dead_at: Option<Instant>,
    /// The server echoes what a PING says, as it should; some answer `+PONG` to every PING.
    pub(super) echoes: bool,
    /// A PING that looks for life has no answer yet.
    pub(super) liveness_in_flight: bool,
    /// While a SUBSCRIBE or UNSUBSCRIBE is in flight: when the server answered anything last, or when the first of them was
    /// asked. A link that brings messages may be deaf to what is said on it.
    pub(super) confirming: Option<Instant>,
    /// Bytes may wait, but nobody listens: the queue is full.
    pub(super) paused: bool,
    /// When that ended last.
    pub(super) resumed: Option<Instant>,
    /// The last input had messages for somebody.
    pub(super) brought_messages: bool,
    /// Messages wait for the present pause to end, as far as is known: there were some in the last input before it.
    behind: bool,
    /// Reading went on, and what has waited meanwhile is not read yet.
    catching_up: bool,
    /// When a pause ended last in which messages waited. Confirmations and events fill the queue too, and no server drops
    /// a client for them.
    pub(super) lagged: Option<Instant>,
    /// The last input ended in the middle of a frame.
    pub(super) within_frame: bool,
    opening: [u8; OPENING],
    opening_len: usize,
}

impl Link {
    pub(super) fn new(id: LinkId, backoff: Backoff, now: Instant) -> Self {
        Self {
            id,
            phase: Phase::Idle,
            version: Version::Resp3,
            backoff,
            transmit: Transmit::default(),
            in_flight: VecDeque::new(),
            unserved: None,
            serving_in_flight: false,
            served: now,
            watch: None,
            proved: false,
            made: None,
            peer: None,
            server_id: None,
            heard: now,
            listening: now,
            dead_at: None,
            echoes: false,
            liveness_in_flight: false,
            confirming: None,
            paused: false,
            resumed: None,
            brought_messages: false,
            behind: false,
            catching_up: false,
            lagged: None,
            within_frame: false,
            opening: [0; OPENING],
            opening_len: 0,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// Whether bytes go to and fro.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Handshaking { .. } | Phase::Up)
    }

    /// A new connection begins: nothing of the old one counts.
    pub(super) fn reset(&mut self, now: Instant) {
        self.transmit.reset();
        self.in_flight.clear();
        self.shrink();
        self.unserved = None;
        self.serving_in_flight = false;
        self.served = now;
        self.watch = None;
        self.proved = false;
        self.made = None;
        self.peer = None;
        self.server_id = None;
        self.heard = now;
        self.listening = now;
        self.dead_at = None;
        self.echoes = false;
        self.liveness_in_flight = false;
        self.confirming = None;
        self.paused = false;
        self.resumed = None;
        self.brought_messages = false;
        self.behind = false;
        self.catching_up = false;
        self.lagged = None;
        self.within_frame = false;
        self.opening_len = 0;
    }

    /// Encodes a command of few words and awaits its answer.
    pub(super) fn send(&mut self, awaits: Awaits, words: &[&[u8]]) {
        let start = self.transmit.end();
        Encoder::new(self.transmit.tail()).command(words);
        self.in_flight.push_back(InFlight { start, end: self.transmit.end(), awaits });
    }

    /// The front entry is answered.
    pub(super) fn pop_front(&mut self) -> Option<InFlight> {
        let entry = self.in_flight.pop_front();
        if self.in_flight.is_empty() {
            self.shrink();
        }
        entry
    }

    fn shrink(&mut self) {
        if self.in_flight.capacity() > KEEP_IN_FLIGHT {
            self.in_flight.shrink_to(KEEP_IN_FLIGHT);
        }
    }

    /// Whether a command whose answer may be large was made less than `lately` ago, was sent, and has no answer yet.
    pub(super) fn awaits_command(&self, now: Instant) -> bool {
        let sent = self.transmit.sent();
        self.in_flight.iter().take_while(|entry| entry.start < sent).any(|entry| match &entry.awaits {
            Awaits::Request(asked) => {
                asked.may_be_large() && now.saturating_duration_since(asked.since()) < SLOW_CONSUMER
            }
            _ => false,
        })
    }

    /// Input arrives.
    pub(super) fn hear(&mut self, now: Instant, bytes: &[u8]) {
        if !self.catching_up {
            self.heard = now;
        }
        self.listening = now;
        self.dead_at = None;
        self.brought_messages = false;
        let room = &mut self.opening[self.opening_len..];
        let taken = room.len().min(bytes.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        self.opening_len += taken;
    }

    /// The input of so many bytes that was heard last is understood.
    pub(super) fn understood(&mut self, now: Instant, bytes: usize, within_frame: bool) {
        self.within_frame = within_frame;
        if self.catching_up && self.brought_messages {
            // They were there when reading went on.
            self.lagged = Some(now);
        }
        // A read of less than it could bring leaves nothing that has waited.
        self.catching_up &= bytes >= READ_BYTES;
    }

    /// Nobody listens until the link is resumed: silence means nothing.
    pub(super) fn pause(&mut self) {
        self.paused = true;
        self.behind |= self.brought_messages;
        self.dead_at = None;
    }

    /// Somebody listens again.
    pub(super) fn resume(&mut self, now: Instant) {
        self.paused = false;
        self.catching_up = true;
        self.resumed = Some(now);
        self.listening = now;
        self.confirming = self.confirming.map(|_| now);
        if std::mem::take(&mut self.behind) {
            self.lagged = Some(now);
        }
    }

    /// Whether messages waited to be read so lately that the server may have dropped the connection for it.
    pub(super) fn is_slow_consumer(&self, now: Instant) -> bool {
        self.behind || self.lagged.is_some_and(|at| now.saturating_duration_since(at) < SLOW_CONSUMER)
    }

    /// The connection's first bytes.
    pub(super) fn opening(&self) -> &[u8] {
        &self.opening[..self.opening_len]
    }

    /// When something is due on this link.
    pub(super) fn timer(&self, ping_interval: Duration, ping_timeout: Duration) -> Option<Instant> {
        match self.phase {
            Phase::Idle => None,
            Phase::Connecting { deadline } | Phase::Handshaking { deadline } => Some(deadline),
            Phase::Waiting { until } => Some(until),
            Phase::Up if self.paused => None,
            Phase::Up => {
                let ask_at = self.unserved.as_ref().and_then(|unserved| unserved.ask_at);
                let liveness = self.dead_at.unwrap_or(self.listening + ping_interval);
                let role = self.watch.as_ref().and_then(Watch::due);
                let confirming = self.confirming.map(|since| since + ping_interval + ping_timeout);
                [ask_at, role, confirming].into_iter().flatten().chain([liveness]).min()
            }
        }
    }
}
