//! A connection: bytes that wait to be written, answers that are awaited, and whether its server is alive.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use resp::{Decoder, Encoder};

use super::config::Config;
use super::failure::Circumstances;
use super::protocol::{HandshakeStep, MAX_NAME, PONG, SentinelQuestion, Version};
use super::reply;
use super::request::Replies;
use super::role::RoleQuestion;
use super::security::AddressSource;
use super::serving::Serving;
use crate::backend::toolbox::{Batch, InFlight, Liveness, Pipeline};
use crate::backend::{Connected, Secured, Stage};
use crate::model::{ConnectTimes, RequestKind};

/// How many of a connection's first bytes are kept, to recognize a server that is not Redis.
const OPENING: usize = 32;

/// If a connection is lost within this time after messages had to wait, or after a command with a large
/// answer, that is named as the likely reason. After this time a server drops a client whose buffer is over
/// its soft limit:
/// <https://redis.io/docs/latest/develop/reference/clients/>
const SLOW_CONSUMER: Duration = Duration::from_secs(60);

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkRole {
    /// All commands; under RESP3 the subscriptions, too.
    Commands,
    /// The subscriptions, under RESP2.
    Subscriptions,
    /// The watch over the master, on a Sentinel. Not in the session's own list of links.
    Watch,
    /// Commands with keys that another node of the cluster holds. Such links are opened and closed as needed.
    Node,
    /// Sharded channels of a cluster, at a node of their shard. These are opened and closed as needed, too.
    Shard,
}

impl LinkRole {
    /// The roles of the links that every session has.
    pub(super) const EVERY_SESSION: [Self; 2] = [Self::Commands, Self::Subscriptions];

    /// Whether it belongs to a node of a cluster and comes and goes with it: the client is not down when such a link
    /// is lost.
    pub(super) fn is_nodes(self) -> bool {
        matches!(self, Self::Node | Self::Shard)
    }
}

/// What the next answer belongs to.
#[derive(Debug)]
pub(super) enum Expectation {
    /// A step of the handshake.
    Handshake(HandshakeStep),
    /// A SUBSCRIBE or UNSUBSCRIBE: confirmations, which are not answers, or one error instead.
    Batch(Batch),
    /// The PING after a batch, by the number that it echoes; any answer to it ends the batch.
    Fence(u64),
    /// The PING that checks whether the server is alive, and when it was encoded.
    Liveness(Instant),
    /// A question for the server's role, and when it was encoded.
    Role(RoleQuestion, Instant),
    /// The SUBSCRIBE to the channel of the probe: a confirmation, or an error instead.
    ProbeChannel,
    /// The PUBLISH of a probe.
    Probe,
    /// The question for the nodes of the cluster.
    Nodes,
    /// CLUSTER INFO, and when it was encoded.
    ClusterInfo(Instant),
    /// The PING that asks whether the server serves data.
    Serving,
    /// A question to a Sentinel.
    Sentinel(SentinelQuestion),
    /// The remaining answers to a request. They are discarded if it was answered with an error already.
    Replies(Replies),
}

/// A connection, from the moment at which the event loop made it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) pipeline: Pipeline<Expectation>,
    pub(super) liveness: Liveness,
    pub(super) serving: Serving,
    /// `None` while the decoder is in use.
    decoder: Option<Box<Decoder>>,
    pub(super) role: LinkRole,
    pub(super) version: Version,
    /// It has worked fully at least once.
    proved: bool,
    pub(super) made: Instant,
    /// When a request was last sent or answered on it.
    pub(super) used: Instant,
    /// When the cluster last named its node; before that, when the connection was made.
    pub(super) named: Instant,
    /// The stage of connecting that took longest.
    pub(super) slowest: Option<Stage>,
    /// The durations of the stages so far.
    pub(super) times: ConnectTimes,
    /// How it is secured, once it is.
    pub(super) secured: Option<Secured>,
    /// The address at the other end.
    pub(super) peer: Option<SocketAddr>,
    /// The server's unique id, if the server gives one.
    pub(super) server_id: Option<Box<str>>,
    /// The server echoes the argument of a PING, as it should; some answer `+PONG` to every PING.
    echoes: bool,
    opening: [u8; OPENING],
    opening_len: usize,
}

impl Connection {
    pub(super) fn new(role: LinkRole, how: Connected, now: Instant, config: &Config) -> Self {
        // The owner's limit is not meant for a Sentinel's answers.
        let max = if role == LinkRole::Watch { MAX_NAME } else { config.max_message_bytes };
        let limits = reply::limits(max);
        Self {
            pipeline: Pipeline::default(),
            liveness: Liveness::new(now, config.ping_interval, config.ping_timeout),
            serving: Serving::new(now),
            decoder: Some(Box::new(Decoder::with_limits(limits))),
            role,
            version: Version::Resp3,
            proved: false,
            made: now,
            used: now,
            named: now,
            slowest: how.slowest,
            times: how.times,
            secured: None,
            peer: how.peer,
            server_id: None,
            echoes: false,
            opening: [0; OPENING],
            opening_len: 0,
        }
    }

    /// TLS is in place.
    pub(super) fn secure(&mut self, how: Secured, now: Instant) {
        self.secured = Some(how);
        self.times.tls = Some(now.saturating_duration_since(self.made));
    }

    /// The server accepted the handshake.
    pub(super) fn admit(&mut self, now: Instant) {
        let login =
            now.saturating_duration_since(self.made).saturating_sub(self.times.tls.unwrap_or_default());
        self.times.login = Some(login);
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

    /// The last input was decoded; it had this many bytes.
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

    /// Sends the PING that checks whether the server is alive.
    pub(super) fn ping(&mut self, now: Instant) {
        if self.liveness.ping() {
            self.send(Expectation::Liveness(now), &[b"PING"]);
        }
    }

    /// Asks whether the server serves data, unless that question is in flight.
    pub(super) fn ask_serving(&mut self) {
        if self.serving.ask() {
            self.send(Expectation::Serving, &[b"PING"]);
        }
    }

    /// Sends the PING that ends a batch.
    pub(super) fn send_fence(&mut self, token: u64) {
        self.send(Expectation::Fence(token), &[b"PING", &fence(token)]);
    }

    /// Whether a PING's answer belongs to this fence, as far as can be told.
    pub(super) fn is_fence(&mut self, token: u64, echo: &[u8]) -> bool {
        if *echo == *fence(token) {
            self.echoes = true;
            return true;
        }
        // Garnet, Envoy and YugabyteDB leave out a PING's argument.
        !self.echoes && *echo == *PONG
    }

    /// Whether a command with a possibly large answer was made lately, was sent, and has no answer yet.
    pub(super) fn awaits_large_answer(&self, now: Instant) -> bool {
        self.pipeline.sent().filter_map(|command| command.request.as_ref()).any(|request| {
            matches!(request.kind(), RequestKind::Command(_) | RequestKind::Transaction(_))
                && now.saturating_duration_since(request.since()) < SLOW_CONSUMER
        })
    }

    /// Whether messages waited to be read so recently that the server may have dropped the connection for it.
    fn is_slow_consumer(&self, now: Instant) -> bool {
        self.liveness.lagged_within(SLOW_CONSUMER, now)
    }

    /// Whether nothing is in flight on it, and no request was for this long.
    pub(super) fn is_unused(&self, time: Duration, now: Instant) -> bool {
        self.pipeline.is_empty() && now.saturating_duration_since(self.used) >= time
    }

    /// How many requests were answered with an error before their answers came.
    pub(super) fn late(&self) -> usize {
        let is_late = |command: &&InFlight<Expectation>| {
            command.request.is_none() && matches!(command.expectation, Expectation::Replies(_))
        };
        self.pipeline.sent().filter(is_late).count()
    }

    /// Whether it has worked fully at least once.
    pub(super) fn is_proved(&self) -> bool {
        self.proved
    }

    /// It works fully now. Returns whether that is the first time.
    pub(super) fn prove(&mut self) -> bool {
        !std::mem::replace(&mut self.proved, true)
    }

    /// The first bytes that were received.
    fn opening(&self) -> &[u8] {
        &self.opening[..self.opening_len]
    }
}

/// The circumstances of a failure at `now`; the connection is `None` if it was never made. `was_new`: the handshake
/// never completed.
pub(super) fn circumstances<'a>(
    connection: Option<&'a Connection>,
    was_new: bool,
    config: &Config,
    now: Instant,
) -> Circumstances<'a> {
    let Some(connection) = connection else { return Circumstances { was_new, ..Circumstances::default() } };
    Circumstances {
        opening: connection.opening(),
        was_new,
        lagged: connection.is_slow_consumer(now),
        unsecured: config.tls.is_some() && connection.secured.is_none(),
        asked: false,
        address_source: AddressSource::Options,
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

/// The text that the fence with this number echoes.
fn fence(token: u64) -> Vec<u8> {
    format!("realtime:{token}").into_bytes()
}
