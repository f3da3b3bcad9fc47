//! See `fuzz_targets::encode_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_targets::encode_decode(input));
