//! How long to wait between attempts to connect.

use std::time::Duration;

use super::random::SplitMix64;

/// Exponential backoff with full jitter: a time between nothing and a bound that doubles with each failure. The jitter
/// comes after the clamp, so that the servers of a cluster don't fall into step at the longest wait.
/// Source: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
#[derive(Debug)]
pub(super) struct Backoff {
    random: SplitMix64,
    min: Duration,
    max: Duration,
    /// The present bound.
    bound: Duration,
}

impl Backoff {
    pub(super) fn new(seed: u64, min: Duration, max: Duration) -> Self {
        Self { random: SplitMix64::new(seed), min, max, bound: min }
    }

    /// How long to wait before the next attempt.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.bound.mul_f64(self.random.unit());
        self.bound = self.bound.saturating_mul(2).min(self.max);
        wait
    }

    /// A connection proved good.
    pub(super) fn reset(&mut self) {
        self.bound = self.min;
    }
}
