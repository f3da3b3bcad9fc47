//! Which hash slot a request's keys are in, and which node holds each slot.

use super::hash_slot::HashSlot;
use super::keys::keys_of;
use super::protocol::CROSS_SLOT;
use crate::backend::Endpoint;
use crate::model::{Code, Error, RequestKind};

/// Hash slots of a cluster.
const SLOTS: usize = HashSlot::COUNT as usize;
/// How many nodes are known at most. The specification advises at most 1000.
pub(super) const MAX_NODES: usize = 1024;
/// Stands for no node.
const NOBODY: u16 = u16::MAX;

/// What to do about keys in several hash slots.
const SAME_TAG: &str = ": give them the same word in braces, as in {shop}:stock and {shop}:sold";

/// Adds what to do to a node's error about keys in several hash slots.
pub(super) fn explain_cross_slot(error: &mut Error) {
    if error.code.as_str() == CROSS_SLOT {
        error.message.to_mut().push_str(SAME_TAG);
    }
}

/// The hash slot of a request's keys; `None` if it has none.
///
/// # Errors
///
/// Its keys are in several hash slots.
pub(super) fn slot_of_request(kind: &RequestKind) -> Result<Option<u16>, Error> {
    let commands = match kind {
        RequestKind::SPublish(args) => return Ok(args.get(0).map(|channel| HashSlot::of(channel).number())),
        RequestKind::Command(args) => std::slice::from_ref(args),
        RequestKind::Transaction(commands) => commands,
        RequestKind::Publish(_) | RequestKind::Ping => &[],
    };
    let mut hash_slot = None;
    for key in commands.iter().flat_map(keys_of) {
        let of_key = HashSlot::of(key).number();
        if *hash_slot.get_or_insert(of_key) != of_key {
            let what = match kind {
                RequestKind::Transaction(_) => "the keys of a transaction",
                _ => "the keys of a command",
            };
            let text = format!("{what} must be in one hash slot of a cluster, and these are not{SAME_TAG}");
            return Err(Error::unsent(Code::Server(CROSS_SLOT.into()), text));
        }
    }
    Ok(hash_slot)
}

/// Which node holds which hash slot, as far as it is known: 32 KiB, and the nodes.
#[derive(Debug)]
pub(super) struct HashSlotTable {
    /// The position of each slot's node.
    holders: Box<[u16]>,
    nodes: Vec<Endpoint>,
}

impl Default for HashSlotTable {
    fn default() -> Self {
        Self { holders: vec![NOBODY; SLOTS].into(), nodes: Vec::new() }
    }
}

impl HashSlotTable {
    /// The node that holds a slot, if it is known.
    pub(super) fn node_of(&self, hash_slot: u16) -> Option<&Endpoint> {
        self.nodes.get(usize::from(*self.holders.get(usize::from(hash_slot))?))
    }

    /// The nodes in the order in which they were learned.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Endpoint> {
        self.nodes.iter()
    }

    /// The nodes, and how many slots each holds.
    pub(super) fn held(&self) -> impl Iterator<Item = (&Endpoint, u32)> {
        let mut held = vec![0; self.nodes.len()];
        for &holder in &self.holders {
            held.get_mut(usize::from(holder)).into_iter().for_each(|held| *held += 1);
        }
        self.nodes.iter().zip(held)
    }

    /// This node holds a slot. Returns whether it could be noted.
    pub(super) fn learn(&mut self, hash_slot: u16, node: Endpoint) -> bool {
        let (Some(position), Some(holder)) =
            (self.position(node), self.holders.get_mut(usize::from(hash_slot)))
        else {
            return false;
        };
        *holder = position;
        true
    }

    /// The holders of this node's slots are unknown from now on.
    pub(super) fn forget(&mut self, node: &Endpoint) {
        if let Some(position) = self.nodes.iter().position(|known| known == node) {
            self.holders
                .iter_mut()
                .filter(|holder| usize::from(**holder) == position)
                .for_each(|it| *it = NOBODY);
        }
    }

    /// The cluster reported all slots: ranges from first to last, each with its node.
    pub(super) fn replace(&mut self, ranges: impl IntoIterator<Item = (u16, u16, Endpoint)>) {
        self.nodes.clear();
        self.holders.fill(NOBODY);
        // No cluster has more ranges than slots.
        for (first, last, node) in ranges.into_iter().take(SLOTS) {
            let range = self.holders.get(usize::from(first)..=usize::from(last)).is_some();
            if let Some(position) = self.position(node).filter(|_| range && first <= last) {
                self.holders[usize::from(first)..=usize::from(last)].fill(position);
            }
        }
    }

    /// The position of this node in the list. `None` if there is no room for it.
    fn position(&mut self, node: Endpoint) -> Option<u16> {
        let known = self.nodes.iter().position(|known| *known == node);
        let position = known.unwrap_or(self.nodes.len());
        if position == MAX_NODES {
            return None;
        }
        if known.is_none() {
            self.nodes.push(node);
        }
        u16::try_from(position).ok()
    }
}

/// A set of hash slots.
#[derive(Debug)]
pub(super) struct HashSlotSet([u64; SLOTS / 64]);

impl Default for HashSlotSet {
    fn default() -> Self {
        Self([0; SLOTS / 64])
    }
}

impl HashSlotSet {
    pub(super) fn insert(&mut self, hash_slot: u16) {
        self.0[usize::from(hash_slot) / 64 % (SLOTS / 64)] |= 1 << (hash_slot % 64);
    }

    pub(super) fn contains(&self, hash_slot: u16) -> bool {
        self.0[usize::from(hash_slot) / 64 % (SLOTS / 64)] >> (hash_slot % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Args;

    fn node(n: usize) -> Endpoint {
        Endpoint::Tcp { host: format!("n{n}"), port: 7000 }
    }

    #[test]
    fn a_request_has_the_slot_of_its_keys_if_they_share_one() {
        let args = |command: &str| command.split(' ').collect::<Args>();
        let foo = HashSlot::of(b"foo").number();
        for (commands, hash_slot) in [
            (&["GET foo"][..], Ok(Some(foo))),
            (&["PING"], Ok(None)),
            (&["PUBLISH chat hello"], Ok(None)),
            (&["DEL foo x{foo}"], Ok(Some(foo))),
            (&["DEL foo bar"], Err(())),
            (&["EVAL script 0 foo bar"], Ok(None)),
            (&["EVAL script 1 foo bar"], Ok(Some(foo))),
            (&["SET foo 1", "PUBLISH chat hello", "INCR {foo}:n"], Ok(Some(foo))),
            (&["SET foo 1", "INCR n"], Err(())),
        ] {
            let kind = match commands {
                [command] => RequestKind::Command(args(command)),
                _ => RequestKind::Transaction(commands.iter().map(|command| args(command)).collect()),
            };
            let found = slot_of_request(&kind);
            assert_eq!(found.clone().map_err(drop), hash_slot, "{commands:?}");
            if let Err(error) = found {
                assert!(error.code.as_str() == CROSS_SLOT && !error.sent, "{error:?}");
            }
        }
        assert_eq!(slot_of_request(&RequestKind::Publish(args("foo bar"))), Ok(None));
        assert_eq!(slot_of_request(&RequestKind::SPublish(args("foo bar"))), Ok(Some(foo)));
    }

    #[test]
    fn the_table_knows_what_it_was_told_last() {
        let mut table = HashSlotTable::default();
        assert_eq!(table.node_of(5), None);
        table.replace([(0, 9, node(1)), (10, 16_383, node(2)), (20, 16_384, node(3)), (9, 8, node(4))]);
        assert_eq!(
            [9, 10, 16_383, 16_384].map(|hash_slot| table.node_of(hash_slot).cloned()),
            [Some(node(1)), Some(node(2)), Some(node(2)), None]
        );
        assert!(table.learn(9, node(2)) && table.learn(0, node(5)) && !table.learn(16_384, node(5)));
        let held: Vec<_> =
            table.held().filter(|&(_, held)| held > 0).map(|(node, held)| (node.clone(), held)).collect();
        assert_eq!(held, [(node(1), 8), (node(2), 16_375), (node(5), 1)]);
        table.forget(&node(2));
        assert_eq!((table.node_of(9), table.node_of(1)), (None, Some(&node(1))));
        table.replace((0..2000).map(|n| (n, n, node(usize::from(n)))));
        assert_eq!((table.node_of(1023), table.node_of(1024)), (Some(&node(1023)), None), "bounded");
        assert!(!table.learn(1, node(3000)) && table.learn(1, node(7)));
    }

    #[test]
    fn a_set_has_what_was_inserted() {
        let mut set = HashSlotSet::default();
        [0, 63, 64, 16_383].into_iter().for_each(|hash_slot| set.insert(hash_slot));
        let found: Vec<_> = (0..16_384).filter(|&hash_slot| set.contains(hash_slot)).collect();
        assert_eq!(found, [0, 63, 64, 16_383]);
    }
}
