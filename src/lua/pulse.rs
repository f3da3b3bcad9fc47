//! Whether ticks still come, judged from the calls of the module's other functions.

use std::time::{Duration, Instant};

/// How long ticks may be missing before they are started again. If the server merely stood still for that
/// long, starting them does no harm.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most calls between two looks at the clock: an addon that makes thousands of calls in a tick does not pay for
/// each.
const MOST_CALLS: u32 = 16;

/// Ticks, and calls between them.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Calls until the next look at the clock. Zero: a tick came since the last call.
    until_look: u32,
    /// Calls from the last look to the next one.
    gap: u32,
    /// The first call after the last tick, or when ticks were last started again.
    since: Instant,
}

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self { until_look: 0, gap: 1, since: now }
    }

    /// A tick came. This runs at each tick of an idle server.
    #[inline]
    pub(super) fn tick(&mut self) {
        self.until_look = 0;
    }

    /// A function of the module was called. Returns whether to start the ticks again.
    #[inline]
    pub(super) fn call(&mut self, clock: impl FnOnce() -> Instant) -> bool {
        if self.until_look > 1 {
            self.until_look -= 1;
            return false;
        }
        self.look(clock())
    }

    #[cold]
    fn look(&mut self, now: Instant) -> bool {
        let is_first = self.until_look == 0;
        self.gap = if is_first { 1 } else { (self.gap * 2).min(MOST_CALLS) };
        self.until_look = self.gap;
        let has_stopped = !is_first && now.saturating_duration_since(self.since) >= PATIENCE;
        if is_first || has_stopped {
            self.since = now;
        }
        has_stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ticks_that_come_are_not_started_again() {
        let mut now = Instant::now();
        let mut pulse = Pulse::new(now);
        for _ in 0..100 {
            // A tick that takes long and makes many calls.
            for _ in 0..100 {
                assert!(!pulse.call(|| now));
                now += SECOND / 200;
            }
            pulse.tick();
            now += SECOND * 3;
        }
    }

    #[test]
    fn rare_calls_start_them_again_soon() {
        for before in [0, 1, 2, 5, 1000] {
            let mut now = Instant::now();
            let mut pulse = Pulse::new(now);
            pulse.tick();
            for _ in 0..before {
                assert!(!pulse.call(|| now));
            }
            let calls = (1..).find(|_| {
                now += SECOND;
                pulse.call(|| now)
            });
            assert!(calls <= Some(MOST_CALLS), "{before} calls before, {calls:?} after");
            if before == 0 {
                assert_eq!(calls, Some(2));
            }
        }
    }

    #[test]
    fn many_calls_look_at_the_clock_rarely_and_start_them_once_in_a_while() {
        let start = Instant::now();
        let (mut looks, mut starts) = (0_u32, 0);
        let mut pulse = Pulse::new(start);
        for call in 0..16_000_u32 {
            let now = || {
                looks += 1;
                start + SECOND * call / 4000
            };
            starts += u32::from(pulse.call(now));
        }
        assert_eq!(starts, 3, "in the fourth second, the three before it have passed");
        assert!(looks < 1100, "{looks} looks");
    }
}
