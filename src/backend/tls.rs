//! How a link is secured with TLS: settings, outcome and failure, as plain data. The library is in `net`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::options::{OptionSet, OptionValue, Options};
use super::{OptionError, trim_url, url};

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
const TLS_KEYS: [&str; 7] = ["tls", "tls_ca", "tls_cert", "tls_key", "tls_name", "tls_pin", "tls_insecure"];

/// Refuses the options about TLS where nothing asks for it.
pub(super) fn refuse_keys(set: &mut OptionSet) -> Result<(), OptionError> {
    match TLS_KEYS.iter().find(|key| set.has(key)) {
        Some(key) => Err(OptionError::invalid(key, "means nothing without TLS; add tls = true")),
        None => Ok(()),
    }
}

/// Moves the options about TLS that stand behind the URL's question mark to the options table, and returns their keys. A URL that
/// comes from the environment can say all that its server needs, for every client that connects with it.
///
/// ```
/// use realtime::backend::{OptionValue, Options, take_url_options};
///
/// let url = Some("rediss://10.0.0.5:6380?tls_ca=/etc/ca.pem".to_owned());
/// let mut options = Options { url, ..Options::default() };
/// assert_eq!(take_url_options(&mut options)?, ["tls_ca"]);
/// assert_eq!(options.url.as_deref(), Some("rediss://10.0.0.5:6380"));
/// assert_eq!(options.pairs, [("tls_ca".to_owned(), OptionValue::String("/etc/ca.pem".into()))]);
/// # Ok::<(), realtime::backend::OptionError>(())
/// ```
///
/// # Errors
///
/// The text is no URL, or an option is given twice.
pub fn take_url_options(options: &mut Options) -> Result<Vec<&'static str>, OptionError> {
    let mut taken = Vec::new();
    let Some(whole) = options.url.as_deref().map(trim_url) else { return Ok(taken) };
    url::split_scheme(whole)?;
    // An @ or # there is a mistake, which whoever reads the rest of the URL tells.
    let Some((place, query)) = whole.split_once('?').filter(|(_, query)| !query.contains(['@', '#'])) else {
        return Ok(taken);
    };
    let mut others = Vec::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(&key) = TLS_KEYS.iter().find(|&&known| known == key) else {
            others.push(pair);
            continue;
        };
        if options.pairs.iter().any(|(known, _)| known == key) {
            return Err(OptionError::invalid(key, "is given by the URL already; give it once"));
        }
        let value = match url::percent_decode(value)? {
            value if value == b"true" => OptionValue::Boolean(true),
            value if value == b"false" => OptionValue::Boolean(false),
            value => OptionValue::String(value),
        };
        options.pairs.push((key.to_owned(), value));
        taken.push(key);
    }
    let rest = if others.is_empty() { place.to_owned() } else { format!("{place}?{}", others.join("&")) };
    options.url = Some(rest);
    Ok(taken)
}

/// Options whose value may name a file. Whoever calls [`configure`](super::configure) reads it.
pub const FILE_OPTIONS: [&str; 3] = ["tls_ca", "tls_cert", "tls_key"];

/// What PEM begins with, and no name of a file has in it.
pub const PEM_BEGIN: &[u8] = b"-----BEGIN";
