//! A client's TLS with a server whose ciphertext is cut, changed, repeated and mixed with other bytes on its way,
//! before any of it is decrypted: no bytes are read that the server did not send, memory stays bounded, nothing
//! panics or loops for ever.

use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, LazyLock};

use allocation_counter::{measure, opt_out};
use certificates::Authority;
use realtime::backend::{LinkError, Pem, Tls, Trust};
use realtime::net::tls_in_memory::{TlsClients, TlsInMemory};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection};

const NAME: &str = "redis.example";
/// The most plaintext of a record, <https://www.rfc-editor.org/rfc/rfc8446#section-5.1>.
const MAX_RECORD: usize = 16 << 10;
/// The limit of a connection's memory. rustls notes the place of each message in a record: a record of 18 KiB can
/// hold more than four thousand empty ones, and the list needs twice its size and once more while it grows.
const MAX_HELD: i64 = 768 << 10;
/// Bytes that the server sends in one conversation, at most.
const MAX_SENT: usize = 1 << 20;
/// Stands for all that is on its way.
const ALL: u16 = u16::MAX;

/// The bits of an input's first byte, which choose the kind of conversation.
pub mod profile {
    /// TLS 1.2 alone; 1.3 otherwise.
    pub const OLD: u8 = 1;
    /// The session of an earlier connection is resumed.
    pub const RESUMES: u8 = 2;
    /// The server's certificate is not believed.
    pub const STRANGER: u8 = 4;
}

/// One thing that happens to a connection. Positions are within the ciphertext that is on its way to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsAct {
    /// The server sends so much plaintext.
    Send(u16),
    /// So many bytes reach the client, which reads them.
    Deliver(u16),
    /// The client's bytes reach the server, which answers.
    Exchange,
    /// The byte there gets other bits.
    Change(u16, u8),
    /// So many bytes of this value are inserted there.
    Insert(u16, u8, u8),
    /// So many bytes are missing there.
    Remove(u16, u16),
    /// So many bytes come a second time.
    Repeat(u16, u16),
    /// A record that is not encrypted is put in there: its kind, and how many bytes it has.
    Record(u16, u8, u16),
    /// The client writes so much plaintext.
    Write(u16),
    /// The client reads into a buffer of so many bytes from now on.
    Buffer(u16),
    /// The server takes a new key.
    Rekey,
    /// The server announces the end.
    Close,
    /// Its socket is closed.
    End,
}

impl TlsAct {
    /// As an input has it.
    pub fn write(self, input: &mut Vec<u8>) {
        let (number, words, bytes): (u8, &[u16], &[u8]) = match &self {
            Self::Send(n) => (0, &[*n], &[]),
            Self::Deliver(n) => (1, &[*n], &[]),
            Self::Exchange => (2, &[], &[]),
            Self::Change(at, bits) => (3, &[*at], &[*bits]),
            Self::Insert(at, n, value) => (4, &[*at], &[*n, *value]),
            Self::Remove(at, n) => (5, &[*at, *n], &[]),
            Self::Repeat(at, n) => (6, &[*at, *n], &[]),
            Self::Record(at, kind, n) => (7, &[*at, *n], &[*kind]),
            Self::Write(n) => (8, &[*n], &[]),
            Self::Buffer(n) => (9, &[*n], &[]),
            Self::Rekey => (10, &[], &[]),
            Self::Close => (11, &[], &[]),
            Self::End => (12, &[], &[]),
        };
        input.push(number);
        words.iter().for_each(|word| input.extend(word.to_le_bytes()));
        input.extend(bytes);
    }

    /// The next one of an input. Numbers that no act has count as those that some have.
    fn read(input: &mut &[u8]) -> Option<Self> {
        let number = byte(input)? % 13;
        Some(match number {
            0 => Self::Send(word(input)?),
            1 => Self::Deliver(word(input)?),
            2 => Self::Exchange,
            3 => Self::Change(word(input)?, byte(input)?),
            4 => Self::Insert(word(input)?, byte(input)?, byte(input)?),
            5 => Self::Remove(word(input)?, word(input)?),
            6 => Self::Repeat(word(input)?, word(input)?),
            7 => {
                let (at, n) = (word(input)?, word(input)?);
                Self::Record(at, byte(input)?, n)
            }
            8 => Self::Write(word(input)?),
            9 => Self::Buffer(word(input)?),
            10 => Self::Rekey,
            11 => Self::Close,
            _ => Self::End,
        })
    }
}

fn byte(input: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = input.split_first()?;
    *input = rest;
    Some(first)
}

fn word(input: &mut &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes([byte(input)?, byte(input)?]))
}

/// A profile and acts, as an input.
#[must_use]
pub fn tls_input(profile: u8, acts: &[TlsAct]) -> Vec<u8> {
    let mut input = vec![profile];
    acts.iter().for_each(|act| act.write(&mut input));
    input
}

/// A server of each version, and its authority.
struct Servers {
    authority: Authority,
    old: Arc<ServerConfig>,
    new: Arc<ServerConfig>,
}

static SERVERS: LazyLock<Servers> = LazyLock::new(|| {
    let authority = Authority::new("fuzzer");
    let identity = authority.issue(&[NAME]);
    let config = |version| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]);
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
        let builder = builder.expect("a version").with_no_client_auth();
        let config = builder.with_single_cert(vec![certificate.expect("a certificate")], key);
        Arc::new(config.expect("a server"))
    };
    let (old, new) = (config(&TLS12), config(&TLS13));
    Servers { authority, old, new }
});

/// A conversation.
struct World {
    client: TlsInMemory,
    server: ServerConnection,
    held: i64,
    buffer: usize,
    /// Ciphertext on its way to the client.
    way: Vec<u8>,
    secured: bool,
    /// It differs from the bytes that the server sent.
    damaged: bool,
    /// How the connection has ended for the client.
    end: Option<LinkError>,
    /// The server reads no more: the client sent an alert, or the server got invalid bytes.
    deaf: bool,
    closed: bool,
    sent: Vec<u8>,
    got: Vec<u8>,
    written: Vec<u8>,
    heard: Vec<u8>,
}

impl World {
    fn new(clients: &TlsClients, server: &Arc<ServerConfig>) -> Self {
        let mut client = None;
        let memory = measure(|| client = clients.connect(NAME).ok());
        Self {
            client: client.expect("settings and a name that can be used"),
            server: ServerConnection::new(Arc::clone(server)).expect("a server"),
            held: memory.bytes_current,
            buffer: 64 << 10,
            way: Vec::new(),
            secured: false,
            damaged: false,
            end: None,
            deaf: false,
            closed: false,
            sent: Vec::new(),
            got: Vec::new(),
            written: Vec::new(),
            heard: Vec::new(),
        }
    }

    /// Calls the client, and counts the memory.
    fn call<T>(&mut self, call: impl FnOnce(&mut TlsInMemory) -> T) -> T {
        let (client, mut result) = (&mut self.client, None);
        let memory = measure(|| result = Some(call(client)));
        let peak = self.held + i64::try_from(memory.bytes_max).unwrap_or(i64::MAX);
        self.held += memory.bytes_current;
        assert!(peak < MAX_HELD, "{peak} bytes held");
        result.expect("it was called")
    }

    /// The client processes its input, like the event loop.
    fn read(&mut self, came: usize) {
        let mut buffer = vec![0; self.buffer];
        let mut turns = 0;
        while self.end.is_none() && (!self.secured || self.client.can_read()) {
            turns += 1;
            // The input may complete a record whose beginning came before.
            assert!(turns <= came + MAX_RECORD + 64, "reads without end");
            if self.secured {
                match self.call(|client| client.read(&mut buffer)) {
                    Ok(n) => self.got.extend_from_slice(&buffer[..n]),
                    Err(end) => self.end = Some(end),
                }
            } else {
                match self.call(TlsInMemory::finish_securing) {
                    Ok(Some(secured)) => {
                        assert!(secured.expiry.is_some(), "a certificate that was read");
                        self.secured = true;
                    }
                    Ok(None) if self.client.can_read() => {}
                    Ok(None) => break,
                    Err(end) => self.end = Some(end),
                }
            }
        }
        let (got, sent) = (self.got.len(), self.sent.len());
        assert!(self.sent.starts_with(&self.got), "{got} bytes, of which some were never sent, of {sent}");
    }

    fn deliver(&mut self, n: usize) {
        let bytes: Vec<u8> = self.way.drain(..n.min(self.way.len())).collect();
        // In pieces of the size that a socket returns, so that the rest does not count as held.
        for piece in bytes.chunks(16 << 10) {
            self.client.receive(piece);
            self.read(piece.len());
        }
        self.read(0);
    }

    /// Both sides' output reaches the server and is on its way to the client.
    fn exchange(&mut self) {
        let mut up = Vec::new();
        self.call(|client| {
            let sent = client.transmit();
            opt_out(|| up.extend_from_slice(&sent));
        });
        let mut rest = &up[..];
        while !rest.is_empty() && !self.deaf {
            self.deaf =
                self.server.read_tls(&mut rest).is_err() || self.server.process_new_packets().is_err();
            match self.server.reader().read_to_end(&mut self.heard) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => self.deaf = true,
                _ => {}
            }
        }
        while self.server.wants_write() {
            self.server.write_tls(&mut self.way).expect("memory");
        }
    }

    fn act(&mut self, act: TlsAct) {
        let place = |at: u16, way: &Vec<u8>| usize::from(at).min(way.len());
        match act {
            TlsAct::Send(n) => {
                let n = if self.closed { 0 } else { usize::from(n).min(MAX_SENT - self.sent.len()) };
                let text: Vec<u8> =
                    (self.sent.len()..self.sent.len() + n).map(|i| (i % 251).to_le_bytes()[0]).collect();
                let taken = self.server.writer().write(&text).unwrap_or(0);
                self.sent.extend_from_slice(&text[..taken]);
                while self.server.wants_write() {
                    self.server.write_tls(&mut self.way).expect("memory");
                }
            }
            TlsAct::Deliver(ALL) => self.deliver(self.way.len()),
            TlsAct::Deliver(n) => self.deliver(n.into()),
            TlsAct::Exchange => self.exchange(),
            TlsAct::Change(at, bits) => {
                if let Some(byte) = self.way.get_mut(usize::from(at)) {
                    *byte ^= bits;
                    self.damaged |= bits != 0;
                }
            }
            TlsAct::Insert(at, n, value) => {
                let at = place(at, &self.way);
                self.way.splice(at..at, std::iter::repeat_n(value, n.into()));
                self.damaged |= n > 0;
            }
            TlsAct::Remove(at, n) => {
                let at = place(at, &self.way);
                let end = (at + usize::from(n)).min(self.way.len());
                self.way.drain(at..end);
                self.damaged |= end > at;
            }
            TlsAct::Repeat(at, n) => {
                let at = place(at, &self.way);
                let end = (at + usize::from(n)).min(self.way.len());
                let again = self.way[at..end].to_vec();
                self.way.splice(at..at, again);
                self.damaged |= end > at;
            }
            TlsAct::Record(at, kind, n) => {
                let at = place(at, &self.way);
                let mut record = vec![20 + kind % 5, 3, 3];
                record.extend(n.to_be_bytes());
                record.extend((0..n).map(|i| if i == 0 { 1 } else { 0 }));
                self.way.splice(at..at, record);
                self.damaged = true;
            }
            TlsAct::Write(n) => {
                if self.secured && self.end.is_none() {
                    let text = vec![b'w'; n.into()];
                    let taken = self.call(|client| client.write(&text));
                    self.written.extend_from_slice(&text[..taken]);
                }
            }
            TlsAct::Buffer(n) => self.buffer = usize::from(n).max(2),
            TlsAct::Rekey => {
                // Refused before the end of the handshake, and in TLS 1.2.
                let _ = self.server.refresh_traffic_keys();
            }
            // Before that, the alert is not authenticated, and rustls continues the handshake.
            TlsAct::Close if self.server.is_handshaking() => {}
            TlsAct::Close => {
                self.closed = true;
                self.server.send_close_notify();
            }
            TlsAct::End => {
                self.client.end();
                self.read(0);
            }
        }
    }

    /// All that is on its way arrives, several times there and back.
    fn settle(&mut self) {
        for _ in 0..6 {
            self.read(0);
            self.exchange();
            self.deliver(self.way.len());
        }
    }
}

/// Reads a profile and acts, and has them happen.
pub fn tls_records(input: &[u8]) {
    let mut input = input;
    let Some(bits) = byte(&mut input) else { return };
    let servers = &*SERVERS;
    let server = if bits & profile::OLD > 0 { &servers.old } else { &servers.new };
    let stranger = bits & profile::STRANGER > 0;
    let trust = if stranger {
        Trust::Key([0; 32])
    } else {
        let text = servers.authority.certificate.clone().into_bytes();
        Trust::Authorities(Pem { option: "tls_ca", file: None, text })
    };
    let clients = TlsClients::new(Tls { trust, identity: None });
    if bits & profile::RESUMES > 0 {
        let mut first = World::new(&clients, server);
        first.settle();
        assert_eq!(first.secured, !stranger);
    }
    let mut world = World::new(&clients, server);
    while let Some(act) = TlsAct::read(&mut input) {
        world.act(act);
    }
    let ended = world.end.is_some();
    world.settle();
    assert!(!(stranger && world.secured), "a server that is not believed");
    if stranger || world.damaged || ended {
        return;
    }
    // Nothing was in the way: all has arrived, in both directions.
    assert_eq!((world.got.len(), &world.heard), (world.sent.len(), &world.written));
    assert!(world.closed == world.end.is_some(), "{:?}", world.end);
}
