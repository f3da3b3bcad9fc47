//! A TCP proxy that makes a connection go wrong at a chosen byte.
//!
//! It stands between a client and any server, so that a real one can be had that misbehaves: cuts (orderly, with a reset,
//! or in one direction only) at any position of either direction, stalls, pieces of any size, a server that accepts and
//! never answers, one that refuses, and another one in its place. Nothing happens by chance, and nothing waits for a
//! clock, unless asked.
//!
//! [`Faults`] are the faults of a connection, [`FaultProxy`] chooses the connections.
#![forbid(unsafe_code)]

mod connection;
mod event_loop;
mod faults;
mod pipe;
mod proxy;

pub use connection::Connection;
pub use faults::{Course, Cut, Faults};
pub use proxy::FaultProxy;
