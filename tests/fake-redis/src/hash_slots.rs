//! Hash slots that another node of a cluster has, as far as sharded channels are concerned.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::pubsub::Kind;
use crate::reply::Reply;
use crate::state::State;

/// Which hash slots another node has, and where that is.
#[derive(Debug, Default)]
pub(crate) struct HashSlots(BTreeMap<u16, String>);

impl HashSlots {
    /// The error of a command on these names, unless all of them are here. Without a cluster there is none.
    pub(crate) fn refuse<'a>(&self, names: impl Iterator<Item = &'a Vec<u8>>) -> Option<Failure> {
        if self.0.is_empty() {
            return None;
        }
        let mut slots: Vec<u16> = names.map(|name| hash_slot(name)).collect();
        slots.dedup();
        match slots[..] {
            [slot] => self.0.get(&slot).map(|node| Failure::quoting(format!("MOVED {slot} {node}"))),
            [] => None,
            _ => Some(Failure::quoting("CROSSSLOT Keys in request don't hash to the same slot")),
        }
    }
}

impl State {
    /// The hash slot of a name moves to another node: who is subscribed to sharded channels in it is told that this has ended.
    pub(crate) fn move_slot(&mut self, name: &[u8], node: Option<String>) {
        let slot = hash_slot(name);
        let Some(node) = node else { return drop(self.moved.0.remove(&slot)) };
        self.moved.0.insert(slot, node);
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

/// CRC-16/XMODEM of the hash tag, or of all of the name.
fn hash_slot(name: &[u8]) -> u16 {
    let tagged = name.splitn(2, |&byte| byte == b'{').nth(1).and_then(|rest| {
        let end = rest.iter().position(|&byte| byte == b'}').filter(|&end| end > 0)?;
        Some(&rest[..end])
    });
    let crc = tagged.unwrap_or(name).iter().fold(0_u16, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| (crc << 1) ^ if crc >> 15 == 1 { 0x1021 } else { 0 })
    });
    crc % 16_384
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
