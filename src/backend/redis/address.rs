//! Whether the address leads to another server than before.
//!
//! An address may move to another server, as after a failover. When it did is known only if the last server was asked for its role:
//! what was published on the new one since then did not come. Under RESP2 one of the two links may be lost alone meanwhile. It is
//! then made to another server than the other link, and what is published on the one is not heard on the other.

use super::connection::Connection;
use super::failure::Failure;

/// How often in a row links are renewed because they lead to two servers. An address that has several servers in turn may lead to
/// another one each time, and a proxy may ask any of its servers for their id.
const RENEWALS: u32 = 3;

/// What the console says when that did not help.
const APART: &str = "the address leads to several servers in turn, and subscriptions and commands are on two of them: what is \
                     published here may not be heard here; connect to the address of one server";

/// Where the links have led, and what was done when they led to two servers.
#[derive(Debug, Default)]
pub(super) struct AddressWatch {
    /// The id of the server of the last link of the commands.
    server_id: Option<Box<str>>,
    /// Links that were renewed for it since one was lost for any other reason.
    renewals: u32,
    /// It did not help.
    in_vain: bool,
    told: bool,
}

impl AddressWatch {
    /// A link is lost.
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

    /// A connection is up beside another one. Returns whether the other one, which is older, has to be renewed.
    pub(super) fn renews(&mut self, connection: &Connection, older: &Connection) -> bool {
        self.in_vain = leads_elsewhere(connection, older);
        let renews = self.in_vain && self.renewals < RENEWALS;
        self.renewals += u32::from(renews);
        renews
    }

    /// What the console should say, if it was not said before.
    pub(super) fn notice(&mut self) -> Option<&'static str> {
        (self.in_vain && !std::mem::replace(&mut self.told, true)).then_some(APART)
    }
}

/// Whether two connections lead to two servers. Without ids the addresses tell.
fn leads_elsewhere(one: &Connection, other: &Connection) -> bool {
    fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> Option<bool> {
        Some(one.as_ref()? != other.as_ref()?)
    }
    let by_address = || differ(&one.peer, &other.peer);
    differ(&one.server_id, &other.server_id).or_else(by_address).unwrap_or(false)
}
