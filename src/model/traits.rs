//! Traits by which a room uses another one without knowing it.

use std::io;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use super::{DropReason, Error, Event, RequestSlot, SubscriptionSlot, Value};

/// Wakes the thread on the other side of a queue.
pub trait Wake: Send + Sync {
    /// Makes the sleeper look at its queue soon. May be called from any thread, any number of times.
    fn wake(&self);
}

/// Starts the worker thread, which serves `inbox` until it is told to stop.
pub trait Spawn<Inbox> {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// The system refused a thread, or what the event loop needs.
    fn spawn(&self, inbox: Inbox) -> io::Result<Box<dyn Join>>;
}

/// A thread that can be waited for.
pub trait Join {
    /// Waits for the thread to end, until `deadline`. Returns whether it has ended.
    fn join(self: Box<Self>, deadline: Instant) -> bool;
}

/// What a read of a link may deliver: before the read, the queue must have room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Nothing that takes room: a handshake.
    None,
    /// Answers and changes of state.
    Answers,
    /// Messages as well.
    Messages,
}

/// Where a session puts messages, answers and events: the batch under construction on the way to the main thread.
///
/// They arrive there in the order in which they were put in. It takes everything that one read of a link delivers:
/// the check for [`Room`] comes before the read.
pub trait Sink {
    /// A message for a live subscription. `channel` is given for patterns, whose messages must name it.
    fn message(&mut self, slot: SubscriptionSlot, channel: Option<&[u8]>, payload: &[u8]);

    /// A message that was not kept.
    fn dropped(&mut self, bytes: u64, reason: DropReason);

    /// The one answer to the request that `ticket` came with. `about` names the request, for an error that no
    /// callback gets.
    fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, about: RequestName<'_>);

    /// A change of state.
    fn event(&mut self, event: Event);
}

/// The parts of a request that an error may name: its command's name and a Publish's channel, never more.
#[derive(Debug, Clone, Copy)]
pub struct RequestName<'a> {
    /// Name of the command.
    pub command: &'a [u8],
    /// Channel of a Publish.
    pub channel: Option<&'a [u8]>,
}

/// The right to one answer. Cannot be copied, and is consumed by the answer.
#[derive(Debug)]
pub struct Ticket {
    /// Where the answer goes.
    pub to: ReplyTo,
    /// The request's share of the budget of pending bytes.
    pub bytes: usize,
}

/// Where an answer goes.
#[derive(Debug)]
pub enum ReplyTo {
    /// A callback of the main thread.
    Callback(RequestSlot),
    /// Nowhere; an error becomes an event.
    Nobody,
    /// The main thread itself, which is blocked until the answer is there. The answer overtakes everything queued.
    Caller(SyncSender<Result<Value, Error>>),
}
