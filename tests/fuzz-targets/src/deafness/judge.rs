//! Checks that a client is never deaf silently. Whether it can receive a topic is computed from the server's state,
//! never by asking the session; whether that was reported is read from the session's events, its state and its
//! figures.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::AddAssign;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use realtime::model::{Counters, Event, Role as Said, State, SubscriptionSlot, Topic, Value};

use super::server::{Role, Sent, Server};
use crate::client::{Heard, PROBES};

/// A client that was deaf to a wanted topic for this long must have reported it.
const SILENCE: Duration = Duration::from_secs(30);
/// The time for both ends to exchange a few answers.
const SLACK: Duration = Duration::from_secs(4);
/// The longest pause before a refused topic is asked for again, and the same after NOPERM.
const PAUSE: Duration = Duration::from_secs(30);
const PAUSE_IF_FORBIDDEN: Duration = Duration::from_secs(300);
/// The time for recovery once the server is well: a PING finds a dead connection (20 s), an attempt is under way (5
/// s), the next one waits (30 s), the server speaks RESP2 after all (30 s), the second link waits (30 s), a refused
/// topic waits ([`PAUSE`]), and a demoted master is found (15 s) and left (30 s).
const RECOVERY: Duration = Duration::from_secs(200);

/// One wish, from the Subscribe to the Unsubscribe.
#[derive(Debug)]
struct Wish {
    slot: SubscriptionSlot,
    /// The last message before it.
    after: u64,
    /// `subscribed` was reported.
    told: bool,
    /// It was reported while the client was not ready: the next `ready` covers messages missed until then.
    new: bool,
    /// A refusal was reported since it was confirmed.
    refusal_told: bool,
    /// The codes of the refusals that were reported since it was confirmed, or requested again.
    reasons: BTreeSet<String>,
    /// A message that was missed, for which no gap was reported yet.
    owed: Option<u64>,
    /// From when it is heard, with a gap that is owed.
    gap_due: Instant,
    /// From when it is deaf without a report.
    silent: Instant,
    /// From when the server swallows its messages without a report.
    swallowed: Instant,
    /// From when the server would accept it, and it is refused.
    refused: Instant,
    /// From when the server is well, and it is not heard.
    unheard: Instant,
    /// It was forbidden since it was last heard, so it is requested again after the longer pause.
    forbidden: bool,
}

pub(super) struct Judge {
    verify: bool,
    wishes: HashMap<Topic, Wish>,
    publishes: HashSet<u32>,
    /// The gap of all topics was reported and no `ready` followed: it covers messages missed in between.
    covered: bool,
    /// `ready` was the last report, not `down`.
    is_ready: bool,
    /// From when the client is ready and the server serves no data.
    unserved: Instant,
    /// From when the server is well, and the client not ready.
    not_ready: Instant,
    /// From when the client's role differs from the server's.
    wrong_role: Instant,
    /// From when the server would accept the end of an unwanted subscription.
    unwanted: HashMap<Topic, Instant>,
    /// Counts of the checks.
    pub(super) seen: Seen,
}

/// Counts of the checks, to make sure that there were some.
#[derive(Debug, Default, Clone, Copy)]
pub struct Seen {
    /// Messages that arrived.
    pub messages: u64,
    /// Gaps of all topics.
    pub gaps: u64,
    /// Gaps of some.
    pub named_gaps: u64,
    /// Refusals that were reported.
    pub refusals: u64,
    /// Times that the client was down.
    pub downs: u64,
    /// Times that it was ready.
    pub readies: u64,
    /// Times at which a topic was deaf while the client was ready.
    pub deaf: u64,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, more: Self) {
        let Self { messages, gaps, named_gaps, refusals, downs, readies, deaf } = more;
        self.messages += messages;
        self.gaps += gaps;
        self.named_gaps += named_gaps;
        self.refusals += refusals;
        self.downs += downs;
        self.readies += readies;
        self.deaf += deaf;
    }
}

/// The other inputs of the checks, beside the server.
pub(super) struct View<'a> {
    pub(super) counters: &'a Counters,
    /// The main thread takes nothing: then it is its own fault if nothing is heard.
    pub(super) full: bool,
    pub(super) now: Instant,
}

pub(super) type Verdict = Result<(), String>;

impl Judge {
    pub(super) fn new(verify: bool, now: Instant) -> Self {
        Self {
            verify,
            wishes: HashMap::new(),
            publishes: HashSet::new(),
            // Before the first `ready` nothing was read that could be stale.
            covered: true,
            is_ready: false,
            unserved: now,
            not_ready: now,
            wrong_role: now,
            unwanted: HashMap::new(),
            seen: Seen::default(),
        }
    }

    pub(super) fn subscribed(&mut self, topic: Topic, slot: SubscriptionSlot, after: u64, now: Instant) {
        let reasons = BTreeSet::new;
        let wish = self.wishes.entry(topic).or_insert_with(|| Wish {
            slot,
            after,
            told: false,
            new: false,
            refusal_told: false,
            reasons: reasons(),
            owed: None,
            gap_due: now,
            silent: now,
            swallowed: now,
            forbidden: false,
            refused: now,
            unheard: now,
        });
        (wish.slot, wish.reasons) = (slot, reasons());
    }

    pub(super) fn unsubscribed(&mut self, topic: &Topic) {
        self.wishes.remove(topic);
    }

    pub(super) fn published(&mut self, request: u32) {
        self.publishes.insert(request);
    }

    /// A message was published and not sent.
    pub(super) fn missed(&mut self, topic: &Topic, number: u64) {
        if let Some(wish) = self.wishes.get_mut(topic)
            && wish.told
            && !wish.new
            && !self.covered
        {
            wish.owed.get_or_insert(number);
        }
    }

    /// Messages were lost with the connection that they were sent on.
    pub(super) fn lost(&mut self, sent: VecDeque<Sent>) {
        for Sent { topic, number } in sent {
            if let Some(wish) = self.wishes.get_mut(&topic)
                && wish.told
                && number > wish.after
            {
                wish.owed.get_or_insert(number);
            }
        }
    }

    /// A connection with subscriptions was lost: the next gap covers messages missed from now on.
    pub(super) fn disconnected(&mut self) {
        self.covered = false;
        self.wishes.values_mut().for_each(|wish| wish.new = false);
    }

    /// Output of the session.
    pub(super) fn hear(&mut self, heard: Heard, server: &mut Server) -> Verdict {
        match heard {
            Heard::Message(slot, text) => return self.message(slot, &text, server),
            Heard::Answer(id, result) => {
                if let (true, Ok(answer)) = (self.publishes.remove(&id), &result)
                    && !matches!(answer, Value::Integer(_))
                {
                    return Err(format!("a Publish was answered with {answer:?}"));
                }
            }
            Heard::Event(Event::Subscribed(topic)) => {
                if let Some(wish) = self.wishes.get_mut(&topic) {
                    (wish.told, wish.new, wish.owed) = (true, !self.is_ready, None);
                    wish.silent = server.now;
                    // It was granted meanwhile.
                    wish.reasons.clear();
                }
            }
            Heard::Event(Event::SubscribeFailed { topic, error }) if !topic.name.starts_with(PROBES) => {
                self.seen.refusals += 1;
                if let Some(wish) = self.wishes.get_mut(&topic) {
                    wish.refusal_told = true;
                    if !wish.reasons.insert(error.code.as_str().to_owned()) {
                        return Err(format!("the refusal of {topic} is told twice: {error}"));
                    }
                }
            }
            Heard::Event(Event::Gap { topics: None, .. }) => {
                self.seen.gaps += 1;
                self.covered = true;
                self.wishes.values_mut().for_each(|wish| wish.owed = None);
            }
            Heard::Event(Event::Gap { topics: Some(topics), .. }) => {
                self.seen.named_gaps += 1;
                for topic in topics {
                    if let Some(wish) = self.wishes.get_mut(&topic) {
                        wish.owed = None;
                    }
                }
            }
            Heard::Event(Event::Ready(_)) => {
                self.seen.readies += 1;
                (self.is_ready, self.covered) = (true, false);
                self.wishes.values_mut().for_each(|wish| wish.new = false);
            }
            Heard::Event(Event::Down { .. }) => {
                self.seen.downs += 1;
                self.is_ready = false;
            }
            Heard::Event(_) => {}
        }
        Ok(())
    }

    fn message(&mut self, slot: SubscriptionSlot, text: &[u8], server: &mut Server) -> Verdict {
        let Some((topic, wish)) = self.wishes.iter_mut().find(|(_, wish)| wish.slot == slot) else {
            return Err("a message that nobody wants".to_owned());
        };
        let number: u64 = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        self.seen.messages += 1;
        (wish.silent, wish.swallowed) = (server.now, server.now);
        let Some(before) = server.take_sent(topic, number) else {
            return Err(format!("message {number} of {topic} was not sent, or came twice"));
        };
        if let Some(missing) = before.into_iter().find(|missing| *missing > wish.after) {
            return Err(format!("message {missing} of {topic} is missing before {number}"));
        }
        match wish.owed {
            // Earlier messages may have waited for the main thread.
            Some(missing) if missing < number => {
                Err(format!("message {number} of {topic} before the gap, though {missing} was lost"))
            }
            _ => Ok(()),
        }
    }

    /// Checks the current state.
    pub(super) fn look(&mut self, server: &Server, view: &View<'_>) -> Verdict {
        let View { counters, full, now } = *view;
        let is_ready = counters.state() == State::Ready;
        let commands = server.connections[0].as_ref().filter(|connection| !connection.dead);
        let roles = commands.map(|connection| server.hosts[connection.host].role);

        // A client that is ready, and a server that has no data for it.
        let serves_not = commands.is_some_and(|connection| server.unserved_since(connection.host).is_some());
        if !is_ready || full || !serves_not || server.is_frozen() || server.is_busy() {
            self.unserved = now;
        }
        late(self.unserved, now, SILENCE, || "ready, and the server says that it serves no data".to_owned())?;

        // A client that is not ready, and a server that is well.
        // One that loads is waited for, wherever its address leads by now.
        if is_ready || full || serves_not || !server.is_open() {
            self.not_ready = now;
        }
        late(self.not_ready, now, RECOVERY, || format!("the server is well, and {:?}", counters.state()))?;

        let is_right = match roles {
            Some(Role::Master) => counters.role() == Some(Said::Master),
            Some(Role::Replica { .. }) => counters.role() == Some(Said::Replica),
            None => true,
        };
        if is_right || !is_ready || full || server.is_frozen() || server.is_busy() {
            self.wrong_role = now;
        }
        late(self.wrong_role, now, SILENCE, || format!("{:?} says that it is {:?}", roles, counters.role()))?;
        self.look_at_ends(server, view)?;
        let refused = self.wishes.keys().filter(|topic| server.refusal(topic).is_some()).count() as u64;
        let shown = counters.refused.load(Ordering::Relaxed);
        for (topic, wish) in &mut self.wishes {
            let hears = server.is_heard(topic, false, now);
            let is_swallowed = hears && !server.is_heard(topic, self.verify, now);
            let refusal = server.refusal(topic);
            let is_told = refusal.is_some() && wish.refusal_told && shown >= refused;
            let is_replica = server.subscriber(topic).is_some_and(|(_, host)| {
                server.hosts[host].role != Role::Master && counters.role() == Some(Said::Replica)
            });
            self.seen.deaf += u64::from((is_swallowed || !hears) && is_ready);
            let is_excused = !is_ready || full || is_told || is_replica;
            if hears || is_excused {
                wish.silent = now;
            }
            // The silence of a server that stands still is found separately, and the probes start over after it.
            if !is_swallowed || is_excused {
                wish.swallowed = now;
            }
            late(wish.silent.min(wish.swallowed), now, SILENCE, || {
                format!(
                    "deaf to {topic} and silent: refused {refusal:?}, {shown} of {refused} shown, {wish:?}"
                )
            })?;
            if server.subscriber(topic).is_some() {
                wish.reasons.clear();
                wish.refusal_told = false;
            }

            // For how long is something refused that the server would take?
            if refusal.is_none() || server.is_refused(topic) || full || server.is_frozen() {
                wish.refused = now;
            }
            let pause = if refusal == Some(true) { PAUSE_IF_FORBIDDEN } else { PAUSE };
            late(wish.refused, now, pause + SLACK, || format!("{topic} is not asked for again"))?;

            // And for how long is nothing heard of a server that is well?
            let is_well =
                !serves_not && server.is_open() && !server.is_refused(topic) && server.hears(server.current);
            let is_fine = server.is_heard(topic, true, now) && is_ready && wish.told;
            // A client that is on a replica stays there.
            if is_fine || is_replica || !is_well || full || server.is_swallowing() {
                wish.unheard = now;
            }
            wish.forbidden = (wish.forbidden && !is_fine) || refusal == Some(true);
            let bound = if wish.forbidden { RECOVERY + PAUSE_IF_FORBIDDEN } else { RECOVERY };
            late(wish.unheard, now, bound, || {
                format!("the server is well, and {topic} is not heard: {:?}, {wish:?}", counters.state())
            })?;

            if wish.owed.is_none() || !is_fine || full || server.is_swallowing() || server.is_frozen() {
                wish.gap_due = now;
            }
            late(wish.gap_due, now, SLACK, || format!("{topic} is heard again, and no gap: {wish:?}"))?;
        }
        Ok(())
    }

    /// Unwanted subscriptions must end.
    fn look_at_ends(&mut self, server: &Server, view: &View<'_>) -> Verdict {
        let now = view.now;
        let rests = view.full || server.is_frozen() || server.refuses_ends() || !server.is_open();
        let held = server.connections.iter().flatten().filter(|connection| !connection.dead);
        let held: HashSet<_> = held.flat_map(|connection| &connection.subscribed).cloned().collect();
        self.unwanted.retain(|topic, _| held.contains(topic) && !self.wishes.contains_key(topic));
        for topic in held {
            if self.wishes.contains_key(&topic) || topic.name.starts_with(PROBES) {
                continue;
            }
            let since = self.unwanted.entry(topic).or_insert(now);
            if rests {
                *since = now;
            }
            late(*since, now, PAUSE_IF_FORBIDDEN + SLACK, || "a subscription that nobody wants".to_owned())?;
        }
        Ok(())
    }

    /// The server's behaviour changes: recovery starts over, and so does the time to notice.
    pub(super) fn disturbed(&mut self, now: Instant) {
        self.not_ready = now;
        self.wishes
            .values_mut()
            .for_each(|wish| (wish.unheard, wish.silent, wish.swallowed) = (now, now, now));
    }
}

fn late(since: Instant, now: Instant, bound: Duration, fault: impl FnOnce() -> String) -> Verdict {
    let lasted = now.saturating_duration_since(since);
    if lasted <= bound { Ok(()) } else { Err(format!("for {lasted:?}: {}", fault())) }
}
