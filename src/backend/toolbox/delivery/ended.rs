//! Subscriptions that the server ended by itself.

use std::time::Instant;

use super::Delivery;
use crate::model::{Error, TopicKind};

impl Delivery {
    /// The server ended a subscription by itself, and the connection stays. A topic that is wanted is silent from now on, and asked
    /// for again.
    pub fn ended(&mut self, kind: TopicKind, name: &[u8], error: &Error, now: Instant) {
        let Some(entry) = self.tables.of_mut(kind).get_mut(name) else { return };
        if !std::mem::take(&mut entry.confirmed) {
            return;
        }
        self.confirmed -= 1;
        let error = self.refusals.share(error);
        self.refusals.silence(entry, now, &error);
        if entry.in_flight > 0 {
            // The answer to the last operation decides.
            return;
        }
        entry.requested = false;
        if entry.is_wanted() {
            self.unsettled.insert(entry.number);
            self.enqueue(kind, name);
        } else {
            // The end that was still to be asked for, or was refused.
            self.unsettled.remove(&entry.number);
            self.refusals.lift(entry);
            self.forget_if_over(kind, name);
        }
    }
}
