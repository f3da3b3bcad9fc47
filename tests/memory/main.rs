//! The most memory that a client holds, whatever floods it: to the byte, with an allocator that counts. Both ends of
//! the queue and the session are on one thread here, so that every byte is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

#[path = "../../benches/common/mod.rs"]
mod common;
mod queue;
mod session;
mod warm;
