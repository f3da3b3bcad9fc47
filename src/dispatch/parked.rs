//! A message on its way over its callbacks, and the place where it waits if that takes more than one step.

use super::callbacks::Walk;
use crate::model::SubscriptionSlot;

/// The message that a walk delivers. Its source hands out no other one before the walk has ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Message {
    pub(super) source: usize,
    pub(super) bytes: usize,
    /// The walk's first callback does not have it yet.
    pub(super) is_new: bool,
    /// The embedding code keeps the values that callbacks share: the names, and a place for the message.
    pub(super) is_shared: bool,
    /// A callback of the walk got the whole message, as a string.
    pub(super) is_out: bool,
}

/// A walk that is at a callback whose table is not complete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parked {
    pub(super) topic: SubscriptionSlot,
    pub(super) walk: Walk,
    pub(super) message: Message,
}

impl Parked {
    /// The callback that the walk is at gets the message in a later step, in which nothing is shared any
    /// more.
    pub(super) fn new(topic: SubscriptionSlot, walk: Walk, message: Message) -> Self {
        let message = Message { is_new: true, is_shared: false, is_out: false, ..message };
        Self { topic, walk, message }
    }
}
