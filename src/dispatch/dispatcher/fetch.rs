//! Takes the next item, client by client.

use super::{Dispatcher, List, Reference, Step, Task, Turn};
use crate::dispatch::client::{Client, Source};
use crate::dispatch::parked::Message;
use crate::model::ClientSlot;
use crate::queue::Item;

/// Items of one client before the next client's turn.
const STRIDE: u32 = 32;

impl<R: Reference, D: Reference> Dispatcher<R, D> {
    /// The client whose turn it is, if it goes on with a message that was taken from its queue. That is the usual case,
    /// and needs no look at queues.
    #[inline(always)]
    fn goes_on(&self) -> Option<ClientSlot> {
        let slot = *self.order.get(self.turn.client)?;
        let client = self.clients.get(slot)?;
        let source = client.sources.get(self.turn.source)?;
        let goes_on = self.turn.taken < STRIDE && client.parked.is_none() && source.consumer.has_message();
        goes_on.then_some(slot)
    }

    /// The client whose turn it is; `None` if no client has an item.
    #[inline(never)]
    fn whose_turn(&mut self) -> Option<ClientSlot> {
        while self.turn.empty < self.order.len() {
            let Some(&slot) = self.order.get(self.turn.client) else {
                self.turn = Turn { empty: self.turn.empty, ..Turn::default() };
                continue;
            };
            let has_news = |client: &Client<R, D>| match client.parked {
                Some(_) => self.turn.taken == 0 && self.may_read(slot),
                None => {
                    self.turn.taken < STRIDE
                        && client
                            .sources
                            .get(self.turn.source..)
                            .is_some_and(|sources| !sources.iter().all(|source| source.consumer.is_at_rest()))
                }
            };
            if self.clients.get(slot).is_some_and(has_news) {
                return Some(slot);
            }
            let empty = if self.turn.taken == 0 { self.turn.empty + 1 } else { 0 };
            self.turn = Turn { client: self.turn.client + 1, empty, ..Turn::default() };
        }
        None
    }

    /// Takes one item from the client and the source whose turn it is.
    // Inlined, the parts of a message stay in registers.
    #[inline(always)]
    pub(super) fn fetch(&mut self) -> Step<'_, R, D> {
        if self.long.is_some() && self.drop_long_unless_parked() {
            return Step::Abandoned;
        }
        let Some(slot) = self.goes_on().or_else(|| self.whose_turn()) else {
            self.waiting = false;
            return Step::Idle;
        };
        let Some(client) = self.clients.get_mut(slot) else { return Step::Skipped };
        if client.parked.is_some()
            && let Some(parked) = client.parked.take()
        {
            self.turn.taken = STRIDE;
            self.walk = Some((slot, List::Topic(parked.topic), parked.walk));
            self.message = parked.message;
            return Step::Skipped;
        }
        // The remaining items of a replaced session come before anything of its successor. The successor is
        // looked at first, so that everything that the old session published before it is visible.
        let has_news = |source: &Source| !source.consumer.is_empty();
        if self.turn.source > 0
            && client.sources.get(self.turn.source).is_some_and(has_news)
            && let Some(older) = client.sources[..self.turn.source].iter().position(has_news)
        {
            self.turn.source = older;
        }
        let Some(source) = client.sources.get_mut(self.turn.source) else { return Step::Skipped };
        let (topic, channel, payload) = if source.consumer.has_message() {
            let Some(message) = source.consumer.next_message() else { return Step::Skipped };
            (message.slot, message.channel, message.payload)
        } else {
            match source.consumer.next() {
                Some(Item::Message { slot: topic, channel, payload }) => (topic, channel, payload),
                Some(Item::Answer { slot: request, result }) => {
                    self.turn.taken += 1;
                    let Some(waiting) = client.requests.remove(request) else { return Step::Skipped };
                    self.unusual = true;
                    let (callback, result) = self.content.answer.insert((waiting.callback, result));
                    return Step::Answer { callback: callback.index(), client: client.data.index(), result };
                }
                Some(Item::Event(event)) => {
                    self.turn.taken += 1;
                    self.unusual = true;
                    self.tasks.push_front(Task::Tell {
                        client: slot,
                        session: source.session,
                        event: event.into(),
                    });
                    return Step::Skipped;
                }
                None => {
                    self.turn.source += 1;
                    return Step::Skipped;
                }
            }
        };
        self.turn.taken += 1;
        let Some(subscription) = client.subscriptions.get(topic) else { return Step::Skipped };
        let Some((entry, walk)) = subscription.callbacks.first(client.serials) else {
            return Step::Skipped;
        };
        // The figures are those of the current session.
        client.delivered += u64::from(!source.retired);
        let (name, bytes) = (subscription.name.index(), payload.len());
        let (mut is_out, mut is_new) = (true, false);
        if !entry.is_plain
            && let Some(options) = subscription.callbacks.options(&walk)
        {
            (is_out, is_new) = (bytes <= options.max_bytes, options.special.is_some());
        }
        let alone = subscription.callbacks.len() == 1;
        if !alone || is_new {
            self.walk = Some((slot, List::Topic(topic), walk));
            let (is_shared, is_out) = (!is_new, !is_new && is_out);
            self.message = Message { source: self.turn.source, bytes, is_new, is_shared, is_out };
            if is_new {
                return Step::Skipped;
            }
        }
        let (callback, client) = (entry.callback.index(), client.data.index());
        if is_out {
            Step::Message { callback, client, payload, name, channel, alone }
        } else {
            Step::TooLarge { callback, client, bytes, name, channel }
        }
    }
}
