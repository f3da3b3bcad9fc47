//! A link, and what has meaning only while it has a connection.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::login::Login;
use super::reply::Reply;
use super::server_error::ServerError;
use super::statements::Statements;
use super::wire::Decoder;
use crate::backend::toolbox::{Batch, Liveness, Pipeline};
use crate::backend::{Connected, Secured};
use crate::model::{ConnectTimes, LinkId, RequestKind};

/// Carries statements and publishes, one after the other.
pub(super) const COMMANDS: LinkId = LinkId(0);
/// Carries subscriptions and what comes of them, so that a statement that takes long delays no message. It is made when something
/// is subscribed to.
pub(super) const SUBSCRIPTIONS: LinkId = LinkId(1);

/// Ends statements that nobody waits for. It is made for one of them, and gone after it.
pub(super) const CANCEL: LinkId = LinkId(2);

/// By what the server knows the process that serves a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) process: i32,
    pub(super) secret: i32,
}

/// Bytes of a message before the server has let us in; and after that, if `max_message_bytes` is less, so that the server may still say
/// something about the session.
pub(super) const MIN_MESSAGE: usize = 64 << 10;

/// A link of the session.
#[derive(Debug)]
pub(super) enum Link {
    /// Nobody needs it, or it waits for the next attempt.
    Idle,
    /// It is being made, until then.
    Connecting { deadline: Instant },
    /// It has a connection.
    Connected(Box<Connection>),
}

/// What is expected as the answer to a command. Each ends with a `ReadyForQuery`.
#[derive(Debug)]
pub(super) enum Expectation {
    /// LISTENs or UNLISTENs.
    Batch(Batch),
    /// The LISTEN for the channel of the probes.
    ProbeChannel,
    /// A probe was published.
    Probe,
    /// A message was published. `is_new`: the statement for it was prepared along with it.
    Publish { is_new: bool },
    /// A round trip.
    Ping,
    /// One statement. `is_new`: it was prepared along with it.
    Statement { is_new: bool },
    /// Statements between BEGIN and COMMIT. `is_new`: all of them were prepared along with it.
    Transaction { is_new: bool },
    /// A transaction that failed is ended.
    Rollback,
}

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// The server was asked whether it speaks TLS.
    AskedForTls,
    /// The loop secures the link.
    Securing,
    /// Logging in.
    Login(Login),
    /// The server let us in, and says what it is set to.
    Admitted,
    /// It was asked what it is.
    Role,
    /// It serves.
    Up,
}

/// What a server says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Greeting {
    pub(super) is_standby: bool,
    pub(super) is_read_only: bool,
    /// Something between answers for it: the process that ran the question is not the one of the key.
    pub(super) is_pooled: bool,
}

/// What a link has from `handle_connected` until it is lost.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stage: Stage,
    /// When it has to be up.
    pub(super) deadline: Instant,
    pub(super) peer: Option<SocketAddr>,
    pub(super) secured: Option<Secured>,
    /// How long the stages of connecting took.
    pub(super) times: ConnectTimes,
    made: Instant,
    pub(super) decoder: Decoder,
    pub(super) pipeline: Pipeline<Expectation>,
    pub(super) liveness: Liveness,
    /// The answer to the oldest command, as far as it has come.
    pub(super) reply: Reply,
    pub(super) statements: Statements,
    /// The statement that publishes is prepared.
    pub(super) has_published: bool,
    /// A transaction is under way. Nothing follows it, because what is sent after one that fails would fail with it.
    pub(super) is_blocked: bool,
    /// What the server said before it hung up.
    pub(super) last_words: Option<ServerError>,
    /// The server's version, if it said it.
    pub(super) version: Option<Box<str>>,
    /// What ends a statement. A pooler makes up its own.
    pub(super) key: Option<Key>,
    /// How many commands were answered.
    pub(super) answered: u64,
    /// The server was asked to end a statement, after so many answers. It may be at the next one when that comes.
    pub(super) cancelled: Option<u64>,
}

impl Connection {
    pub(super) fn new(
        how: &Connected,
        now: Instant,
        deadline: Instant,
        interval: Duration,
        timeout: Duration,
    ) -> Self {
        Self {
            stage: Stage::Login(Login::default()),
            deadline,
            peer: how.peer,
            secured: None,
            times: how.times,
            made: now,
            decoder: Decoder::new(MIN_MESSAGE),
            pipeline: Pipeline::default(),
            liveness: Liveness::new(now, interval, timeout),
            reply: Reply::default(),
            statements: Statements::default(),
            has_published: false,
            is_blocked: false,
            last_words: None,
            version: None,
            key: None,
            answered: 0,
            cancelled: None,
        }
    }

    /// It is secured now.
    pub(super) fn secure(&mut self, how: Secured, now: Instant) {
        self.secured = Some(how);
        self.times.tls = Some(now.saturating_duration_since(self.made));
    }

    /// It serves from now on.
    pub(super) fn admit(&mut self, now: Instant) {
        let since_made = now.saturating_duration_since(self.made);
        self.times.login = Some(since_made.saturating_sub(self.times.tls.unwrap_or_default()));
        self.stage = Stage::Up;
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up)
    }

    /// Whether a statement runs for which somebody waits. It may take as long as its caller has given it, and the server answers
    /// nothing else meanwhile.
    pub(super) fn runs_a_statement(&self) -> bool {
        let front = self.pipeline.front().and_then(|command| command.request.as_ref());
        front.is_some_and(|request| {
            matches!(request.kind(), RequestKind::Command(_) | RequestKind::Transaction(_))
        })
    }

    /// Requests were taken back before a byte of them was written. A transaction that is gone blocks nothing.
    pub(super) fn requests_taken_back(&mut self) {
        let is_transaction = |kind: &RequestKind| matches!(kind, RequestKind::Transaction(_));
        self.is_blocked &= self.pipeline.requests().any(|request| is_transaction(request.kind()))
            || self.pipeline.sent().any(|command| {
                matches!(command.expectation, Expectation::Transaction { .. } | Expectation::Rollback)
            });
    }

    /// When the silence of an established connection is to be looked at.
    pub(super) fn liveness_due(&self) -> Option<Instant> {
        self.liveness.due().filter(|_| self.is_up() && !self.runs_a_statement())
    }
}

impl Link {
    pub(super) fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Connected(connection) => Some(connection),
            _ => None,
        }
    }

    pub(super) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match self {
            Self::Connected(connection) => Some(connection),
            _ => None,
        }
    }

    /// The connection, if it serves.
    pub(super) fn up(&self) -> Option<&Connection> {
        self.connection().filter(|connection| connection.is_up())
    }

    /// Likewise, to change it.
    pub(super) fn up_mut(&mut self) -> Option<&mut Connection> {
        self.connection_mut().filter(|connection| connection.is_up())
    }
}
