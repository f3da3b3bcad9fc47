//! See `fuzz_targets::sentinel`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_targets::sentinel(input));
