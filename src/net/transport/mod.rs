//! The layer between a link and its bytes: a socket, or a protocol such as TLS on top of one.

mod socket;
mod target;
#[cfg(test)]
mod tests;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;

use std::fmt;
use std::io;

use mio::Registry;
use mio::event::Event;

use crate::backend::{LinkError, Secured};
pub(super) use target::{Target, connect};
pub(super) use tls::TlsConfigs;

/// What a link reads from and writes to.
///
/// A link calls [`finish_connect`](Transport::finish_connect) until it reports that the peer is there, and the other
/// methods from then on. Readiness is edge-triggered: the selector reports a change once, and the transport remembers
/// it until a read or a write finds nothing more to do. So a link may stop reading at any time and resume later.
///
/// # For implementors
///
/// A transport on top of another one passes events down, and [`can_read`](Transport::can_read) is also true for bytes
/// that it holds back: they may be there although the socket has none. Bytes that it writes on its own are sent in
/// [`rearm`](Transport::rearm), which is called at the end of every turn once it is connected. Until then the
/// selector reports every event.
pub(super) trait Transport: fmt::Debug + Send {
    /// Records the selector's event.
    fn handle_event(&mut self, event: &Event);

    /// Continues connecting, as far as it can. Returns whether the peer is there. Called after events, and when time
    /// is up.
    ///
    /// # Errors
    ///
    /// There will be no connection to this peer.
    fn finish_connect(&mut self) -> io::Result<bool>;

    /// Continues securing the connection, as far as it can. Returns how it is secured once it is; until then nothing
    /// else is read or written. Called after events, on transports that secure the one below them.
    ///
    /// # Errors
    ///
    /// The connection cannot be secured, or has ended.
    fn finish_securing(&mut self) -> Result<Option<Secured>, LinkError> {
        Ok(None)
    }

    /// Whether a read may return something, as far as is known.
    fn can_read(&self) -> bool;

    /// Reads once. Returns 0 if there is nothing for now; more may come if [`Transport::can_read`] is still true.
    ///
    /// # Errors
    ///
    /// The connection has ended. Everything that the peer had sent was read before.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError>;

    /// Whether a write may succeed.
    fn can_write(&self) -> bool;

    /// Writes some of `bytes`, and returns how many. 0 if it takes no more for now; a failure is reported by a read.
    fn write(&mut self, bytes: &[u8]) -> usize;

    /// Before the loop sleeps: asks the selector for exactly the events that the transport waits for.
    fn rearm(&mut self, registry: &Registry);

    /// Deregisters from the selector. The connection is closed when the transport is dropped, right after.
    fn close(&mut self, registry: &Registry);
}
