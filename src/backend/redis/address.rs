//! Whether the address leads to another server than before.

use std::net::SocketAddr;
use std::time::Instant;

use super::failure::Failure;
use super::session::{COMMANDS, Core, LINKS, SUBSCRIBER};
use crate::model::Sink;

/// The servers that the links led to last.
#[derive(Debug, Default)]
pub(super) struct Met {
    servers: [Option<Server>; LINKS],
    /// A link is renewed because the other one leads to another server.
    moving: bool,
}

/// What is known of the server that a link led to.
#[derive(Debug, Clone)]
struct Server {
    id: Option<Box<str>>,
    peer: Option<SocketAddr>,
}

impl Server {
    /// Whether it is another server. Without ids the addresses tell.
    fn differs(&self, other: &Self) -> bool {
        match (&self.id, &other.id) {
            (Some(one), Some(other)) => one != other,
            _ => self.peer.zip(other.peer).is_some_and(|(one, other)| one != other),
        }
    }
}

impl Core {
    /// Under RESP2 one of the two links may be lost alone. If it then leads to another server, as after a failover, the other
    /// link is on a server that is no longer meant: it is renewed too. Where an address has several servers in turn, both links
    /// may lead to another one each time, so that a link which was renewed for this renews none.
    pub(super) fn watch_address(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        let id = self.server.id.clone().filter(|_| i == COMMANDS);
        let met = Server { id, peer: self.links[i].peer };
        let other = if i == COMMANDS { SUBSCRIBER } else { COMMANDS };
        // A link that is made for the first time is held against the other one.
        let before = self.met.servers[i].replace(met.clone()).or_else(|| self.met.servers[other].clone());
        let met_another = before.is_some_and(|before| before.differs(&met));
        // The other one may be there already.
        let apart = i == COMMANDS || self.links[other].peer != met.peer;
        if !std::mem::take(&mut self.met.moving) && met_another && apart && self.links[other].is_open() {
            self.met.moving = true;
            self.fail(other, Failure::Moved, now, sink);
        }
    }
}
