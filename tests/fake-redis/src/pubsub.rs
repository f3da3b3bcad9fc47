//! The subscriptions.

use std::collections::HashMap;

use crate::glob;

/// Channels, patterns and sharded channels, each with the ids of its subscribers in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct PubSub {
    channels: HashMap<Vec<u8>, Vec<u64>>,
    patterns: HashMap<Vec<u8>, Vec<u64>>,
    sharded: HashMap<Vec<u8>, Vec<u64>>,
}

/// The things one can subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    Sharded,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Sharded];
}

impl PubSub {
    fn table(&mut self, kind: Kind) -> &mut HashMap<Vec<u8>, Vec<u64>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Sharded => &mut self.sharded,
        }
    }

    /// Only called if the connection was not subscribed.
    pub(crate) fn add(&mut self, kind: Kind, name: &[u8], id: u64) {
        self.table(kind).entry(name.to_vec()).or_default().push(id);
    }

    pub(crate) fn remove(&mut self, kind: Kind, name: &[u8], id: u64) {
        let table = self.table(kind);
        if let Some(subscribers) = table.get_mut(name) {
            subscribers.retain(|subscriber| *subscriber != id);
            if subscribers.is_empty() {
                table.remove(name);
            }
        }
    }

    /// Subscribers of the channel itself.
    pub(crate) fn subscribers(&self, channel: &[u8]) -> &[u64] {
        self.channels.get(channel).map_or(&[], Vec::as_slice)
    }

    /// Subscribers of a sharded channel.
    pub(crate) fn sharded_subscribers(&self, channel: &[u8]) -> &[u64] {
        self.sharded.get(channel).map_or(&[], Vec::as_slice)
    }

    /// Subscribers of a pattern, as it was given.
    pub(crate) fn pattern_subscribers(&self, pattern: &[u8]) -> &[u64] {
        self.patterns.get(pattern).map_or(&[], Vec::as_slice)
    }

    /// Patterns that match the channel, with their subscribers.
    pub(crate) fn matching(&self, channel: &[u8]) -> impl Iterator<Item = (&[u8], &[u64])> {
        self.patterns
            .iter()
            .filter(move |(pattern, _)| glob::matches(pattern, channel))
            .map(|(pattern, subscribers)| (pattern.as_slice(), subscribers.as_slice()))
    }

    /// The channels of one kind.
    pub(crate) fn channels(&self, kind: Kind) -> impl Iterator<Item = &[u8]> {
        let table = if kind == Kind::Sharded { &self.sharded } else { &self.channels };
        table.keys().map(Vec::as_slice)
    }

    /// The number of different patterns, however many subscribers each has.
    pub(crate) fn pattern_count(&self) -> usize {
        self.patterns.len()
    }
}
