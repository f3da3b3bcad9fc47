//! Where a session puts what it learns.

use crate::model::{About, Error, Event, Flow, Sink, Ticket, Value};

/// A sink that remembers whether it was full.
pub(super) struct Out<'a> {
    sink: &'a mut dyn Sink,
    pub(super) stop: bool,
    /// Messages were put in.
    pub(super) messages: bool,
    /// One of them filled it.
    pub(super) filled_by_message: bool,
}

impl<'a> Out<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink) -> Self {
        Self { sink, stop: false, messages: false, filled_by_message: false }
    }

    pub(super) fn put(&mut self, put: impl FnOnce(&mut dyn Sink) -> Flow) {
        self.stop |= put(self.sink) == Flow::Stop;
    }

    /// Puts in a message, or that there was one.
    #[inline]
    pub(super) fn message(&mut self, put: impl FnOnce(&mut dyn Sink) -> Flow) {
        self.messages = true;
        if put(self.sink) == Flow::Stop {
            self.stop = true;
            self.filled_by_message = true;
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.put(|sink| sink.event(event));
    }

    pub(super) fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, about: About<'_>) {
        self.put(|sink| sink.answer(ticket, result, about));
    }
}
