//! Random tokens that nobody can guess.
//!
//! # Where the randomness comes from
//!
//! From the keys of the standard library's hash maps. `HashMap` resists collisions that an attacker prepares because its
//! keys are secret: its documentation says that they are seeded "from a high quality, secure source of randomness provided
//! by the host" (`getrandom` or `/dev/urandom` on Linux, `ProcessPrng` on Windows), as far as the host has one. A thread
//! asks for 128 bits once and adds one to them for each [`RandomState`], so no two states are equal.
//!
//! The keys themselves cannot be read, only the output of SipHash for a value under them. SipHash is a pseudorandom
//! function: its output reveals nothing about its key. One output has 64 bits, so guessing it would take less time
//! than guessing the key. Therefore the generator hashes several outputs with SHA-256: to find the generator's key,
//! the system's 128 bits have to be guessed.
//!
//! # How it becomes many numbers
//!
//! Token number n is HMAC-SHA256(key, n), cut at 16 bytes. HMAC-SHA256 is a pseudorandom function, too, so known
//! tokens reveal nothing about others. Two equal ones are as likely as for random numbers: expected after 2^64
//! tokens.
//!
//! # Why not ask the system directly
//!
//! The standard library has no public function for it on the Rust that we build with. Calls of our own would need `unsafe`,
//! a case for each platform, and a decision for kernels that lack the call; the library has all of that, tested.

use std::hash::{BuildHasher, RandomState};

use super::hmac::hmac_sha256;
use super::sha256::{DIGEST_BYTES, Sha256};

/// Bytes of a token: 128 bits.
pub const TOKEN_BYTES: usize = 16;

/// How many outputs of SipHash make the key: four times as many bits as a token has.
const SEED_OUTPUTS: u64 = 8;

/// A generator of random tokens.
///
/// ```
/// use realtime::crypto::Random;
///
/// let mut random = Random::new();
/// assert_ne!(random.token(), random.token());
/// ```
pub struct Random {
    key: [u8; DIGEST_BYTES],
    /// Tokens given out.
    count: u64,
}

impl Random {
    /// A generator with a key of its own.
    pub fn new() -> Self {
        let mut seed = Sha256::new();
        for n in 0..SEED_OUTPUTS {
            seed.update(&RandomState::new().hash_one(n).to_be_bytes());
        }
        Self { key: seed.finish(), count: 0 }
    }

    /// The next token.
    pub fn token(&mut self) -> [u8; TOKEN_BYTES] {
        self.count += 1;
        let bytes = hmac_sha256(&self.key, &self.count.to_be_bytes());
        let mut token = [0; TOKEN_BYTES];
        token.copy_from_slice(&bytes[..TOKEN_BYTES]);
        token
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}
