//! One command that subscribes or unsubscribes, and its confirmations.

use std::sync::Arc;

use crate::model::TopicKind;

/// A channel's or pattern's name, shared by the table and the batches in flight.
pub type Name = Arc<[u8]>;

/// What a batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Its topics are to be received from now on.
    Subscribe,
    /// Its topics are not to be received any more.
    Unsubscribe,
}

/// Names that one command subscribes or unsubscribes.
#[derive(Debug)]
pub struct Batch {
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

    /// Whether to subscribe or to unsubscribe.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// What the names are.
    pub fn kind(&self) -> TopicKind {
        self.kind
    }

    /// All of its names.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// How many of its names the server confirmed; they stand first.
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
