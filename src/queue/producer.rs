//! The worker's end of a client's events.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Item;
use super::batch::Batch;
use super::shared::{Amounts, Control, Cost, FEW_STATES, Lanes, ROOMY_BATCHES, error_bytes, value_bytes};
use crate::model::{
    Counters, DropReason, Error, Event, Overflow, ReplyTo, RequestName, Room, Sink, SubscriptionSlot, Ticket,
    Value,
};

/// The worker's end of a client's events.
///
/// Entries reach the main thread at the next [`Producer::flush`]. A producer that is dropped without an
/// [`Event::Closed`] sends one.
pub struct Producer {
    shared: Arc<Lanes>,
    /// The batch under construction, while it is not in `tail`.
    open: Option<Box<Batch>>,
    /// The next entry's number.
    seq: u64,
    /// Payload bytes of all messages so far, kept or not.
    payload: u64,
    /// Sums of the entries put in.
    put: Amounts,
    /// What the main thread had taken at the last look.
    taken: Amounts,
    answered: usize,
    request_bytes: usize,
    /// Messages that the session skipped, not yet put into the control lane.
    skipped: Option<(u64, u64, DropReason)>,
    /// Messages were dropped after the last entry.
    untold: bool,
    /// Something was published since the main thread was last notified.
    news: bool,
    closed: bool,
}

impl Producer {
    pub(super) fn new(shared: Arc<Lanes>) -> Self {
        Self {
            shared,
            open: None,
            seq: 0,
            payload: 0,
            put: Amounts::default(),
            taken: Amounts::default(),
            answered: 0,
            request_bytes: 0,
            skipped: None,
            untold: false,
            news: false,
            closed: false,
        }
    }

    /// Publishes everything, and notifies the main thread if there was anything.
    pub fn flush(&mut self) {
        self.put_skipped();
        if self.untold && self.has_half(Room::Messages) {
            self.put_control(Cost::State, None);
        }
        if let Some(batch) = self.open.take() {
            let end = batch.end();
            self.store_put();
            // Cannot fail: the place was empty when this batch was begun or taken back, and only this end fills it.
            self.open = self.shared.tail.push(batch).err();
            self.publish(end);
        }
        if std::mem::take(&mut self.news) {
            self.shared.signal.store(true, Ordering::Release);
        }
    }

    /// Whether a link that needs this room must not be read: the queue is full. It may be read again once the queue
    /// [has room](Producer::has_room).
    pub fn is_full(&mut self, room: Room) -> bool {
        let room = self.needed(room);
        !self.holds(|this, waiting| !this.shared.is_full(room, waiting))
    }

    /// Whether half of this room is free. If not, the worker is woken once it is.
    pub fn has_room(&mut self, room: Room) -> bool {
        self.has_half(self.needed(room))
    }

    /// Whether dropped messages will be reported once there is room: this end needs a [`Producer::flush`] whenever
    /// the worker is woken.
    pub fn has_untold(&self) -> bool {
        self.untold
    }

    /// The client's figures, for reading.
    pub fn counters(&self) -> &Arc<Counters> {
        self.shared.counters.all()
    }

    /// What a link has to wait for: under a policy that drops messages, reading does not stop for them.
    fn needed(&self, room: Room) -> Room {
        if room == Room::Messages && !self.shared.pauses() { Room::Answers } else { room }
    }

    /// Whether half of this room is free; if not, the main thread will wake the worker when it is.
    fn has_half(&mut self, room: Room) -> bool {
        if self.is_low(room) {
            return true;
        }
        self.shared.want_room(room);
        self.is_low(room)
    }

    fn is_low(&mut self, room: Room) -> bool {
        self.look();
        self.shared.is_low(room, self.waiting())
    }

    /// Reads how much the main thread has taken.
    fn look(&mut self) {
        self.taken = self.shared.taken.0.load();
    }

    /// The amounts that were waiting at the last look.
    fn waiting(&self) -> Amounts {
        self.put.since(self.taken)
    }

    /// Whether `check` holds now. The main thread's sums are only read if it does not hold as of the last look: they
    /// can only have grown.
    fn holds(&mut self, check: impl Fn(&Self, Amounts) -> bool) -> bool {
        check(self, self.waiting()) || {
            self.look();
            check(self, self.waiting())
        }
    }

    /// Whether `full` has a place for one more batch besides the one under construction, whose place is always kept.
    fn has_place(&self) -> bool {
        let kept = usize::from(self.open.is_some() || !self.shared.tail.is_empty());
        self.shared.full.len() + kept < self.shared.full.capacity()
    }

    /// Makes room for a message of `size` bytes, if the policy allows it. Afterwards there is an open batch for it.
    fn admit(&mut self, size: usize) -> bool {
        if self.open.is_none() {
            self.open = self.shared.tail.pop();
        }
        loop {
            let fits = self.holds(|this, waiting| {
                let limits = &this.shared.limits;
                match limits.overflow {
                    // There was room before the read that brought it, and there are places for everything that a read
                    // brings.
                    Overflow::Pause => true,
                    // An empty queue takes a message of any size.
                    Overflow::DropOldest | Overflow::DropNewest => {
                        waiting.events == 0
                            || (waiting.events < limits.queue_events
                                && waiting.bytes.saturating_add(size) <= limits.queue_bytes)
                    }
                }
            });
            if fits && self.open_for(size) {
                return true;
            }
            if self.shared.limits.overflow != Overflow::DropOldest || !self.drop_oldest() {
                return false;
            }
        }
    }

    /// Makes sure that there is an open batch for `size` more bytes, if there is a place for it.
    fn open_for(&mut self, size: usize) -> bool {
        let shared = &self.shared;
        match &self.open {
            Some(batch) if batch.takes(size, shared.batch_entries, shared.batch_bytes) => return true,
            _ if !self.has_place() => return false,
            _ => self.seal(),
        }
        let mut batch = self.shared.free.pop().unwrap_or_default();
        batch.restart(self.seq, self.payload);
        self.open = Some(batch);
        true
    }

    /// Drops the oldest batch that the main thread has not fetched.
    fn drop_oldest(&mut self) -> bool {
        match self.shared.full.pop().or_else(|| self.open.take()) {
            Some(batch) => {
                self.forget(batch);
                true
            }
            None => false,
        }
    }

    fn forget(&mut self, batch: Box<Batch>) {
        self.put.events = self.put.events.wrapping_sub(batch.len());
        self.put.bytes = self.put.bytes.wrapping_sub(batch.bytes());
        self.store_put();
        self.shared.counters.dropped(batch.len() as u64, DropReason::Overflow);
        self.shared.recycle(batch);
    }

    /// Ends the batch under construction: nothing is added to it any more.
    fn seal(&mut self) {
        let Some(mut batch) = self.open.take().or_else(|| self.shared.tail.pop()) else { return };
        let end = batch.end();
        if self.shared.full.len() >= ROOMY_BATCHES {
            batch.shrink();
        }
        self.store_put();
        // A place was kept for it. If there were none, the oldest batch would have to go.
        if let Some(oldest) = self.shared.full.force_push(batch) {
            self.forget(oldest);
        }
        self.publish(end);
    }

    fn put_control(&mut self, cost: Cost, item: Option<Item<'static>>) {
        self.seal();
        self.put.add(cost);
        self.store_put();
        self.shared.control.push(Control { seq: self.seq, before: self.payload, cost, item });
        self.seq += 1;
        self.untold = false;
        self.publish(self.seq);
    }

    fn put_event(&mut self, event: Event) {
        self.put_control(Cost::State, Some(Item::Event(event)));
    }

    fn put_skipped(&mut self) {
        let Some((count, bytes, reason)) = self.skipped.take() else { return };
        // Each report takes a place from which nothing is dropped. Under a policy that drops messages,
        // reading does not stop for reports: once half of the places are taken, the messages count as dropped
        // for lack of room.
        if self.shared.pauses() || self.holds(|_, waiting| waiting.states <= FEW_STATES) {
            self.shared.counters.dropped(count, reason);
            self.put_event(Event::Dropped { count, bytes, reason });
        } else {
            self.lose(count, bytes);
        }
    }

    /// Drops messages before they are put in. Their numbers stay unused, so no batch may span them.
    fn lose(&mut self, count: u64, bytes: u64) {
        self.seal();
        self.shared.counters.dropped(count, DropReason::Overflow);
        self.untold = true;
        self.seq += count;
        self.payload += bytes;
    }

    fn publish(&mut self, end: u64) {
        self.shared.worker.0.published.store(end, Ordering::Release);
        self.news = true;
    }

    fn store_put(&self) {
        self.shared.worker.0.put.store(self.put);
    }

    /// Frees the place of a request that needs no entry.
    fn free_place(&mut self) {
        self.answered = self.answered.wrapping_add(1);
        self.shared.worker.0.answered.store(self.answered, Ordering::Relaxed);
    }
}

impl Sink for Producer {
    fn message(&mut self, slot: SubscriptionSlot, channel: Option<&[u8]>, payload: &[u8]) {
        self.put_skipped();
        self.shared.counters.received();
        let size = channel.map_or(0, <[u8]>::len) + payload.len();
        if self.admit(size)
            && let Some(batch) = &mut self.open
            && batch.push(slot, channel, payload, self.shared.batch_bytes)
        {
            self.put.events = self.put.events.wrapping_add(1);
            self.put.bytes = self.put.bytes.wrapping_add(size);
            self.untold = false;
            self.seq += 1;
            self.payload += payload.len() as u64;
        } else {
            self.lose(1, payload.len() as u64);
        }
    }

    fn dropped(&mut self, bytes: u64, reason: DropReason) {
        self.shared.counters.received();
        match &mut self.skipped {
            Some((count, sum, same)) if *same == reason => {
                *count += 1;
                *sum = sum.saturating_add(bytes);
            }
            _ => {
                self.put_skipped();
                self.skipped = Some((1, bytes, reason));
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, about: RequestName<'_>) {
        self.put_skipped();
        self.request_bytes = self.request_bytes.wrapping_add(ticket.bytes);
        self.shared.worker.0.request_bytes.store(self.request_bytes, Ordering::Relaxed);
        match (ticket.to, result) {
            (ReplyTo::Callback(slot), result) => {
                let bytes = result.as_ref().map_or_else(error_bytes, value_bytes);
                self.put_control(Cost::Answer(bytes), Some(Item::Answer { slot, result }));
            }
            (ReplyTo::Nobody, Ok(_)) => self.free_place(),
            (ReplyTo::Nobody, Err(error)) => {
                let bytes = error_bytes(&error) + about.command.len() + about.channel.map_or(0, <[u8]>::len);
                let event = Event::RequestFailed {
                    command: about.command.into(),
                    channel: about.channel.map(Into::into),
                    error,
                };
                self.put_control(Cost::Answer(bytes), Some(Item::Event(event)));
            }
            (ReplyTo::Caller(caller), result) => {
                self.free_place();
                // Fails only if the caller has stopped waiting.
                let _ = caller.try_send(result);
            }
        }
    }

    fn event(&mut self, event: Event) {
        self.put_skipped();
        self.closed |= event == Event::Closed;
        self.put_event(event);
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        if !self.closed {
            self.shared.counters.closed();
            self.event(Event::Closed);
        }
        self.flush();
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("seq", &self.seq).field("waiting", &self.waiting()).finish()
    }
}
