//! One link of a session, from the lookup of its name to the transport.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mio::event::Event;
use mio::{Registry, Token};

use super::connect::{Attempt, Lookup};
use super::io::Io;
use super::resolve::Answer;
use super::transport::{Target, Transport};
use crate::backend::{Connected, Endpoint, LinkError, Secured, Tls};
use crate::model::LinkId;

/// One link of a session.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) token: Token,
    connection: Connection,
    /// Bytes may wait, but the queue has no room for them, so nothing is read. Only this field knows it.
    paused: bool,
}

/// The state of a link.
#[derive(Debug)]
enum Connection {
    Lookup(Lookup),
    Attempt(Attempt),
    Established(Box<dyn Transport>),
    /// Waits to be secured, for a server of this name.
    Unsecured(Box<dyn Transport>, Arc<Tls>, String),
    /// Being secured.
    Securing(Box<dyn Transport>),
    /// Only while one of these becomes another.
    Closed,
}

/// The result of one step.
#[derive(Debug)]
pub(super) enum Progress {
    Connected(Connected),
    Secured(Secured),
}

impl Link {
    /// Begins to make a link.
    pub(super) fn connect(
        id: LinkId,
        token: Token,
        endpoint: Endpoint,
        after: Option<SocketAddr>,
        deadline: Instant,
        io: &Io,
        now: Instant,
    ) -> Result<Self, LinkError> {
        let attempt = |target| {
            Attempt::begin([target].into(), None, &io.registry, token, now, deadline).map(Connection::Attempt)
        };
        let connection = match endpoint {
            Endpoint::Unix(path) => attempt(Target::Unix(path))?,
            Endpoint::Tcp { host, port } => match host.parse::<IpAddr>() {
                Ok(ip) => attempt(Target::Tcp(SocketAddr::new(ip, port)))?,
                Err(_) => Connection::Lookup(Lookup::begin(host, port, after, token, deadline, io, now)),
            },
        };
        Ok(Self { id, token, connection, paused: false })
    }

    /// The resolver's answer.
    pub(super) fn handle_answer(&mut self, answer: Answer, io: &Io, now: Instant) -> Result<(), LinkError> {
        if let Connection::Lookup(lookup) = &mut self.connection {
            self.connection = Connection::Attempt(lookup.finish(answer, io, now)?);
        }
        Ok(())
    }

    /// Records the selector's event.
    pub(super) fn handle_event(&mut self, event: &Event) {
        match &mut self.connection {
            Connection::Attempt(attempt) => attempt.handle_event(event),
            Connection::Established(transport)
            | Connection::Unsecured(transport, ..)
            | Connection::Securing(transport) => transport.handle_event(event),
            Connection::Lookup(_) | Connection::Closed => {}
        }
    }

    /// Continues connecting or securing after an event, or when time is up. Returns `Some` once the link is
    /// connected, and once it is secured.
    pub(super) fn check(&mut self, io: &mut Io, now: Instant) -> Result<Option<Progress>, LinkError> {
        match &mut self.connection {
            Connection::Lookup(lookup) => lookup.check(now).map(|()| None),
            Connection::Attempt(attempt) => {
                let connected = attempt.check(&io.registry, now)?;
                if connected.is_some()
                    && let Connection::Attempt(attempt) =
                        std::mem::replace(&mut self.connection, Connection::Closed)
                {
                    self.connection = Connection::Established(attempt.into_transport());
                }
                Ok(connected.map(Progress::Connected))
            }
            Connection::Unsecured(..) | Connection::Securing(_) => self.secure(io),
            Connection::Established(_) | Connection::Closed => Ok(None),
        }
    }

    /// Starts securing the link, if it is up.
    pub(super) fn begin_securing(&mut self, tls: Arc<Tls>, name: String) {
        self.connection = match std::mem::replace(&mut self.connection, Connection::Closed) {
            Connection::Established(transport) => Connection::Unsecured(transport, tls, name),
            other => other,
        };
    }

    /// Continues the handshake that secures the link, if this link may in this round.
    fn secure(&mut self, io: &mut Io) -> Result<Option<Progress>, LinkError> {
        if !self.has_handshake_work() || !io.take_handshake(self.token) {
            return Ok(None);
        }
        if let Connection::Unsecured(_, tls, name) = &self.connection {
            let layer = io.tls.layer(tls, name)?;
            self.connection = match std::mem::replace(&mut self.connection, Connection::Closed) {
                Connection::Unsecured(transport, ..) => Connection::Securing(layer.over(transport)),
                other => other,
            };
        }
        let Connection::Securing(transport) = &mut self.connection else { return Ok(None) };
        let secured = transport.finish_securing()?;
        if secured.is_some()
            && let Connection::Securing(transport) =
                std::mem::replace(&mut self.connection, Connection::Closed)
        {
            self.connection = Connection::Established(transport);
        }
        Ok(secured.map(Progress::Secured))
    }

    /// Whether the handshake that secures the link can go on.
    fn has_handshake_work(&self) -> bool {
        match &self.connection {
            Connection::Unsecured(..) => true,
            Connection::Securing(transport) => transport.can_read(),
            _ => false,
        }
    }

    /// Before the loop sleeps: asks the selector for the events that the link waits for.
    pub(super) fn rearm(&mut self, registry: &Registry) {
        if let Connection::Established(transport) | Connection::Securing(transport) = &mut self.connection {
            transport.rearm(registry);
        }
    }

    /// When [`Link::check`] is due.
    pub(super) fn timeout(&self) -> Option<Instant> {
        match &self.connection {
            Connection::Lookup(lookup) => Some(lookup.deadline()),
            Connection::Attempt(attempt) => Some(attempt.until()),
            _ => None,
        }
    }

    /// Where bytes are read and written, once there is a connection.
    pub(super) fn transport(&mut self) -> Option<&mut dyn Transport> {
        match &mut self.connection {
            Connection::Established(transport) => Some(&mut **transport),
            _ => None,
        }
    }

    /// Whether it has work that no event will announce.
    pub(super) fn is_busy(&self) -> bool {
        self.can_read() || self.has_handshake_work()
    }

    /// Whether a read may return something, and is wanted.
    pub(super) fn can_read(&self) -> bool {
        !self.paused && matches!(&self.connection, Connection::Established(transport) if transport.can_read())
    }

    /// Whether it waits for room in the queue.
    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Reads nothing until it is resumed.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    /// There is room again.
    pub(super) fn resume(&mut self) {
        self.paused = false;
    }

    /// Closes the link or its attempt.
    pub(super) fn close(mut self, io: &mut Io) {
        io.forget_token(self.token);
        match &mut self.connection {
            Connection::Attempt(attempt) => attempt.close(&io.registry),
            Connection::Established(transport)
            | Connection::Unsecured(transport, ..)
            | Connection::Securing(transport) => transport.close(&io.registry),
            Connection::Lookup(_) | Connection::Closed => {}
        }
    }
}
