//! TLS between a transport and rustls's server, through a wire in memory.

mod connection;
mod hostile;
mod settings;
mod trust;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard};

use certificates::{Authority, Identity};
use mio::Registry;
use mio::event::Event;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};

use super::super::Transport;
use super::super::tls::{Layer, config};
use crate::backend::{Identity as Shown, LinkError, Pem, Secured, Tls, TlsFault, Trust};
use crate::model::READ_BYTES;

/// The state between both ends.
#[derive(Debug, Default)]
struct State {
    to_client: VecDeque<u8>,
    to_server: Vec<u8>,
    /// How many more bytes the socket takes; `None`: any number.
    room: Option<usize>,
    /// The server has closed its socket.
    ended: bool,
    /// How large a buffer each read offered.
    offered: Vec<usize>,
    rearmed: usize,
}

/// The client's end of the wire: the transport below TLS.
#[derive(Debug, Clone, Default)]
struct Wire(Arc<Mutex<State>>);

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic")
    }
}

impl Transport for Wire {
    fn handle_event(&mut self, _: &Event) {}

    fn finish_connect(&mut self) -> std::io::Result<bool> {
        Ok(true)
    }

    fn can_read(&self) -> bool {
        let state = self.state();
        state.ended || !state.to_client.is_empty()
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        let mut state = self.state();
        state.offered.push(buffer.len());
        if state.to_client.is_empty() && state.ended {
            return Err(LinkError::Eof);
        }
        Ok(state.to_client.read(buffer).expect("memory"))
    }

    fn can_write(&self) -> bool {
        self.state().room != Some(0)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let mut state = self.state();
        let n = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        state.room = state.room.map(|room| room - n);
        state.to_server.extend_from_slice(&bytes[..n]);
        n
    }

    fn rearm(&mut self, _: &Registry) {
        self.state().rearmed += 1;
    }

    fn close(&mut self, _: &Registry) {}
}

/// A transport with TLS, its wire, and the server.
struct Ends {
    client: Box<dyn Transport>,
    wire: Wire,
    server: ServerConnection,
    poll: mio::Poll,
}

impl Ends {
    fn new(client: &Arc<ClientConfig>, name: &str, server: &Arc<ServerConfig>) -> Self {
        let wire = Wire::default();
        let layer = Layer::new(Arc::clone(client), name).expect("a good name");
        let server = ServerConnection::new(Arc::clone(server)).expect("a server");
        let poll = mio::Poll::new().expect("a selector");
        Self { client: layer.over(Box::new(wire.clone())), wire, server, poll }
    }

    /// Passes the client's bytes to the server, which answers.
    fn serve(&mut self) -> Result<(), rustls::Error> {
        let sent = std::mem::take(&mut self.wire.state().to_server);
        let mut sent = &sent[..];
        let mut outcome = Ok(());
        while !sent.is_empty() && outcome.is_ok() {
            self.server.read_tls(&mut sent).expect("memory");
            outcome = self.server.process_new_packets().map(drop);
        }
        let mut answer = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut answer).expect("memory");
        }
        self.wire.state().to_client.extend(answer);
        outcome
    }

    /// Runs the handshake, up to its end at both sides or an error at the client's.
    fn handshake(&mut self) -> Result<Secured, LinkError> {
        for _ in 0..10 {
            if let Some(secured) = self.client.finish_securing()? {
                let _ = self.serve();
                return Ok(secured);
            }
            let _ = self.serve();
        }
        panic!("a handshake without end");
    }

    /// The server sends plaintext.
    fn send(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let n = self.server.writer().write(bytes).expect("memory");
            bytes = &bytes[n..];
            self.serve().expect("a connection");
        }
    }

    /// Reads once, as the event loop does.
    fn read(&mut self) -> Result<Vec<u8>, LinkError> {
        let mut buffer = vec![0; READ_BYTES];
        let n = self.client.read(&mut buffer)?;
        buffer.truncate(n);
        Ok(buffer)
    }

    /// The bytes that the server has read.
    fn received(&mut self) -> Vec<u8> {
        let mut received = Vec::new();
        match self.server.reader().read_to_end(&mut received) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
            _ => received,
        }
    }
}

/// An authority and a server with its certificate.
struct World {
    authority: Authority,
    server: Arc<ServerConfig>,
}

const NAME: &str = "redis.example";

impl World {
    fn new() -> Self {
        let authority = Authority::new("tests");
        let server = server(&authority.issue(&[NAME, "127.0.0.1", "::1"]), None);
        Self { authority, server }
    }

    fn trust(&self) -> Trust {
        Trust::Authorities(pem("tls_ca", &self.authority.certificate))
    }

    fn client(&self) -> Arc<ClientConfig> {
        client(self.trust(), None)
    }

    fn secured(&self) -> Ends {
        let mut ends = Ends::new(&self.client(), NAME, &self.server);
        ends.handshake().expect("a connection");
        ends
    }
}

fn pem(option: &'static str, text: &str) -> Pem {
    Pem { option, file: Some("a.pem".into()), text: text.into() }
}

fn shown(identity: &Identity) -> Shown {
    Shown { certificate: pem("tls_cert", &identity.certificate), key: pem("tls_key", &identity.key) }
}

fn client(trust: Trust, identity: Option<&Identity>) -> Arc<ClientConfig> {
    let tls = Tls { trust, identity: identity.map(shown) };
    Arc::new(config(&tls, RootCertStore::empty).expect("good settings"))
}

/// A server with this certificate. `clients`: the authority of the clients that it accepts.
fn server(identity: &Identity, clients: Option<&Authority>) -> Arc<ServerConfig> {
    server_of(identity, clients, rustls::ALL_VERSIONS)
}

fn server_of(
    identity: &Identity,
    clients: Option<&Authority>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(versions).expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(der(&authority.certificate)).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("an authority"))
        }
    };
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    let key = rustls::crypto::ring::sign::any_supported_type(&key).expect("a key");
    // rustls's own check of both refuses certificates that servers with other libraries have.
    let shown = CertifiedKey::new(vec![der(&identity.certificate)], key);
    Arc::new(builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(shown))))
}

fn der(certificate: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")
}

/// The fault and the words of a TLS error.
fn fault(error: &LinkError) -> (TlsFault, &str) {
    match error {
        LinkError::Tls(error) => (error.fault, &error.words),
        other => panic!("{other:?}"),
    }
}

fn version(ends: &Ends) -> Option<ProtocolVersion> {
    ends.server.protocol_version()
}
