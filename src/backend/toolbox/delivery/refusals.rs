//! Why topics are refused, and which one is asked for again next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::batch::Name;
use super::entry::{Entry, Refusal, Silence, Turn};
use crate::backend::toolbox::pauses::RefusalKind;
use crate::backend::toolbox::random::SplitMix64;
use crate::model::{Error, Topic, TopicKind};

/// How many refused topics are asked for at most within the shortest pause.
const AT_ONCE: usize = 32;

/// Refused topics that wait to be asked for again.
#[derive(Debug, Default)]
struct Group {
    waiting: BTreeMap<Turn, (TopicKind, Name)>,
    /// When the first of the last `asked` topics was asked for.
    since: Option<Instant>,
    /// How many were asked for since then.
    asked: usize,
}

impl Group {
    /// When the next topic may be asked for.
    fn due(&self, kind: RefusalKind) -> Option<Instant> {
        let (first, _) = self.waiting.first_key_value()?.0;
        let full = self.since.filter(|_| self.asked >= AT_ONCE).map(|since| since + kind.shortest());
        Some(full.map_or(*first, |full| full.max(*first)))
    }

    /// The next topic that is due.
    fn next(&mut self, kind: RefusalKind, now: Instant) -> Option<(TopicKind, Name)> {
        if self.due(kind)? > now {
            return None;
        }
        if self.since.is_none_or(|since| since + kind.shortest() <= now) {
            (self.since, self.asked) = (Some(now), 0);
        }
        self.asked += 1;
        self.waiting.pop_first().map(|(_, topic)| topic)
    }
}

/// The refused topics of the current connection.
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
    /// How many topics that were confirmed before are silent.
    silent: usize,
    /// When the first of them fell silent.
    silent_since: Option<Instant>,
    /// One of them, which is shown as long as it is refused.
    shown: Option<(TopicKind, Name)>,
    /// The topics to be shown may have changed.
    changed: bool,
    /// Topics that were silent and are confirmed now.
    regained: Vec<Topic>,
    /// From when the first of them was silent, and why.
    regained_silence: Option<Silence>,
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
            silent: 0,
            silent_since: None,
            shown: None,
            changed: false,
            regained: Vec::new(),
            regained_silence: None,
        }
    }

    /// The connection was lost, or no topic is wanted any more: nothing is refused.
    pub(super) fn clear(&mut self) {
        (self.passing, self.forbidden) = (Group::default(), Group::default());
        (self.count, self.silent, self.silent_since) = (0, 0, None);
        (self.last_error, self.shown, self.changed) = (None, None, true);
        (self.regained, self.regained_silence) = (Vec::new(), None);
    }

    fn group(&mut self, kind: RefusalKind) -> &mut Group {
        match kind {
            RefusalKind::Passing => &mut self.passing,
            RefusalKind::Forbidden => &mut self.forbidden,
        }
    }

    /// The next topic that is due.
    pub(super) fn next(&mut self, kind: RefusalKind, now: Instant) -> Option<(TopicKind, Name)> {
        self.group(kind).next(kind, now)
    }

    /// The next topic, whether it is due or not.
    pub(super) fn next_early(&mut self, kind: RefusalKind) -> Option<(TopicKind, Name)> {
        self.group(kind).waiting.pop_first().map(|(_, topic)| topic)
    }

    /// When [`Refusals::next`] has one.
    pub(super) fn due(&self) -> Option<Instant> {
        let passing = self.passing.due(RefusalKind::Passing);
        passing.into_iter().chain(self.forbidden.due(RefusalKind::Forbidden)).min()
    }

    pub(super) fn share(&mut self, error: &Error) -> Arc<Error> {
        let known = self.last_error.take().filter(|known| **known == *error);
        Arc::clone(self.last_error.insert(known.unwrap_or_else(|| Arc::new(error.clone()))))
    }

    /// A topic is refused. Returns whether the reason is news.
    pub(super) fn refuse(
        &mut self,
        entry: &mut Entry,
        topic: (TopicKind, Name),
        error: &Arc<Error>,
        kind: RefusalKind,
        now: Instant,
    ) -> bool {
        let mut before = entry.refusal.take();
        let mut told = before.as_mut().map(|before| std::mem::take(&mut before.told)).unwrap_or_default();
        let is_news = told.is_news(&error.code);
        let stood = before.as_ref().is_some_and(|before| before.stands);
        // If the topic was not refused before, or for another kind of reason, the pauses start with the
        // shortest.
        let again = before.filter(|before| stood && before.kind == kind);
        let times = again.map_or(0, |again| again.times.saturating_add(1));
        self.last_turn += 1;
        let turn = (now + kind.pause(times, &mut self.random), self.last_turn);
        self.group(kind).waiting.insert(turn, topic);
        self.count += usize::from(!stood);
        self.changed = true;
        let (error, turn) = (Arc::clone(error), Some(turn));
        entry.refusal = Some(Box::new(Refusal { error, kind, stands: true, times, told, turn }));
        is_news
    }

    /// A topic is no longer refused: it is confirmed, asked for again, or not wanted. Returns how it was refused.
    pub(super) fn lift(&mut self, entry: &mut Entry) -> Option<RefusalKind> {
        let refusal = entry.refusal.take()?;
        self.withdraw(&refusal);
        refusal.stands.then_some(refusal.kind)
    }

    /// This refusal does not count any more, and its topic leaves the queue.
    pub(super) fn withdraw(&mut self, refusal: &Refusal) {
        if let Some(turn) = &refusal.turn {
            self.group(refusal.kind).waiting.remove(turn);
        }
        self.count -= usize::from(refusal.stands);
        self.changed |= refusal.stands;
    }

    /// A topic is confirmed. Returns how it was refused on the current connection, if it was.
    pub(super) fn confirm(&mut self, entry: &mut Entry, kind: TopicKind, name: &[u8]) -> Option<RefusalKind> {
        let refused = self.lift(entry);
        if let Some(silence) = self.end_silence(entry) {
            self.regained.push(Topic { kind, name: name.into() });
            let first = self.regained_silence.take().filter(|first| first.since <= silence.since);
            self.regained_silence = first.or(Some(silence));
        }
        refused
    }

    /// A topic is not wanted any more.
    pub(super) fn forget(&mut self, entry: &mut Entry) {
        self.lift(entry);
        self.end_silence(entry);
    }

    /// A topic that was confirmed before is not delivered from `since`, or from the earlier time at which it fell
    /// silent.
    pub(super) fn silence(&mut self, entry: &mut Entry, since: Instant, error: &Arc<Error>) {
        if !entry.told {
            return;
        }
        let before = entry.silence.as_ref().map(|silence| silence.since);
        let since = before.unwrap_or(since);
        entry.silence = Some(Silence { since, error: Arc::clone(error) });
        self.silent += usize::from(before.is_none());
        self.silent_since = Some(self.silent_since.map_or(since, |first| first.min(since)));
    }

    pub(super) fn end_silence(&mut self, entry: &mut Entry) -> Option<Silence> {
        let silence = entry.silence.take()?;
        self.silent -= 1;
        if self.silent == 0 {
            self.silent_since = None;
        }
        Some(silence)
    }

    /// How many topics are refused.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// When the first of the topics that were confirmed before fell silent, even if that one is heard again.
    /// `None` if none of them is silent now.
    pub(super) fn silent_since(&self) -> Option<Instant> {
        self.silent_since
    }

    #[inline]
    pub(super) fn has_regained(&self) -> bool {
        !self.regained.is_empty()
    }

    /// The topics that are heard again, and the first one's silence.
    pub(super) fn take_regained(&mut self) -> Option<(Box<[Topic]>, Silence)> {
        let topics = std::mem::take(&mut self.regained);
        self.regained_silence.take().map(|silence| (topics.into(), silence))
    }

    /// Whether the topics to be shown may have changed since the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The waiting topics, beginning with the one that was shown last time, if it still `is_refused`.
    pub(super) fn waiting(
        &mut self,
        is_refused: impl FnOnce(&(TopicKind, Name)) -> bool,
    ) -> impl Iterator<Item = &(TopicKind, Name)> {
        let waiting = self.passing.waiting.values().chain(self.forbidden.waiting.values());
        self.shown = self.shown.take().filter(is_refused).or_else(|| waiting.clone().next().cloned());
        let shown = self.shown.as_ref();
        shown.into_iter().chain(waiting.filter(move |&topic| Some(topic) != shown))
    }
}
