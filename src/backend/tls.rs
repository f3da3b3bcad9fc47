//! How a link is secured with TLS: settings, outcome and failure, as plain data. The library is in `net`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::OptionError;
use super::options::{OptionSet, OptionValue};

/// What links are secured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Which servers are believed.
    pub trust: Trust,
    /// What the client shows of itself, for servers that ask for it.
    pub identity: Option<Identity>,
}

/// Which servers are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those that a public authority vouches for, under their name.
    Public,
    /// Those that one of these authorities vouches for, under their name, and those with one of these certificates.
    Authorities(Pem),
    /// The one with this public key: SHA-256 of its `SubjectPublicKeyInfo`. Nothing else of its certificate counts.
    Key([u8; 32]),
    /// Everyone.
    Everyone,
}

/// A client's certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, followed by those of the authorities between.
    pub certificate: Pem,
    /// Its private key.
    pub key: Pem,
}

/// Certificates or a key in PEM.
#[derive(Clone)]
pub struct Pem {
    /// The option that gave it.
    pub option: &'static str,
    /// The file that it was read from, if it was.
    pub file: Option<String>,
    /// Its text.
    pub text: Vec<u8>,
}

impl Pem {
    /// An error about it: where it came from, and what is wrong. `problem` follows "which" or "it".
    pub fn error(&self, problem: impl fmt::Display) -> OptionError {
        OptionError::invalid(
            self.option,
            match &self.file {
                Some(file) => format!("names the file {file}, which {problem}"),
                None => format!("holds a text, not the name of a file, and it {problem}"),
            },
        )
    }
}

/// What it says counts, not where it is from.
impl PartialEq for Pem {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pem {}

/// Not its text: it may be a key.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pem").field("option", &self.option).field("file", &self.file).finish_non_exhaustive()
    }
}

/// Makes ready what links are to be secured with, when a client is configured.
pub trait PrepareTls {
    /// Checks certificates and keys, and keeps what it makes of them for the links.
    ///
    /// # Errors
    ///
    /// What is wrong with them, naming option and file.
    fn prepare_tls(&self, tls: &Arc<Tls>) -> Result<(), OptionError>;
}

/// How a link is secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured {
    /// Version of the protocol, such as `TLSv1.3`.
    pub version: &'static str,
    /// When the server's certificate expires, if it could be read.
    pub expiry: Option<Expiry>,
}

/// When a certificate expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// Seconds since 1970.
    pub at: u64,
    /// The time from now until then; zero if it is over.
    pub left: Duration,
}

/// Why a link could not be secured, or not any longer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct TlsError {
    /// What is wrong.
    pub fault: TlsFault,
    /// How the library says it.
    pub words: String,
}

/// What is wrong, as far as somebody can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// No authority that is trusted vouches for the server's certificate.
    UnknownIssuer,
    /// The certificate is for another name or address.
    WrongName,
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet.
    NotValidYet,
    /// The server has another public key than the one that is trusted.
    WrongKey,
    /// The certificate has a form that is not accepted.
    BadCertificate,
    /// The name cannot be in a certificate.
    BadName,
    /// What answers does not speak TLS.
    NotTls,
    /// The server wants a certificate of the client.
    ClientCertificateMissing,
    /// The server refused the certificate of the client.
    ClientCertificateRefused,
    /// The server refused the handshake.
    Refused,
    /// Anything else.
    Other,
}

/// Keys of the options about TLS, which every backend whose servers may speak it has.
pub(super) const TLS_KEYS: [&str; 7] =
    ["tls", "tls_ca", "tls_cert", "tls_key", "tls_name", "tls_pin", "tls_insecure"];

/// Options whose value may name a file. Whoever calls [`configure`](super::configure) reads it.
pub const FILE_OPTIONS: [&str; 3] = ["tls_ca", "tls_cert", "tls_key"];

/// What PEM begins with, and no name of a file has in it.
pub const PEM_BEGIN: &[u8] = b"-----BEGIN";

const PIN_RULE: &str = "must be 64 hexadecimal digits, the SHA-256 of the server's public key, as this prints it: openssl x509 -in \
                        server.crt -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum";

/// What the options say about TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsOptions {
    pub(super) settings: Arc<Tls>,
    /// The name that the certificate is to have, if it is not the host's.
    name: Option<String>,
}

impl TlsOptions {
    /// Takes the options out of `set`. `scheme`: the URL's, if it asks for TLS. `None` if nothing does.
    pub(super) fn take(set: &mut OptionSet, scheme: Option<&str>) -> Result<Option<Self>, OptionError> {
        let wanted = match (set.boolean("tls")?, scheme) {
            (Some(false), Some(scheme)) => {
                let problem = format!("is false, but a URL that begins with {scheme}:// asks for TLS");
                return Err(OptionError::invalid("tls", problem));
            }
            (tls, scheme) => tls == Some(true) || scheme.is_some(),
        };
        if cfg!(not(feature = "tls")) && wanted {
            return Err(match scheme {
                Some(scheme) => OptionError::Url(format!("{scheme}:// {}", without_tls())),
                None => OptionError::invalid("tls", without_tls()),
            });
        }
        if !wanted {
            return match TLS_KEYS.iter().find(|key| set.has(key)) {
                Some(key) => Err(OptionError::invalid(key, "means nothing without TLS; add tls = true")),
                None => Ok(None),
            };
        }
        let name = match set.text("tls_name")? {
            Some(name)
                if name.is_empty() || name.contains(|c: char| c.is_whitespace() || ":/@".contains(c)) =>
            {
                return Err(OptionError::invalid("tls_name", "must be a host's name alone"));
            }
            name => name,
        };
        let settings = Arc::new(Tls { trust: trust(set)?, identity: identity(set)? });
        Ok(Some(Self { settings, name }))
    }

    /// The name that the certificate of `host` is to have.
    pub(super) fn name(&self, host: &str) -> String {
        self.name.as_deref().unwrap_or(host).to_owned()
    }
}

fn without_tls() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "needs TLS, which this file of the module does not have: install realtime-{version}-full.zip in place of \
         realtime-{version}.zip; or run a tunnel (stunnel, WireGuard) beside the game server and connect to its local end"
    )
}

fn trust(set: &mut OptionSet) -> Result<Trust, OptionError> {
    let ca = pem(set, "tls_ca")?;
    let pin =
        set.text("tls_pin")?.map(|text| pin(&text).ok_or_else(|| OptionError::invalid("tls_pin", PIN_RULE)));
    let insecure = set.boolean("tls_insecure")?.unwrap_or(false);
    match (ca, pin.transpose()?, insecure) {
        (None, None, false) => Ok(Trust::Public),
        (Some(ca), None, false) => Ok(Trust::Authorities(ca)),
        (None, Some(hash), false) => Ok(Trust::Key(hash)),
        (None, None, true) => Ok(Trust::Everyone),
        (Some(_), Some(_), _) => Err(OptionError::invalid(
            "tls_pin",
            "and tls_ca exclude each other: with the key, no authority is asked",
        )),
        (_, _, true) => Err(OptionError::invalid(
            "tls_insecure",
            "and tls_ca or tls_pin exclude each other: it believes every server",
        )),
    }
}

fn pin(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let bytes = digits?
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair.get(1)?).ok())
        .collect::<Option<Vec<u8>>>();
    bytes?.try_into().ok()
}

fn identity(set: &mut OptionSet) -> Result<Option<Identity>, OptionError> {
    match (pem(set, "tls_cert")?, pem(set, "tls_key")?) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(Identity { certificate, key })),
        (Some(_), None) => {
            Err(OptionError::invalid("tls_cert", "needs its private key beside it, in tls_key"))
        }
        (None, Some(_)) => {
            Err(OptionError::invalid("tls_key", "needs its certificate beside it, in tls_cert"))
        }
    }
}

/// Takes certificates or a key: the text itself, or what the file holds that was named.
fn pem(set: &mut OptionSet, key: &'static str) -> Result<Option<Pem>, OptionError> {
    match set.take(key) {
        None => Ok(None),
        Some(OptionValue::File { name, bytes }) => {
            Ok(Some(Pem { option: key, file: Some(name), text: bytes }))
        }
        Some(OptionValue::String(text)) if text.windows(PEM_BEGIN.len()).any(|part| part == PEM_BEGIN) => {
            Ok(Some(Pem { option: key, file: None, text }))
        }
        Some(_) => Err(OptionError::invalid(key, "must be the name of a file in PEM, or its text")),
    }
}
