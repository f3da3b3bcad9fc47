//! A unit of work.

use crate::dispatch::Document;
use crate::model::{Error, Event, Value};

/// A callback, a string or a client as the embedding code keeps it.
pub trait Reference {
    /// Refers to it in a step: a callback may end its client, or another callback.
    type Index: Copy;

    /// Refers to it in a step.
    fn index(&self) -> Self::Index;
}

impl<T: Copy> Reference for T {
    type Index = T;

    fn index(&self) -> T {
        *self
    }
}

/// A unit of work. Owns nothing; the memory that it points to stays as it is until the next one.
#[derive(Debug)]
pub enum Step<'a, R: Reference, D: Reference> {
    /// Nothing waits.
    Idle,
    /// There was nothing for a callback; more items may wait.
    Skipped,
    /// Print this on the console.
    Line(&'a str),
    /// Call the callback with a message.
    Message {
        /// Whom to call.
        callback: R::Index,
        /// Its client.
        client: D::Index,
        /// The payload.
        payload: &'a [u8],
        /// The channel's or the pattern's name.
        name: R::Index,
        /// The channel, for a pattern's message.
        channel: Option<&'a [u8]>,
        /// No other callback gets it.
        alone: bool,
    },
    /// The message is over the callback's bound: it gets the size.
    TooLarge {
        /// Whom to call.
        callback: R::Index,
        /// Its client.
        client: D::Index,
        /// The size of the payload in bytes.
        bytes: usize,
        /// As for a message.
        name: R::Index,
        /// As for a message.
        channel: Option<&'a [u8]>,
    },
    /// The callback gets the event or the whole message that an earlier callback of the walk was given.
    Again {
        /// Whom to call.
        callback: R::Index,
        /// Its client.
        client: D::Index,
    },
    /// The callback gets the whole message. Those before it were given only its size.
    AgainWhole {
        /// Whom to call.
        callback: R::Index,
        /// Its client.
        client: D::Index,
        /// The payload.
        payload: &'a [u8],
    },
    /// The message of this walk is over the callback's bound: it gets the size.
    AgainTooLarge {
        /// Whom to call.
        callback: R::Index,
        /// Its client.
        client: D::Index,
        /// The size of the payload in bytes.
        bytes: usize,
    },
    /// The callback gets the value of the message. If the document is long, a part of it may be made now, as
    /// [`Dispatcher::table_begun`](super::Dispatcher::table_begun) says; otherwise
    /// [`Dispatcher::table_made`](super::Dispatcher::table_made) comes before the call.
    Table {
        /// Whom to call.
        callback: R::Index,
        /// Its client.
        client: D::Index,
        /// The payload.
        payload: &'a [u8],
        /// The document that was read from it.
        document: &'a Document,
        /// As for a message.
        name: R::Index,
        /// As for a message.
        channel: Option<&'a [u8]>,
    },
    /// The callback gets a message that cannot be read.
    Unreadable {
        /// Whom to call.
        callback: R::Index,
        /// Its client.
        client: D::Index,
        /// Why.
        reason: &'a str,
        /// The payload, unless it passes a bound.
        payload: Option<&'a [u8]>,
        /// As for a message.
        name: R::Index,
        /// As for a message.
        channel: Option<&'a [u8]>,
    },
    /// A part of a long message was read, which takes time.
    Slice,
    /// The table that was begun is not needed any more.
    Abandoned,
    /// The callback gets the answer to its request.
    Answer {
        /// Whom to call.
        callback: R::Index,
        /// Its client.
        client: D::Index,
        /// The answer.
        result: &'a Result<Value, Error>,
    },
    /// The listener gets a change of state.
    Event {
        /// Whom to call.
        callback: R::Index,
        /// Its client.
        client: D::Index,
        /// The change.
        event: &'a Event,
    },
}
