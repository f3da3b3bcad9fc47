//! The subscriptions to sharded channels of a cluster: one [`Delivery`] for each link that carries some, beside that
//! of the plain subscriptions. A channel is in one of them at a time.

use super::connection::LinkRole;
use super::hash_slot::group_of;
use super::link::Link;
use crate::backend::toolbox::Delivery;
use crate::model::{LinkId, TopicKind};

/// The subscriptions of the links to shards.
#[derive(Debug, Default)]
pub(super) struct Shards {
    shards: Vec<(LinkId, Delivery)>,
    /// The set of links, or their state, has changed, and with it the set of refused topics.
    has_changed: bool,
}

impl Shards {
    /// The subscriptions of a link.
    pub(super) fn of(&self, link: LinkId) -> Option<&Delivery> {
        self.shards.iter().find(|(id, _)| *id == link).map(|(_, delivery)| delivery)
    }

    /// The same, mutable.
    pub(super) fn of_mut(&mut self, link: LinkId) -> Option<&mut Delivery> {
        self.shards.iter_mut().find(|(id, _)| *id == link).map(|(_, delivery)| delivery)
    }

    /// A link for sharded channels is added. `seed` is for [`Delivery::new`].
    pub(super) fn add(&mut self, link: LinkId, seed: u64) {
        self.shards.push((link, Delivery::new(seed).grouped_by(group_of)));
    }

    /// Removes the links that are gone.
    pub(super) fn retain(&mut self, is_there: impl Fn(LinkId) -> bool) {
        let before = self.shards.len();
        self.shards.retain(|(id, _)| is_there(*id));
        self.has_changed |= self.shards.len() < before;
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Delivery> {
        self.shards.iter().map(|(_, delivery)| delivery)
    }

    /// The same, mutable.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Delivery> {
        self.shards.iter_mut().map(|(_, delivery)| delivery)
    }

    /// The subscriptions of each link, with the link.
    pub(super) fn each(&self) -> impl Iterator<Item = (LinkId, &Delivery)> {
        self.shards.iter().map(|(id, delivery)| (*id, delivery))
    }

    /// The subscriptions of the link that has this sharded channel, if a link has it.
    pub(super) fn with_channel(&mut self, name: &[u8]) -> Option<&mut Delivery> {
        self.all_mut().find(|delivery| delivery.contains(TopicKind::ShardedChannel, name))
    }

    /// A link is up, or lost.
    pub(super) fn note_change(&mut self) {
        self.has_changed = true;
    }

    /// Whether links have changed since the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }
}

/// The subscriptions of a link that carries some: those of a shard, or the plain ones.
#[inline]
pub(super) fn delivery_of<'a>(
    plain: &'a mut Delivery,
    shards: &'a mut Shards,
    link: &Link,
) -> &'a mut Delivery {
    match link.role() {
        LinkRole::Shard => shards.of_mut(link.id()).unwrap_or(plain),
        _ => plain,
    }
}
