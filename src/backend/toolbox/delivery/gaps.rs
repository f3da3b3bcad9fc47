//! When messages may be missing, and when that is reported.
//!
//! A gap is reported once, between the last message before it and the first one after it: [`Delivery::tell_gaps`] is
//! called before each message, [`Delivery::connected`] before a new connection delivers any.

use std::sync::Arc;
use std::time::Instant;

use super::Delivery;
use super::entry::Silence;
use crate::model::{Error, Event, Sink};

/// Losses and gaps of a link.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Messages may be missing, and no gap has reported it yet.
    loss: Option<Loss>,
    /// When the last gap of all subscriptions was reported, on the current connection.
    told: Option<Instant>,
    /// The current connection delivered all topics at least once.
    settled: bool,
    /// A gap of some subscriptions was reported, and a `ready` has to follow.
    owes_ready: bool,
}

/// A time in which messages may be missing.
#[derive(Debug)]
struct Loss {
    since: Instant,
    error: Error,
}

impl Gaps {
    /// When the last gap of all subscriptions was reported, on the current connection.
    pub(super) fn told(&self) -> Option<Instant> {
        self.told
    }
}

impl Delivery {
    /// A connection is up: requests all wanted topics on it. Reports the gap before it.
    pub fn connected(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.tell_gap(now, sink);
        self.request_all();
    }

    /// All wanted topics are delivered.
    pub fn settle(&mut self) {
        self.gaps.settled = true;
    }

    /// Reports that messages may be missing, if so.
    #[inline]
    pub fn tell_gaps(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.gaps.loss.is_some() {
            self.tell_gap(now, sink);
        }
        self.tell_regained(now, sink);
    }

    #[cold]
    fn tell_gap(&mut self, now: Instant, sink: &mut dyn Sink) {
        if let Some(Loss { since, error }) = self.gaps.loss.take()
            && self.was_confirmed()
        {
            self.gaps.told = Some(now);
            let lasted = now.saturating_duration_since(since);
            sink.event(Event::Gap { lasted, error, topics: None });
        }
    }

    /// Reports the topics that were silent on this connection until now.
    #[inline]
    pub fn tell_regained(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.refusals.has_regained() {
            self.tell_gap_of_some(now, sink);
        }
    }

    #[cold]
    fn tell_gap_of_some(&mut self, now: Instant, sink: &mut dyn Sink) {
        let Some((topics, Silence { since, error })) = self.refusals.take_regained() else { return };
        let lasted = now.saturating_duration_since(since);
        sink.event(Event::Gap { lasted, error: Arc::unwrap_or_clone(error), topics: Some(topics) });
        self.gaps.owes_ready = true;
    }

    /// The gap of this connection and the `ready` that follows cover all topics that were silent until now.
    pub fn forget_regained(&mut self) {
        self.refusals.take_regained();
    }

    /// Whether a `ready` has to follow a reported gap.
    pub fn take_owed_ready(&mut self) -> bool {
        std::mem::take(&mut self.gaps.owes_ready)
    }

    /// From when messages may be missing if the connection ends now; its last byte came at `heard`.
    pub fn missing_since(&self, heard: Instant) -> Instant {
        // A gap was reported on this connection, but some subscriptions were not restored then or are not now: the
        // new gap joins the old one.
        let unrestored = self.gaps.told.filter(|_| !self.is_restored());
        unrestored.into_iter().chain(self.refusals.silent_since()).fold(heard, Instant::min)
    }

    /// The connection was lost; messages published after `since` were missed.
    pub fn lost(&mut self, since: Instant, error: &Error) {
        if self.was_confirmed() {
            match &mut self.gaps.loss {
                // The server stopped serving data before. This connection may have been silent even longer.
                Some(loss) => loss.since = loss.since.min(since),
                none => *none = Some(Loss { since, error: error.clone() }),
            }
        }
        (self.gaps.told, self.gaps.settled) = (None, false);
        self.forget_connection();
    }

    /// The connection is up, but the server has had nothing to deliver after `since`.
    pub fn unserved(&mut self, since: Instant, error: Error) {
        // Before everything was delivered once, the `ready` that follows covers all missed messages.
        if self.gaps.settled && self.gaps.loss.is_none() && self.was_confirmed() {
            let since = self.gaps.told.map_or(since, |told| told.max(since));
            self.gaps.loss = Some(Loss { since, error });
        }
    }

    /// If messages are missing, those published after this time may be missing, too.
    pub fn lost_earlier(&mut self, since: Instant) {
        if let Some(loss) = &mut self.gaps.loss {
            loss.since = loss.since.min(since);
        }
    }

    /// Messages published after `since` may be missing. The `ready` is still to come, so the gap counts for
    /// all topics.
    pub fn lost_before_ready(&mut self, since: Instant, error: Error) {
        match &mut self.gaps.loss {
            Some(loss) => loss.since = loss.since.min(since),
            none => *none = Some(Loss { since, error }),
        }
    }

    /// No topic is wanted any more. If one was delivered, returns from when messages may be missing: `since`, or the
    /// time of an earlier loss.
    pub fn end(&mut self, since: Instant) -> Option<Instant> {
        let since = self.gaps.loss.take().map_or(since, |loss| loss.since);
        let was_confirmed = self.was_confirmed();
        self.clear();
        was_confirmed.then_some(since)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backend::toolbox::RefusalKind;
    use crate::model::{Code, DropReason, RequestName, SubscriptionSlot, Ticket, Topic, TopicKind, Value};

    /// The gaps: how many seconds each lasted, and how many topics it was about.
    #[derive(Debug, Default, PartialEq)]
    struct Gaps(Vec<(u64, Option<usize>)>);

    impl Sink for Gaps {
        fn message(&mut self, _: SubscriptionSlot, _: Option<&[u8]>, _: &[u8]) {}
        fn dropped(&mut self, _: u64, _: DropReason) {}
        fn answer(&mut self, _: Ticket, _: Result<Value, Error>, _: RequestName<'_>) {}
        fn event(&mut self, event: Event) {
            if let Event::Gap { lasted, topics, .. } = event {
                self.0.push((lasted.as_secs(), topics.map(|topics| topics.len())));
            }
        }
    }

    struct World {
        delivery: Delivery,
        start: Instant,
        gaps: Gaps,
    }

    impl World {
        /// The topics are wanted, and the connection is up.
        fn new(topics: &[&str]) -> Self {
            let mut delivery = Delivery::new(1);
            for name in topics {
                let topic = Topic { kind: TopicKind::Channel, name: name.as_bytes().into() };
                delivery.subscribe(&topic, SubscriptionSlot::new(0, 0));
            }
            let mut world = Self { delivery, start: Instant::now(), gaps: Gaps::default() };
            world.connected(0);
            world
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        fn connected(&mut self, seconds: u64) {
            self.delivery.connected(self.at(seconds), &mut self.gaps);
        }

        /// The server confirms every request.
        fn confirm(&mut self) {
            while let Some(mut batch) = self.delivery.next_batch() {
                for name in batch.names().to_vec() {
                    assert!(batch.tick_off(batch.operation(), batch.kind(), &name));
                    self.delivery.confirm(&batch, &name);
                }
            }
        }

        fn lost(&mut self, heard: u64) {
            let since = self.delivery.missing_since(self.at(heard));
            self.delivery.lost(since, &error());
        }
    }

    fn error() -> Error {
        Error::unsent(Code::Disconnected, "lost")
    }

    #[test]
    fn a_gap_is_told_once_and_only_if_something_was_delivered() {
        let mut world = World::new(&["chat"]);
        world.lost(1);
        world.connected(3);
        assert_eq!(world.gaps.0, [], "nothing was ever confirmed");
        world.confirm();
        world.lost(10);
        // Later attempts change nothing.
        world.delivery.lost(world.at(12), &error());
        world.connected(15);
        world.delivery.tell_gaps(world.at(16), &mut world.gaps);
        assert_eq!(world.gaps.0, [(5, None)]);
    }

    #[test]
    fn a_loss_before_everything_was_restored_joins_the_gap_before_it() {
        let mut world = World::new(&["chat"]);
        world.confirm();
        world.lost(10);
        world.connected(15);
        world.lost(18);
        world.connected(20);
        assert_eq!(world.gaps.0, [(5, None), (5, None)]);
    }

    #[test]
    fn a_server_without_data_delivers_nothing_once_all_was_well() {
        let mut world = World::new(&["chat"]);
        world.confirm();
        world.delivery.unserved(world.at(5), error());
        world.delivery.tell_gaps(world.at(6), &mut world.gaps);
        assert_eq!(world.gaps.0, [], "the ready to come is about it");
        world.delivery.settle();
        world.delivery.unserved(world.at(7), error());
        world.delivery.lost_earlier(world.at(4));
        world.delivery.tell_gaps(world.at(9), &mut world.gaps);
        assert_eq!(world.gaps.0, [(5, None)]);
        assert_eq!(world.delivery.end(world.at(20)), Some(world.at(20)));
        assert_eq!(world.delivery.end(world.at(20)), None, "nothing is wanted any more");
    }

    #[test]
    fn a_topic_that_was_refused_meanwhile_has_a_gap_of_its_own() {
        let mut world = World::new(&["chat", "news"]);
        world.confirm();
        world.lost(10);
        world.connected(15);
        let mut batch = world.delivery.next_batch().unwrap();
        assert!(batch.tick_off(batch.operation(), batch.kind(), b"chat"));
        world.delivery.confirm(&batch, b"chat");
        let events = world.delivery.refuse(batch, &error(), RefusalKind::Passing, world.at(15));
        assert!(matches!(&events[..], [Event::SubscribeFailed { .. }]), "{events:?}");
        assert_eq!(world.delivery.refused().map(|refused| refused.count), Some(1));
        let again = world.delivery.again_due().unwrap();
        assert!(again > world.at(15) && again <= world.at(16));
        world.delivery.ask_again(again);
        world.confirm();
        world.delivery.tell_gaps(world.at(17), &mut world.gaps);
        assert_eq!(world.gaps.0, [(5, None), (2, Some(1))]);
        assert!(world.delivery.take_owed_ready() && !world.delivery.take_owed_ready());
    }
}
