//! The worker thread: one event loop for all clients. The only user of mio.
//!
//! The loop passes bytes, commands and the time to each client's session, and carries out the session's wishes: links
//! made and closed, bytes written, a call at a certain time. It knows links only by number, and does not understand
//! their bytes.
//!
//! It sleeps in `poll` when nothing happens, and wakes only for timers that are due. After a command it stays awake
//! for a moment, so that a burst of commands costs one wake-up.

mod connect;
mod driver;
mod event_loop;
mod io;
mod link;
mod resolve;
mod spawner;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
#[doc(hidden)]
pub mod tls_in_memory;
mod transport;
mod waker;

pub use driver::BoxedSession;
pub use spawner::Spawner;
