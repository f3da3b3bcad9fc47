//! The hash slots of a cluster that this node does not hold alone.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::pubsub::Kind;
use crate::reply::Reply;
use crate::state::State;

/// Hash slots of a cluster.
pub(crate) const COUNT: u16 = 16_384;

/// The place of a hash slot. The other node's address is `host:port`.
#[derive(Debug)]
pub(crate) enum Place {
    /// The other node holds it.
    Moved(String),
    /// It is migrating to the other node.
    Migrating(String),
    /// It is being imported. The other node still holds it.
    Importing(String),
}

impl Place {
    /// The node that holds the hash slot, unless it is this one.
    pub(crate) fn holder(&self) -> Option<&str> {
        match self {
            Place::Moved(node) | Place::Importing(node) => Some(node),
            Place::Migrating(_) => None,
        }
    }
}

/// The hash slots that this node does not hold alone.
#[derive(Debug, Default)]
pub(crate) struct HashSlots(pub(crate) BTreeMap<u16, Place>);

/// The names in a command that have a hash slot.
#[derive(Debug)]
pub(crate) enum Named<'a> {
    Keys(Vec<&'a [u8]>),
    Channels(Vec<&'a [u8]>),
}

impl State {
    /// The error of a command that belongs to another node, like Redis's `getNodeByQuery`.
    pub(crate) fn redirect(&mut self, id: u64, named: &Named<'_>) -> Option<Failure> {
        if self.slots.0.is_empty() {
            return None;
        }
        let (Named::Keys(names) | Named::Channels(names)) = named;
        let mut slots = names.iter().map(|name| hash_slot(name));
        let slot = slots.next()?;
        if slots.any(|other| other != slot) {
            return Some(Failure::quoting("CROSSSLOT Keys in request don't hash to the same slot"));
        }
        let session = &self.connections.current(id).session;
        let database = &mut self.databases[session.db];
        let missing = match named {
            Named::Keys(keys) => keys.iter().filter(|key| database.value(key).is_none()).count(),
            // Channels of a migrating slot are served by the node that holds it.
            Named::Channels(_) => 0,
        };
        let try_again = Failure::of("TRYAGAIN Multiple keys request during rehashing of slot");
        match self.slots.0.get(&slot)? {
            Place::Migrating(_) if missing == 0 => None,
            Place::Migrating(node) if missing == names.len() => {
                Some(Failure::quoting(format!("ASK {slot} {node}")))
            }
            Place::Migrating(_) => Some(try_again),
            Place::Importing(_) if session.asking => (missing > 0 && names.len() > 1).then_some(try_again),
            Place::Moved(node) | Place::Importing(node) => {
                Some(Failure::quoting(format!("MOVED {slot} {node}")))
            }
        }
    }

    /// Sets the place of a name's hash slot. If another node holds it from now on, subscribers to sharded channels in
    /// it are notified that their subscription has ended.
    pub(crate) fn place_slot(&mut self, name: &[u8], place: Option<Place>) {
        let slot = hash_slot(name);
        let Some(place) = place else { return drop(self.slots.0.remove(&slot)) };
        let has_moved = matches!(place, Place::Moved(_));
        self.slots.0.insert(slot, place);
        if !has_moved {
            return;
        }
        for connection in self.connections.0.values_mut() {
            let session = &mut connection.session;
            let moved = session.sharded.iter().filter(|channel| hash_slot(channel) == slot);
            for channel in moved.cloned().collect::<Vec<_>>() {
                session.sharded.remove(&channel);
                self.pubsub.remove(Kind::Sharded, &channel, connection.id);
                let mut push = Reply::new(&mut connection.fresh, session.protocol);
                push.push(3);
                push.bulk("sunsubscribe");
                push.bulk(&channel);
                push.count(session.sharded.len());
            }
        }
    }
}

/// CRC-16/XMODEM of the hash tag, or of the whole name.
fn hash_slot(name: &[u8]) -> u16 {
    let tagged = name.splitn(2, |&byte| byte == b'{').nth(1).and_then(|rest| {
        let end = rest.iter().position(|&byte| byte == b'}').filter(|&end| end > 0)?;
        Some(&rest[..end])
    });
    let crc = tagged.unwrap_or(name).iter().fold(0_u16, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| (crc << 1) ^ if crc >> 15 == 1 { 0x1021 } else { 0 })
    });
    crc % COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slots_are_redis_own() {
        for (name, slot) in [("", 0), ("foo", 12_182), ("{user1000}.following", 3_443), ("foo{}{bar}", 8_363)]
        {
            assert_eq!(hash_slot(name.as_bytes()), slot, "{name}");
        }
    }
}
