//! One SUBSCRIBE or UNSUBSCRIBE and its confirmations.

use std::sync::Arc;

use crate::model::TopicKind;

/// A channel's or pattern's name, shared by the table and the batches in flight.
pub(super) type Name = Arc<[u8]>;

/// SUBSCRIBE or UNSUBSCRIBE, and their forms for patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Subscribe,
    Unsubscribe,
}

/// One SUBSCRIBE or UNSUBSCRIBE in flight.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) operation: Operation,
    pub(super) kind: TopicKind,
    pub(super) names: Vec<Name>,
    /// How many of `names` were confirmed; they stand first.
    confirmed: usize,
}

impl Batch {
    pub(super) fn new(operation: Operation, kind: TopicKind, names: Vec<Name>) -> Self {
        Self { operation, kind, names, confirmed: 0 }
    }

    /// The command's name.
    pub(super) fn command(&self) -> &'static [u8] {
        match (self.operation, self.kind) {
            (Operation::Subscribe, TopicKind::Channel) => b"SUBSCRIBE",
            (Operation::Subscribe, TopicKind::Pattern) => b"PSUBSCRIBE",
            (Operation::Unsubscribe, TopicKind::Channel) => b"UNSUBSCRIBE",
            (Operation::Unsubscribe, TopicKind::Pattern) => b"PUNSUBSCRIBE",
        }
    }

    /// Whether the server confirmed all of it.
    pub(super) fn is_complete(&self) -> bool {
        self.confirmed == self.names.len()
    }

    /// The names that were not confirmed.
    pub(super) fn into_rest(mut self) -> Vec<Name> {
        self.names.split_off(self.confirmed)
    }

    /// Ticks off the confirmation of `name`, if it is awaited. Servers confirm in the order of the arguments.
    pub(super) fn tick_off(&mut self, operation: Operation, kind: TopicKind, name: &[u8]) -> bool {
        if (operation, kind) != (self.operation, self.kind) {
            return false;
        }
        let Some(ahead) = self.names[self.confirmed..].iter().position(|n| **n == *name) else {
            return false;
        };
        self.names.swap(self.confirmed, self.confirmed + ahead);
        self.confirmed += 1;
        true
    }
}
