//! Sockets that the system tells of, and a stream that does what it is told to.

mod readiness;
mod stream;
#[cfg(feature = "tls")]
mod tls;
