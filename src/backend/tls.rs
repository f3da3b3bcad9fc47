//! How a link is secured with TLS: settings, result and failure, as plain data. The library is in `net`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::options::{OptionSet, OptionValue, Options};
use super::{OptionError, trim_url, url};

/// The TLS settings of links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Which servers are trusted.
    pub trust: Trust,
    /// The client's certificate, for servers that ask for one.
    pub identity: Option<Identity>,
}

/// Which servers are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Servers with a certificate for their name, signed by a public authority.
    Public,
    /// Servers with a certificate for their name, signed by one of these authorities, or with one of these
    /// certificates.
    Authorities(Pem),
    /// The server with this public key: SHA-256 of its `SubjectPublicKeyInfo`. The rest of its certificate is not
    /// checked.
    Key([u8; 32]),
    /// Every server.
    Everyone,
}

/// A client's certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, followed by those of the intermediate authorities.
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

/// The content counts, not the source.
impl PartialEq for Pem {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pem {}

/// Without its text, which may be a key.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pem").field("option", &self.option).field("file", &self.file).finish_non_exhaustive()
    }
}

/// Prepares the TLS settings of links, when a client is configured.
pub trait PrepareTls {
    /// Checks certificates and keys, and keeps the parsed ones for the links.
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
    /// The time left until then; zero if it has passed.
    pub left: Duration,
}

/// Why a link could not be secured, or no longer is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct TlsError {
    /// What is wrong.
    pub fault: TlsFault,
    /// The library's words for it.
    pub words: String,
}

/// The fault, as far as somebody can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// No trusted authority has signed the server's certificate.
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
    /// The server does not speak TLS.
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

/// The keys of the TLS options, for every backend whose servers may speak TLS.
const TLS_KEYS: [&str; 7] = ["tls", "tls_ca", "tls_cert", "tls_key", "tls_name", "tls_pin", "tls_insecure"];

/// Refuses the options about TLS if no option asks for TLS.
pub(super) fn refuse_keys(set: &mut OptionSet) -> Result<(), OptionError> {
    match TLS_KEYS.iter().find(|key| set.has(key)) {
        Some(key) => Err(OptionError::invalid(key, "means nothing without TLS; add tls = true")),
        None => Ok(()),
    }
}

/// Moves the TLS options after the URL's question mark to the options table, and returns their keys. So a URL from
/// the environment can contain everything that its server needs, for every client that connects with it.
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
/// The text is not a URL, or an option is given twice.
pub fn take_url_options(options: &mut Options) -> Result<Vec<&'static str>, OptionError> {
    let mut taken = Vec::new();
    let Some(whole) = options.url.as_deref().map(trim_url) else { return Ok(taken) };
    url::split_scheme(whole)?;
    // An @ or # there is a mistake, which the parser of the URL reports.
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

/// Options whose value may name a file. The caller of [`configure`](super::configure) reads the file.
pub const FILE_OPTIONS: [&str; 3] = ["tls_ca", "tls_cert", "tls_key"];

/// The beginning of PEM; it does not occur in names of files.
pub const PEM_BEGIN: &[u8] = b"-----BEGIN";
