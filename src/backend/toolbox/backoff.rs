//! How long to wait between attempts to connect.

use std::time::{Duration, Instant};

use super::random::SplitMix64;

/// A connection that lived for this many times the longest current wait was a good one.
const GOOD_LIFE: u32 = 4;
/// A connection that lived for less than this was not a good one, however short the waits are.
const SHORTEST_GOOD_LIFE: Duration = Duration::from_secs(4);

/// Exponential backoff with full jitter: a time between zero and a bound that doubles with each failure. The jitter
/// comes after the clamp, so that the servers of a cluster don't fall into step at the longest wait.
/// Source: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
///
/// An accepted handshake does not end the backoff, because a server may hang up on the same client again right away:
/// when the client reads too slowly, for example, or when a proxy drops busy connections. Only a connection that
/// lasts ends it.
#[derive(Debug)]
pub struct Backoff {
    random: SplitMix64,
    min: Duration,
    max: Duration,
    /// The current bound.
    bound: Duration,
    /// When the current connection first worked fully.
    good_since: Option<Instant>,
}

impl Backoff {
    /// Waits up to `min` at first and up to `max` at most; `seed` makes the jitter.
    pub fn new(seed: u64, min: Duration, max: Duration) -> Self {
        Self { random: SplitMix64::new(seed), min, max, bound: min, good_since: None }
    }

    /// The connection was lost, or the attempt failed. Returns whether there was a connection that lasted.
    pub fn lost(&mut self, now: Instant) -> bool {
        let good_life = self.bound.saturating_mul(GOOD_LIFE).max(SHORTEST_GOOD_LIFE);
        let lasted =
            self.good_since.take().is_some_and(|since| now.saturating_duration_since(since) >= good_life);
        if lasted {
            self.bound = self.min;
        }
        lasted
    }

    /// How long to wait before the next attempt. The current one failed, or its connection was lost.
    pub fn next(&mut self, now: Instant) -> Duration {
        self.lost(now);
        let wait = self.bound.mul_f64(self.random.unit());
        self.bound = self.bound.saturating_mul(2).min(self.max);
        wait
    }

    /// The connection works fully. If it lasts, the backoff starts over.
    pub fn good(&mut self, now: Instant) {
        self.good_since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_judged_when_it_is_lost_and_not_by_a_later_failure() {
        let [min, max] = [1, 60].map(Duration::from_secs);
        let (mut backoff, now) = (Backoff::new(1, min, max), Instant::now());
        while backoff.bound < max {
            backoff.next(now);
        }
        backoff.good(now);
        // The connection is not needed any more, and for an hour no other one is made.
        assert!(!backoff.lost(now + Duration::from_secs(1)));
        assert!(!backoff.lost(now + Duration::from_secs(3600)));
        assert_eq!(backoff.bound, max, "it was lost after a second");
        backoff.good(now);
        assert!(backoff.lost(now + max * GOOD_LIFE));
        assert_eq!(backoff.bound, min);
    }
}
