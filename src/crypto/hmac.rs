//! HMAC-SHA256, according to RFC 2104.

use super::sha256::{BLOCK_BYTES, DIGEST_BYTES, Sha256, sha256};

/// The HMAC-SHA256 of a message: without the key nobody can make it or distinguish it from random bytes. A key may
/// have any length; one longer than a block of 64 bytes is replaced by its SHA-256.
///
/// Comparing two with `==` may take longer the more of their first bytes are equal. Use another comparison where an
/// attacker can measure that.
///
/// ```
/// use realtime::crypto::{hex, hmac_sha256};
///
/// let proof = hex(&hmac_sha256(b"Jefe", b"what do ya want for nothing?"));
/// assert_eq!(proof, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
/// ```
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        block[..DIGEST_BYTES].copy_from_slice(&sha256(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = keyed(&block, 0x36, message);
    keyed(&block, 0x5c, &inner)
}

/// The digest of the key's block, each byte of it combined with `pad`, followed by `rest`.
fn keyed(block: &[u8; BLOCK_BYTES], pad: u8, rest: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut hasher = Sha256::new();
    hasher.update(&block.map(|byte| byte ^ pad));
    hasher.update(rest);
    hasher.finish()
}
