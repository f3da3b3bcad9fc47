//! Writes inputs for a target that are like those of its corpus, the same from the same seed:
//! `cargo run -p fuzz-targets --example mutations -- TARGET COUNT SEED FOLDER`
//!
//! libFuzzer's own inputs depend on the coverage of this run, and so on addresses and the clock. The gate uses these
//! instead.

#![allow(clippy::expect_used, reason = "a tool that cannot go on says why")]

use std::path::Path;
use std::{env, fs};

/// As long as the fuzzers make them.
const MAX_LENGTH: usize = 4096;
/// How often an input is changed, at most.
const MAX_CHANGES: usize = 4;
/// The longest piece that is removed, doubled or brought from another input.
const MAX_PIECE: usize = 64;
/// Bytes at which a length, a sign or a kind ends.
const BOUNDARIES: [u8; 12] = [0, 1, 7, 8, 0x0A, 0x0D, b'*', b'$', 0x7F, 0x80, 0xFE, 0xFF];

fn main() {
    let mut arguments = env::args().skip(1);
    let mut next = |name: &str| arguments.next().expect(name);
    let (target, count) = (next("TARGET"), next("COUNT").parse::<usize>().expect("COUNT is a number"));
    let (seed, folder) = (next("SEED").parse::<u64>().expect("SEED is a number"), next("FOLDER"));

    let corpus = inputs("corpus", &target);
    assert!(!corpus.is_empty(), "there is no corpus of {target}");
    let corpus = [corpus, inputs("regressions", &target)].concat();
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for index in 0..count {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(MAX_CHANGES) {
            let other = &corpus[random.below(corpus.len())];
            change(&mut input, other, &mut random);
        }
        input.truncate(MAX_LENGTH);
        fs::write(Path::new(&folder).join(index.to_string()), input).expect("FOLDER can be written to");
    }
}

fn inputs(folder: &str, target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder).join(target);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).expect("an input")).collect()
}

fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = (at + 1 + random.below(MAX_PIECE)).min(input.len());
    match random.below(6) {
        0 => input.insert(at, random.boundary()),
        1 if at < input.len() => input[at] = random.boundary(),
        2 if at < input.len() => input[at] ^= 1 << random.below(8),
        3 => drop(input.drain(at..end)),
        4 => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        }
        _ => {
            let from = random.below(other.len() + 1);
            let to = (from + random.below(MAX_PIECE)).min(other.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
    }
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    fn boundary(&mut self) -> u8 {
        BOUNDARIES[self.below(BOUNDARIES.len())]
    }
}
