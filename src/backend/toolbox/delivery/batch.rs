//! One command that subscribes or unsubscribes, and its confirmations.

use std::sync::Arc;

use crate::model::TopicKind;

/// A channel's or pattern's name, shared by the table and the batches in flight.
pub type Name = Arc<[u8]>;

/// The operation of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Subscribes to its topics.
    Subscribe,
    /// Unsubscribes from its topics.
    Unsubscribe,
}

/// The names of one command that subscribes or unsubscribes.
#[derive(Debug)]
pub struct Batch {
    pub(super) operation: Operation,
    pub(super) kind: TopicKind,
    pub(super) names: Vec<Name>,
    /// How many of `names` were confirmed; the confirmed ones come first.
    confirmed: usize,
}

impl Batch {
    pub(super) fn new(operation: Operation, kind: TopicKind, names: Vec<Name>) -> Self {
        Self { operation, kind, names, confirmed: 0 }
    }

    /// Whether to subscribe or to unsubscribe.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The kind of the names.
    pub fn kind(&self) -> TopicKind {
        self.kind
    }

    /// All of its names.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// How many of its names the server confirmed; these come first.
    pub(super) fn confirmed(&self) -> usize {
        self.confirmed
    }

    /// Whether the server confirmed all of it.
    pub fn is_complete(&self) -> bool {
        self.confirmed == self.names.len()
    }

    /// The names that were not confirmed.
    pub(super) fn into_rest(mut self) -> Vec<Name> {
        self.names.split_off(self.confirmed)
    }

    /// Ticks off the confirmation of `name`, if it is awaited. Servers confirm in the order of the arguments.
    pub fn tick_off(&mut self, operation: Operation, kind: TopicKind, name: &[u8]) -> bool {
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
