//! A link: its state, and its connection while it is open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::Config;
use super::connection::{Connection, LinkRole};
use crate::backend::toolbox::Backoff;
use crate::backend::{Action, Connected, Endpoint};
use crate::model::{Error, LinkId};

/// One link of a session.
#[derive(Debug)]
pub(super) struct Link {
    id: LinkId,
    role: LinkRole,
    /// The current or last endpoint.
    endpoint: Option<Endpoint>,
    state: LinkState,
    backoff: Backoff,
    /// Why the last attempt failed or the last connection was lost, until the next one is up.
    error: Option<Error>,
}

/// The state of a link.
#[derive(Debug)]
enum LinkState {
    /// Not wanted, or not yet.
    Idle,
    /// The event loop is connecting, and gives up at the deadline.
    Connecting {
        /// When the attempt, handshake included, is given up.
        deadline: Instant,
    },
    /// Connected; the server has not accepted the handshake yet.
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
        Self { id, role, endpoint: None, state: LinkState::Idle, backoff, error: None }
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

    /// Whether it is connecting, handshake included.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.state, LinkState::Connecting { .. } | LinkState::Handshaking { .. })
    }

    #[inline]
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, LinkState::Up(_))
    }

    /// Whether there is a connection.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, LinkState::Handshaking { .. } | LinkState::Up(_))
    }

    /// Whether it leads to a node of a cluster and awaits answers, or may soon.
    pub(super) fn may_answer(&self) -> bool {
        let owes = |connection: &Connection| connection.pipeline.requests().next().is_some();
        self.role == LinkRole::Node && (self.is_under_way() || self.up().is_some_and(owes))
    }

    /// The connection, if it is up.
    pub(super) fn up(&self) -> Option<&Connection> {
        if let LinkState::Up(connection) = &self.state { Some(connection) } else { None }
    }

    /// The same, mutable.
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

    /// The same, mutable.
    #[inline]
    pub(super) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            LinkState::Handshaking { connection, .. } | LinkState::Up(connection) => Some(connection),
            _ => None,
        }
    }

    /// The current or last endpoint; `None` before the first attempt.
    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    /// Whether it leads to this node of a cluster. The node's address may differ from the one that the owner gave.
    pub(super) fn leads_to(&self, node: &Endpoint) -> bool {
        let peer = self.connection().and_then(|connection| connection.peer);
        let is_peer = |peer: SocketAddr| matches!(node, Endpoint::Tcp { host, port } if *port == peer.port() && host.parse() == Ok(peer.ip()));
        self.endpoint.as_ref() == Some(node) || peer.is_some_and(is_peer)
    }

    /// Begins an attempt. Returns the wish for it; the addresses of the endpoint's name that follow `after` are tried
    /// first.
    pub(super) fn connect(
        &mut self,
        endpoint: Endpoint,
        after: Option<SocketAddr>,
        deadline: Instant,
    ) -> Action {
        self.endpoint = Some(endpoint.clone());
        self.state = LinkState::Connecting { deadline };
        Action::Connect { link: self.id, endpoint, after, deadline }
    }

    /// The wish to have the connection secured before anything is sent on it, if the settings ask for that.
    pub(super) fn secure(&self, config: &Config) -> Option<Action> {
        let (Some(tls), Some(Endpoint::Tcp { host, .. })) = (&config.tls, &self.endpoint) else {
            return None;
        };
        Some(Action::Secure { link: self.id, tls: Arc::clone(tls.settings()), name: tls.name(host) })
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

    /// The server accepted the handshake.
    pub(super) fn handshaken(&mut self, now: Instant) {
        self.state = match std::mem::replace(&mut self.state, LinkState::Idle) {
            LinkState::Handshaking { mut connection, .. } => {
                connection.admit(now);
                LinkState::Up(connection)
            }
            other => other,
        };
        self.error = None;
    }

    /// Why the last attempt failed or the last connection was lost.
    pub(super) fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// The connection was lost, or the attempt failed, because of this.
    pub(super) fn set_error(&mut self, error: Error) {
        self.error = Some(error);
    }

    /// The link, or its attempt, ends. Returns the connection, if it had one.
    pub(super) fn close(&mut self) -> Option<Box<Connection>> {
        match std::mem::replace(&mut self.state, LinkState::Idle) {
            LinkState::Handshaking { connection, .. } | LinkState::Up(connection) => Some(connection),
            _ => None,
        }
    }

    /// The connection was lost, or the attempt failed. Returns whether there was a connection that lasted.
    pub(super) fn lost(&mut self, now: Instant) -> bool {
        self.backoff.lost(now)
    }

    /// Begins the pause before the next attempt. Returns its length.
    pub(super) fn back_off(&mut self, now: Instant) -> Duration {
        let wait = self.backoff.next(now);
        self.state = LinkState::Waiting { until: now + wait };
        wait
    }

    /// Whether the link works fully. Once it has, this stays true as long as its server serves data.
    pub(super) fn serves(&mut self, has_done_all: bool, now: Instant) -> bool {
        let LinkState::Up(connection) = &mut self.state else { return false };
        if connection.serving.outage().is_some() {
            return false;
        }
        if has_done_all && connection.prove() {
            self.backoff.good(now);
        }
        connection.is_proved()
    }

    /// When the next timer is due while the link is not up.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            LinkState::Idle | LinkState::Connecting { .. } | LinkState::Up(_) => None,
            LinkState::Handshaking { deadline, .. } => Some(deadline),
            LinkState::Waiting { until } => Some(until),
        }
    }
}
