//! What a client holds in memory at most, whatever floods it: to the byte, by an allocator that counts. Both ends of the
//! queue and the session live on one thread here, so that no byte escapes the count.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

#[path = "../../benches/common/mod.rs"]
mod common;
mod queue;
mod session;
mod warm;
