//! What the tests of this crate have in common.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of this")]

pub mod client;
pub mod real;
pub mod table;

use std::time::Duration;

/// How long to wait for what should happen at once. Reached only by a test that fails.
pub const LIMIT: Duration = Duration::from_secs(60);
