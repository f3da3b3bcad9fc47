//! Tables by channel name, which are looked at for every message.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::Name;

/// A table by name.
pub(super) type Names<T> = HashMap<Name, T, NameHashes>;

/// Hashes eight bytes at a time, in a third of the time that the standard library's hash takes for a short name. That
/// one resists strangers who choose the keys; these keys are chosen by addons, and the seed is random all the same.
#[derive(Debug, Clone)]
pub(super) struct NameHashes {
    seed: u64,
}

impl Default for NameHashes {
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(0) }
    }
}

impl BuildHasher for NameHashes {
    type Hasher = NameHash;

    #[inline]
    fn build_hasher(&self) -> NameHash {
        NameHash(self.seed)
    }
}

/// The hash of one name, as far as it was read.
#[derive(Debug)]
pub(super) struct NameHash(u64);

impl NameHash {
    /// Folds the product's halves, so that each bit of the input affects the low bits and the high ones.
    #[inline]
    fn mix(&mut self, word: u64) {
        // 2^64 divided by the golden ratio: odd, and without a pattern.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let (low, high) = (product as u64, (product >> 64) as u64);
        self.0 = low ^ high;
    }
}

impl Hasher for NameHash {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let Some(&last) = bytes.last_chunk() else {
            // Shorter than a word.
            return self.mix(bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        };
        // The last word may share bytes with the one before it: the length is mixed in, too.
        for &word in bytes[..bytes.len() - 1].as_chunks().0 {
            self.mix(u64::from_le_bytes(word));
        }
        self.mix(u64::from_le_bytes(last));
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.0 = self.0.wrapping_add(n as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Names that differ in one digit, in their length, or after the last whole word.
    fn names() -> impl Iterator<Item = Vec<u8>> {
        let numbered = (0..50_000).map(|n| format!("server.{n}.chat").into_bytes());
        let padded = (0..50_000).map(|n| format!("{n:08}:{n:08}").into_bytes());
        let zeros = (0..100).map(|n| vec![0; n]);
        numbered.chain(padded).chain(zeros)
    }

    #[test]
    fn hashes_of_like_names_differ_in_the_bits_that_tables_use() {
        let hashes = NameHashes { seed: 1 };
        let all: Vec<u64> = names().map(|name| hashes.hash_one(&name[..])).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        // The sixteen bits of a place, and the seven of a tag, spread about as well as random ones would.
        for shift in [0, 48] {
            let mut places = vec![0_u32; 1 << 16];
            for hash in &all {
                places[usize::try_from(hash >> shift & 0xffff).unwrap()] += 1;
            }
            let most = places.iter().max().unwrap();
            assert!(*most <= 12, "{most} of {} names share their bits from {shift} on", all.len());
        }
    }

    #[test]
    fn equal_names_hash_alike_and_seeds_differ() {
        for name in names().step_by(997) {
            let one = NameHashes { seed: 1 }.hash_one(&name[..]);
            assert_eq!(one, NameHashes { seed: 1 }.hash_one(&name.clone()[..]));
            assert_ne!(one, NameHashes { seed: 2 }.hash_one(&name[..]));
        }
    }
}
