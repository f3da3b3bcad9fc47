//! Subscriptions that the server refused, and when it is asked for them again.
//!
//! A refusal may pass at any time: a script ends, a replica finds its master, somebody mends an ACL. So a refused topic is
//! asked for again for as long as its wish stands, ever more rarely. Each is asked for alone, because one name that is
//! forbidden refuses a whole command, and only a few are asked for within one pause, so that any number of refused
//! topics costs little. Once the server takes one of them, others follow without a pause: each confirmation lets
//! [`FOLLOWERS`] more be asked for.
//!
//! A refused UNSUBSCRIBE has not happened: the server goes on sending messages that nobody wants. It is treated alike.

use std::sync::Arc;
use std::time::Instant;

use super::acl;
use super::batch::{Batch, Name, Operation};
use super::config::Config;
use super::pauses::{Group, PAUSES, PAUSES_IF_FORBIDDEN, Reasons, Turn, is_forbidden, pause};
use super::random::SplitMix64;
use super::session::Core;
use super::topics::{Entry, Topics};
use crate::model::{Error, Event, Sink, Topic, TopicKind};

/// So many refused topics follow at once when one of them is confirmed.
const FOLLOWERS: usize = 2;

/// So many refused topics are named at most where all of them are asked for.
const LISTED: usize = 8;
/// So many are looked at for these.
const LOOKED_AT: usize = 64;

/// Why a topic was refused, as long as it was not confirmed since.
#[derive(Debug)]
pub(super) struct Refusal {
    error: Arc<Error>,
    /// It was refused on the present connection.
    stands: bool,
    /// How often, less one.
    times: u32,
    /// Why, as far as that was told.
    told: Reasons,
    /// Its place among those to be asked for again, while it waits there.
    turn: Option<Turn>,
}

impl Refusal {
    /// The connection is lost: what was refused on it is asked for on the next one like everything else. The reason is not
    /// told twice.
    pub(super) fn disconnected(mut self: Box<Self>) -> Box<Self> {
        (self.stands, self.times, self.turn) = (false, 0, None);
        self
    }
}

/// What is refused on the present connection.
#[derive(Debug)]
pub(super) struct Refusals {
    random: SplitMix64,
    passing: Group,
    forbidden: Group,
    last_turn: u64,
    /// The last error, shared by all topics that were refused with it.
    last_error: Option<Arc<Error>>,
    /// How many topics are refused.
    count: usize,
    /// How many topics are refused whose subscription was confirmed on an earlier connection.
    deaf: usize,
    /// One of them, for [`Topics::refused`].
    shown: Option<(TopicKind, Name)>,
    /// The answer of [`Topics::refused`] may have changed.
    changed: bool,
    /// Topics that were confirmed on an earlier connection, refused on this one, and are confirmed now.
    regained: Vec<Topic>,
    /// Why the first of them was refused.
    regained_error: Option<Arc<Error>>,
}

impl Refusals {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: SplitMix64::new(seed),
            passing: Group::default(),
            forbidden: Group::default(),
            last_turn: 0,
            last_error: None,
            count: 0,
            deaf: 0,
            shown: None,
            changed: false,
            regained: Vec::new(),
            regained_error: None,
        }
    }

    /// The connection is lost, or nothing is wanted any more: nothing is refused.
    pub(super) fn clear(&mut self) {
        (self.passing, self.forbidden) = (Group::default(), Group::default());
        (self.count, self.deaf) = (0, 0);
        (self.last_error, self.shown, self.changed) = (None, None, true);
        (self.regained, self.regained_error) = (Vec::new(), None);
    }

    fn group(&mut self, error: &Error) -> &mut Group {
        if is_forbidden(error) { &mut self.forbidden } else { &mut self.passing }
    }

    /// The next topic of a group whose turn has come.
    fn next(&mut self, forbidden: bool, now: Instant) -> Option<(TopicKind, Name)> {
        if forbidden {
            self.forbidden.next(now, PAUSES_IF_FORBIDDEN[0])
        } else {
            self.passing.next(now, PAUSES[0])
        }
    }

    fn share(&mut self, error: &Error) -> Arc<Error> {
        let known = self.last_error.take().filter(|known| **known == *error);
        Arc::clone(self.last_error.insert(known.unwrap_or_else(|| Arc::new(error.clone()))))
    }

    /// A topic is refused. Returns whether the reason is news.
    fn refuse(
        &mut self,
        entry: &mut Entry,
        topic: (TopicKind, Name),
        error: &Arc<Error>,
        now: Instant,
    ) -> bool {
        let mut before = entry.refusal.take();
        let mut told = before.as_mut().map(|before| std::mem::take(&mut before.told)).unwrap_or_default();
        let is_news = told.is_news(&error.code);
        let stood = before.as_ref().is_some_and(|before| before.stands);
        // A pause of the other kind begins with its shortest one.
        let again = before.filter(|before| stood && is_forbidden(&before.error) == is_forbidden(error));
        let times = again.map_or(0, |again| again.times.saturating_add(1));
        self.last_turn += 1;
        let turn = (now + pause(error, times, &mut self.random), self.last_turn);
        self.group(error).waiting.insert(turn, topic);
        self.count += usize::from(!stood);
        if entry.told && entry.deaf.replace(Arc::clone(error)).is_none() {
            self.deaf += 1;
        }
        self.changed = true;
        let error = Arc::clone(error);
        entry.refusal = Some(Box::new(Refusal { error, stands: true, times, told, turn: Some(turn) }));
        is_news
    }

    /// A topic is not refused any more: it is confirmed, or asked for anew, or not wanted. Returns why it was.
    pub(super) fn lift(&mut self, entry: &mut Entry) -> Option<Arc<Error>> {
        let Refusal { error, stands, turn, .. } = *entry.refusal.take()?;
        if let Some(turn) = turn {
            self.group(&error).waiting.remove(&turn);
        }
        self.count -= usize::from(stands);
        self.changed |= stands;
        stands.then_some(error)
    }

    /// A topic is confirmed. Returns why it was refused on the present connection, if it was.
    pub(super) fn confirm(&mut self, entry: &mut Entry, kind: TopicKind, name: &[u8]) -> Option<Arc<Error>> {
        let error = self.lift(entry);
        if let Some(deaf) = entry.deaf.take() {
            self.deaf -= 1;
            self.regained.push(Topic { kind, name: name.into() });
            self.regained_error.get_or_insert(deaf);
        }
        error
    }

    /// A topic is not wanted any more.
    pub(super) fn forget(&mut self, entry: &mut Entry) {
        self.lift(entry);
        self.deaf -= usize::from(entry.deaf.take().is_some());
    }
}

impl Topics {
    /// The server refused what is left of a batch. Calls `tell` for each event to be told. A name that was refused alone is
    /// asked for again after a pause; several names of a SUBSCRIBE at once, in two halves, because one of them may be the
    /// reason.
    pub(super) fn refuse(&mut self, batch: Batch, error: &Error, now: Instant, mut tell: impl FnMut(Event)) {
        let (operation, kind) = (batch.operation, batch.kind);
        let mut names = batch.into_rest();
        let alone = names.len() == 1 || operation == Operation::Unsubscribe;
        let error = self.refusals.share(error);
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
                // An UNSUBSCRIBE was refused before, so the server has it still.
                (true, true) => {
                    if let Some(event) = self.settle_confirmed(kind, name) {
                        tell(event);
                    }
                }
                (false, false) => {
                    self.unsettled.remove(&number);
                    self.forget_if_over(kind, name);
                }
                // It is asked for again as it is.
                _ if entry.queued => {}
                _ if !alone => {
                    entry.queued = true;
                    return true;
                }
                (wanted, _) => {
                    let restoring = std::mem::take(&mut entry.restoring);
                    let is_news = self.refusals.refuse(entry, (kind, Arc::clone(name)), &error, now);
                    self.restoring -= usize::from(restoring);
                    self.unsettled.remove(&number);
                    if wanted && is_news {
                        let topic = Topic { kind, name: (**name).into() };
                        tell(Event::SubscribeFailed { topic, error: Error::clone(&error) });
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
    }

    /// When [`Topics::ask_again`] is due.
    pub(super) fn again_due(&self) -> Option<Instant> {
        let Refusals { passing, forbidden, .. } = &self.refusals;
        [passing.due(PAUSES[0]), forbidden.due(PAUSES_IF_FORBIDDEN[0])].into_iter().flatten().min()
    }

    /// Has the refused topics whose turn has come asked for once more.
    pub(super) fn ask_again(&mut self, now: Instant) {
        for forbidden in [false, true] {
            while let Some(topic) = self.refusals.next(forbidden, now) {
                self.take_turn(topic);
            }
        }
    }

    /// One of those that were refused with this error is confirmed: others may fare as well.
    pub(super) fn follow(&mut self, error: &Error) {
        for _ in 0..FOLLOWERS {
            let Some((_, topic)) = self.refusals.group(error).waiting.pop_first() else { return };
            self.take_turn(topic);
        }
    }

    fn take_turn(&mut self, (kind, name): (TopicKind, Name)) {
        let Some(entry) = self.tables.of_mut(kind).get_mut(&name) else { return };
        if let Some(refusal) = &mut entry.refusal {
            refusal.turn = None;
        }
        if !std::mem::replace(&mut entry.queued, true) {
            self.again.push_back((kind, name));
        }
    }

    /// Whether a topic that was confirmed on an earlier connection is refused on this one.
    pub(super) fn is_deaf(&self) -> bool {
        self.refusals.deaf > 0
    }

    /// Whether [`Topics::take_regained`] has any.
    #[inline]
    pub(super) fn has_regained(&self) -> bool {
        !self.refusals.regained.is_empty()
    }

    /// Topics that were confirmed on an earlier connection and refused on this one, and are confirmed now; and why they were
    /// refused.
    pub(super) fn take_regained(&mut self) -> Option<(Box<[Topic]>, Arc<Error>)> {
        let error = self.refusals.regained_error.take();
        let topics = std::mem::take(&mut self.refusals.regained);
        error.filter(|_| !topics.is_empty()).map(|error| (topics.into(), error))
    }

    /// How many topics are refused, and some of them with their reason, if that has changed since the last look.
    pub(super) fn refused(&mut self, config: &Config) -> Option<(u64, Option<String>)> {
        if !std::mem::take(&mut self.refusals.changed) {
            return None;
        }
        let refusals = &self.refusals;
        let find = |(kind, name): &(TopicKind, Name)| {
            let entry = self.tables.of(*kind).get(name)?;
            let refusal = entry.refusal.as_ref().filter(|refusal| refusal.stands)?;
            Some((entry.is_wanted(), &refusal.error))
        };
        let waiting = refusals.passing.waiting.values().chain(refusals.forbidden.waiting.values());
        let last = refusals.shown.as_ref().filter(|shown| find(shown).is_some());
        let first = last.or_else(|| waiting.clone().next()).cloned();
        let mut text = None;
        if let Some(first) = &first
            && let Some((_, reason)) = find(first)
        {
            let others = waiting.take(LOOKED_AT).filter(|topic| *topic != first);
            let listed = std::iter::once(first).chain(others).filter_map(|topic| Some((topic, find(topic)?)));
            let same = listed.filter(|(_, (_, error))| error.code == reason.code).take(LISTED);
            let listed = same.map(|((kind, name), (wanted, error))| (*kind, &**name, wanted, &**error));
            text = Some(acl::listed(listed, refusals.count, reason, config));
        }
        let count = refusals.count as u64;
        self.refusals.shown = first;
        Some((count, text))
    }
}

impl Core {
    /// Tells of the topics that were silent on this connection until now. Stands before their first message.
    #[inline]
    pub(super) fn tell_regained(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.topics.has_regained() {
            self.tell_gap_of_some(now, sink);
        }
    }

    #[cold]
    fn tell_gap_of_some(&mut self, now: Instant, sink: &mut dyn Sink) {
        let Some((topics, error)) = self.topics.take_regained() else { return };
        // The gap of all topics was told when the connection came up.
        let since = self.gap_told.unwrap_or(now);
        let lasted = now.saturating_duration_since(since);
        sink.event(Event::Gap { lasted, error: Error::clone(&error), topics: Some(topics) });
        self.owes_ready = true;
    }

    /// Ends each call: tells of topics that are heard again, and counts those that are refused.
    pub(super) fn note_refused(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.tell_regained(now, sink);
        if std::mem::take(&mut self.owes_ready) && self.ready {
            self.tell_ready(false, sink);
        }
        if let Some((count, one)) = self.topics.refused(&self.config) {
            self.counters.set_refused(count, one);
        }
    }
}
