//! One link of a session, from the lookup of its name to the transport.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use mio::event::Event;
use mio::{Registry, Token};

use super::connect::{Attempt, Lookup};
use super::io::Io;
use super::resolve::Answer;
use super::transport::{Target, Transport};
use crate::backend::{Connected, Endpoint, LinkError};
use crate::model::LinkId;

/// One link of a session.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) token: Token,
    connection: Connection,
    /// Bytes may wait, but the queue had no room for them: nothing is read until it has. Kept here alone.
    paused: bool,
}

/// How far a link has come.
#[derive(Debug)]
enum Connection {
    Lookup(Lookup),
    Attempt(Attempt),
    Established(Box<dyn Transport>),
    /// For the moment in which an attempt becomes a transport.
    Closed,
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

    /// The answer of the resolver.
    pub(super) fn handle_answer(&mut self, answer: Answer, io: &Io, now: Instant) -> Result<(), LinkError> {
        if let Connection::Lookup(lookup) = &mut self.connection {
            self.connection = Connection::Attempt(lookup.finish(answer, io, now)?);
        }
        Ok(())
    }

    /// Takes note of what the selector says.
    pub(super) fn handle_event(&mut self, event: &Event) {
        match &mut self.connection {
            Connection::Attempt(attempt) => attempt.handle_event(event),
            Connection::Established(transport) => transport.handle_event(event),
            Connection::Lookup(_) | Connection::Closed => {}
        }
    }

    /// Goes on with making the link after news of it, or when time is up. Returns `Some` once, when it is connected.
    pub(super) fn check(
        &mut self,
        registry: &Registry,
        now: Instant,
    ) -> Result<Option<Connected>, LinkError> {
        match &mut self.connection {
            Connection::Lookup(lookup) => lookup.check(now).map(|()| None),
            Connection::Attempt(attempt) => {
                let connected = attempt.check(registry, now)?;
                if connected.is_some()
                    && let Connection::Attempt(attempt) =
                        std::mem::replace(&mut self.connection, Connection::Closed)
                {
                    self.connection = Connection::Established(attempt.into_transport());
                }
                Ok(connected)
            }
            Connection::Established(_) | Connection::Closed => Ok(None),
        }
    }

    /// When [`Link::check`] is due.
    pub(super) fn timeout(&self) -> Option<Instant> {
        match &self.connection {
            Connection::Lookup(lookup) => Some(lookup.deadline()),
            Connection::Attempt(attempt) => Some(attempt.until()),
            Connection::Established(_) | Connection::Closed => None,
        }
    }

    /// Where bytes are read and written, once there is a connection.
    pub(super) fn transport(&mut self) -> Option<&mut dyn Transport> {
        match &mut self.connection {
            Connection::Established(transport) => Some(&mut **transport),
            _ => None,
        }
    }

    /// Whether a read may bring something, and is wanted.
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

    /// Closes what there is.
    pub(super) fn close(mut self, io: &mut Io) {
        io.forget_token(self.token);
        match &mut self.connection {
            Connection::Attempt(attempt) => attempt.close(&io.registry),
            Connection::Established(transport) => transport.close(&io.registry),
            Connection::Lookup(_) | Connection::Closed => {}
        }
    }
}
