//! Whether the address leads to another server than before.
//!
//! An address may move to another server, as after a failover. When it did is known only if the last server was asked for its role:
//! what was published on the new one since then did not come. Under RESP2 one of the two links may be lost alone meanwhile. It is
//! then made to another server than the other link, and what is published on the one is not heard on the other.

use std::net::SocketAddr;
use std::time::Instant;

use super::failure::Failure;
use super::link::Link;
use super::session::{COMMANDS, Core, SUBSCRIBER};
use crate::model::Sink;

/// How often in a row links are renewed because they lead to two servers. An address that has several servers in turn may lead to
/// another one each time, and a proxy may ask any of its servers for their id.
const RENEWALS: u32 = 3;

/// What the console says when that did not help.
const APART: &str = "the address leads to several servers in turn, and subscriptions and commands are on two of them: what is \
                     published here may not be heard here; connect to the address of one server";

/// Where the links have led, and what was done when they led to two servers.
#[derive(Debug, Default)]
pub(super) struct Address {
    /// The id of the server of the last link of the commands.
    server_id: Option<Box<str>>,
    /// Links that were renewed for it since one was lost for any other reason.
    renewals: u32,
    /// It did not help.
    in_vain: bool,
    told: bool,
}

impl Address {
    /// A link is lost.
    pub(super) fn lost(&mut self, failure: &Failure) {
        if !matches!(failure, Failure::Moved) {
            self.renewals = 0;
        }
    }

    /// What the console should say, if it was not said before.
    pub(super) fn notice(&mut self) -> Option<&'static str> {
        (self.in_vain && !std::mem::replace(&mut self.told, true)).then_some(APART)
    }
}

impl Core {
    /// The link of the commands is up: unless it leads to the same server as the last one, the gap reaches back.
    pub(super) fn watch_server(&mut self) {
        let id = self.links[COMMANDS].server_id.clone();
        if id.is_none() || id != self.address.server_id {
            self.lose_to_new_master();
        }
        self.address.server_id = id;
    }

    /// A link is up: if the other one leads to another server, that is renewed, because it is older.
    pub(super) fn watch_address(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        let other = if i == COMMANDS { SUBSCRIBER } else { COMMANDS };
        // The nodes of a cluster hand on what is published.
        let is_cluster = self.server.mode.as_deref() == Some("cluster");
        if is_cluster || !self.links[other].is_up() {
            return;
        }
        self.address.in_vain = leads_elsewhere(&self.links[i], &self.links[other]);
        if self.address.in_vain && self.address.renewals < RENEWALS {
            self.address.renewals += 1;
            // The subscriptions' link may have led to the wrong server since it was made.
            let made = self.links[other].made.as_ref().map(|(made, _)| *made).filter(|_| other == SUBSCRIBER);
            self.master_seen = self.master_seen.or(made);
            self.fail(other, Failure::Moved, now, sink);
            self.lose_to_new_master();
        }
    }
}

/// Whether two links lead to two servers. Without ids the addresses tell.
fn leads_elsewhere(one: &Link, other: &Link) -> bool {
    fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> Option<bool> {
        Some(one.as_ref()? != other.as_ref()?)
    }
    let by_address = || differ::<SocketAddr>(&one.peer, &other.peer);
    differ(&one.server_id, &other.server_id).or_else(by_address).unwrap_or(false)
}
