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
/// A link calls [`finish_connect`](Transport::finish_connect) until it says that the peer is there, and the other methods from
/// then on. Readiness is edge-triggered: the selector tells of a change once, and the transport remembers it until a read or
/// a write finds nothing more to do. So a link may stop reading at any time and go on later.
///
/// # For implementors
///
/// A transport on top of another one passes events down, and answers [`can_read`](Transport::can_read) for the bytes that it
/// holds back as well: they may be there although the socket has none. What it writes of its own accord goes out in
/// [`rearm`](Transport::rearm), which comes at the end of every turn once it is connected. Until then the selector tells of
/// everything.
pub(super) trait Transport: fmt::Debug + Send {
    /// Takes note of what the selector says.
    fn handle_event(&mut self, event: &Event);

    /// Goes on with connecting, as far as it can. Returns whether the peer is there. Called after events, and when time is up.
    ///
    /// # Errors
    ///
    /// There will be no connection to this peer.
    fn finish_connect(&mut self) -> io::Result<bool>;

    /// Goes on with securing the connection, as far as it can. Returns how it is secured once it is; until then nothing else is
    /// read or written. Called after events, on transports that secure what is below them.
    ///
    /// # Errors
    ///
    /// The connection cannot be secured, or has ended.
    fn finish_securing(&mut self) -> Result<Option<Secured>, LinkError> {
        Ok(None)
    }

    /// Whether a read may bring something, as far as is known.
    fn can_read(&self) -> bool;

    /// Reads once. 0 if there is nothing for now; more may come if [`Transport::can_read`] is still true.
    ///
    /// # Errors
    ///
    /// The connection has ended. Before that, everything that the peer sent was read.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError>;

    /// Whether a write may succeed.
    fn can_write(&self) -> bool;

    /// Writes some of `bytes`, and returns how many. 0 if it takes no more for now; if it broke, a read tells.
    fn write(&mut self, bytes: &[u8]) -> usize;

    /// Before the loop sleeps: has the selector tell of all that the transport waits for, and of nothing else.
    fn rearm(&mut self, registry: &Registry);

    /// Takes leave of the selector. The connection is closed when the transport is dropped, right after.
    fn close(&mut self, registry: &Registry);
}
