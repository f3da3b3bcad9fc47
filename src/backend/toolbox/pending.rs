//! A request that has no answer yet.

use std::time::Instant;

use crate::model::{Error, LinkId, RequestKind, Ticket};

/// A request that has no answer yet. It moves by value, from the backlog into a link's pipeline and perhaps back, and
/// only [`Requests::answer`] ends it.
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
    /// Its place among all requests of the session.
    pub(super) number: u64,
    /// The part of the data that it needs, where the data is on several servers. Requests of one partition keep their
    /// order, whichever links they use.
    pub partition: Option<u16>,
    /// What happened when it was sent before.
    pub detour: Option<Box<Detour>>,
}

/// A server refused a request without running it, because another one has the data, or none has it for now.
#[derive(Debug)]
pub struct Detour {
    /// How often it was sent somewhere else.
    pub redirections: u8,
    /// The only link on which to send it; `None`: the link for its partition.
    pub only: Option<LinkId>,
    /// It must not be sent before this.
    pub not_before: Option<Instant>,
    /// The last server's error.
    pub refusal: Error,
}

impl PendingRequest {
    /// The kind of request.
    pub fn kind(&self) -> &RequestKind {
        &self.kind
    }

    /// When it was encoded.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whether it has timed out.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.deadline <= now
    }
}
