//! A request that has no answer yet.

use std::time::Instant;

use crate::model::{RequestKind, Ticket};

/// A request that has no answer yet. It moves by value, from the backlog into a link's pipeline and perhaps back, and ends
/// with [`Requests::answer`] alone.
///
/// [`Requests::answer`]: super::Requests::answer
#[derive(Debug)]
pub struct PendingRequest {
    pub(super) ticket: Ticket,
    pub(super) deadline: Instant,
    pub(super) kind: RequestKind,
    /// Number of the last Subscribe before it.
    pub(super) after: u64,
    /// When it was encoded.
    pub(super) since: Instant,
}

impl PendingRequest {
    /// What is asked.
    pub fn kind(&self) -> &RequestKind {
        &self.kind
    }

    /// When it was encoded.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whether its time is up.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.deadline <= now
    }
}
