//! What one link delivers: the subscriptions on it, and the gaps in what arrives for them.

use std::sync::Arc;
use std::time::Instant;

use super::pauses::RefusalKind;
use super::topics::{Batch, Operation, RefusedTopics, Topics};
use crate::model::{Error, Event, Sink, Slot, Topic, TopicKind};

/// Batches in flight at most.
const MAX_BATCHES: usize = 8;

/// The subscriptions of one link, and when messages for them may be missing.
///
/// A gap is told once, between the last message before it and the first one after: [`Delivery::tell_gaps`] comes before
/// each message, [`Delivery::connected`] before a new connection brings any.
#[derive(Debug)]
pub struct Delivery {
    topics: Topics,
    /// Batches in flight.
    batches: usize,
    /// Messages may be missing, and no gap told of it yet.
    loss: Option<Loss>,
    /// When the last gap of all subscriptions was told, on the present connection.
    gap_told: Option<Instant>,
    /// The present connection delivered all that was wanted at least once.
    settled: bool,
    /// A gap of some subscriptions was told, and a `ready` has to follow.
    owes_ready: bool,
}

/// A time in which messages may be missing.
#[derive(Debug)]
struct Loss {
    since: Instant,
    error: Error,
}

impl Delivery {
    /// `seed` makes the jitter of the pauses after refusals.
    pub fn new(seed: u64) -> Self {
        Self {
            topics: Topics::new(seed),
            batches: 0,
            loss: None,
            gap_told: None,
            settled: false,
            owes_ready: false,
        }
    }

    /// Subscribes to a topic. Returns the event to tell if the server has confirmed it already.
    pub fn subscribe(&mut self, topic: &Topic, slot: Slot) -> Option<Event> {
        self.topics.subscribe(topic, slot)
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, topic: &Topic) {
        self.topics.unsubscribe(topic);
    }

    /// The subscription that a message of this topic is for.
    #[inline]
    pub fn slot(&self, kind: TopicKind, name: &[u8]) -> Option<Slot> {
        self.topics.slot(kind, name)
    }

    /// Whether no topic is wanted.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// How many topics the server confirmed on the present connection.
    pub fn confirmed(&self) -> u64 {
        self.topics.confirmed()
    }

    /// Whether all that was wanted when the present connection came up is confirmed or refused.
    pub fn is_restored(&self) -> bool {
        self.topics.is_restored()
    }

    /// Number of the last Subscribe or Unsubscribe, for [`Delivery::holds_back`].
    pub fn last_number(&self) -> u64 {
        self.topics.last_number()
    }

    /// Whether a Subscribe or Unsubscribe up to this number has no answer yet, so that a request made after it has to wait.
    pub fn holds_back(&self, number: u64) -> bool {
        self.topics.holds_back(number)
    }

    /// The next batch to be sent, if there is one and few enough are in flight.
    pub fn next_batch(&mut self) -> Option<Batch> {
        if self.batches == MAX_BATCHES {
            return None;
        }
        let batch = self.topics.next_batch();
        self.batches += usize::from(batch.is_some());
        batch
    }

    /// Whether a batch is in flight.
    pub fn awaits_confirmation(&self) -> bool {
        self.batches > 0
    }

    /// The server confirmed a name of the oldest batch in flight, which is over when it is complete. Returns whether the
    /// batch has such a name.
    pub fn confirm(
        &mut self,
        batch: &mut Batch,
        operation: Operation,
        kind: TopicKind,
        name: &[u8],
        sink: &mut dyn Sink,
    ) -> bool {
        let is_awaited = batch.tick_off(operation, kind, name);
        if is_awaited {
            self.batches -= usize::from(batch.is_complete());
            if let Some(event) = self.topics.confirm(operation, kind, name) {
                sink.event(event);
            }
        }
        is_awaited
    }

    /// The server refused the rest of the oldest batch in flight. Returns the events to tell.
    pub fn refuse(&mut self, batch: Batch, error: &Error, kind: RefusalKind, now: Instant) -> Vec<Event> {
        self.batches -= 1;
        self.topics.refuse(batch, error, kind, now)
    }

    /// Whether the server holds a subscription, and nothing on it is in flight.
    pub fn is_held(&self, kind: TopicKind, name: &[u8]) -> bool {
        self.topics.is_held(kind, name)
    }

    /// When [`Delivery::ask_again`] is due.
    pub fn again_due(&self) -> Option<Instant> {
        self.topics.again_due()
    }

    /// Has the refused topics whose turn has come asked for once more.
    pub fn ask_again(&mut self, now: Instant) {
        self.topics.ask_again(now);
    }

    /// What the server refuses, if that has changed since the last look.
    pub fn refused(&mut self) -> Option<RefusedTopics<'_>> {
        self.topics.refused()
    }

    /// A connection is up: everything that is wanted is to be requested on it. Tells the gap before it.
    pub fn connected(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.tell_gap(now, sink);
        self.topics.connected();
    }

    /// All that is wanted is delivered.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Tells that messages may be missing, if they may.
    #[inline]
    pub fn tell_gaps(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.loss.is_some() {
            self.tell_gap(now, sink);
        }
        self.tell_regained(now, sink);
    }

    #[cold]
    fn tell_gap(&mut self, now: Instant, sink: &mut dyn Sink) {
        if let Some(Loss { since, error }) = self.loss.take()
            && self.topics.was_confirmed()
        {
            self.gap_told = Some(now);
            let lasted = now.saturating_duration_since(since);
            sink.event(Event::Gap { lasted, error, topics: None });
        }
    }

    /// Tells of the topics that were silent on this connection until now.
    #[inline]
    pub fn tell_regained(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.topics.has_regained() {
            self.tell_gap_of_some(now, sink);
        }
    }

    #[cold]
    fn tell_gap_of_some(&mut self, now: Instant, sink: &mut dyn Sink) {
        let Some((topics, error)) = self.topics.take_regained() else { return };
        // The gap of all topics was told when the connection came up.
        let since = self.gap_told.unwrap_or(now);
        let lasted = now.saturating_duration_since(since);
        sink.event(Event::Gap { lasted, error: Arc::unwrap_or_clone(error), topics: Some(topics) });
        self.owes_ready = true;
    }

    /// The gap of this connection and the `ready` to come are about all topics that were silent until now.
    pub fn forget_regained(&mut self) {
        self.topics.take_regained();
    }

    /// Whether a `ready` has to follow what was told.
    pub fn take_owed_ready(&mut self) -> bool {
        std::mem::take(&mut self.owes_ready)
    }

    /// Since when messages may be missing if the connection ends now, on which the last byte was `heard` then.
    pub fn missing_since(&self, heard: Instant) -> Instant {
        // A gap was told on this connection, but not every subscription was back: the new gap joins the old one.
        let restored = self.topics.is_restored() && !self.topics.is_deaf();
        self.gap_told.filter(|_| !restored).unwrap_or(heard)
    }

    /// The connection is lost, and with it what was published `since` then.
    pub fn lost(&mut self, since: Instant, error: &Error) {
        if self.topics.was_confirmed() {
            match &mut self.loss {
                // The server ceased to serve before. This connection may have been silent longer.
                Some(loss) => loss.since = loss.since.min(since),
                none => *none = Some(Loss { since, error: error.clone() }),
            }
        }
        (self.gap_told, self.settled, self.batches) = (None, false, 0);
        self.topics.disconnected();
    }

    /// The connection is up, but the server has nothing to deliver `since` then.
    pub fn unserved(&mut self, since: Instant, error: Error) {
        // Before all was well once, the `ready` to come is about all that was missed.
        if self.settled && self.loss.is_none() && self.topics.was_confirmed() {
            let since = self.gap_told.map_or(since, |told| told.max(since));
            self.loss = Some(Loss { since, error });
        }
    }

    /// What was published since then may be missing, too, if anything is.
    pub fn lost_earlier(&mut self, since: Instant) {
        if let Some(loss) = &mut self.loss {
            loss.since = loss.since.min(since);
        }
    }

    /// Nothing is wanted any more. If something was delivered, returns since when messages may be missing: `since` then, or
    /// since an earlier loss.
    pub fn end(&mut self, since: Instant) -> Option<Instant> {
        let since = self.loss.take().map_or(since, |loss| loss.since);
        let was_confirmed = self.topics.was_confirmed();
        self.topics.clear();
        was_confirmed.then_some(since)
    }
}
