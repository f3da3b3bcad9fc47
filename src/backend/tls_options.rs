//! The options about TLS: from URL and table to settings.

use std::sync::Arc;

use super::OptionError;
use super::options::{OptionSet, OptionValue};
use super::tls::{Identity, PEM_BEGIN, Pem, Tls, Trust, refuse_keys};
use super::url::is_ipv6;

const PIN_RULE: &str = "must be 64 hexadecimal digits, the SHA-256 of the server's public key, as this prints it: openssl x509 -in \
                        server.crt -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum";

/// The values of the TLS options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsOptions {
    settings: Arc<Tls>,
    /// The name that the certificate must have, if it is not the host's.
    name: Option<String>,
}

impl TlsOptions {
    /// Takes the options out of `set`. `scheme`: the URL's, if it asks for TLS. `None` if neither asks for TLS.
    pub(super) fn take(set: &mut OptionSet, scheme: Option<&str>) -> Result<Option<Self>, OptionError> {
        let wanted = match (set.boolean("tls")?, scheme) {
            (Some(false), Some(scheme)) => {
                let problem = format!("is false, but a URL that begins with {scheme}:// asks for TLS");
                return Err(OptionError::invalid("tls", problem));
            }
            (tls, scheme) => tls == Some(true) || scheme.is_some(),
        };
        if !wanted {
            return refuse_keys(set).map(|()| None);
        }
        let name = match set.text("tls_name")? {
            Some(name) if !is_name(&name) => {
                return Err(OptionError::invalid("tls_name", "must be a host's name or address alone"));
            }
            name => name,
        };
        let settings = Arc::new(Tls { trust: trust(set)?, identity: identity(set)? });
        Ok(Some(Self { settings, name }))
    }

    /// The settings with which links are secured.
    pub(super) fn settings(&self) -> &Arc<Tls> {
        &self.settings
    }

    /// The name that the certificate of `host` must have.
    pub(super) fn name(&self, host: &str) -> String {
        self.name.as_deref().unwrap_or(host).to_owned()
    }
}

/// Whether a certificate can be issued for it.
fn is_name(text: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    is_ipv6(text) || (!text.is_empty() && text.bytes().all(of_name))
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

/// Takes certificates or a key: the text itself, or the content of the named file.
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
