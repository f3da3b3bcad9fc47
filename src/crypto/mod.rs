//! A hash, a proof that a sender knows a secret, and random numbers that nobody can guess. Pure Rust on the standard
//! library.
//!
//! - [`Sha256`] and [`sha256`]: SHA-256 (FIPS 180-4).
//! - [`hmac_sha256`]: HMAC-SHA256 (RFC 2104).
//! - [`Random`]: tokens from the operating system's source of randomness.
//! - [`hex`]: bytes as lower-case hexadecimal digits.

mod hmac;
mod random;
mod sha256;

pub use hmac::hmac_sha256;
pub use random::{Random, TOKEN_BYTES};
pub use sha256::{BLOCK_BYTES, DIGEST_BYTES, Sha256, sha256};

/// Bytes as lower-case hexadecimal digits, two for each.
///
/// ```
/// assert_eq!(realtime::crypto::hex(&[0x00, 0xAF]), "00af");
/// ```
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 0x0f)]);
    }
    text
}
