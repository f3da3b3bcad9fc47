//! Shared by the tests of this crate.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of this")]

pub mod client;
pub mod real;
pub mod table;

use std::time::Duration;

/// How long to wait for something that should happen at once. Reached only if a test fails.
pub const LIMIT: Duration = Duration::from_secs(60);
