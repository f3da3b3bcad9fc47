//! When what the server refused is asked for again, and which reasons are told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::batch::Name;
use super::random::SplitMix64;
use crate::model::{Code, Error, TopicKind};

/// The shortest and the longest pause before a refused topic is asked for again.
pub(super) const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// The same for what the server's ACL forbids, which somebody has to mend.
pub(super) const PAUSES_IF_FORBIDDEN: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(300)];
/// So many refused topics are asked for at most within the shortest pause.
const AT_ONCE: usize = 32;

/// The server's code for what the ACL forbids.
pub(super) const NO_PERMISSION: &str = "NOPERM";

/// Whether the server's ACL forbids it.
pub(super) fn is_forbidden(error: &Error) -> bool {
    error.code.as_str() == NO_PERMISSION
}

/// How long to wait before something is asked for again that was refused `times` times before: twice as long each time,
/// up to a limit. The jitter takes away up to half of it, so that servers do not ask in step.
pub(super) fn pause(error: &Error, times: u32, random: &mut SplitMix64) -> Duration {
    let [shortest, longest] = if is_forbidden(error) { PAUSES_IF_FORBIDDEN } else { PAUSES };
    let whole = shortest.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(longest);
    whole.mul_f64(1.0 - random.unit() / 2.0)
}

/// When a topic is asked for again. The number tells apart topics with the same time.
pub(super) type Turn = (Instant, u64);

/// Refused topics that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) waiting: BTreeMap<Turn, (TopicKind, Name)>,
    /// When the first of the last `asked` topics was asked for.
    since: Option<Instant>,
    /// How many were asked for since then.
    asked: usize,
}

impl Group {
    /// When the next topic may be asked for.
    pub(super) fn due(&self, shortest: Duration) -> Option<Instant> {
        let (first, _) = self.waiting.first_key_value()?.0;
        let full = self.since.filter(|_| self.asked >= AT_ONCE).map(|since| since + shortest);
        Some(full.map_or(*first, |full| full.max(*first)))
    }

    /// The next topic whose turn has come.
    pub(super) fn next(&mut self, now: Instant, shortest: Duration) -> Option<(TopicKind, Name)> {
        if self.due(shortest)? > now {
            return None;
        }
        if self.since.is_none_or(|since| since + shortest <= now) {
            (self.since, self.asked) = (Some(now), 0);
        }
        self.asked += 1;
        self.waiting.pop_first().map(|(_, topic)| topic)
    }
}

/// Reasons that are remembered. A server that has a new one each time is not told of for ever.
const MAX_REASONS: usize = 8;

/// The reasons that were told why something is refused, as long as it is. A reason is the code of an error, because its text
/// may have a number or a name in it that changes each time.
#[derive(Debug, Default)]
pub(super) struct Reasons(Vec<Code>);

impl Reasons {
    /// Whether a reason is to be told; then it counts as told.
    pub(super) fn is_news(&mut self, code: &Code) -> bool {
        let is_news = self.0.len() < MAX_REASONS && !self.0.contains(code);
        if is_news {
            self.0.push(code.clone());
        }
        is_news
    }

    /// It is not refused any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
