//! From the main thread to the worker.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use super::Producer;
use crate::model::{ClientId, Command, Wake};

/// What the main thread tells the worker. `S` is what the worker runs for a client: a boxed session.
#[derive(Debug)]
pub enum Order<S> {
    /// Run this session; what it learns goes to this producer.
    Open {
        /// The client's name from now on.
        client: ClientId,
        /// Its session.
        session: S,
        /// Its way to the main thread.
        producer: Producer,
    },
    /// A command for a client's session. Ignored if the session has ended.
    Command {
        /// Whose.
        client: ClientId,
        /// What.
        command: Command,
    },
    /// The Lua state ends: what was accepted is still sent until `deadline`, then the thread ends.
    Shutdown {
        /// When to end at the latest.
        deadline: Instant,
    },
}

/// The two ends of the way to the worker.
pub fn orders<S>() -> (Orders<S>, Inbox<S>) {
    todo!()
}

/// The main thread's end.
#[derive(Debug)]
pub struct Orders<S>(PhantomData<S>);

impl<S> Orders<S> {
    /// Hands an order over, and wakes the worker if it sleeps.
    pub fn push(&self, order: Order<S>) {
        let _ = order;
        todo!()
    }

    /// Wakes the worker if it sleeps; for the consumers of [`super::events`].
    pub fn waker(&self) -> Arc<dyn Wake> {
        todo!()
    }
}

/// The worker's end.
#[derive(Debug)]
pub struct Inbox<S>(PhantomData<S>);
