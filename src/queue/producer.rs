//! The worker's end of a client's events.

use crate::model::{About, DropReason, Error, Event, Flow, Sink, Slot, Ticket, Value};

/// The worker's end of a client's events.
#[derive(Debug)]
pub struct Producer {}

impl Sink for Producer {
    fn message(&mut self, slot: Slot, channel: Option<&[u8]>, payload: &[u8]) -> Flow {
        let _ = (slot, channel, payload);
        todo!()
    }

    fn dropped(&mut self, bytes: u64, reason: DropReason) -> Flow {
        let _ = (bytes, reason);
        todo!()
    }

    fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, about: About<'_>) -> Flow {
        let _ = (ticket, result, about);
        todo!()
    }

    fn event(&mut self, event: Event) -> Flow {
        let _ = event;
        todo!()
    }
}
