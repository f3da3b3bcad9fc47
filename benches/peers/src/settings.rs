//! How much is measured.

use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// How often everything is measured, in turn; the median counts.
    pub(crate) rounds: usize,
    /// How long one parser reads one corpus in one round.
    pub(crate) parse_for: Duration,
    /// Elements of the large array.
    pub(crate) elements: u32,
    /// Messages of the firehose for each subscriber and round.
    pub(crate) messages: usize,
    /// Rounds of latencies: more and shorter ones, because one disturbance decides a 99th percentile.
    pub(crate) latency_rounds: usize,
    /// How many latencies are measured, for each subscriber and round.
    pub(crate) latencies: usize,
    /// Whether it is a short run, which ends within a minute.
    pub(crate) quick: bool,
}

impl Settings {
    /// For figures to publish.
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        parse_for: Duration::from_millis(40),
        elements: 100_000,
        messages: 3_000_000,
        latency_rounds: 15,
        latencies: 1000,
        quick: false,
    };

    /// To check that everything runs.
    pub(crate) const QUICK: Self = Self {
        rounds: 1,
        parse_for: Duration::from_millis(5),
        elements: 20_000,
        messages: 200_000,
        latency_rounds: 1,
        latencies: 300,
        quick: true,
    };
}
