//! How long callbacks may run.

use std::time::{Duration, Instant};

/// A callback that takes this long is fast: two thousand of them would use up an ordinary tick.
const FAST: Duration = Duration::from_micros(1);
/// The most callbacks between two looks at the clock.
const MAX_STRIDE: u32 = 16;

/// The time in which callbacks may run.
///
/// Reading the clock takes 20 to 40 ns, more than a small callback. So while callbacks are fast the clock is read
/// after every second one, then after every third, up to every sixteenth; and after each one again as soon as a
/// reading shows that the callbacks before it were slow on average, or that little time is left. If callbacks are
/// slow from the start, or every time, the round ends after the one that was running. If callbacks become slow after
/// fast ones, that is noticed at the next reading: fifteen more of them may have run. If it is known beforehand that
/// a callback may be slow, [`Budget::look_next`] makes sure that the clock is read after it.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// `None`: no limit.
    end: Option<Instant>,
    /// If the next reading is not later, the callbacks before it were fast.
    fast_until: Instant,
    /// Callbacks from the last reading of the clock to the next one, and how many of them are still to come.
    stride: u32,
    to_come: u32,
}

impl Budget {
    /// A budget that begins now. A limit too far away for an `Instant` is no limit.
    pub fn new(now: Instant, limit: Option<Duration>) -> Self {
        let end = limit.and_then(|limit| now.checked_add(limit));
        Self { end, fast_until: now + FAST, stride: 1, to_come: 1 }
    }

    /// Whether the time is used up; checked after each callback.
    #[inline]
    pub fn spent(&mut self, clock: impl FnOnce() -> Instant) -> bool {
        let Some(end) = self.end else { return false };
        self.to_come -= 1;
        self.to_come == 0 && self.look(clock(), end)
    }

    /// Reads the clock after the next callback, however fast the ones before it were. A publisher could otherwise
    /// send small messages first, and hide large ones, which take long, after them.
    #[inline]
    pub fn look_next(&mut self) {
        self.to_come = 1;
    }

    fn look(&mut self, now: Instant, end: Instant) -> bool {
        self.stride = if now <= self.fast_until { (self.stride + 1).min(MAX_STRIDE) } else { 1 };
        self.fast_until = now + FAST * self.stride;
        if self.fast_until > end {
            (self.stride, self.fast_until) = (1, now + FAST);
        }
        self.to_come = self.stride;
        now >= end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs callbacks of these lengths until the budget is spent. Returns how many ran, how long they took, and how
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
    fn callbacks_of_one_length_overrun_by_one_at_most() {
        for nanos in
            [50, 999, 1_000, 1_001, 3_000, 10_000, 333_000, 999_000, 1_999_000, 2_000_000, 50_000_000]
        {
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
    fn slow_ones_from_the_start_or_among_slow_ones_are_the_last() {
        assert_eq!(run(TICK, std::iter::repeat(TICK)).0, 1);
        let slow = Duration::from_micros(100);
        for fast in 0..20 {
            let lengths = std::iter::repeat_n(Duration::from_nanos(100), fast);
            let (ran, ..) = run(TICK, lengths.chain([slow; 8]).chain(std::iter::repeat(TICK)));
            assert_eq!(
                ran,
                fast + 9,
                "the clock was read after each slow one, so the one that used up the budget was the last"
            );
        }
    }

    #[test]
    fn fast_ones_that_turn_slow_are_seen_after_sixteen() {
        for fast in 0..500 {
            let lengths = std::iter::repeat_n(Duration::from_nanos(100), fast);
            let (ran, ..) = run(TICK, lengths.chain(std::iter::repeat(TICK)));
            let slow = ran - fast;
            assert!((1..=16).contains(&slow), "{slow} slow ones after {fast} fast ones");
        }
    }

    #[test]
    fn a_slow_one_that_was_announced_is_the_last() {
        for fast in 0..500 {
            let start = Instant::now();
            let (mut now, mut budget) = (start, Budget::new(start, Some(TICK)));
            for n in 0..fast {
                now += Duration::from_nanos(100);
                assert!(!budget.spent(|| now), "the fast one number {n} of {fast}");
            }
            budget.look_next();
            assert!(budget.spent(|| now + TICK), "after {fast} fast ones");
        }
    }

    #[test]
    fn the_clock_is_read_once_for_sixteen_fast_ones() {
        let (ran, _, looks) = run(TICK, std::iter::repeat(Duration::from_nanos(100)));
        assert!(looks * 15 < ran, "{looks} looks for {ran} callbacks");
        let (ran, _, looks) = run(TICK, std::iter::repeat(Duration::from_micros(2)));
        assert_eq!(looks, ran, "slow ones are looked at one by one");
    }

    #[test]
    fn without_limit_the_clock_is_left_alone() {
        let (ran, _, looks) = run(Duration::MAX, std::iter::repeat_n(Duration::from_secs(1), 100));
        assert_eq!((ran, looks), (100, 0));
    }
}
