//! The main thread's half: maps events to callbacks, and limits how long callbacks may run.
//!
//! Nothing here knows what a callback is. The embedding code passes references of its own type, asks
//! [`Dispatcher::step`] for the next call, and makes it while nothing of the dispatcher is borrowed: so a callback
//! may subscribe, unsubscribe, close its client or open another one in the middle of a walk over its neighbours.

mod budget;
mod callbacks;
mod client;
mod console;
mod dispatcher;
mod document;
mod failures;
mod kind;
mod message_options;
mod parked;
mod reports;
mod slab;

pub use budget::Budget;
pub use callbacks::{Callbacks, Origin};
pub use client::{Client, Traffic};
pub use dispatcher::{Dispatcher, Reference, Step};
pub use document::Document;
pub use kind::EventKind;
pub use message_options::{JsonOptions, MessageOptions};
pub use reports::Reports;
pub use slab::Slab;

#[cfg(test)]
mod tests;
