//! A Sentinel's state of the masters that it watches.

use std::collections::BTreeMap;

use crate::pubsub::Kind;
use crate::state::State;

/// A server's host and port.
pub(crate) type HostPort = (String, u16);

/// The masters, and the other Sentinels.
#[derive(Debug)]
pub(crate) struct Watched {
    /// By name.
    pub(crate) masters: BTreeMap<Vec<u8>, HostPort>,
    pub(crate) other_sentinels: Vec<HostPort>,
    /// Whether it reaches enough of them for a failover.
    pub(crate) has_quorum: bool,
}

impl Default for Watched {
    fn default() -> Watched {
        Watched { masters: BTreeMap::new(), other_sentinels: Vec::new(), has_quorum: true }
    }
}

impl State {
    /// A server is the master of this name from now on. If it replaces another one, that is announced.
    pub(crate) fn name_master(&mut self, name: &str, host: &str, port: u16) {
        let new = (host.to_owned(), port);
        let Some(old) = self.watched.masters.insert(name.into(), new) else { return };
        if (old.0.as_str(), old.1) != (host, port) {
            let switch = format!("{name} {} {} {host} {port}", old.0, old.1);
            self.publish(Kind::Channel, b"+switch-master", switch.as_bytes());
        }
    }
}
