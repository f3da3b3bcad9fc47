//! The main thread's end of a client's events.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use super::Item;
use super::batch::{Batch, Cursor, Message};
use super::shared::{Amounts, Control, Cost, Lanes};
use crate::model::{Code, DropReason, Error, Event, ReplyTo, Ticket};

/// The main thread's end of a client's events. Stays on its thread.
pub struct Consumer {
    shared: Arc<Lanes>,
    /// The batch that is being read.
    held: Option<Box<Batch>>,
    cursor: Cursor,
    /// The entries that were popped and not read yet, at most one from each source.
    from_full: Option<Box<Batch>>,
    from_tail: Option<Box<Batch>>,
    from_control: Option<Control>,
    /// The next entry's number, if nothing was dropped.
    expected: u64,
    /// Payload bytes of all messages so far, delivered or reported as dropped.
    payload: u64,
    /// Sums of the items handed out.
    taken: Amounts,
    /// Taking these items made room, and the worker was not told yet.
    made_room: bool,
    requests: Cell<usize>,
    request_bytes: Cell<usize>,
    answered: usize,
    closed: bool,
    // A Lua state belongs to one thread, and so does its queue.
    _not_send: PhantomData<*mut ()>,
}

impl Consumer {
    pub(super) fn new(shared: Arc<Lanes>) -> Self {
        Self {
            shared,
            held: None,
            cursor: Cursor::default(),
            from_full: None,
            from_tail: None,
            from_control: None,
            expected: 0,
            payload: 0,
            taken: Amounts::default(),
            made_room: false,
            requests: Cell::new(0),
            request_bytes: Cell::new(0),
            answered: 0,
            closed: false,
            _not_send: PhantomData,
        }
    }

    /// The next item, if there is one. Never waits.
    #[allow(clippy::should_implement_trait, reason = "an iterator's items cannot borrow from it")]
    // An item is large: inlined, the parts of a message stay in registers.
    #[inline(always)]
    pub fn next(&mut self) -> Option<Item<'_>> {
        if self.has_message() { self.read().map(Item::from) } else { self.next_between(|| ()) }
    }

    /// Whether the next item is a message, which [`Consumer::next_message`] returns.
    #[inline]
    pub fn has_message(&self) -> bool {
        self.held.as_ref().is_some_and(|batch| !batch.is_read(&self.cursor))
    }

    /// The next item, if [`Consumer::has_message`]. Saves copying an [`Item`], which is large.
    #[inline(always)]
    pub fn next_message(&mut self) -> Option<Message<'_>> {
        self.read()
    }

    /// [`Consumer::next`], with a call wherever the worker may act between two looks.
    #[inline(never)]
    pub(super) fn next_between(&mut self, mut between: impl FnMut()) -> Option<Item<'_>> {
        loop {
            if let Some(batch) = self.held.take_if(|batch| batch.is_read(&self.cursor)) {
                self.cursor = Cursor::default();
                self.shared.recycle(batch);
                self.offer_room();
            }
            if self.held.is_some() {
                return self.read().map(Item::from);
            }
            if self.is_empty() {
                self.rest();
                return None;
            }
            let Some((lowest, before)) = self.find(&mut between) else {
                self.rest();
                return None;
            };
            if lowest != self.expected {
                let (count, bytes) = (lowest - self.expected, before - self.payload);
                (self.expected, self.payload) = (lowest, before);
                return Some(Item::Event(Event::Dropped { count, bytes, reason: DropReason::Overflow }));
            }
            if let Some(control) = self.from_control.take_if(|control| control.seq == lowest) {
                let item = self.open(control);
                if item.is_some() {
                    return item;
                }
                continue;
            }
            let is_lowest = |batch: &mut Box<Batch>| batch.first() == lowest;
            self.held = self.from_full.take_if(is_lowest).or_else(|| self.from_tail.take_if(is_lowest));
        }
    }

    /// The channel, for a pattern's message, and the payload of the message that [`Consumer::next`] returned last.
    /// `None` if that was another item.
    pub fn last_message(&self) -> Option<(Option<&[u8]>, &[u8])> {
        let Message { channel, payload, .. } = self.held.as_deref()?.last(&self.cursor)?;
        Some((channel, payload))
    }

    /// Whether it is certain that nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.expected == self.shared.worker.0.published.load(Ordering::Acquire)
    }

    /// Whether nothing waits, and nothing is left to do for the items taken.
    #[inline]
    pub fn is_at_rest(&self) -> bool {
        self.held.is_none() && !self.made_room && self.is_empty()
    }

    /// Reserves the place of one answer and `bytes` of the budget of pending bytes.
    ///
    /// # Errors
    ///
    /// `OVERLOADED`, if `max_pending` requests, or too many bytes in them, wait for an answer already; `CLOSED`, if the
    /// session has ended.
    pub fn ticket(&self, to: ReplyTo, bytes: usize) -> Result<Ticket, Error> {
        let limits = &self.shared.limits;
        if self.closed {
            return Err(Error::closed());
        }
        if self.pending() >= limits.max_pending {
            let max = limits.max_pending;
            let message =
                format!("{max} requests wait for an answer already; wait for some, or raise max_pending");
            return Err(Error::unsent(Code::Overloaded, message));
        }
        let freed = self.shared.worker.0.request_bytes.load(Ordering::Relaxed);
        if self.request_bytes.get().wrapping_sub(freed).saturating_add(bytes) > limits.pending_bytes {
            let max = limits.pending_bytes;
            let message = format!(
                "requests that wait for an answer may have {max} bytes together, and this one is too much; wait for some"
            );
            return Err(Error::unsent(Code::Overloaded, message));
        }
        self.requests.set(self.requests.get().wrapping_add(1));
        self.request_bytes.set(self.request_bytes.get().wrapping_add(bytes));
        Ok(Ticket { to, bytes })
    }

    /// Requests accepted and not yet answered, or whose answer was not yet handed out.
    pub fn pending(&self) -> usize {
        if self.closed {
            // Requests that the session left unanswered will never be answered.
            return 0;
        }
        let answered = self.answered.wrapping_add(self.shared.worker.0.answered.load(Ordering::Relaxed));
        self.requests.get().wrapping_sub(answered)
    }

    /// The waiting messages, and their bytes, channel names of pattern messages included.
    pub fn queued(&self) -> (usize, usize) {
        let waiting = self.waiting();
        (waiting.events, waiting.bytes)
    }

    /// The next message of the held batch, which returns to the worker once it is used up.
    #[inline(always)]
    fn read(&mut self) -> Option<Message<'_>> {
        let message = self.held.as_deref()?.read(&mut self.cursor)?;
        let Message { channel, payload, .. } = message;
        self.expected += 1;
        self.payload += payload.len() as u64;
        let size = payload.len() + channel.map_or(0, <[u8]>::len);
        self.taken.events = self.taken.events.wrapping_add(1);
        self.taken.bytes = self.taken.bytes.wrapping_add(size);
        self.made_room = true;
        self.shared.taken.0.store_messages(self.taken);
        Some(message)
    }

    /// Pops the entry with the lowest number that still exists. Returns that number, and the payload bytes before it.
    fn find(&mut self, between: &mut impl FnMut()) -> Option<(u64, u64)> {
        self.poll(between);
        if self.lowest()?.0 != self.expected {
            // Everything below it is visible by now, unless it was dropped.
            self.poll(between);
        }
        self.lowest()
    }

    /// Looks at each source of which nothing is held, until the expected number is found.
    fn poll(&mut self, between: &mut impl FnMut()) {
        between();
        let expected = self.expected;
        let found =
            |batch: &Option<Box<Batch>>| batch.as_ref().is_some_and(|batch| batch.first() == expected);
        // A pop from an empty queue costs a fence, a look does not.
        if self.from_full.is_none() && !self.shared.full.is_empty() {
            self.from_full = self.shared.full.pop();
        }
        if found(&self.from_full) {
            return;
        }
        between();
        if self.from_control.is_none() && !self.shared.control.is_empty() {
            self.from_control = self.shared.control.pop();
        }
        if self.from_control.as_ref().is_some_and(|control| control.seq == expected) {
            return;
        }
        between();
        if self.from_tail.is_none() && !self.shared.tail.is_empty() {
            self.from_tail = self.shared.tail.pop();
        }
    }

    /// The lowest number held, and the payload bytes before it.
    fn lowest(&self) -> Option<(u64, u64)> {
        let batches = [&self.from_full, &self.from_tail];
        let batches = batches.into_iter().flatten().map(|batch| (batch.first(), batch.before()));
        let control = self.from_control.as_ref().map(|control| (control.seq, control.before));
        batches.chain(control).min()
    }

    /// The item in a control entry.
    fn open(&mut self, control: Control) -> Option<Item<'static>> {
        self.expected += 1;
        self.made_room = true;
        self.closed |= matches!(control.item, Some(Item::Event(Event::Closed)));
        if let Cost::Answer(_) = control.cost {
            self.answered = self.answered.wrapping_add(1);
        }
        self.taken.add(control.cost);
        self.shared.taken.0.store(self.taken);
        self.offer_room();
        control.item
    }

    /// Tells a waiting worker about room, now that nothing more will be taken.
    fn rest(&mut self) {
        if std::mem::take(&mut self.made_room) {
            // The worker announces that it waits, and then looks at the sums: either it sees ours, or we see that it
            // waits. In the middle of work no fence is needed, because another look follows.
            fence(Ordering::SeqCst);
            self.offer_room();
        }
    }

    fn offer_room(&self) {
        self.shared.offer_room(|| self.waiting());
    }

    fn waiting(&self) -> Amounts {
        self.shared.worker.0.put.load().since(self.taken)
    }
}

impl<'a> From<Message<'a>> for Item<'a> {
    fn from(Message { slot, channel, payload }: Message<'a>) -> Self {
        Self::Message { slot, channel, payload }
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("expected", &self.expected).field("queued", &self.queued()).finish()
    }
}
