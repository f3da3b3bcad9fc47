//! Whole conversations of the Redis session with a scripted server, in virtual time: no socket, no sleep.

mod client;

mod commands;
mod handshake;
mod hostile;
mod liveness;
mod options;
mod reconnect;
mod subscriptions;
mod wishes;
