//! A PostgreSQL server for one test: on a free port of 127.0.0.1, with a folder of its own.
//!
//! `POSTGRES_BIN=FOLDER` in the environment names the folder of `initdb` and `postgres`; otherwise it is the newest of
//! `/usr/lib/postgresql/*/bin`. PostgreSQL refuses to run as root: then it runs as the user `postgres` or `nobody`. Nothing of the
//! system's own servers is used: each server has data, a port and a socket of its own. [`Pooler`] is a pgbouncer in front of one.
//!
//! ```
//! # fn main() -> Result<(), real_postgres::Error> {
//! # if !real_postgres::is_expected() { return Ok(()) }
//! use real_postgres::RealPostgres;
//!
//! let postgres = RealPostgres::builder().configuration("max_connections = 20").start()?;
//! assert_eq!(postgres.psql("SELECT 1 + 1")?, "2");
//! let url = postgres.url();
//! # Ok(())
//! # }
//! ```

#![cfg(unix)]

mod error;
mod pooler;
mod program;
mod server;

pub use error::Error;
pub use pooler::{PoolMode, Pooler};
pub use program::{is_expected, is_pooler_expected};
pub use server::{Builder, RealPostgres};
