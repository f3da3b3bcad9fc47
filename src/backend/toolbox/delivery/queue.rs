//! Which topics are requested next, and in which batches.

use std::sync::Arc;

use super::{Batch, Delivery, Operation, cost};
use crate::model::TopicKind;

/// The most names in one SUBSCRIBE.
const BATCH_NAMES: usize = 1000;
/// The most bytes of names in one SUBSCRIBE, except for a single longer name.
const BATCH_BYTES: usize = 64 << 10;

/// The most batches in flight, unless they are small.
const MAX_BATCHES: usize = 8;
/// The highest cost of the names in flight if there are more batches than that.
const MAX_COST: usize = BATCH_BYTES;

impl Delivery {
    /// The next batch to be sent, if there is one and few enough are in flight.
    pub fn next_batch(&mut self) -> Option<Batch> {
        if self.batches >= MAX_BATCHES && self.cost >= MAX_COST {
            return None;
        }
        let batch = self.take_batch()?;
        self.batches += 1;
        self.cost += batch.names.iter().map(|name| cost(name)).sum::<usize>();
        Some(batch)
    }

    /// Whether a batch is in flight.
    pub fn awaits_confirmation(&self) -> bool {
        self.batches > 0
    }

    fn take_batch(&mut self) -> Option<Batch> {
        while let Some((kind, mut names)) = self.retries.pop_front() {
            names.retain(|name| self.dequeue(kind, name) == Some(Operation::Subscribe));
            if !names.is_empty() {
                return Some(Batch::new(Operation::Subscribe, kind, names));
            }
        }
        let mut batch: Option<Batch> = None;
        let mut bytes = 0;
        while let Some((kind, name)) = self.queue.front() {
            if let Some(batch) = &batch {
                let full = batch.names.len() == BATCH_NAMES || bytes + name.len() > BATCH_BYTES;
                let differs = self.wish(*kind, name).is_some_and(|wish| wish != batch.operation);
                let group = |name: &[u8]| (self.group_of)(*kind, name);
                let is_others =
                    *kind != batch.kind || batch.names.first().is_some_and(|it| group(it) != group(name));
                if full || differs || is_others {
                    break;
                }
            }
            let Some((kind, name)) = self.queue.pop_front() else { break };
            let Some(operation) = self.dequeue(kind, &name) else { continue };
            bytes += name.len();
            batch.get_or_insert_with(|| Batch::new(operation, kind, Vec::new())).names.push(name);
        }
        batch.or_else(|| self.next_refused())
    }

    /// The next refused topic to be asked for again.
    fn next_refused(&mut self) -> Option<Batch> {
        while let Some((kind, name)) = self.again.pop_front() {
            if let Some(operation) = self.dequeue(kind, &name) {
                return Some(Batch::new(operation, kind, vec![name]));
            }
        }
        None
    }

    /// The operation to send for a topic, if any.
    pub(super) fn wish(&self, kind: TopicKind, name: &[u8]) -> Option<Operation> {
        let entry = self.tables.of(kind).get(name)?;
        match (entry.is_wanted(), entry.requested) {
            (true, false) => Some(Operation::Subscribe),
            (false, true) => Some(Operation::Unsubscribe),
            _ => None,
        }
    }

    /// Puts a topic into the queue, unless there is nothing to send for it or it is in the queue.
    pub(super) fn enqueue(&mut self, kind: TopicKind, name: &[u8]) {
        if self.wish(kind, name).is_none() {
            return;
        }
        let table = self.tables.of_mut(kind);
        let Some((key, _)) = table.get_key_value(name) else { return };
        let key = Arc::clone(key);
        if let Some(entry) = table.get_mut(name)
            && !std::mem::replace(&mut entry.queued, true)
        {
            self.queue.push_back((kind, key));
        }
    }

    /// Takes a topic out of the queue: returns the operation to send for it, and counts it as sent.
    pub(super) fn dequeue(&mut self, kind: TopicKind, name: &[u8]) -> Option<Operation> {
        let wish = self.wish(kind, name);
        let entry = self.tables.of_mut(kind).get_mut(name)?;
        entry.queued = false;
        if let Some(operation) = wish {
            entry.requested = operation == Operation::Subscribe;
            entry.in_flight += 1;
        }
        self.forget_if_over(kind, name);
        wish
    }
}
