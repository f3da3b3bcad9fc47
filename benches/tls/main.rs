//! The processor time of TLS on our side: a handshake, in full and resumed; and how a hundred handshakes at once
//! affect the stream of another client. `cargo bench --features tls --bench tls`
//!
//! Prints `= key number`, medians in microseconds:
//!
//! - `full`, `resumed`: the calls on our side of a handshake with the server's certificate verified against an
//!   authority, and of one that resumes a session.
//! - `longest`: the longest of the calls of a full handshake. The loop makes one such call in each round of turns.
//! - `server_full`, `server_resumed`: the time of rustls's server.
//! - `stream_alone`, `stream_beside_plain`, `stream_beside_tls`: the longest latency of a message, in a stream of
//!   5,000 a second: in a tenth of a second without anything else, while a hundred links are made at once, and while
//!   they are made with full handshakes. Server, publisher and reader share the machine, so two cores should be idle.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot go on says why"
)]

mod crowd;
#[path = "../../tests/toy/mod.rs"]
mod toy;

use std::sync::Arc;
use std::time::{Duration, Instant};

use certificates::Authority;
use realtime::backend::{Pem, Secured, Tls, Trust};
use realtime::net::tls_in_memory::{TlsClients, TlsInMemory};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, SupportedProtocolVersion};

const NAME: &str = "redis.example";
const ROUNDS: usize = 500;

fn main() {
    for (version, name) in [(&TLS13, "1.3"), (&TLS12, "1.2")] {
        handshakes(version, name);
    }
    crowd::crowd();
}

/// The time that one side took, call by call.
#[derive(Debug, Default)]
struct Took {
    all: Duration,
    longest: Duration,
}

impl Took {
    fn time<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = call();
        let took = began.elapsed();
        self.all += took;
        self.longest = self.longest.max(took);
        result
    }
}

fn handshakes(version: &'static SupportedProtocolVersion, name: &str) {
    let authority = Authority::new("bench");
    let server = server(&authority, version);
    let settings = || Tls {
        trust: Trust::Authorities(Pem {
            option: "tls_ca",
            file: None,
            text: authority.certificate.clone().into_bytes(),
        }),
        identity: None,
    };
    let mut full = Vec::new();
    let mut resumed = Vec::new();
    for _ in 0..ROUNDS {
        let clients = TlsClients::new(settings());
        // Settings are read in Connect, not on a link.
        drop(clients.connect(NAME));
        full.push(handshake(&clients, &server, HandshakeKind::Full));
        resumed.push(handshake(&clients, &server, HandshakeKind::Resumed));
    }
    let median = |mut all: Vec<Duration>| {
        all.sort_unstable();
        all[all.len() / 2].as_secs_f64() * 1e6
    };
    let of =
        |all: &[(Took, Took)], what: fn(&(Took, Took)) -> Duration| median(all.iter().map(what).collect());
    println!("= full_{name} {:.1}", of(&full, |(ours, _)| ours.all));
    println!("= resumed_{name} {:.1}", of(&resumed, |(ours, _)| ours.all));
    println!("= longest_{name} {:.1}", of(&full, |(ours, _)| ours.longest));
    println!("= server_full_{name} {:.1}", of(&full, |(_, servers)| servers.all));
    println!("= server_resumed_{name} {:.1}", of(&resumed, |(_, servers)| servers.all));
}

/// A handshake, up to the tickets that follow it: how long our side took, and the server's.
fn handshake(clients: &TlsClients, server: &Arc<ServerConfig>, kind: HandshakeKind) -> (Took, Took) {
    let (mut ours, mut servers) = (Took::default(), Took::default());
    let mut client = ours.time(|| clients.connect(NAME)).expect("settings and a name that can be used");
    let mut server = servers.time(|| ServerConnection::new(Arc::clone(server))).expect("a server");
    let mut secured = None;
    let mut buffer = vec![0; 64 << 10];
    while secured.is_none() || server.is_handshaking() {
        if secured.is_none() {
            secured = ours.time(|| client.finish_securing()).expect("a connection");
        }
        serve(&mut client, &mut server, &mut servers);
    }
    while client.can_read() {
        ours.time(|| client.read(&mut buffer)).expect("a connection");
    }
    assert!(matches!(secured, Some(Secured { expiry: Some(_), .. })));
    assert_eq!(server.handshake_kind(), Some(kind));
    (ours, servers)
}

/// Passes the client's bytes to the server, and its answer to the client.
fn serve(client: &mut TlsInMemory, server: &mut ServerConnection, took: &mut Took) {
    let sent = client.transmit();
    let mut answer = Vec::new();
    took.time(|| {
        let mut sent = &sent[..];
        while !sent.is_empty() {
            server.read_tls(&mut sent).expect("memory");
            server.process_new_packets().expect("a client");
        }
        while server.wants_write() {
            server.write_tls(&mut answer).expect("memory");
        }
    });
    client.receive(&answer);
}

fn server(authority: &Authority, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
    let identity = authority.issue(&[NAME]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
}
