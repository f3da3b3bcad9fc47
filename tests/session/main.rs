//! Whole conversations of the Redis session with a scripted server, in virtual time: no socket, no sleep.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy spares test functions, but not what they share"
)]

mod client;
mod sink;
mod twin;
mod two_links;
mod world;

mod addresses;
mod advice;
mod backoff;
mod batches;
mod check;
mod cluster;
mod commands;
mod ending;
mod handshake;
mod hostile;
mod large;
mod liveness;
mod loading;
mod options;
mod reconnect;
mod refusals;
mod resp2_alone;
mod role;
mod serving;
mod several;
mod sharded;
mod subscriptions;
mod texts;
mod timeouts;
#[cfg(feature = "tls")]
mod tls;
mod tls_options;
mod verify;
mod whose;
mod wishes;
