//! See `fuzz_targets::decoder_pieces`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_targets::decoder_pieces(input));
