//! SHA-256, HMAC-SHA256 and random tokens: published vectors, a naive twin, and properties of tokens.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod hmac;
mod random;
mod sha256;
mod twin;
