//! A PostgreSQL with a few statements inside of the test's process, without sockets: takes the client's bytes,
//! returns the server's.
//!
//! ```
//! use fake_postgres::Server;
//!
//! let mut server = Server::default();
//! // A startup message without parameters.
//! let said = server.take(0, b"\0\0\0\x09\0\x03\0\0\0");
//! assert!(said[0].1.starts_with(b"R"));
//! ```

#![allow(clippy::expect_used, clippy::panic, reason = "a client that breaks the protocol fails the test")]

mod messages;
mod server;

pub use messages::{
    LET_IN, PROCESS, columns, error, greeting, message, notification, number, published, ready_for_query,
    role, row,
};
pub use server::Server;
