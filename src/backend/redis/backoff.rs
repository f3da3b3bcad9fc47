//! How long to wait between attempts to connect.

use std::time::Duration;

/// A SplitMix64 generator: enough for jitter, and the same sequence for the same seed.
/// Source: <https://prng.di.unimi.it/splitmix64.c>
#[derive(Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, but without, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    fn unit(&mut self) -> f64 {
        const STEPS: f64 = (1_u64 << 53) as f64;
        (self.next() >> 11) as f64 / STEPS
    }
}

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
        Self { random: SplitMix64(seed), min, max, bound: min }
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
