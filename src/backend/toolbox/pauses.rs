//! When something refused is asked for again, and which reasons are reported.

use std::time::Duration;

use super::random::SplitMix64;
use crate::model::Code;

/// What has to happen before a refusal can end; it decides how soon the server is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// It may pass without anybody's help.
    Passing,
    /// Somebody has to allow it on the server.
    Forbidden,
}

impl RefusalKind {
    /// The shortest and the longest pause.
    fn pauses(self) -> [Duration; 2] {
        let seconds = match self {
            Self::Passing => [1, 30],
            Self::Forbidden => [30, 300],
        };
        seconds.map(Duration::from_secs)
    }

    /// The shortest pause.
    pub(super) fn shortest(self) -> Duration {
        self.pauses()[0]
    }

    /// The pause before something that was refused `times` times before is asked for again: twice as long each time,
    /// up to a limit. The jitter takes away up to half of it, so that servers do not ask in step.
    pub(super) fn pause(self, times: u32, random: &mut SplitMix64) -> Duration {
        let [shortest, longest] = self.pauses();
        let whole = shortest.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(longest);
        whole.mul_f64(1.0 - random.unit() / 2.0)
    }
}

/// How many reasons are remembered. A server that has a new one each time is not reported for ever.
const MAX_REASONS: usize = 8;

/// The reasons for a refusal that were reported, as long as it lasts. A reason is the code of an error, because its
/// text may contain a number or a name that changes each time.
#[derive(Debug, Default)]
pub(super) struct Reasons(Vec<Code>);

impl Reasons {
    /// Whether to report a reason; then it counts as reported.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_limit_and_jitter_takes_half_at_most() {
        let mut random = SplitMix64::new(7);
        for (kind, times, whole) in [
            (RefusalKind::Passing, 0, 1),
            (RefusalKind::Passing, 3, 8),
            (RefusalKind::Passing, 5, 30),
            (RefusalKind::Passing, u32::MAX, 30),
            (RefusalKind::Forbidden, 0, 30),
            (RefusalKind::Forbidden, 2, 120),
            (RefusalKind::Forbidden, 32, 300),
        ] {
            let whole = Duration::from_secs(whole);
            for _ in 0..50 {
                let pause = kind.pause(times, &mut random);
                assert!(whole / 2 < pause && pause <= whole, "{kind:?} after {times}: {pause:?}");
            }
        }
    }

    #[test]
    fn a_reason_is_told_once_and_eight_of_them_at_most() {
        let mut reasons = Reasons::default();
        let code = |n: usize| Code::Server(n.to_string().into());
        assert!(reasons.is_news(&code(0)));
        assert!(!reasons.is_news(&code(0)));
        assert_eq!((1..20).filter(|&n| reasons.is_news(&code(n))).count(), MAX_REASONS - 1);
        reasons.clear();
        assert!(reasons.is_news(&code(0)), "it was allowed meanwhile");
    }
}
