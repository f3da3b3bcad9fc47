//! TLS on top of another transport. Only this folder uses rustls, because the buffers of its next version differ.

mod certificate;
mod configs;

use std::io::{ErrorKind, Read, Result as IoResult, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mio::Registry;
use mio::event::Event;
use rustls::client::ClientConnection;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription as Alert, CertificateError, ClientConfig, Error, ProtocolVersion};

use super::Transport;
use crate::backend::{Expiry, LinkError, Secured, TlsError, TlsFault};
use certificate::{Certificate, Validity};
pub(in crate::net) use configs::TlsConfigs;
use configs::WrongKey;
#[cfg(test)]
pub(super) use configs::config;

/// How much is encrypted at a time: the largest record. A command counts as sent once it is encrypted, so no more is
/// encrypted than necessary.
const RECORD: usize = 16 << 10;

/// How much the handshake reads at a time. Bytes after the end of the handshake are decrypted already, and wait
/// inside.
const HANDSHAKE_READ: usize = 4 << 10;
/// How often a handshake reads before other links have their turn.
const HANDSHAKE_READS: usize = 16;

/// Ciphertext is read into this part at the end of a buffer, in sixteenths: 44 of 64 KiB. The plaintext of
/// these bytes, and of a record whose beginning was read earlier, fits into the rest of the buffer.
const CIPHERTEXT_SIXTEENTHS: usize = 11;

/// TLS for one link, before it has a transport.
#[derive(Debug)]
pub(in crate::net) struct Layer(ClientConnection);

impl Layer {
    pub(super) fn new(config: Arc<ClientConfig>, name: &str) -> Result<Self, LinkError> {
        // The zone of an IPv6 address has a meaning on this machine only.
        let bare = name.split('%').next().unwrap_or(name).to_owned();
        let server = ServerName::try_from(bare).map_err(|_| {
            refusal(
                TlsFault::BadName,
                format!("no certificate can be for the name \"{}\"", name.escape_debug()),
            )
        })?;
        ClientConnection::new(config, server).map(Self).map_err(|error| failure(&error))
    }

    /// A transport that begins its handshake on top of `below`.
    pub(in crate::net) fn over(self, below: Box<dyn Transport>) -> Box<dyn Transport> {
        Box::new(TlsTransport { below, inner: self.0, waits: false, closed: false, failure: None })
    }
}

/// A transport for plaintext, secured with TLS.
#[derive(Debug)]
struct TlsTransport {
    below: Box<dyn Transport>,
    inner: ClientConnection,
    /// Plaintext may wait inside.
    waits: bool,
    /// The server announced the end.
    closed: bool,
    /// Why the connection has ended; reported once everything received before was read.
    failure: Option<LinkError>,
}

impl TlsTransport {
    /// Writes the waiting ciphertext, as far as possible.
    fn flush(&mut self) {
        while self.inner.wants_write() && self.below.can_write() {
            if !self.inner.write_tls(&mut Plain(&mut *self.below)).is_ok_and(|n| n > 0) {
                return;
            }
        }
    }

    /// Decrypts some of `ciphertext`, and returns how much. rustls's replies, an alert or a new key, are sent.
    fn decrypt(&mut self, mut ciphertext: &[u8]) -> usize {
        let before = ciphertext.len();
        let taken = self.inner.read_tls(&mut ciphertext).map_err(|error| error.to_string());
        let outcome = match (taken, self.inner.process_new_packets()) {
            (_, Err(error)) => Err(failure(&error)),
            (Err(error), _) => Err(refusal(TlsFault::Other, error)),
            (Ok(_), Ok(state)) => Ok(state),
        };
        match outcome {
            Ok(state) => {
                self.closed |= state.peer_has_closed();
                self.waits |= state.plaintext_bytes_to_read() > 0;
            }
            Err(failure) => {
                self.waits = true;
                self.failure = Some(failure);
            }
        }
        self.flush();
        before - ciphertext.len()
    }

    /// Moves as much plaintext as fits into `buffer`.
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while self.waits && filled < buffer.len() {
            match self.inner.reader().read(&mut buffer[filled..]) {
                Ok(n) if n > 0 => filled += n,
                // The read would block, or the server has closed the connection, which `closed` records.
                _ => self.waits = false,
            }
        }
        filled
    }

    /// An error if nothing may be read any more.
    fn end(&mut self) -> Result<(), LinkError> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None if self.closed => Err(LinkError::Eof),
            None => Ok(()),
        }
    }
}

impl Transport for TlsTransport {
    fn handle_event(&mut self, event: &Event) {
        self.below.handle_event(event);
    }

    fn finish_connect(&mut self) -> IoResult<bool> {
        self.below.finish_connect()
    }

    fn finish_securing(&mut self) -> Result<Option<Secured>, LinkError> {
        self.flush();
        let mut buffer = [0; HANDSHAKE_READ];
        for _ in 0..HANDSHAKE_READS {
            if !self.inner.is_handshaking() || !self.below.can_read() {
                break;
            }
            let n = self.below.read(&mut buffer)?;
            let mut at = 0;
            while at < n && self.failure.is_none() && !self.closed {
                at += self.decrypt(&buffer[at..n]);
            }
            // An end after the handshake is reported once everything received before it was read.
            if self.inner.is_handshaking() {
                self.end()?;
            }
        }
        if self.inner.is_handshaking() {
            return Ok(None);
        }
        let version = match self.inner.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        let shown = self.inner.peer_certificates().and_then(<[_]>::first);
        let validity = shown.and_then(|shown| Certificate::parse(shown)?.validity);
        let expiry = validity.map(|Validity { expires, .. }| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            Expiry { at: expires, left: Duration::from_secs(expires).saturating_sub(now) }
        });
        Ok(Some(Secured { version, expiry }))
    }

    fn can_read(&self) -> bool {
        self.waits || self.failure.is_some() || self.closed || self.below.can_read()
    }

    /// Reads ciphertext once, into the end of `buffer`, and decrypts it into the beginning: its plaintext always fits
    /// before the ciphertext that is not decrypted yet.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        let mut filled = self.take(buffer);
        if filled > 0 {
            return Ok(filled);
        }
        self.end()?;
        let mut at = buffer.len() - buffer.len() * CIPHERTEXT_SIXTEENTHS / 16;
        let end = match self.below.read(&mut buffer[at..]) {
            Ok(n) => at + n,
            // A server announces the end within TLS; anybody in between can close a socket.
            Err(LinkError::Eof) => return Err(LinkError::Truncated),
            Err(error) => return Err(error),
        };
        while at < end && self.failure.is_none() && !self.closed {
            at += self.decrypt(&buffer[at..end]);
            filled += self.take(&mut buffer[filled..at]);
        }
        if filled == 0 {
            self.end()?;
        }
        Ok(filled)
    }

    fn can_write(&self) -> bool {
        self.failure.is_none() && self.below.can_write()
    }

    /// Encrypts one record at most, and only once all earlier ciphertext was written.
    fn write(&mut self, bytes: &[u8]) -> usize {
        self.flush();
        if self.inner.wants_write() {
            return 0;
        }
        // The writer takes all of the bytes, because nothing waits inside.
        let n = self.inner.writer().write(&bytes[..bytes.len().min(RECORD)]).unwrap_or(0);
        self.flush();
        n
    }

    fn rearm(&mut self, registry: &Registry) {
        self.flush();
        self.below.rearm(registry);
    }

    fn close(&mut self, registry: &Registry) {
        self.inner.send_close_notify();
        self.flush();
        self.below.close(registry);
    }
}

/// Writes ciphertext to a transport: never in the vectored form, which raises SIGPIPE through std's sockets.
struct Plain<'a>(&'a mut dyn Transport);

impl Write for Plain<'_> {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        match self.0.write(bytes) {
            0 => Err(ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

fn refusal(fault: TlsFault, words: impl Into<String>) -> LinkError {
    LinkError::Tls(TlsError { fault, words: words.into() })
}

/// The fault in rustls's words.
fn failure(error: &Error) -> LinkError {
    use CertificateError as Certificate;
    let fault = match error {
        Error::InvalidMessage(_) => TlsFault::NotTls,
        Error::InvalidCertificate(Certificate::Other(other)) if other.0.is::<WrongKey>() => {
            return refusal(TlsFault::WrongKey, other.0.to_string());
        }
        Error::InvalidCertificate(why) => match why {
            Certificate::UnknownIssuer => TlsFault::UnknownIssuer,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => TlsFault::WrongName,
            Certificate::Expired | Certificate::ExpiredContext { .. } => TlsFault::Expired,
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => TlsFault::NotValidYet,
            _ => TlsFault::BadCertificate,
        },
        Error::AlertReceived(Alert::CertificateRequired) => TlsFault::ClientCertificateMissing,
        Error::AlertReceived(
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => TlsFault::ClientCertificateRefused,
        Error::AlertReceived(
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity,
        ) => TlsFault::Refused,
        _ => TlsFault::Other,
    };
    refusal(fault, error.to_string())
}
