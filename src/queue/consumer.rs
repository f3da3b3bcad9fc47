//! The main thread's end of a client's events.

use crate::model::{Error, Event, ReplyTo, Slot, Ticket, Value};

/// One thing that came from the worker, in order.
#[derive(Debug, PartialEq)]
pub enum Item<'a> {
    /// A message.
    Message {
        /// The subscription that it is for.
        slot: Slot,
        /// The channel, for a pattern's message.
        channel: Option<&'a [u8]>,
        /// What was sent.
        payload: &'a [u8],
    },
    /// The answer to a request that has a callback.
    Answer {
        /// The callback.
        slot: Slot,
        /// The answer.
        result: Result<Value, Error>,
    },
    /// A change of state, or exactly what was dropped at this place.
    Event(Event),
}

/// The main thread's end of a client's events. Stays on its thread.
#[derive(Debug)]
pub struct Consumer {
    // A Lua state belongs to one thread, and so does what feeds it.
    _not_send: std::marker::PhantomData<*mut ()>,
}

impl Consumer {
    /// The next thing, if there is one. Never waits.
    pub fn next(&mut self) -> Option<Item<'_>> {
        todo!()
    }

    /// Reserves the place of one answer and `bytes` of the budget of pending bytes.
    ///
    /// # Errors
    ///
    /// `OVERLOADED`, if `max_pending` requests, or too many bytes in them, wait for an answer already.
    pub fn ticket(&self, to: ReplyTo, bytes: usize) -> Result<Ticket, Error> {
        let _ = (to, bytes);
        todo!()
    }

    /// Requests accepted and not yet answered.
    pub fn pending(&self) -> usize {
        todo!()
    }

    /// Messages that wait, and their bytes.
    pub fn queued(&self) -> (usize, usize) {
        todo!()
    }
}
