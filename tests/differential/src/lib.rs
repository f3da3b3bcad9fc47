//! The parser against independent ones: see `tests/peers.rs`. A crate of its own, so that the peers stay out of the
//! parser's dependencies.
