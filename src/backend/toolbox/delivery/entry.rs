//! The state of one topic, and the tables of topics.

use std::sync::Arc;
use std::time::Instant;

use super::names::Names;
use crate::backend::toolbox::pauses::{Reasons, RefusalKind};
use crate::model::{Error, SubscriptionSlot, TopicKind};

/// The state of one topic.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The slot that its messages carry; `None` if the topic is not wanted.
    pub(super) slot: Option<SubscriptionSlot>,
    /// Number of the Subscribe or Unsubscribe that set `slot`.
    pub(super) number: u64,
    /// Whether the last operation sent was a Subscribe; if it was refused, whether the server has the topic.
    pub(super) requested: bool,
    /// Operations sent and not yet answered.
    pub(super) in_flight: u32,
    /// Whether the server had the topic after the last operation that it answered.
    pub(super) confirmed: bool,
    /// Whether it is in a queue, or in a group to be tried again.
    pub(super) queued: bool,
    /// Whether a new connection must restore it before it counts as ready.
    pub(super) restoring: bool,
    /// The first confirmation of this wish was reported.
    pub(super) told: bool,
    /// Set if the topic was reported as confirmed, then refused on the current connection or ended by the server, and
    /// not confirmed since.
    pub(super) silence: Option<Silence>,
    /// How often a server redirected it since it was confirmed or refused.
    pub(super) redirections: u8,
    /// The refusal of this wish, if it was refused since it was last confirmed.
    pub(super) refusal: Option<Box<Refusal>>,
}

impl Entry {
    pub(super) fn is_wanted(&self) -> bool {
        self.slot.is_some()
    }

    /// Whether the server has it, or may get it from an operation in flight.
    pub(super) fn may_be_held(&self) -> bool {
        self.requested || self.in_flight > 0
    }

    /// Whether nothing is left to remember.
    pub(super) fn is_over(&self) -> bool {
        !self.is_wanted() && !self.may_be_held() && !self.queued
    }
}

/// A topic that was confirmed is no longer delivered.
#[derive(Debug)]
pub(super) struct Silence {
    /// From when messages may be missing.
    pub(super) since: Instant,
    pub(super) error: Arc<Error>,
}

/// When a topic is asked for again. The number distinguishes topics with the same time.
pub(super) type Turn = (Instant, u64);

/// Why a topic was refused, until it is confirmed.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Arc<Error>,
    pub(super) kind: RefusalKind,
    /// It was refused on the current connection.
    pub(super) stands: bool,
    /// The number of refusals, minus one.
    pub(super) times: u32,
    /// The reasons that were reported.
    pub(super) told: Reasons,
    /// Its place among the topics to be asked for again, while it waits there.
    pub(super) turn: Option<Turn>,
}

impl Refusal {
    /// The connection was lost: a topic that was refused on it is asked for on the next one like all others. The
    /// reason is not reported twice.
    pub(super) fn disconnected(mut self: Box<Self>) -> Box<Self> {
        (self.stands, self.times, self.turn) = (false, 0, None);
        self
    }

    /// Why the topic was refused on the current connection, if it was.
    pub(super) fn standing_error(&self) -> Option<&Error> {
        self.stands.then_some(&self.error)
    }

    /// It is asked for again.
    pub(super) fn take_turn(&mut self) {
        self.turn = None;
    }
}

/// One in this many messages of other topics replaces the remembered topic, so that remembering costs almost nothing
/// where topics alternate.
const PATIENCE: u32 = 16;

/// The topics by kind and name.
#[derive(Debug, Default)]
pub(super) struct Tables {
    channels: Names<Entry>,
    patterns: Names<Entry>,
    sharded: Names<Entry>,
    /// A topic that had a message since the tables were last changed. For consecutive messages of one topic,
    /// comparing the name takes 25 instructions, and looking it up 105; where topics alternate, comparing first costs
    /// some 25 more.
    recent: Option<Recent>,
    /// Messages of other topics since then.
    missed: u32,
}

/// A topic that had a message.
#[derive(Debug)]
struct Recent {
    kind: TopicKind,
    name: Vec<u8>,
    slot: SubscriptionSlot,
}

impl Recent {
    /// Compares the last bytes first: alternating names often have one length and differ in the number at the
    /// end.
    #[inline]
    fn is(&self, kind: TopicKind, name: &[u8]) -> bool {
        self.name.last() == name.last() && self.kind == kind && self.name == name
    }
}

impl Tables {
    /// The slot that messages of a topic carry, if it is wanted.
    #[inline]
    pub(super) fn slot(&mut self, kind: TopicKind, name: &[u8]) -> Option<SubscriptionSlot> {
        match &self.recent {
            Some(recent) if recent.is(kind, name) => Some(recent.slot),
            _ => self.look_up(kind, name),
        }
    }

    fn look_up(&mut self, kind: TopicKind, name: &[u8]) -> Option<SubscriptionSlot> {
        let slot = self.of(kind).get(name)?.slot?;
        if self.missed.is_multiple_of(PATIENCE) {
            self.remember(kind, name, slot);
        }
        self.missed = self.missed.wrapping_add(1);
        Some(slot)
    }

    #[cold]
    fn remember(&mut self, kind: TopicKind, name: &[u8], slot: SubscriptionSlot) {
        let mut memory = self.recent.take().map(|recent| recent.name).unwrap_or_default();
        memory.clear();
        memory.extend_from_slice(name);
        self.recent = Some(Recent { kind, name: memory, slot });
    }

    #[inline]
    pub(super) fn of(&self, kind: TopicKind) -> &Names<Entry> {
        match kind {
            TopicKind::Channel => &self.channels,
            TopicKind::Pattern => &self.patterns,
            TopicKind::ShardedChannel => &self.sharded,
        }
    }

    /// A table to be changed. Forgets the remembered topic, because it may be wrong afterwards.
    pub(super) fn of_mut(&mut self, kind: TopicKind) -> &mut Names<Entry> {
        self.forget();
        match kind {
            TopicKind::Channel => &mut self.channels,
            TopicKind::Pattern => &mut self.patterns,
            TopicKind::ShardedChannel => &mut self.sharded,
        }
    }

    fn forget(&mut self) {
        self.recent = None;
        self.missed = 0;
    }

    pub(super) fn all(&self) -> [&Names<Entry>; TopicKind::ALL.len()] {
        [&self.channels, &self.patterns, &self.sharded]
    }

    pub(super) fn all_mut(&mut self) -> [&mut Names<Entry>; TopicKind::ALL.len()] {
        self.forget();
        [&mut self.channels, &mut self.patterns, &mut self.sharded]
    }
}
