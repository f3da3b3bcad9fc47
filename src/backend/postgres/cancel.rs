//! Cancels a statement whose caller has given up, so that the ones after it do not wait. The server expects the
//! request on a separate connection, and closes that after it has signalled the process that runs the statement.

use std::time::Instant;

use super::connection::{CANCEL, Connection, Expectation, Link};
use super::session::PostgresSession;
use crate::backend::Action;

/// The SQLSTATE of a cancelled statement.
pub(super) const QUERY_CANCELED: &str = "57014";

impl PostgresSession {
    /// Asks the server once to cancel the running statement if its caller has given up. Nothing more is sent
    /// meanwhile, because the request cancels whatever the server is running when it arrives.
    pub(super) fn cancel_abandoned(&mut self, now: Instant) {
        let Some(connection) = self.commands.up_mut() else { return };
        let is_abandoned = connection.pipeline.front().is_some_and(|command| {
            let is_slow = matches!(
                command.expectation,
                Expectation::Statement { .. } | Expectation::Transaction { .. }
            );
            is_slow && command.request.is_none()
        });
        let was_asked = connection.cancelled == Some(connection.answered);
        if !is_abandoned || was_asked || connection.key.is_none() || !matches!(self.cancel, Link::Idle) {
            return;
        }
        connection.cancelled = Some(connection.answered);
        let endpoint = self.endpoint_of(CANCEL);
        self.make(CANCEL, endpoint, now);
    }

    /// Writes the request to cancel, in place of a login.
    pub(super) fn request_cancel(&mut self) {
        let Some(key) = self.commands.connection().and_then(|connection| connection.key) else { return };
        let mut out = Vec::new();
        self.encoder.cancel(&mut out, key.process, key.secret);
        if let Some(Connection { pipeline, .. }) = self.cancel.connection_mut() {
            pipeline.tell(&out);
        }
    }

    /// Closes the link. If it could not be opened, the statement runs on.
    pub(super) fn end_cancel(&mut self, is_gone: bool) {
        if !matches!(std::mem::replace(&mut self.cancel, Link::Idle), Link::Idle) && !is_gone {
            self.actions.push_back(Action::Close(CANCEL));
        }
    }

    /// The deadline of the link.
    pub(super) fn cancel_due(&self) -> Option<Instant> {
        match &self.cancel {
            Link::Idle => None,
            Link::Connecting { deadline } => Some(*deadline),
            Link::Connected(connection) => Some(connection.deadline),
        }
    }
}
