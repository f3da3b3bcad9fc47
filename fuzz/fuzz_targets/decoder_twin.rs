//! See `fuzz_targets::decoder_twin`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_targets::decoder_twin(input));
