//! A link: how far it has come, and the connection that it has while it is open.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use resp::{Decoder, Encoder};

use super::config::Config;
use super::protocol::{HandshakeStep, Version};
use super::reply;
use super::request::Replies;
use super::role::RoleQuestion;
use super::serving::Serving;
use crate::backend::toolbox::{Backoff, Batch, Liveness, PendingRequest, Pipeline, SLOW_CONSUMER};
use crate::backend::{Connected, Stage};
use crate::model::{LinkId, RequestKind};

/// How many of a connection's first bytes are kept to tell what answered, if it is no Redis server.
const OPENING: usize = 32;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkRole {
    /// All commands, and under RESP3 everything.
    Commands,
    /// The subscriptions under RESP2.
    Subscriptions,
}

/// What the next answer belongs to.
#[derive(Debug)]
pub(super) enum Expectation {
    /// A step of the handshake.
    Handshake(HandshakeStep),
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
        question: RoleQuestion,
        /// When it was encoded.
        since: Instant,
    },
    /// The SUBSCRIBE to the channel of the probe: a confirmation, or an error in its place.
    ProbeChannel,
    /// The PUBLISH of a probe.
    Probe,
    /// The PING that asks whether the server serves.
    Serving,
    /// A request of the main thread.
    Request {
        /// The request.
        request: PendingRequest,
        /// Its answers that are still to come.
        replies: Replies,
    },
    /// The late answers of a request that was answered with an error already. They are swallowed.
    LateReplies(Replies),
}

impl Expectation {
    /// The request whose answer is awaited, if it is one.
    pub(super) fn into_request(self) -> Option<PendingRequest> {
        if let Self::Request { request, .. } = self { Some(request) } else { None }
    }
}

/// One link of a session.
#[derive(Debug)]
pub(super) struct Link {
    id: LinkId,
    role: LinkRole,
    state: LinkState,
    backoff: Backoff,
}

/// How far a link has come.
#[derive(Debug)]
enum LinkState {
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
        connection: Box<Connection>,
    },
    /// In use.
    Up(Box<Connection>),
    /// Between two attempts.
    Waiting {
        /// When the next one begins.
        until: Instant,
    },
}

impl Link {
    pub(super) fn new(id: LinkId, role: LinkRole, backoff: Backoff) -> Self {
        Self { id, role, state: LinkState::Idle, backoff }
    }

    pub(super) fn id(&self) -> LinkId {
        self.id
    }

    pub(super) fn role(&self) -> LinkRole {
        self.role
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, LinkState::Idle)
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, LinkState::Waiting { .. })
    }

    /// Whether it is being made, handshake included.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.state, LinkState::Connecting { .. } | LinkState::Handshaking { .. })
    }

    #[inline]
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, LinkState::Up(_))
    }

    /// Whether bytes go to and fro.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, LinkState::Handshaking { .. } | LinkState::Up(_))
    }

    /// The connection, if it is up.
    pub(super) fn up(&self) -> Option<&Connection> {
        if let LinkState::Up(connection) = &self.state { Some(connection) } else { None }
    }

    /// Likewise, to change it.
    #[inline]
    pub(super) fn up_mut(&mut self) -> Option<&mut Connection> {
        if let LinkState::Up(connection) = &mut self.state { Some(connection) } else { None }
    }

    /// The connection, in its handshake or up.
    #[inline]
    pub(super) fn connection(&self) -> Option<&Connection> {
        match &self.state {
            LinkState::Handshaking { connection, .. } | LinkState::Up(connection) => Some(connection),
            _ => None,
        }
    }

    /// Likewise, to change it.
    #[inline]
    pub(super) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            LinkState::Handshaking { connection, .. } | LinkState::Up(connection) => Some(connection),
            _ => None,
        }
    }

    /// An attempt begins.
    pub(super) fn connect(&mut self, deadline: Instant) {
        self.state = LinkState::Connecting { deadline };
    }

    /// The event loop made the connection. `None` if it was not asked for.
    pub(super) fn connected(
        &mut self,
        how: Connected,
        now: Instant,
        config: &Config,
    ) -> Option<&mut Connection> {
        let LinkState::Connecting { deadline } = self.state else { return None };
        let connection = Box::new(Connection::new(self.role, how, now, config));
        self.state = LinkState::Handshaking { deadline, connection };
        self.connection_mut()
    }

    /// The server let us in.
    pub(super) fn handshaken(&mut self) {
        self.state = match std::mem::replace(&mut self.state, LinkState::Idle) {
            LinkState::Handshaking { connection, .. } => LinkState::Up(connection),
            other => other,
        };
    }

    /// The link ends, or its attempt. Returns the connection, if it had one.
    pub(super) fn close(&mut self) -> Option<Box<Connection>> {
        match std::mem::replace(&mut self.state, LinkState::Idle) {
            LinkState::Handshaking { connection, .. } | LinkState::Up(connection) => Some(connection),
            _ => None,
        }
    }

    /// Waits for the next attempt. Returns how long.
    pub(super) fn back_off(&mut self, now: Instant) -> Duration {
        let wait = self.backoff.next(now);
        self.state = LinkState::Waiting { until: now + wait };
        wait
    }

    /// The connection does all that it was made for, if it serves.
    pub(super) fn prove(&mut self, now: Instant) {
        if let LinkState::Up(connection) = &mut self.state
            && connection.serving.outage().is_none()
            && !std::mem::replace(&mut connection.proved, true)
        {
            self.backoff.good(now);
        }
    }

    /// Whether it does all that it was made for.
    pub(super) fn serves(&self) -> bool {
        self.up().is_some_and(|connection| connection.proved && connection.serving.outage().is_none())
    }

    /// When something is due while the link is not up.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            LinkState::Idle | LinkState::Up(_) => None,
            LinkState::Connecting { deadline } | LinkState::Handshaking { deadline, .. } => Some(deadline),
            LinkState::Waiting { until } => Some(until),
        }
    }
}

/// A connection, from the moment that the event loop made it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) pipeline: Pipeline<Expectation>,
    pub(super) liveness: Liveness,
    pub(super) serving: Serving,
    /// Away while it decodes.
    decoder: Option<Box<Decoder>>,
    role: LinkRole,
    version: Version,
    /// It has done all that it was made for at least once.
    proved: bool,
    made: Instant,
    /// The stage of making it that took longest.
    slowest: Option<Stage>,
    /// The address at the other end.
    peer: Option<SocketAddr>,
    /// What tells the server from every other, under RESP2 and if it says so.
    server_id: Option<Box<str>>,
    /// The server echoes what a PING says, as it should; some answer `+PONG` to every PING.
    echoes: bool,
    opening: [u8; OPENING],
    opening_len: usize,
}

impl Connection {
    fn new(role: LinkRole, how: Connected, now: Instant, config: &Config) -> Self {
        let limits = reply::limits(config.max_message_bytes);
        Self {
            pipeline: Pipeline::default(),
            liveness: Liveness::new(now, config.ping_interval, config.ping_timeout),
            serving: Serving::new(now),
            decoder: Some(Box::new(Decoder::with_limits(limits))),
            role,
            version: Version::Resp3,
            proved: false,
            made: now,
            slowest: how.slowest,
            peer: how.peer,
            server_id: None,
            echoes: false,
            opening: [0; OPENING],
            opening_len: 0,
        }
    }

    /// Input arrives. Returns the decoder for it, unless it is in use.
    pub(super) fn hear(&mut self, now: Instant, bytes: &[u8]) -> Option<Box<Decoder>> {
        self.liveness.hear(now);
        let room = &mut self.opening[self.opening_len..];
        let taken = room.len().min(bytes.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        self.opening_len += taken;
        self.decoder.take()
    }

    /// The input of so many bytes that was heard last is understood.
    pub(super) fn understood(&mut self, now: Instant, bytes: usize, decoder: Box<Decoder>) {
        self.liveness.understood(now, bytes, decoder.frame_start().is_some());
        self.decoder = Some(decoder);
    }

    /// Encodes a command of few words and awaits its answer.
    pub(super) fn send(&mut self, expectation: Expectation, words: &[&[u8]]) {
        self.pipeline.send(|out| {
            Encoder::new(out).command(words);
            expectation
        });
    }

    /// Looks for life.
    pub(super) fn ping(&mut self, now: Instant) {
        if self.liveness.ping() {
            self.send(Expectation::Liveness { since: now }, &[b"PING"]);
        }
    }

    /// Asks whether the server serves, unless that is under way.
    pub(super) fn ask_serving(&mut self) {
        if self.serving.ask() {
            self.send(Expectation::Serving, &[b"PING"]);
        }
    }

    /// Sends the PING that ends a batch.
    pub(super) fn send_fence(&mut self, token: u64) {
        self.send(Expectation::Fence { token }, &[b"PING", &fence(token)]);
    }

    /// Whether a PING's answer is the one to this fence, as far as can be told.
    pub(super) fn is_fence(&mut self, token: u64, echo: &[u8]) -> bool {
        if *echo == *fence(token) {
            self.echoes = true;
            return true;
        }
        // Garnet, Envoy and YugabyteDB leave out what a PING says.
        !self.echoes && *echo == *super::protocol::PONG
    }

    /// Whether a command whose answer may be large was made lately, was sent, and has no answer yet.
    pub(super) fn awaits_large_answer(&self, now: Instant) -> bool {
        self.pipeline.sent().any(|expectation| match expectation {
            Expectation::Request { request, .. } => {
                let may_be_large =
                    matches!(request.kind(), RequestKind::Command(_) | RequestKind::Transaction(_));
                may_be_large && now.saturating_duration_since(request.since()) < SLOW_CONSUMER
            }
            _ => false,
        })
    }

    pub(super) fn role(&self) -> LinkRole {
        self.role
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    pub(super) fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Whether it has done all that it was made for at least once.
    pub(super) fn is_proved(&self) -> bool {
        self.proved
    }

    /// When the event loop made it.
    pub(super) fn made(&self) -> Instant {
        self.made
    }

    /// The stage of making it that took longest.
    pub(super) fn slowest(&self) -> Option<&Stage> {
        self.slowest.as_ref()
    }

    /// The address at the other end.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// What tells the server from every other.
    pub(super) fn server_id(&self) -> Option<&str> {
        self.server_id.as_deref()
    }

    pub(super) fn set_server_id(&mut self, id: Option<Box<str>>) {
        self.server_id = id;
    }

    /// The first bytes that came.
    pub(super) fn opening(&self) -> &[u8] {
        &self.opening[..self.opening_len]
    }
}

/// Numbers the fences of a session.
#[derive(Debug, Default)]
pub(super) struct FenceTokens(u64);

impl FenceTokens {
    pub(super) fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// What the fence with this number echoes.
fn fence(token: u64) -> Vec<u8> {
    format!("realtime:{token}").into_bytes()
}
