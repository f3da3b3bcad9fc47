//! Subscriptions that the server refused, and when they are asked for again.
//!
//! A refusal may end at any time: a script ends, a replica finds its master, somebody changes an ACL. So a refused
//! topic is asked for again as long as it is wanted, less and less often. Each is asked for alone, because one
//! forbidden name refuses a whole command, and only a few are asked for within one pause, so that any number of
//! refused topics costs little. Once the server accepts one of them, others follow without a pause: each confirmation
//! lets [`FOLLOWERS`] more be asked for.
//!
//! After a refused UNSUBSCRIBE the server keeps sending messages that are not wanted. It is retried in the same way.

use std::sync::Arc;
use std::time::Instant;

use super::batch::{Batch, Name, Operation};
use super::{Delivery, cost};
use crate::backend::toolbox::pauses::RefusalKind;
use crate::model::{Error, Event, Topic, TopicKind};

/// How many refused topics follow at once when one of them is confirmed.
const FOLLOWERS: usize = 2;

/// How many refused topics a list of them names at most.
const LISTED: usize = 8;
/// How many are searched for these.
const LOOKED_AT: usize = 64;

/// The refused topics of the current connection.
#[derive(Debug)]
pub struct RefusedTopics<'a> {
    /// Their number.
    pub count: usize,
    /// Some of them, all refused for one reason; empty only if `count` is 0.
    pub some: Vec<RefusedTopic<'a>>,
    /// Topics whose subscription was refused, for any reason. If very many topics are refused, only some of
    /// them.
    pub wanted: Vec<Topic>,
}

/// A topic that is refused.
#[derive(Debug, Clone, Copy)]
pub struct RefusedTopic<'a> {
    /// Its kind.
    pub kind: TopicKind,
    /// Its name.
    pub name: &'a [u8],
    /// Whether the subscription was refused, not its end.
    pub is_wanted: bool,
    /// Why.
    pub error: &'a Error,
}

impl Delivery {
    /// The server refused the rest of the oldest batch in flight. Returns the events to emit. A name that was refused
    /// alone is asked for again after a pause. Several names of a SUBSCRIBE are asked for again at once, in
    /// two halves, because one of them may be the reason.
    pub fn refuse(&mut self, batch: Batch, error: &Error, refusal: RefusalKind, now: Instant) -> Vec<Event> {
        self.batches = self.batches.saturating_sub(1);
        let (operation, kind) = (batch.operation, batch.kind);
        let mut events = Vec::new();
        let mut names = batch.into_rest();
        self.cost = self.cost.saturating_sub(names.iter().map(|name| cost(name)).sum());
        let alone = names.len() == 1 || operation == Operation::Unsubscribe;
        let error = self.refusals.share(error);
        // A topic that was delivered before has been silent since the gap of all topics.
        let silent_since = self.gaps.told().unwrap_or(now);
        names.retain(|name| {
            let Some(entry) = self.tables.of_mut(kind).get_mut(name) else { return false };
            entry.in_flight = entry.in_flight.saturating_sub(1);
            if entry.in_flight > 0 {
                // The answer to a later operation decides.
                return false;
            }
            // Nothing has changed at the server.
            entry.requested = entry.confirmed;
            let number = entry.number;
            match (entry.is_wanted(), entry.confirmed) {
                // An UNSUBSCRIBE was refused before, so the server still has the topic.
                (true, true) => events.extend(self.settle_confirmed(kind, name)),
                (false, false) => {
                    self.unsettled.remove(&number);
                    self.forget_if_over(kind, name);
                }
                // The queue asks for the topic again anyway.
                _ if entry.queued => {}
                _ if !alone => {
                    entry.queued = true;
                    return true;
                }
                (wanted, _) => {
                    let restoring = std::mem::take(&mut entry.restoring);
                    entry.redirections = 0;
                    let is_news = self.refusals.refuse(entry, (kind, Arc::clone(name)), &error, refusal, now);
                    self.refusals.silence(entry, silent_since, &error);
                    self.restoring -= usize::from(restoring);
                    self.unsettled.remove(&number);
                    if wanted && is_news {
                        let topic = Topic { kind, name: (**name).into() };
                        events.push(Event::SubscribeFailed { topic, error: Error::clone(&error) });
                    }
                }
            }
            false
        });
        let half = names.split_off(names.len() / 2);
        for part in [half, names] {
            if !part.is_empty() {
                self.retries.push_front((kind, part));
            }
        }
        events
    }

    /// When [`Delivery::ask_again`] is due.
    pub fn again_due(&self) -> Option<Instant> {
        self.refusals.due()
    }

    /// Asks again for the refused topics that are due.
    pub fn ask_again(&mut self, now: Instant) {
        for kind in [RefusalKind::Passing, RefusalKind::Forbidden] {
            while let Some(topic) = self.refusals.next(kind, now) {
                self.take_turn(topic);
            }
        }
    }

    /// A topic that was refused for this kind of reason is confirmed: others may be accepted, too.
    pub(super) fn follow(&mut self, kind: RefusalKind) {
        for _ in 0..FOLLOWERS {
            let Some(topic) = self.refusals.next_early(kind) else { return };
            self.take_turn(topic);
        }
    }

    fn take_turn(&mut self, (kind, name): (TopicKind, Name)) {
        let Some(entry) = self.tables.of_mut(kind).get_mut(&name) else { return };
        if let Some(refusal) = &mut entry.refusal {
            refusal.take_turn();
        }
        if !std::mem::replace(&mut entry.queued, true) {
            self.again.push_back((kind, name));
        }
    }

    /// The wanted topics; if there are very many, only some of them.
    pub fn wanted_topics(&self) -> Vec<Topic> {
        let of_kind = |kind| {
            let wanted = self.tables.of(kind).iter().filter(|(_, entry)| entry.is_wanted());
            wanted.map(move |(name, _)| Topic { kind, name: (**name).into() })
        };
        TopicKind::ALL.into_iter().flat_map(of_kind).take(LOOKED_AT).collect()
    }

    /// The refused topics, if they have changed since the last call.
    pub fn refused(&mut self) -> Option<RefusedTopics<'_>> {
        self.take_refused_changed().then(|| self.refused_topics())
    }

    /// Whether they have changed since the last call.
    pub fn take_refused_changed(&mut self) -> bool {
        self.refusals.take_changed()
    }

    /// How many topics are refused.
    pub fn refused_count(&self) -> usize {
        self.refusals.count()
    }

    /// The refused topics.
    pub fn refused_topics(&mut self) -> RefusedTopics<'_> {
        let count = self.refusals.count();
        let tables = &self.tables;
        let find = |(kind, name): &(TopicKind, Name)| {
            let (name, entry) = tables.of(*kind).get_key_value(name)?;
            let error = entry.refusal.as_ref()?.standing_error()?;
            Some(RefusedTopic { kind: *kind, name, is_wanted: entry.is_wanted(), error })
        };
        let waiting = self.refusals.waiting(|topic| find(topic).is_some()).take(LOOKED_AT);
        let mut some: Vec<_> = waiting.filter_map(find).collect();
        let wanted = some.iter().filter(|topic| topic.is_wanted);
        let wanted = wanted.map(|topic| Topic { kind: topic.kind, name: topic.name.into() }).collect();
        let code = some.first().map(|first| first.error.code.clone());
        some.retain(|topic| code.as_ref() == Some(&topic.error.code));
        some.truncate(LISTED);
        RefusedTopics { count, some, wanted }
    }
}
