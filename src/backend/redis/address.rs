//! Whether the address leads to another server than before.
//!
//! An address may move to another server, for example after a failover. The exact time of the move is
//! unknown. So the gap begins when the old server last answered the question for its role: messages published
//! on the new server after that were missed. Under RESP2 one of the two links may be lost alone when the
//! address moves. It then reconnects to another server than the other link, and messages published through
//! one link do not arrive on the other.

use super::connection::Connection;
use super::failure::Failure;

/// How often in a row links are renewed because they lead to two servers. An address that rotates among several
/// servers may lead to another one each time, and a proxy may pass the question for the id to any of its servers.
const RENEWALS: u32 = 3;

/// The console line if renewing the links did not help.
const APART: &str = "the address leads to several servers in turn, and subscriptions and commands are on two of them: messages \
                     published here may not arrive here; connect to the address of one server";

/// Where the links have led, and what was done when they led to two servers.
#[derive(Debug, Default)]
pub(super) struct AddressWatch {
    /// The id of the server that the last link of the commands led to.
    server_id: Option<Box<str>>,
    /// How many links were renewed because they led to two servers, since a link was last lost for another
    /// reason.
    renewals: u32,
    /// Renewing did not help.
    in_vain: bool,
    told: bool,
}

impl AddressWatch {
    /// A link was lost.
    pub(super) fn lost(&mut self, failure: &Failure) {
        if !matches!(failure, Failure::Moved) {
            self.renewals = 0;
        }
    }

    /// The connection of the commands is up. Returns whether it may lead to another server than the last one.
    pub(super) fn may_be_new(&mut self, connection: &Connection) -> bool {
        let id = connection.server_id.clone();
        let may_be_new = id.is_none() || id != self.server_id;
        self.server_id = id;
        may_be_new
    }

    /// A connection is up while the other one is, too. Returns whether the other one, which is older, has to be
    /// renewed.
    pub(super) fn renews(&mut self, connection: &Connection, older: &Connection) -> bool {
        let leads_elsewhere = leads_elsewhere(connection, older);
        let renews = leads_elsewhere && self.renewals < RENEWALS;
        self.in_vain = leads_elsewhere && !renews;
        self.renewals += u32::from(renews);
        renews
    }

    /// The console line, unless it was said before.
    pub(super) fn notice(&mut self) -> Option<&'static str> {
        (self.in_vain && !std::mem::replace(&mut self.told, true)).then_some(APART)
    }
}

/// Whether two connections lead to two servers. Without ids their addresses are compared.
fn leads_elsewhere(one: &Connection, other: &Connection) -> bool {
    fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> Option<bool> {
        Some(one.as_ref()? != other.as_ref()?)
    }
    let by_address = || differ(&one.peer, &other.peer);
    differ(&one.server_id, &other.server_id).or_else(by_address).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::backend::redis::config::Config;
    use crate::backend::redis::connection::LinkRole;
    use crate::backend::{Connected, LinkError, Options};

    fn connection(id: Option<&str>, port: u16) -> Connection {
        let config = Config::new(Options::default()).unwrap();
        let how = Connected { peer: Some(([127, 0, 0, 1], port).into()), ..Connected::default() };
        let mut connection = Connection::new(LinkRole::Commands, how, Instant::now(), &config);
        connection.server_id = id.map(Into::into);
        connection
    }

    #[test]
    fn ids_tell_two_servers_apart_and_without_them_addresses_do() {
        for (one, other, renews) in [
            ((Some("a"), 1), (Some("a"), 2), false),
            ((Some("a"), 1), (Some("b"), 1), true),
            ((Some("a"), 1), (None, 1), false),
            ((None, 1), (None, 2), true),
        ] {
            let (one, other) = (connection(one.0, one.1), connection(other.0, other.1));
            assert_eq!(AddressWatch::default().renews(&one, &other), renews, "{one:?} {other:?}");
        }
    }

    #[test]
    fn links_are_renewed_three_times_in_a_row_and_then_the_console_says_why_that_is_in_vain() {
        let mut watch = AddressWatch::default();
        let (one, other) = (connection(Some("a"), 1), connection(Some("b"), 2));
        for _ in 0..RENEWALS {
            assert!(watch.renews(&one, &other));
            watch.lost(&Failure::Moved);
        }
        assert!(!watch.renews(&one, &other));
        assert_eq!((watch.notice(), watch.notice()), (Some(APART), None));
        watch.lost(&Failure::Link(LinkError::Eof));
        assert!(watch.renews(&one, &other), "another loss begins anew");
    }

    #[test]
    fn a_server_is_known_by_its_id_alone() {
        let mut watch = AddressWatch::default();
        for (id, may_be_new) in
            [(Some("a"), true), (Some("a"), false), (Some("b"), true), (None, true), (None, true)]
        {
            assert_eq!(watch.may_be_new(&connection(id, 1)), may_be_new, "{id:?}");
        }
    }
}
