//! The deliveries of one link: a subscription table that holds for each topic whether it is wanted, what was
//! requested from the server, and what the server confirmed. `queue` chooses the topics to request next, `gaps`
//! records when messages may be missing, `refused` handles topics that the server refuses, `ended` those that it
//! ended, and `handover` those that go to another link.
//!
//! Nothing here sends. A topic whose wish differs from the last request waits in a queue; [`Delivery::next_batch`]
//! turns the front of the queue into one SUBSCRIBE or UNSUBSCRIBE, and the server's answers come back as
//! [`Delivery::confirm`] and [`Delivery::refuse`]. Because each operation is chosen when it is sent, from the wish at
//! that moment, the last one in flight always leads to the latest wish.

mod batch;
mod ended;
mod entry;
mod gaps;
mod handover;
mod names;
mod queue;
mod refusals;
mod refused;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

pub use batch::{Batch, Name, Operation};
pub use handover::Handover;
pub use refused::{RefusedTopic, RefusedTopics};

use entry::{Entry, Refusal, Tables};
use gaps::Gaps;
use names::Names;
use refusals::Refusals;

use crate::model::{Event, SubscriptionSlot, Topic, TopicKind};

/// The cost of a name in flight: its bytes, and those of a command with this name only.
fn cost(name: &[u8]) -> usize {
    name.len() + 64
}

/// Which topics of a kind may share a command: those for which this gives the same number.
type GroupOf = fn(TopicKind, &[u8]) -> u16;

/// The subscriptions of one link, and when messages for them may be missing.
#[derive(Debug)]
pub struct Delivery {
    tables: Tables,
    /// Topics whose wish may differ from the last request, each once.
    queue: VecDeque<(TopicKind, Name)>,
    /// Parts of refused batches, each to be tried alone.
    retries: VecDeque<(TopicKind, Vec<Name>)>,
    /// Refused topics to be asked for again, each alone and after everything else.
    again: VecDeque<(TopicKind, Name)>,
    /// The refused topics.
    refusals: Refusals,
    /// Numbers of the wishes, for a topic or for its end, that are neither confirmed nor refused on the current
    /// connection.
    unsettled: BTreeSet<u64>,
    /// Number of the last Subscribe or Unsubscribe.
    last_number: u64,
    group_of: GroupOf,
    /// Batches in flight.
    batches: usize,
    /// The cost of the names in flight that are neither confirmed nor refused.
    cost: usize,
    gaps: Gaps,
    /// Whether there is a connection to subscribe on.
    online: bool,
    wanted: usize,
    restoring: usize,
    confirmed: u64,
    /// Wishes that were confirmed once, on any connection.
    told: usize,
}

impl Delivery {
    /// `seed` makes the jitter of the pauses after refusals.
    pub fn new(seed: u64) -> Self {
        Self {
            tables: Tables::default(),
            queue: VecDeque::new(),
            retries: VecDeque::new(),
            again: VecDeque::new(),
            refusals: Refusals::new(seed),
            unsettled: BTreeSet::new(),
            last_number: 0,
            group_of: |_, _| 0,
            batches: 0,
            cost: 0,
            gaps: Gaps::default(),
            online: false,
            wanted: 0,
            restoring: 0,
            confirmed: 0,
            told: 0,
        }
    }

    /// Allows only topics of one group in a command.
    pub fn grouped_by(self, group_of: GroupOf) -> Self {
        Self { group_of, ..self }
    }

    /// The subscription that a message of this topic belongs to.
    #[inline]
    pub fn slot(&mut self, kind: TopicKind, name: &[u8]) -> Option<SubscriptionSlot> {
        self.tables.slot(kind, name)
    }

    /// Whether no topic is wanted.
    pub fn is_empty(&self) -> bool {
        self.wanted == 0
    }

    /// How many topics are wanted.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether a wanted topic was confirmed before, so that a lost connection loses messages.
    fn was_confirmed(&self) -> bool {
        self.told > 0
    }

    /// How many topics the server confirmed on the current connection.
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Whether all topics that were wanted when the current connection came up are confirmed or refused.
    pub fn is_restored(&self) -> bool {
        self.online && self.restoring == 0
    }

    /// Number of the last Subscribe or Unsubscribe, for [`Delivery::holds_back`].
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// The number of a Subscribe or Unsubscribe that another link's subscriptions [serve](Delivery::subscribe_as).
    pub fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Whether a wish up to this number is neither confirmed nor refused, so that a publish made after it has to
    /// wait.
    pub fn holds_back(&self, number: u64) -> bool {
        self.unsettled.first().is_some_and(|&first| first <= number)
    }

    /// Subscribes to a topic. Returns the event to emit if the server has confirmed it already.
    pub fn subscribe(&mut self, topic: &Topic, slot: SubscriptionSlot) -> Option<Event> {
        let number = self.next_number();
        self.subscribe_as(number, topic, slot)
    }

    /// The same, with a number that the session chose.
    pub fn subscribe_as(&mut self, number: u64, topic: &Topic, slot: SubscriptionSlot) -> Option<Event> {
        let table = self.tables.of_mut(topic.kind);
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
        // The refusal of an earlier wish, or of its end.
        self.refusals.lift(entry);
        self.unsettled.remove(&entry.number);
        entry.number = number;
        self.unsettled.insert(entry.number);
        if entry.in_flight == 0 && entry.confirmed {
            // An Unsubscribe that was never sent, or refused: undone.
            return self.settle_confirmed(topic.kind, &topic.name);
        }
        if self.online {
            self.enqueue(topic.kind, &topic.name);
        }
        None
    }

    /// Unsubscribes from a topic.
    pub fn unsubscribe(&mut self, topic: &Topic) {
        let number = self.next_number();
        self.unsubscribe_as(number, topic);
    }

    /// The same, with a number that the session chose.
    pub fn unsubscribe_as(&mut self, number: u64, topic: &Topic) {
        let Some(entry) = self.tables.of_mut(topic.kind).get_mut(&*topic.name) else { return };
        if entry.slot.take().is_none() {
            return;
        }
        self.refusals.forget(entry);
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

    /// Drops all topics and expects no confirmations. Batches in flight are still ticked off.
    fn clear(&mut self) {
        let Self { last_number, group_of, batches, cost, .. } = *self;
        self.refusals.clear();
        let refusals = std::mem::replace(&mut self.refusals, Refusals::new(0));
        *self = Self { last_number, group_of, batches, cost, refusals, ..Self::new(0) };
    }

    /// The connection was lost, and with it the server's subscriptions.
    fn forget_connection(&mut self) {
        self.online = false;
        (self.batches, self.cost) = (0, 0);
        self.queue.clear();
        self.retries.clear();
        self.again.clear();
        self.refusals.clear();
        self.restoring = 0;
        self.confirmed = 0;
        for table in self.tables.all_mut() {
            table.retain(|_, entry| entry.is_wanted());
            for entry in table.values_mut() {
                *entry = Entry {
                    slot: entry.slot,
                    number: entry.number,
                    told: entry.told,
                    refusal: entry.refusal.take().map(Refusal::disconnected),
                    ..Entry::default()
                };
            }
        }
        self.unsettled = self.tables.all().into_iter().flat_map(Names::values).map(|e| e.number).collect();
    }

    /// A connection is up: requests all wanted topics on it.
    fn request_all(&mut self) {
        self.online = true;
        for kind in TopicKind::ALL {
            let table = self.tables.of_mut(kind);
            // In the order of their groups and their Subscribes, not in a hash table's order, so that a conversation
            // can be replayed.
            let mut topics: Vec<_> = table
                .iter_mut()
                .map(|(name, entry)| (((self.group_of)(kind, name), entry.number), name, entry))
                .collect();
            topics.sort_unstable_by_key(|(order, ..)| *order);
            for (_, name, entry) in topics {
                entry.queued = true;
                entry.restoring = true;
                self.queue.push_back((kind, Arc::clone(name)));
            }
        }
        self.restoring = self.wanted;
    }

    /// A name of the oldest batch in flight was [ticked off](Batch::tick_off). Returns the event to emit.
    pub fn confirm(&mut self, batch: &Batch, name: &[u8]) -> Option<Event> {
        let Batch { operation, kind, .. } = *batch;
        self.batches = self.batches.saturating_sub(usize::from(batch.is_complete()));
        self.cost = self.cost.saturating_sub(cost(name));
        let entry = self.tables.of_mut(kind).get_mut(name)?;
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
            if let Some(kind) = self.refusals.lift(entry) {
                self.follow(kind);
            }
        }
        self.forget_if_over(kind, name);
        None
    }

    /// The rest of the oldest batch in flight counts as confirmed. It unsubscribes, so there is no event.
    pub fn confirm_rest(&mut self, batch: &mut Batch) {
        while let Some(name) = batch.names.get(batch.confirmed()).cloned() {
            batch.tick_off(batch.operation, batch.kind, &name);
            self.confirm(batch, &name);
        }
    }

    /// Whether a message that the server ended a subscription is true: `name` is subscribed as far as we know, and no
    /// operation on it is in flight.
    pub fn is_held(&self, kind: TopicKind, name: &[u8]) -> bool {
        self.tables.of(kind).get(name).is_some_and(|entry| entry.confirmed && entry.in_flight == 0)
    }

    /// A wanted topic is confirmed with nothing in flight.
    fn settle_confirmed(&mut self, kind: TopicKind, name: &[u8]) -> Option<Event> {
        let entry = self.tables.of_mut(kind).get_mut(name)?;
        let first = !std::mem::replace(&mut entry.told, true);
        let number = entry.number;
        let restoring = std::mem::take(&mut entry.restoring);
        entry.redirections = 0;
        let refused = self.refusals.confirm(entry, kind, name);
        self.restoring -= usize::from(restoring);
        self.told += usize::from(first);
        self.unsettled.remove(&number);
        if let Some(kind) = refused {
            self.follow(kind);
        }
        first.then(|| Event::Subscribed(Topic { kind, name: name.into() }))
    }

    fn forget_if_over(&mut self, kind: TopicKind, name: &[u8]) {
        let table = self.tables.of_mut(kind);
        if table.get(name).is_some_and(Entry::is_over) {
            table.remove(name);
        }
    }
}
