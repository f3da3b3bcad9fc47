//! How long callbacks may run.

use std::time::{Duration, Instant};

/// Time in which callbacks may run.
///
/// The clock is read after each of them. That costs about 25 ns, a few hundredths of what a script does in a callback that
/// does anything; reading it once for several callbacks was tried, and lets all of those pass unseen if they turn slow.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// None: no limit.
    end: Option<Instant>,
}

impl Budget {
    /// A budget that begins now. A limit too far away to be told as a time is none.
    pub fn new(now: Instant, limit: Option<Duration>) -> Self {
        Self { end: limit.and_then(|limit| now.checked_add(limit)) }
    }

    /// Whether the time is used up; to be asked after each callback.
    pub fn spent(&self, clock: impl FnOnce() -> Instant) -> bool {
        self.end.is_some_and(|end| clock() >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs callbacks of the given lengths until the budget is spent. Returns how many ran, how long they took, and how
    /// often the clock was read.
    fn run(limit: Duration, lengths: impl IntoIterator<Item = Duration>) -> (usize, Duration, usize) {
        let start = Instant::now();
        let (mut now, mut ran, mut looks) = (start, 0, 0);
        let budget = Budget::new(start, Some(limit));
        for length in lengths {
            now += length;
            ran += 1;
            let spent = budget.spent(|| {
                looks += 1;
                now
            });
            if spent {
                break;
            }
        }
        (ran, now - start, looks)
    }

    const TICK: Duration = Duration::from_millis(2);

    #[test]
    fn callbacks_overrun_by_one_at_most() {
        for nanos in [50, 3_000, 10_000, 333_000, 999_000, 1_999_000, 2_000_000, 50_000_000] {
            let one = Duration::from_nanos(nanos);
            let (ran, took, _) = run(TICK, std::iter::repeat(one));
            assert!(ran >= 1 && took >= TICK && took < TICK + one, "{nanos} ns: {ran} ran in {took:?}");
        }
    }

    #[test]
    fn no_time_at_all_is_enough_for_one() {
        assert_eq!(run(Duration::ZERO, std::iter::repeat(Duration::from_nanos(50))).0, 1);
    }

    #[test]
    fn the_first_slow_one_behind_many_fast_ones_is_the_last() {
        for fast in 0..100 {
            let lengths = std::iter::repeat_n(Duration::from_nanos(100), fast);
            let (ran, ..) = run(TICK, lengths.chain(std::iter::repeat(TICK)));
            assert_eq!(ran, fast + 1);
        }
    }

    #[test]
    fn without_limit_the_clock_is_left_alone() {
        let (ran, _, looks) = run(Duration::MAX, std::iter::repeat_n(Duration::from_secs(1), 100));
        assert_eq!((ran, looks), (100, 0));
    }
}
