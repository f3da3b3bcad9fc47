//! How long callbacks may run.

use std::time::{Duration, Instant};

/// A callback that takes no longer than this is fast.
const FAST: Duration = Duration::from_micros(2);

/// Fast callbacks that may run between two looks at the clock. A look costs about a third of the cheapest callback; eight
/// bring that under a twentieth, and no more than seven callbacks that turn slow at once can pass unseen.
const MAX_STRIDE: u32 = 8;

/// Time in which callbacks may run, read off the clock once in a stride of callbacks.
///
/// The stride starts at one, doubles while callbacks are fast, and falls back to one with the first slow one.
#[derive(Debug)]
pub struct Budget {
    /// None: no limit.
    end: Option<Instant>,
    looked: Instant,
    stride: u32,
    left: u32,
}

impl Budget {
    /// A budget that begins now. A limit too far away to be told as a time is none.
    pub fn new(now: Instant, limit: Option<Duration>) -> Self {
        let end = limit.and_then(|limit| now.checked_add(limit));
        Self { end, looked: now, stride: 1, left: 1 }
    }

    /// Whether the time is used up; to be asked after each callback.
    pub fn spent(&mut self, clock: impl FnOnce() -> Instant) -> bool {
        self.left -= 1;
        if self.left > 0 {
            return false;
        }
        let Some(end) = self.end else {
            self.left = u32::MAX;
            return false;
        };
        let now = clock();
        let remaining = end.saturating_duration_since(now);
        let fast = now.saturating_duration_since(self.looked) <= FAST * self.stride;
        // Near the end each callback counts.
        self.stride = if fast && remaining > FAST * MAX_STRIDE { MAX_STRIDE.min(self.stride * 2) } else { 1 };
        self.left = self.stride;
        self.looked = now;
        remaining.is_zero()
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
        let mut budget = Budget::new(start, Some(limit));
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
    fn slow_callbacks_overrun_by_one_at_most() {
        for micros in [3, 10, 100, 333, 999, 1999, 2000, 50_000] {
            let one = Duration::from_micros(micros);
            let (ran, took, _) = run(TICK, std::iter::repeat(one));
            assert!(ran >= 1 && took >= TICK && took < TICK + one, "{micros} us: {ran} ran in {took:?}");
        }
    }

    #[test]
    fn no_time_at_all_is_enough_for_one() {
        assert_eq!(run(Duration::ZERO, std::iter::repeat(Duration::from_nanos(50))).0, 1);
    }

    #[test]
    fn fast_callbacks_share_looks_at_the_clock_and_still_end_in_time() {
        let one = Duration::from_nanos(100);
        let (ran, took, looks) = run(TICK, std::iter::repeat(one));
        assert!(took >= TICK && took < TICK + one, "{took:?}");
        assert!(looks * 7 < ran, "{looks} looks for {ran} callbacks");
    }

    #[test]
    fn the_first_slow_callback_ends_the_stride() {
        let fast = std::iter::repeat_n(Duration::from_nanos(100), 1000);
        let slow = Duration::from_millis(1);
        let (ran, ..) = run(TICK, fast.chain(std::iter::repeat(slow)));
        assert!(ran <= 1000 + MAX_STRIDE as usize + 1, "{ran}");
        let again = std::iter::once(slow).chain(std::iter::repeat(Duration::from_micros(10)));
        assert_eq!(run(TICK, again).1, TICK, "each one behind a slow one is looked at");
    }

    #[test]
    fn without_limit_the_clock_is_left_alone() {
        let (ran, _, looks) = run(Duration::MAX, std::iter::repeat_n(Duration::from_secs(1), 100));
        assert_eq!((ran, looks), (100, 0));
    }
}
