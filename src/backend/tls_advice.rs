//! What owners are told when TLS fails: the same for each protocol, except for the names of the server's settings.

use super::{Tls, TlsError, TlsFault, Trust};
use crate::model::printable;

/// The most characters of the library's words to show. A certificate may have any number of names, of any bytes.
const SHOWN: usize = 512;

/// A backend's words for the options of TLS.
pub(super) struct TlsWords {
    /// Follows "the program that answers does not speak TLS: ".
    pub(super) not_tls: &'static str,
    /// The server's setting for the authorities of client certificates, and the file that it is in.
    pub(super) authorities: &'static str,
    /// Follows what to do about a certificate that no public authority signed.
    pub(super) unchecked: &'static str,
}

impl TlsWords {
    /// What failed and what to do about it, then the library's words.
    pub(super) fn advice(&self, error: &TlsError, tls: Option<&Tls>) -> String {
        let trust = tls.map(|tls| &tls.trust);
        let has_identity = tls.is_some_and(|tls| tls.identity.is_some());
        let words = printable(error.words.as_bytes(), SHOWN);
        let Self { not_tls, authorities, unchecked } = self;
        let ours = match error.fault {
            TlsFault::UnknownIssuer if matches!(trust, Some(Trust::Authorities(_))) => {
                "the server's certificate was signed by none of the authorities in tls_ca, or the server does not send the intermediate certificates"
            }
            TlsFault::UnknownIssuer => {
                return format!(
                    "no public authority signed the server's certificate: write the certificate of the authority that did into \
                     tls_ca, or the server's key into tls_pin{unchecked} ({words})"
                );
            }
            TlsFault::WrongName => {
                "the server's certificate is for another name: connect by a name that it has, or write that into tls_name"
            }
            TlsFault::Expired => {
                "the server's certificate has expired: renew it, or set the clock of this machine if that is wrong"
            }
            TlsFault::NotValidYet => {
                "the server's certificate is not valid yet: is the clock of this machine right?"
            }
            TlsFault::WrongKey => {
                return format!(
                    "the server has another public key than tls_pin says. If its key was changed on purpose, write the new one, \
                     {words}; if not, somebody else answers there"
                );
            }
            TlsFault::BadCertificate => {
                "the server's certificate is of a form that is not accepted: make one of X.509 version 3 that has the server's \
                 name (openssl req -x509 -addext subjectAltName=DNS:NAME, or IP:ADDRESS if the URL has an address), or write the \
                 server's key into tls_pin"
            }
            TlsFault::BadName => {
                "the host's name cannot be checked: write the name that the certificate has into tls_name"
            }
            TlsFault::NotTls => {
                return format!("the program that answers does not speak TLS: {not_tls} ({words})");
            }
            TlsFault::ClientCertificateMissing | TlsFault::ClientCertificateRefused if !has_identity => {
                "the server wants a certificate of this client: set tls_cert and tls_key"
            }
            TlsFault::ClientCertificateMissing | TlsFault::ClientCertificateRefused => {
                return format!(
                    "the server refused the certificate of tls_cert: has it expired, or was it not signed by an authority that \
                     the server trusts ({authorities})? ({words})"
                );
            }
            TlsFault::Refused if !has_identity => {
                "the server refused the handshake: it may want a certificate of this client (tls_cert, tls_key), or have no \
                 version and cipher in common (TLS 1.2 and 1.3 are spoken here)"
            }
            TlsFault::Refused => "the server refused the handshake",
            TlsFault::Other => "the connection could not be secured",
        };
        format!("{ours} ({words})")
    }
}
