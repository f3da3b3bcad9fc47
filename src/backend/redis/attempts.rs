//! Attempts to connect: to which server, and what is sent first.

use std::time::Instant;

use super::config::Protocol;
use super::connection::LinkRole;
use super::handshake;
use super::protocol::Version;
use super::server::Server;
use super::session::RedisSession;
use crate::backend::{Action, Connected, Endpoint, Secured};

impl RedisSession {
    /// Begins an attempt. The link of the commands chooses the server, and that of the subscriptions follows it.
    pub(super) fn connect(&mut self, i: usize, now: Instant) {
        if let (LinkRole::Commands, Some(watch)) = (self.links[i].role(), &self.watch) {
            match watch.master() {
                Some(master) => self.endpoints.point_to(master.clone()),
                // The attempt begins as soon as a Sentinel names the master.
                None => return drop(self.links[i].close()),
            }
        }
        let endpoint = self.endpoints.present().clone();
        let deadline = match self.links[i].role() {
            LinkRole::Commands => {
                self.counters.set_address(Some(endpoint.to_string()));
                self.endpoints.deadline(now)
            }
            LinkRole::Subscriptions | LinkRole::Node | LinkRole::Shard | LinkRole::Watch => {
                now + self.config.connect_timeout
            }
        };
        self.connect_to(i, endpoint, deadline);
    }

    /// Begins an attempt with this endpoint.
    pub(super) fn connect_to(&mut self, i: usize, endpoint: Endpoint, deadline: Instant) {
        let after = self.endpoints.failed_peer(&endpoint);
        self.actions.push_back(self.links[i].connect(endpoint, after, deadline));
    }

    /// The event loop made the connection: secures it if the settings ask for TLS, and begins the handshake.
    pub(super) fn connected(&mut self, i: usize, now: Instant, how: Connected) {
        if self.links[i].connected(how, now, &self.config).is_none() {
            return;
        }
        match self.links[i].secure(&self.config) {
            Some(action) => self.actions.push_back(action),
            None => self.say_hello(i),
        }
    }

    /// The event loop secured the connection: begins the handshake.
    pub(super) fn secured(&mut self, i: usize, how: Secured, now: Instant) {
        if let Some(connection) = self.links[i].connection_mut() {
            connection.secure(how, now);
            self.say_hello(i);
        }
    }

    /// Begins the handshake.
    fn say_hello(&mut self, i: usize) {
        let version = match (self.config.protocol, self.version) {
            (Protocol::Resp2, _) | (Protocol::Auto, Some(Version::Resp2)) => Version::Resp2,
            (Protocol::Auto, _) if self.resp2_alone => Version::Resp2,
            (Protocol::Resp3, _) | (Protocol::Auto, _) => Version::Resp3,
        };
        let Some(connection) = self.links[i].connection_mut() else { return };
        if connection.role == LinkRole::Commands {
            self.server = Server::default();
        }
        handshake::begin(connection, &self.config, version);
    }

    /// Gives up attempts that have no use while the link of the commands is down.
    pub(super) fn abandon_attempts(&mut self) {
        for link in &mut self.links {
            if link.role() == LinkRole::Subscriptions && link.is_under_way() {
                self.actions.push_back(Action::Close(link.id()));
                link.close();
            }
        }
    }
}
