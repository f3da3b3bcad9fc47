//! A link, and the state that lasts as long as its connection.

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

/// Carries statements and publishes, in order.
pub(super) const COMMANDS: LinkId = LinkId(0);
/// Carries subscriptions and their messages, so that a slow statement delays no message. It is opened at the first
/// subscription.
pub(super) const SUBSCRIPTIONS: LinkId = LinkId(1);

/// Cancels abandoned statements. It is opened for one of them and closed after it.
pub(super) const CANCEL: LinkId = LinkId(2);

/// The server's key for cancelling what a connection runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) process: i32,
    pub(super) secret: i32,
}

/// The longest message in bytes before the login is complete. Afterwards the limit is never less than this, so that
/// the server's messages about the session fit.
pub(super) const MIN_MESSAGE: usize = 64 << 10;

/// A link of the session.
#[derive(Debug)]
pub(super) enum Link {
    /// Not needed, or waiting for the next attempt.
    Idle,
    /// Being opened, until the deadline.
    Connecting { deadline: Instant },
    /// Connected.
    Connected(Box<Connection>),
}

/// The answer that a command expects. Each ends with a `ReadyForQuery`.
#[derive(Debug)]
pub(super) enum Expectation {
    /// For LISTENs or UNLISTENs.
    Batch(Batch),
    /// For the LISTEN to the channel of the probes.
    ProbeChannel,
    /// For a probe.
    Probe,
    /// For a message. `is_new`: the statement that publishes was prepared along with it.
    Publish { is_new: bool },
    /// For a round trip.
    Ping,
    /// For one statement. `is_new`: it was prepared along with it.
    Statement { is_new: bool },
    /// For statements between BEGIN and COMMIT. `is_new`: all of them were prepared along with it.
    Transaction { is_new: bool },
    /// For the ROLLBACK of a failed transaction.
    Rollback,
}

/// How far the handshake of a connection is.
#[derive(Debug)]
pub(super) enum Stage {
    /// Asked the server whether it speaks TLS.
    AskedForTls,
    /// The loop does the TLS handshake.
    Securing,
    /// The login is going on.
    Login(Login),
    /// Logged in; the server sends its parameters.
    Admitted,
    /// Asked the server for its role.
    Role,
    /// Ready for commands.
    Up,
}

/// What a server tells about itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Greeting {
    pub(super) is_standby: bool,
    pub(super) is_read_only: bool,
    /// There is a pooler: the process that answered is not the one in the key.
    pub(super) is_pooled: bool,
}

/// The state of a link from `handle_connected` until it is lost.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stage: Stage,
    /// When the link must be ready for commands.
    pub(super) deadline: Instant,
    pub(super) peer: Option<SocketAddr>,
    pub(super) secured: Option<Secured>,
    /// How long the stages of connecting took.
    pub(super) times: ConnectTimes,
    pub(super) made: Instant,
    pub(super) decoder: Decoder,
    pub(super) pipeline: Pipeline<Expectation>,
    pub(super) liveness: Liveness,
    /// The answer to the oldest command, as far as it has arrived.
    pub(super) reply: Reply,
    pub(super) statements: Statements,
    /// The statement that publishes is prepared.
    pub(super) has_published: bool,
    /// A transaction was sent and has not ended. No other command is sent until it has, because that command
    /// would fail with the transaction.
    pub(super) is_blocked: bool,
    /// The server's last error before it closed the connection.
    pub(super) last_words: Option<ServerError>,
    /// The server's version, if it sent one.
    pub(super) version: Option<Box<str>>,
    /// The key for cancelling statements. A pooler makes up its own.
    pub(super) key: Option<Key>,
    /// The number of answered commands.
    pub(super) answered: u64,
    /// `answered` at the time of the last request to cancel. When that arrives, the server may be at the next
    /// statement already.
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

    /// TLS is in place.
    pub(super) fn secure(&mut self, how: Secured, now: Instant) {
        self.secured = Some(how);
        self.times.tls = Some(now.saturating_duration_since(self.made));
    }

    /// The link is ready for commands.
    pub(super) fn admit(&mut self, now: Instant) {
        let since_made = now.saturating_duration_since(self.made);
        self.times.login = Some(since_made.saturating_sub(self.times.tls.unwrap_or_default()));
        self.stage = Stage::Up;
    }

    /// Whether it leads over the network without TLS.
    pub(super) fn is_plain(&self) -> bool {
        self.peer.is_some() && self.secured.is_none()
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up)
    }

    /// Whether somebody waits for the running statement. It may take as long as its caller allows, and the server
    /// answers nothing else meanwhile.
    pub(super) fn runs_a_statement(&self) -> bool {
        let front = self.pipeline.front().and_then(|command| command.request.as_ref());
        front.is_some_and(|request| {
            matches!(request.kind(), RequestKind::Command(_) | RequestKind::Transaction(_))
        })
    }

    /// Requests were taken back before a byte of them was written. If a transaction is among them, it no longer
    /// blocks.
    pub(super) fn requests_taken_back(&mut self) {
        let is_transaction = |kind: &RequestKind| matches!(kind, RequestKind::Transaction(_));
        self.is_blocked &= self.pipeline.requests().any(|request| is_transaction(request.kind()))
            || self.pipeline.sent().any(|command| {
                matches!(command.expectation, Expectation::Transaction { .. } | Expectation::Rollback)
            });
    }

    /// When to check an established connection for silence.
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

    /// The connection, if it is ready for commands.
    pub(super) fn up(&self) -> Option<&Connection> {
        self.connection().filter(|connection| connection.is_up())
    }

    /// The same, mutable.
    pub(super) fn up_mut(&mut self) -> Option<&mut Connection> {
        self.connection_mut().filter(|connection| connection.is_up())
    }
}
