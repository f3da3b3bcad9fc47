//! The checks for silent deafness with random scripts. One seed alone, with its events: `cargo run -p fuzz-targets
//! --example deafness -- 0 SEED`

use fuzz_targets::{Seen, deafness, deafness_input};

/// Seeds beside those of the corpus, which `tests/replay.rs` has.
const SEEDS: std::ops::Range<u64> = 100..120;

#[test]
fn no_client_is_deaf_silently() {
    let mut seen = Seen::default();
    for seed in SEEDS {
        // Names the current one in case it panics; shown only for a failed test.
        println!("seed {seed}");
        seen += deafness(&deafness_input(seed));
    }
    println!("{seen:?}");
    // Makes sure that there was something to check.
    let Seen { messages, gaps, named_gaps, refusals, downs, readies, deaf } = seen;
    assert!([messages, gaps, named_gaps, refusals, downs, readies, deaf].iter().all(|&count| count > 5));
}
