//! A TLS server in front of a plain one: what clients say within TLS reaches the plain server, and its answers go back within TLS.
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

/// A TLS server on a port of 127.0.0.1. It accepts nothing more once this is dropped; connections end with their clients.
#[derive(Debug)]
pub struct TlsProxy {
    port: u16,
    authority: String,
    ended: Arc<AtomicBool>,
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

    /// Likewise, with a certificate of one's own.
    ///
    /// # Errors
    ///
    /// Also that the certificate cannot be used.
    pub fn start_as(target: SocketAddr, identity: &Identity, authority: String) -> io::Result<Self> {
        let config = Arc::new(config(identity).map_err(io::Error::other)?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (port, ended) = (listener.local_addr()?.port(), Arc::new(AtomicBool::new(false)));
        let over = Arc::clone(&ended);
        thread::Builder::new().name("tls-proxy".into()).spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let config = Arc::clone(&config);
                // A client that cannot be served finds its connection closed.
                let _ = thread::Builder::new()
                    .name("tls-proxy".into())
                    .spawn(move || serve(&client, target, config));
            }
        })?;
        Ok(Self { port, authority, ended })
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

/// Carries the bytes of one connection, until either end is closed.
fn serve(client: &TcpStream, target: SocketAddr, config: Arc<ServerConfig>) {
    let (Ok(tls), Ok(plain)) = (ServerConnection::new(config), TcpStream::connect(target)) else { return };
    let tls = Arc::new(Mutex::new(tls));
    // Small answers go out at once, as a server's do. Without it only time is lost.
    let _ = (client.set_nodelay(true), plain.set_nodelay(true));
    let (Ok(to_client), Ok(from_plain)) = (client.try_clone(), plain.try_clone()) else { return };
    let back = Arc::clone(&tls);
    let _ =
        thread::Builder::new().name("tls-proxy".into()).spawn(move || answer(from_plain, &to_client, &back));
    let _ = ask(client, &plain, &tls);
    let _ = (plain.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
}

fn lock(tls: &Mutex<ServerConnection>) -> std::sync::MutexGuard<'_, ServerConnection> {
    tls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Client to server.
fn ask(mut client: &TcpStream, mut plain: &TcpStream, tls: &Mutex<ServerConnection>) -> io::Result<()> {
    let (mut piece, mut text) = (vec![0; PIECE], Vec::new());
    loop {
        let n = client.read(&mut piece)?;
        let mut ciphertext = &piece[..n];
        if n == 0 {
            return Ok(());
        }
        while !ciphertext.is_empty() {
            let mut tls = lock(tls);
            let taken = tls.read_tls(&mut ciphertext)?;
            let outcome = tls.process_new_packets().map_err(io::Error::other);
            flush(&mut tls, client)?;
            let ended = outcome?.peer_has_closed() || taken == 0;
            match tls.reader().read_to_end(&mut text) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => drop(tls),
            }
            plain.write_all(&text)?;
            text.clear();
            if ended {
                return Ok(());
            }
        }
    }
}

/// Server to client.
fn answer(mut plain: TcpStream, client: &TcpStream, tls: &Mutex<ServerConnection>) {
    let mut piece = vec![0; PIECE];
    while let Ok(n) = plain.read(&mut piece) {
        let mut tls = lock(tls);
        if n == 0 {
            tls.send_close_notify();
        } else if tls.writer().write_all(&piece[..n]).is_err() {
            break;
        }
        if flush(&mut tls, client).is_err() || n == 0 {
            break;
        }
    }
    // The client ends its side, which ends the other thread.
    let _ = client.shutdown(Shutdown::Write);
}

fn flush(tls: &mut ServerConnection, mut client: &TcpStream) -> io::Result<()> {
    // Not straight to the socket: what rustls calls raises SIGPIPE through the standard library's.
    let mut ciphertext = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut ciphertext)?;
    }
    client.write_all(&ciphertext)
}
