//! See `fuzz_targets::postgres`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_targets::postgres(input));
