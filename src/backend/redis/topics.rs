//! The subscription table: for each channel and pattern what is wanted, what was asked of the server, and what it
//! confirmed.
//!
//! Nothing here sends. A topic whose wish differs from what was last requested waits in a queue; [`Topics::next_batch`]
//! turns the front of the queue into one SUBSCRIBE or UNSUBSCRIBE, and the server's answers come back as
//! [`Topics::confirm`] and [`Topics::refuse`]. Since each operation is chosen when it is sent, from the wish of that
//! moment, the last one in flight always ends in what was asked last.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::batch::{Batch, Name, Operation};
use super::names::Names;
use crate::model::{Error, Event, Slot, Topic, TopicKind};

/// Names in one SUBSCRIBE at most.
const BATCH_NAMES: usize = 1000;
/// Bytes of names in one SUBSCRIBE at most, but for a single longer one.
const BATCH_BYTES: usize = 64 << 10;

/// What is known of one topic.
#[derive(Debug, Default)]
struct Entry {
    /// What its messages carry; `None`: nobody wants them.
    slot: Option<Slot>,
    /// Number of the Subscribe or Unsubscribe that is the reason for `slot`.
    number: u64,
    /// What the last operation sent, if any, asked for.
    requested: bool,
    /// Operations sent and not yet answered.
    in_flight: u32,
    /// What the last operation answered, if any, left the server at.
    confirmed: bool,
    /// Stands in the queue or in a group to be tried again.
    queued: bool,
    /// Is part of what a new connection must restore before it counts as ready.
    restoring: bool,
    /// The first confirmation of this wish was told.
    told: bool,
    /// The refusal of this wish was told.
    refusal_told: bool,
}

impl Entry {
    fn is_wanted(&self) -> bool {
        self.slot.is_some()
    }

    /// The server has it, or may yet: it answers what is in flight later.
    fn may_be_held(&self) -> bool {
        self.requested || self.in_flight > 0
    }

    /// Nothing is left to remember.
    fn is_over(&self) -> bool {
        !self.is_wanted() && !self.may_be_held() && !self.queued
    }
}

/// The subscriptions of one session.
#[derive(Debug, Default)]
pub(super) struct Topics {
    channels: Names<Entry>,
    patterns: Names<Entry>,
    /// Topics whose wish may differ from what was requested, each once.
    queue: VecDeque<(TopicKind, Name)>,
    /// Parts of refused batches, each to be tried by itself.
    retries: VecDeque<(TopicKind, Vec<Name>)>,
    /// Numbers of the wishes, for a topic or for its end, that are neither confirmed nor refused on the present connection.
    unsettled: BTreeSet<u64>,
    /// Number of the last Subscribe or Unsubscribe.
    last_number: u64,
    /// Whether there is a connection to subscribe on.
    online: bool,
    wanted: usize,
    restoring: usize,
    confirmed: u64,
    /// Wishes that were confirmed once, on whatever connection.
    told: usize,
}

impl Topics {
    /// The subscription that a message of this topic is for.
    pub(super) fn slot(&self, kind: TopicKind, name: &[u8]) -> Option<Slot> {
        self.of(kind).get(name)?.slot
    }

    /// Whether nothing is wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted == 0
    }

    /// Whether a wanted topic was confirmed before, so that a lost connection loses messages.
    pub(super) fn was_confirmed(&self) -> bool {
        self.told > 0
    }

    /// How many topics the server confirmed on the present connection.
    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Whether all that was wanted when the present connection came up is confirmed or refused.
    pub(super) fn is_restored(&self) -> bool {
        self.online && self.restoring == 0
    }

    /// Number of the last Subscribe or Unsubscribe, for [`Topics::holds_back`].
    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Whether a wish up to this number is neither confirmed nor refused, so that a publish behind it has to wait.
    pub(super) fn holds_back(&self, number: u64) -> bool {
        self.unsettled.first().is_some_and(|&first| first <= number)
    }

    /// Wants a topic. Returns the event to tell if the server has it confirmed already.
    pub(super) fn subscribe(&mut self, topic: &Topic, slot: Slot) -> Option<Event> {
        self.last_number += 1;
        let table = match topic.kind {
            TopicKind::Channel => &mut self.channels,
            TopicKind::Pattern => &mut self.patterns,
        };
        if !table.contains_key(&*topic.name) {
            table.insert(Arc::from(&*topic.name), Entry::default());
        }
        let entry = table.get_mut(&*topic.name)?;
        let was_wanted = entry.slot.replace(slot).is_some();
        let is_refused = was_wanted && !self.unsettled.contains(&entry.number) && !entry.confirmed;
        if was_wanted && !is_refused {
            return None;
        }
        if !was_wanted {
            self.wanted += 1;
        }
        entry.refusal_told = false;
        self.unsettled.remove(&entry.number);
        entry.number = self.last_number;
        self.unsettled.insert(entry.number);
        if entry.in_flight == 0 && entry.confirmed {
            // An Unsubscribe that was never sent, undone.
            return self.settle_confirmed(topic.kind, &topic.name);
        }
        if self.online {
            self.enqueue(topic.kind, &topic.name);
        }
        None
    }

    /// Wants a topic no more.
    pub(super) fn unsubscribe(&mut self, topic: &Topic) {
        self.last_number += 1;
        let number = self.last_number;
        let Some(entry) = self.of_mut(topic.kind).get_mut(&*topic.name) else { return };
        if entry.slot.take().is_none() {
            return;
        }
        let before = std::mem::replace(&mut entry.number, number);
        let may_be_held = entry.may_be_held();
        let restoring = std::mem::take(&mut entry.restoring);
        let told = std::mem::take(&mut entry.told);
        self.wanted -= 1;
        self.restoring -= usize::from(restoring);
        self.told -= usize::from(told);
        self.unsettled.remove(&before);
        if may_be_held {
            self.unsettled.insert(number);
        }
        self.enqueue(topic.kind, &topic.name);
        self.forget_if_over(topic.kind, &topic.name);
    }

    /// Wants nothing any more and expects nothing. Batches in flight go on to be ticked off.
    pub(super) fn clear(&mut self) {
        *self = Self { last_number: self.last_number, ..Self::default() };
    }

    /// The connection is lost, and with it all that the server knew.
    pub(super) fn disconnected(&mut self) {
        self.online = false;
        self.queue.clear();
        self.retries.clear();
        self.restoring = 0;
        self.confirmed = 0;
        for table in [&mut self.channels, &mut self.patterns] {
            table.retain(|_, entry| entry.is_wanted());
            for entry in table.values_mut() {
                *entry = Entry {
                    slot: entry.slot,
                    number: entry.number,
                    told: entry.told,
                    refusal_told: entry.refusal_told,
                    ..Entry::default()
                };
            }
        }
        self.unsettled = self.channels.values().chain(self.patterns.values()).map(|e| e.number).collect();
    }

    /// A connection is up: everything wanted is to be requested on it.
    pub(super) fn connected(&mut self) {
        self.online = true;
        for (kind, table) in
            [(TopicKind::Channel, &mut self.channels), (TopicKind::Pattern, &mut self.patterns)]
        {
            // In the order of their Subscribes, not in that of a hash table: a conversation can be replayed.
            let mut topics: Vec<_> =
                table.iter_mut().map(|(name, entry)| (entry.number, name, entry)).collect();
            topics.sort_unstable_by_key(|(number, ..)| *number);
            for (_, name, entry) in topics {
                entry.queued = true;
                entry.restoring = true;
                self.queue.push_back((kind, Arc::clone(name)));
            }
        }
        self.restoring = self.wanted;
    }

    /// The next SUBSCRIBE or UNSUBSCRIBE to be sent, if there is one.
    pub(super) fn next_batch(&mut self) -> Option<Batch> {
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
                if full || differs || *kind != batch.kind {
                    break;
                }
            }
            let Some((kind, name)) = self.queue.pop_front() else { break };
            let Some(operation) = self.dequeue(kind, &name) else { continue };
            bytes += name.len();
            batch.get_or_insert_with(|| Batch::new(operation, kind, Vec::new())).names.push(name);
        }
        batch
    }

    /// One name of a batch was confirmed. Returns the event to tell.
    pub(super) fn confirm(&mut self, operation: Operation, kind: TopicKind, name: &[u8]) -> Option<Event> {
        let entry = self.of_mut(kind).get_mut(name)?;
        let before = entry.confirmed;
        entry.confirmed = operation == Operation::Subscribe;
        entry.in_flight = entry.in_flight.saturating_sub(1);
        let (now, wanted, number) = (entry.confirmed, entry.is_wanted(), entry.number);
        let settled = entry.in_flight == 0 && now == wanted;
        self.confirmed = self.confirmed + u64::from(now) - u64::from(before);
        if settled && wanted {
            return self.settle_confirmed(kind, name);
        }
        if settled {
            self.unsettled.remove(&number);
        }
        self.forget_if_over(kind, name);
        None
    }

    /// The server refused what is left of a batch. Calls `tell` for each event to be told: a name that was refused
    /// alone is given up until the next connection, several are tried again in two halves.
    pub(super) fn refuse(&mut self, batch: Batch, error: &Error, mut tell: impl FnMut(Event)) {
        let (operation, kind) = (batch.operation, batch.kind);
        let mut names = batch.into_rest();
        if operation == Operation::Unsubscribe {
            // Its messages are wanted by nobody and ignored; a later SUBSCRIBE is confirmed all the same.
            for name in &names {
                self.confirm(operation, kind, name);
            }
            return;
        }
        let alone = names.len() == 1;
        names.retain(|name| {
            let Some(entry) = self.of_mut(kind).get_mut(name) else { return false };
            entry.in_flight = entry.in_flight.saturating_sub(1);
            if entry.in_flight > 0 {
                return false;
            }
            entry.requested = false;
            if !entry.is_wanted() {
                let number = entry.number;
                self.unsettled.remove(&number);
                self.forget_if_over(kind, name);
                return false;
            }
            if !entry.queued && !alone {
                entry.queued = true;
                return true;
            }
            if !entry.queued {
                let first = !std::mem::replace(&mut entry.refusal_told, true);
                let number = entry.number;
                let restoring = std::mem::take(&mut entry.restoring);
                self.restoring -= usize::from(restoring);
                self.unsettled.remove(&number);
                if first {
                    let topic = Topic { kind, name: (**name).into() };
                    tell(Event::SubscribeFailed { topic, error: error.clone() });
                }
            }
            false
        });
        let half = names.split_off(names.len() / 2);
        for part in [half, names] {
            if !part.is_empty() {
                self.retries.push_front((kind, part));
            }
        }
    }

    /// Whether the server ended a subscription by itself: `name` is subscribed as far as we know, and no operation on it
    /// is in flight.
    pub(super) fn is_held(&self, kind: TopicKind, name: &[u8]) -> bool {
        self.of(kind).get(name).is_some_and(|entry| entry.confirmed && entry.in_flight == 0)
    }

    fn of(&self, kind: TopicKind) -> &Names<Entry> {
        match kind {
            TopicKind::Channel => &self.channels,
            TopicKind::Pattern => &self.patterns,
        }
    }

    fn of_mut(&mut self, kind: TopicKind) -> &mut Names<Entry> {
        match kind {
            TopicKind::Channel => &mut self.channels,
            TopicKind::Pattern => &mut self.patterns,
        }
    }

    /// What is to be sent for a topic, if anything.
    fn wish(&self, kind: TopicKind, name: &[u8]) -> Option<Operation> {
        let entry = self.of(kind).get(name)?;
        match (entry.is_wanted(), entry.requested) {
            (true, false) => Some(Operation::Subscribe),
            (false, true) => Some(Operation::Unsubscribe),
            _ => None,
        }
    }

    /// Puts a topic into the queue, unless nothing is to be sent for it or it stands there.
    fn enqueue(&mut self, kind: TopicKind, name: &[u8]) {
        if self.wish(kind, name).is_none() {
            return;
        }
        let table = match kind {
            TopicKind::Channel => &mut self.channels,
            TopicKind::Pattern => &mut self.patterns,
        };
        let Some((key, _)) = table.get_key_value(name) else { return };
        let key = Arc::clone(key);
        if let Some(entry) = table.get_mut(name)
            && !std::mem::replace(&mut entry.queued, true)
        {
            self.queue.push_back((kind, key));
        }
    }

    /// A topic comes out of the queue: returns what is to be sent for it, and counts it as sent.
    fn dequeue(&mut self, kind: TopicKind, name: &[u8]) -> Option<Operation> {
        let wish = self.wish(kind, name);
        let entry = self.of_mut(kind).get_mut(name)?;
        entry.queued = false;
        if let Some(operation) = wish {
            entry.requested = operation == Operation::Subscribe;
            entry.in_flight += 1;
        }
        self.forget_if_over(kind, name);
        wish
    }

    /// A wanted topic is confirmed with nothing in flight.
    fn settle_confirmed(&mut self, kind: TopicKind, name: &[u8]) -> Option<Event> {
        let entry = self.of_mut(kind).get_mut(name)?;
        entry.refusal_told = false;
        let first = !std::mem::replace(&mut entry.told, true);
        let number = entry.number;
        let restoring = std::mem::take(&mut entry.restoring);
        self.restoring -= usize::from(restoring);
        self.told += usize::from(first);
        self.unsettled.remove(&number);
        first.then(|| Event::Subscribed(Topic { kind, name: name.into() }))
    }

    fn forget_if_over(&mut self, kind: TopicKind, name: &[u8]) {
        let table = self.of_mut(kind);
        if table.get(name).is_some_and(Entry::is_over) {
            table.remove(name);
        }
    }
}
