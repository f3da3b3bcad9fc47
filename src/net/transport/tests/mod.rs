//! Real sockets with a selector, and a scripted stream.

mod readiness;
mod stream;
#[cfg(feature = "tls")]
mod tls;
