//! Subscriptions that the server ended.

use std::time::Instant;

use super::Delivery;
use crate::model::{Error, TopicKind};

impl Delivery {
    /// The server ended a subscription, unasked, and the connection stays. A wanted topic is silent from now on, and
    /// is subscribed again.
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
            // The end of the subscription was still to be requested, or was refused.
            self.unsettled.remove(&entry.number);
            self.refusals.lift(entry);
            self.forget_if_over(kind, name);
        }
    }
}
