//! See `fuzz_targets::json_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_targets::json_decode(input));
