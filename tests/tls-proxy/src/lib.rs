//! A TLS server in front of a plain one: the plain server gets the clients' plaintext, and its answers are sent
//! within TLS.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! let plain = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let proxy = tls_proxy::TlsProxy::start(plain.local_addr()?)?;
//! let url = format!("rediss://127.0.0.1:{}", proxy.port());
//! let tls_ca = proxy.authority();
//! # Ok(())
//! # }
//! ```

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use certificates::{Authority, Identity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

/// Bytes that are read at a time.
const PIECE: usize = 16 << 10;

/// The plaintext of one connection.
#[derive(Debug, Clone, Default)]
pub struct Plaintext {
    /// By the client.
    pub up: Vec<u8>,
    /// The plaintext for the client: how many bytes of ciphertext had been sent when a record ended, and the record's
    /// content.
    down: Vec<(u64, Vec<u8>)>,
}

impl Plaintext {
    /// The plaintext that a client could read after so many bytes of ciphertext: the complete records.
    #[must_use]
    pub fn down(&self, ciphertext: u64) -> Vec<u8> {
        let complete = self.down.iter().take_while(|(end, _)| *end <= ciphertext);
        complete.flat_map(|(_, text)| text).copied().collect()
    }
}

/// By the address of the client.
type Records = Mutex<HashMap<SocketAddr, Plaintext>>;

/// A TLS server on a port of 127.0.0.1. It accepts nothing more once this is dropped; connections end with their clients.
#[derive(Debug)]
pub struct TlsProxy {
    port: u16,
    authority: String,
    ended: Arc<AtomicBool>,
    records: Option<Arc<Records>>,
}

impl TlsProxy {
    /// In front of `target`, with a certificate for 127.0.0.1 and localhost.
    ///
    /// # Errors
    ///
    /// The system gives no port or no thread.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let authority = Authority::new("tls-proxy");
        let identity = authority.issue(&["127.0.0.1", "localhost"]);
        Self::start_as(target, &identity, authority.certificate)
    }

    /// The same, and records the plaintext of each connection, until it is [taken](Self::take).
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn recording(target: SocketAddr) -> io::Result<Self> {
        let authority = Authority::new("tls-proxy");
        let identity = authority.issue(&["127.0.0.1", "localhost"]);
        Self::listen(target, &identity, authority.certificate, Some(Arc::default()))
    }

    /// The same, with a given certificate.
    ///
    /// # Errors
    ///
    /// Also that the certificate cannot be used.
    pub fn start_as(target: SocketAddr, identity: &Identity, authority: String) -> io::Result<Self> {
        Self::listen(target, identity, authority, None)
    }

    fn listen(
        target: SocketAddr,
        identity: &Identity,
        authority: String,
        records: Option<Arc<Records>>,
    ) -> io::Result<Self> {
        let config = Arc::new(config(identity).map_err(io::Error::other)?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (port, ended) = (listener.local_addr()?.port(), Arc::new(AtomicBool::new(false)));
        let (over, kept) = (Arc::clone(&ended), records.clone());
        thread::Builder::new().name("tls-proxy".into()).spawn(move || {
            while let Ok((client, address)) = listener.accept() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let (config, record) = (Arc::clone(&config), Record { address, kept: kept.clone() });
                // A client that cannot be served finds its connection closed.
                let _ = thread::Builder::new()
                    .name("tls-proxy".into())
                    .spawn(move || serve(&client, target, config, &record));
            }
        })?;
        Ok(Self { port, authority, ended, records })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed the server's, in PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The plaintext of the connection of the client with this address, if it was recorded. It is removed here.
    #[must_use]
    pub fn take(&self, client: SocketAddr) -> Option<Plaintext> {
        self.records.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).remove(&client)
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes the thread that accepts. If that fails there is none any more.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn config(identity: &Identity) -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_no_client_auth().with_single_cert(vec![certificate], key)?)
}

/// Records the plaintext of one connection, if requested.
#[derive(Clone)]
struct Record {
    address: SocketAddr,
    kept: Option<Arc<Records>>,
}

impl Record {
    fn keep(&self, keep: impl FnOnce(&mut Plaintext)) {
        if let Some(kept) = &self.kept {
            keep(kept.lock().unwrap_or_else(PoisonError::into_inner).entry(self.address).or_default());
        }
    }
}

/// One end of TLS, and how many bytes of ciphertext it has sent.
struct Server {
    tls: ServerConnection,
    sent: u64,
}

/// Carries the bytes of one connection, until either end is closed.
fn serve(client: &TcpStream, target: SocketAddr, config: Arc<ServerConfig>, record: &Record) {
    let (Ok(tls), Ok(plain)) = (ServerConnection::new(config), TcpStream::connect(target)) else { return };
    // An address may have been another connection's before.
    record.keep(|text| *text = Plaintext::default());
    let tls = Arc::new(Mutex::new(Server { tls, sent: 0 }));
    // Small answers go out at once, as a server's do. Without it only time is lost.
    let _ = (client.set_nodelay(true), plain.set_nodelay(true));
    let (Ok(to_client), Ok(from_plain)) = (client.try_clone(), plain.try_clone()) else { return };
    let (back, record_back) = (Arc::clone(&tls), record.clone());
    let _ = thread::Builder::new()
        .name("tls-proxy".into())
        .spawn(move || answer(from_plain, &to_client, &back, &record_back));
    let _ = ask(client, &plain, &tls, record);
    let _ = (plain.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
}

fn lock(tls: &Mutex<Server>) -> std::sync::MutexGuard<'_, Server> {
    tls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Client to server.
fn ask(
    mut client: &TcpStream,
    mut plain: &TcpStream,
    tls: &Mutex<Server>,
    record: &Record,
) -> io::Result<()> {
    let (mut piece, mut text) = (vec![0; PIECE], Vec::new());
    loop {
        let n = client.read(&mut piece)?;
        let mut ciphertext = &piece[..n];
        if n == 0 {
            return Ok(());
        }
        while !ciphertext.is_empty() {
            let mut tls = lock(tls);
            let taken = tls.tls.read_tls(&mut ciphertext)?;
            let outcome = tls.tls.process_new_packets().map_err(io::Error::other);
            flush(&mut tls, client)?;
            let ended = outcome?.peer_has_closed() || taken == 0;
            match tls.tls.reader().read_to_end(&mut text) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => drop(tls),
            }
            record.keep(|kept| kept.up.extend_from_slice(&text));
            plain.write_all(&text)?;
            text.clear();
            if ended {
                return Ok(());
            }
        }
    }
}

/// Server to client.
fn answer(mut plain: TcpStream, client: &TcpStream, tls: &Mutex<Server>, record: &Record) {
    let mut piece = vec![0; PIECE];
    while let Ok(n) = plain.read(&mut piece) {
        let mut tls = lock(tls);
        if n == 0 {
            tls.tls.send_close_notify();
        } else if tls.tls.writer().write_all(&piece[..n]).is_err() {
            break;
        }
        let Ok(ciphertext) = encrypted(&mut tls) else { break };
        // Before it is sent, so that a client that has read it finds it here.
        record.keep(|kept| kept.down.push((tls.sent, piece[..n].to_vec())));
        if (&*client).write_all(&ciphertext).is_err() || n == 0 {
            break;
        }
    }
    // The client ends its side, which ends the other thread.
    let _ = client.shutdown(Shutdown::Write);
}

fn flush(tls: &mut Server, mut client: &TcpStream) -> io::Result<()> {
    client.write_all(&encrypted(tls)?)
}

/// The ciphertext that waits to be sent, all of it.
fn encrypted(server: &mut Server) -> io::Result<Vec<u8>> {
    // Not straight to the socket, because rustls's call raises SIGPIPE through the standard library's sockets.
    let mut ciphertext = Vec::new();
    while server.tls.wants_write() {
        server.tls.write_tls(&mut ciphertext)?;
    }
    server.sent += ciphertext.len() as u64;
    Ok(ciphertext)
}
