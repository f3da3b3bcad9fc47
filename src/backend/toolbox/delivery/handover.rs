//! Topics that move from one link's subscriptions to another's, where the data is on several servers.
//!
//! A topic is handed over only while the server does not have it, so that it is never subscribed on two links at
//! once. If it was confirmed before, it is silent in between, and the link that takes it reports the gap once it is
//! confirmed there.

use std::sync::Arc;
use std::time::Instant;

use super::entry::{Entry, Refusal, Silence};
use super::refusals::Refusals;
use super::{Batch, Delivery, Name, cost};
use crate::model::{Error, Event, SubscriptionSlot, TopicKind};

/// A wanted topic on its way to another link.
#[derive(Debug)]
pub struct Handover {
    kind: TopicKind,
    name: Name,
    slot: SubscriptionSlot,
    number: u64,
    told: bool,
    silence: Option<Silence>,
    refusal: Option<Box<Refusal>>,
    redirections: u8,
}

impl Handover {
    /// The topic's name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// From when messages may be missing, and why, if the topic was confirmed before.
    pub fn silence(&self) -> Option<(Instant, &Error)> {
        self.silence.as_ref().map(|silence| (silence.since, &*silence.error))
    }
}

impl Delivery {
    /// Whether the topic is wanted here, or its end is in flight.
    pub fn contains(&self, kind: TopicKind, name: &[u8]) -> bool {
        self.tables.of(kind).contains_key(name)
    }

    /// How often topics of this batch were sent elsewhere since they were confirmed or refused.
    pub fn redirections(&self, batch: &Batch) -> u8 {
        let entries = batch.names().iter().filter_map(|name| self.tables.of(batch.kind()).get(name));
        entries.map(|entry| entry.redirections).max().unwrap_or_default()
    }

    /// The server redirects the rest of the oldest batch in flight: hands over its wanted topics.
    pub fn redirect(&mut self, batch: Batch, error: &Error, now: Instant) -> Vec<Handover> {
        self.batches = self.batches.saturating_sub(1);
        let kind = batch.kind();
        let names = batch.into_rest();
        self.cost = self.cost.saturating_sub(names.iter().map(|name| cost(name)).sum());
        let since = self.gaps.told().unwrap_or(now);
        let mut topics = Vec::new();
        for name in names {
            let Some(entry) = self.tables.of_mut(kind).get_mut(&name) else { continue };
            entry.in_flight = entry.in_flight.saturating_sub(1);
            if entry.in_flight > 0 {
                // The answer to a later operation decides.
                continue;
            }
            entry.requested = false;
            entry.redirections = entry.redirections.saturating_add(1);
            if entry.is_wanted() {
                topics.extend(self.take_out(kind, &name, since, error));
            } else {
                let number = entry.number;
                self.unsettled.remove(&number);
                self.forget_if_over(kind, &name);
            }
        }
        topics
    }

    /// Hands over the topics of a kind that the server does not have and that belong elsewhere.
    pub fn give_up(
        &mut self,
        kind: TopicKind,
        belongs_elsewhere: impl Fn(&[u8]) -> bool,
        error: &Error,
        now: Instant,
    ) -> Vec<Handover> {
        let since = self.gaps.told().unwrap_or(now);
        let is_free = |entry: &Entry| entry.is_wanted() && !entry.may_be_held() && !entry.confirmed;
        let free =
            self.tables.of(kind).iter().filter(|(name, entry)| is_free(entry) && belongs_elsewhere(name));
        self.take_out_all(kind, &sorted(free), since, error)
    }

    /// The connection was lost; messages published after `since` were missed. Hands over all wanted topics.
    pub fn disconnect(&mut self, since: Instant, error: &Error) -> Vec<Handover> {
        let mut topics = Vec::new();
        for kind in TopicKind::ALL {
            let wanted = self.tables.of(kind).iter().filter(|(_, entry)| entry.is_wanted());
            topics.extend(self.take_out_all(kind, &sorted(wanted), since, error));
        }
        self.forget_connection();
        topics
    }

    fn take_out_all(
        &mut self,
        kind: TopicKind,
        names: &[Name],
        since: Instant,
        error: &Error,
    ) -> Vec<Handover> {
        names.iter().filter_map(|name| self.take_out(kind, name, since, error)).collect()
    }

    /// Takes a topic out of the tables. If it was confirmed before, it is silent from `since` at the latest.
    fn take_out(&mut self, kind: TopicKind, name: &[u8], since: Instant, error: &Error) -> Option<Handover> {
        let (name, mut entry) = self.tables.of_mut(kind).remove_entry(name)?;
        let slot = entry.slot?;
        let error = self.refusals.share(error);
        self.refusals.silence(&mut entry, since, &error);
        let (refusal, silence) = self.refusals.hand_over(&mut entry);
        self.wanted -= 1;
        self.restoring -= usize::from(entry.restoring);
        self.told -= usize::from(entry.told);
        self.confirmed -= u64::from(entry.confirmed);
        self.unsettled.remove(&entry.number);
        let Entry { number, told, redirections, .. } = entry;
        Some(Handover { kind, name, slot, number, told, silence, refusal, redirections })
    }

    /// Takes over a topic from another link's subscriptions. Returns the event to emit if the server has confirmed it
    /// already.
    pub fn take(&mut self, topic: Handover) -> Option<Event> {
        let Handover { kind, name, slot, number, told, silence, refusal, redirections } = topic;
        let entry = self.tables.of_mut(kind).entry(Arc::clone(&name)).or_default();
        debug_assert!(!entry.is_wanted(), "a topic stands on two links");
        // The rest of an earlier wish, whose end is in flight.
        self.refusals.forget(entry);
        self.unsettled.remove(&entry.number);
        (entry.slot, entry.number, entry.told) = (Some(slot), number, told);
        (entry.refusal, entry.redirections) = (refusal, redirections);
        if let Some(Silence { since, error }) = silence {
            self.refusals.silence(entry, since, &error);
        }
        entry.restoring = self.online;
        let (is_held, online) = (entry.in_flight == 0 && entry.confirmed, self.online);
        self.wanted += 1;
        self.told += usize::from(told);
        self.restoring += usize::from(online);
        self.unsettled.insert(number);
        if is_held {
            // The server still has the topic: its end was never requested, or was refused.
            return self.settle_confirmed(kind, &name);
        }
        if online {
            self.enqueue(kind, &name);
        }
        None
    }
}

/// Names in the order of their Subscribes, not in a hash table's order, so that a conversation can be replayed.
fn sorted<'a>(topics: impl Iterator<Item = (&'a Name, &'a Entry)>) -> Vec<Name> {
    let mut topics: Vec<_> = topics.map(|(name, entry)| (entry.number, Arc::clone(name))).collect();
    topics.sort_unstable_by_key(|(number, _)| *number);
    topics.into_iter().map(|(_, name)| name).collect()
}

impl Refusals {
    /// A topic goes to another link: returns how it was refused and from when it is silent.
    fn hand_over(&mut self, entry: &mut Entry) -> (Option<Box<Refusal>>, Option<Silence>) {
        let refusal = entry.refusal.take().map(|refusal| {
            self.withdraw(&refusal);
            Refusal::disconnected(refusal)
        });
        (refusal, self.end_silence(entry))
    }
}
