//! The nodes of a cluster, as CLUSTER SLOTS lists them: <https://redis.io/docs/latest/commands/cluster-slots/>

use super::config::Config;
use super::texts::endpoint;
use crate::backend::Endpoint;
use crate::model::Value;

/// The nodes in an answer to CLUSTER SLOTS from the node at `used`: masters first, because they take commands, then
/// replicas. Most appear several times. Entries that cannot be an address, or that hold the password, are skipped.
pub(super) fn nodes(reply: &Value, used: &Endpoint, config: &Config) -> Vec<Endpoint> {
    let ranges = || items(reply).iter().map(|range| items(range).get(2..).unwrap_or_default());
    let masters = ranges().filter_map(<[Value]>::first);
    let replicas = ranges().filter_map(|nodes| nodes.get(1..)).flatten();
    masters.chain(replicas).filter_map(|it| node(it, used, config)).collect()
}

/// A range of hash slots, with its master and replicas.
#[derive(Debug)]
pub(super) struct HashSlotRange {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) master: Endpoint,
    pub(super) replicas: Vec<Endpoint>,
}

/// The ranges of hash slots in such an answer. Entries that cannot be understood are skipped.
pub(super) fn slots<'a>(
    reply: &'a Value,
    used: &'a Endpoint,
    config: &'a Config,
) -> impl Iterator<Item = HashSlotRange> + 'a {
    items(reply).iter().filter_map(|range| {
        let [Value::Integer(first), Value::Integer(last), master, replicas @ ..] = items(range) else {
            return None;
        };
        Some(HashSlotRange {
            first: u16::try_from(*first).ok()?,
            last: u16::try_from(*last).ok()?,
            master: node(master, used, config)?,
            replicas: replicas.iter().filter_map(|replica| node(replica, used, config)).collect(),
        })
    })
}

/// Host and port; the fields after them are not needed.
fn node(node: &Value, used: &Endpoint, config: &Config) -> Option<Endpoint> {
    let [address, Value::Integer(port), ..] = items(node) else { return None };
    let port = u16::try_from(*port).ok().filter(|&port| port > 0)?;
    match (address, used) {
        (Value::String(text), _) if !text.is_empty() => endpoint(text, port, config),
        // The node does not know its address: take the one at which it was asked.
        (Value::String(_) | Value::Null, Endpoint::Tcp { host, .. }) => {
            Some(Endpoint::Tcp { host: host.clone(), port })
        }
        _ => None,
    }
}

fn items(value: &Value) -> &[Value] {
    if let Value::Array(items) = value { items } else { &[] }
}
