//! What is known of one topic, and the tables of them.

use std::sync::Arc;
use std::time::Instant;

use super::names::Names;
use crate::backend::toolbox::pauses::{Reasons, RefusalKind};
use crate::model::{Error, SubscriptionSlot, TopicKind};

/// What is known of one topic.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// What its messages carry; `None`: nobody wants them.
    pub(super) slot: Option<SubscriptionSlot>,
    /// Number of the Subscribe or Unsubscribe that is the reason for `slot`.
    pub(super) number: u64,
    /// What the last operation sent, if any, asked for, or what the server has if it was refused.
    pub(super) requested: bool,
    /// Operations sent and not yet answered.
    pub(super) in_flight: u32,
    /// What the last operation answered, if any, left the server at.
    pub(super) confirmed: bool,
    /// Stands in a queue or in a group to be tried again.
    pub(super) queued: bool,
    /// Is part of what a new connection must restore before it counts as ready.
    pub(super) restoring: bool,
    /// The first confirmation of this wish was told.
    pub(super) told: bool,
    /// `told`, and refused on the present connection or ended by the server, and not confirmed since.
    pub(super) silence: Option<Silence>,
    /// How often a server sent it on to another one since it was confirmed or refused.
    pub(super) redirections: u8,
    /// The refusal of this wish, if it was refused since it was last confirmed.
    pub(super) refusal: Option<Box<Refusal>>,
}

impl Entry {
    pub(super) fn is_wanted(&self) -> bool {
        self.slot.is_some()
    }

    /// The server has it, or may yet: it answers what is in flight later.
    pub(super) fn may_be_held(&self) -> bool {
        self.requested || self.in_flight > 0
    }

    /// Nothing is left to remember.
    pub(super) fn is_over(&self) -> bool {
        !self.is_wanted() && !self.may_be_held() && !self.queued
    }
}

/// A topic that was confirmed is not delivered any more.
#[derive(Debug)]
pub(super) struct Silence {
    /// Messages may be missing since then.
    pub(super) since: Instant,
    pub(super) error: Arc<Error>,
}

/// When a topic is asked for again. The number tells apart topics with the same time.
pub(super) type Turn = (Instant, u64);

/// Why a topic was refused, as long as it was not confirmed since.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Arc<Error>,
    pub(super) kind: RefusalKind,
    /// It was refused on the present connection.
    pub(super) stands: bool,
    /// How often, less one.
    pub(super) times: u32,
    /// Why, as far as that was told.
    pub(super) told: Reasons,
    /// Its place among those to be asked for again, while it waits there.
    pub(super) turn: Option<Turn>,
}

impl Refusal {
    /// The connection is lost: what was refused on it is asked for on the next one like everything else. The reason is not
    /// told twice.
    pub(super) fn disconnected(mut self: Box<Self>) -> Box<Self> {
        (self.stands, self.times, self.turn) = (false, 0, None);
        self
    }

    /// Why the topic was refused on the present connection, if it was.
    pub(super) fn standing_error(&self) -> Option<&Error> {
        self.stands.then_some(&self.error)
    }

    /// It is asked for again.
    pub(super) fn take_turn(&mut self) {
        self.turn = None;
    }
}

/// Of the messages of other topics one in so many is remembered, so that to remember takes next to nothing where topics take turns.
const PATIENCE: u32 = 16;

/// The topics by kind and name.
#[derive(Debug, Default)]
pub(super) struct Tables {
    channels: Names<Entry>,
    patterns: Names<Entry>,
    sharded: Names<Entry>,
    /// A topic that had a message since the tables were last changed. Where its messages follow each other, to compare the name
    /// takes 25 instructions, and to look it up 105; where topics take turns, to compare it first takes some 25 more.
    recent: Option<Recent>,
    /// Messages of other topics.
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
    /// Names that take turns are often of one length, with a number at their end: most are told apart there.
    #[inline]
    fn is(&self, kind: TopicKind, name: &[u8]) -> bool {
        self.name.last() == name.last() && self.kind == kind && self.name == name
    }
}

impl Tables {
    /// What messages of a topic carry, if they are wanted.
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

    /// A table to be changed: whatever was remembered of it may be wrong afterwards.
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
