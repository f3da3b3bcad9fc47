//! A client's end of TLS with memory in place of a socket, for code outside of the crate: the fuzzer and a bench.
//! They use it as a link uses a transport.

use std::collections::VecDeque;
use std::fmt;
use std::io::{Read, Result as IoResult};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Registry;
use mio::event::Event;

use super::transport::{TlsConfigs, Transport};
use crate::backend::{LinkError, Secured, Tls};

/// Connections with the same settings; later ones resume the session of an earlier one.
#[derive(Debug)]
pub struct TlsClients {
    configs: TlsConfigs,
    settings: Arc<Tls>,
}

impl TlsClients {
    /// Connections with these settings.
    #[must_use]
    pub fn new(settings: Tls) -> Self {
        Self { configs: TlsConfigs::default(), settings: Arc::new(settings) }
    }

    /// A connection to the server of this name.
    ///
    /// # Errors
    ///
    /// The settings or the name cannot be used.
    pub fn connect(&self, name: &str) -> Result<TlsInMemory, LinkError> {
        let wire = Wire::default();
        let transport = self.configs.layer(&self.settings, name)?.over(Box::new(wire.clone()));
        Ok(TlsInMemory { transport, wire })
    }
}

/// One connection.
pub struct TlsInMemory {
    transport: Box<dyn Transport>,
    wire: Wire,
}

impl TlsInMemory {
    /// Ciphertext came from the server.
    pub fn receive(&mut self, ciphertext: &[u8]) {
        self.wire.state().received.extend(ciphertext);
    }

    /// The server closed its socket.
    pub fn end(&mut self) {
        self.wire.state().ended = true;
    }

    /// The ciphertext to send to the server.
    pub fn transmit(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.wire.state().to_send)
    }

    /// Continues the handshake. Returns how the connection is secured once it is.
    ///
    /// # Errors
    ///
    /// It cannot be secured, or has ended.
    pub fn finish_securing(&mut self) -> Result<Option<Secured>, LinkError> {
        self.transport.finish_securing()
    }

    /// Whether a read may return something.
    #[must_use]
    pub fn can_read(&self) -> bool {
        self.transport.can_read()
    }

    /// Reads plaintext. 0 if there is nothing for now.
    ///
    /// # Errors
    ///
    /// The connection has ended.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        self.transport.read(buffer)
    }

    /// Writes some plaintext, and returns how much.
    pub fn write(&mut self, plaintext: &[u8]) -> usize {
        self.transport.write(plaintext)
    }
}

impl fmt::Debug for TlsInMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsInMemory").field("wire", &self.wire).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    received: VecDeque<u8>,
    to_send: Vec<u8>,
    ended: bool,
}

/// The transport below TLS.
#[derive(Debug, Clone, Default)]
struct Wire(Arc<Mutex<State>>);

impl Wire {
    /// The state is consistent at any moment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Wire {
    fn handle_event(&mut self, _: &Event) {}

    fn finish_connect(&mut self) -> IoResult<bool> {
        Ok(true)
    }

    fn can_read(&self) -> bool {
        let state = self.state();
        state.ended || !state.received.is_empty()
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        let mut state = self.state();
        if state.received.is_empty() && state.ended {
            return Err(LinkError::Eof);
        }
        state.received.read(buffer).map_err(LinkError::Io)
    }

    fn can_write(&self) -> bool {
        true
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        self.state().to_send.extend_from_slice(bytes);
        bytes.len()
    }

    fn rearm(&mut self, _: &Registry) {}

    fn close(&mut self, _: &Registry) {}
}
