//! The judge of deafness with random scripts. One seed alone, with what happened:
//! `cargo run -p fuzz-targets --example deafness -- 0 SEED`

use fuzz_targets::{Seen, deafness, deafness_input};

/// Seeds beside those of the corpus, which `tests/replay.rs` has.
const SEEDS: std::ops::Range<u64> = 100..120;

#[test]
fn no_client_is_deaf_silently() {
    let mut seen = Seen::default();
    for seed in SEEDS {
        // Whose turn it is when one of them panics; shown for a failed test alone.
        println!("seed {seed}");
        seen += deafness(&deafness_input(seed));
    }
    println!("{seen:?}");
    // A guard: there was something to judge.
    let Seen { messages, gaps, named_gaps, refusals, downs, readies, deaf } = seen;
    assert!([messages, gaps, named_gaps, refusals, downs, readies, deaf].iter().all(|&count| count > 5));
}
