//! A `redis-server` process for one test: on a free port of 127.0.0.1, on a Unix socket, and in a folder of its own.
//!
//! `REDIS_SERVER=FILE` in the environment names the program; otherwise it is the one on the PATH.
//!
//! ```
//! # fn main() -> Result<(), real_redis::Error> {
//! # if !real_redis::is_expected() { return Ok(()) }
//! use real_redis::RealRedis;
//!
//! let redis = RealRedis::builder().configuration("requirepass secret").start()?;
//! let url = format!("redis://:secret@127.0.0.1:{}", redis.port());
//! # Ok(())
//! # }
//! ```

mod builder;
mod error;
mod port;
mod program;
mod server;

pub use builder::Builder;
pub use error::Error;
pub use port::HeldPort;
pub use program::{Version, is_expected, version};
pub use server::RealRedis;
