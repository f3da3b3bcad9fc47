//! From settings to rustls's configuration: the certificates and keys, and which servers to trust.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::certificate::{Certificate, Validity, parts};
use super::{Layer, refusal};
use crate::backend::{Identity, LinkError, OptionError, Pem, Tls, TlsFault, Trust};
use crate::crypto::sha256;

/// rustls's configurations: one for each distinct set of settings, as long as a client has it. A configuration
/// remembers sessions, and resuming a session takes half the processor's time.
#[derive(Debug, Default)]
pub(in crate::net) struct TlsConfigs(Mutex<Vec<(Weak<Tls>, Arc<ClientConfig>)>>);

impl TlsConfigs {
    /// The configuration for these settings.
    pub(in crate::net) fn prepare(&self, tls: &Arc<Tls>) -> Result<Arc<ClientConfig>, OptionError> {
        // The list is consistent at any moment.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(settings, _)| settings.strong_count() > 0);
        let same = known.iter().filter_map(|(settings, config)| Some((settings.upgrade()?, config)));
        let config = match same.clone().find(|(settings, _)| settings == tls) {
            Some((settings, config)) if Arc::ptr_eq(&settings, tls) => return Ok(Arc::clone(config)),
            Some((_, config)) => Arc::clone(config),
            None => Arc::new(config(tls, public_authorities)?),
        };
        known.push((Arc::downgrade(tls), Arc::clone(&config)));
        Ok(config)
    }

    /// TLS for one link to the server of this name.
    pub(in crate::net) fn layer(&self, tls: &Arc<Tls>, name: &str) -> Result<Layer, LinkError> {
        let config = self.prepare(tls).map_err(|error| refusal(TlsFault::Other, error.to_string()))?;
        Layer::new(config, name)
    }
}

fn public_authorities() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

/// Makes rustls's configuration.
pub(in super::super) fn config(
    tls: &Tls,
    public: fn() -> RootCertStore,
) -> Result<ClientConfig, OptionError> {
    let provider = Arc::new(ring::default_provider());
    let unusable = |error: Error| OptionError::invalid("tls", format!("cannot be used here: {error}"));
    let chain = |roots: RootCertStore, listed| {
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map(|verifier| Trusted::Chain { verifier, listed })
            .map_err(|error| OptionError::invalid("tls", format!("cannot be used here: {error}")))
    };
    let trusted = match &tls.trust {
        Trust::Public => chain(public(), Vec::new())?,
        Trust::Authorities(pem) => {
            let listed = certificates(pem)?;
            let mut roots = RootCertStore::empty();
            // A list may have entries of kinds that cannot be used for verification.
            if roots.add_parsable_certificates(listed.iter().cloned()).0 == 0 {
                return Err(pem.error("has no certificate that can be understood"));
            }
            chain(roots, listed)?
        }
        Trust::Key(hash) => Trusted::Key(*hash),
        Trust::Everyone => Trusted::Everyone,
    };
    let algorithms = provider.signature_verification_algorithms;
    let shown = tls.identity.as_ref().map(|identity| certified_key(identity, &provider)).transpose()?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trusted, algorithms }));
    Ok(match shown {
        Some(shown) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown))),
        None => builder.with_no_client_auth(),
    })
}

/// The client's certificate and key. rustls would refuse a certificate of version 1, which servers accept: OpenSSL
/// makes such certificates.
fn certified_key(identity: &Identity, provider: &CryptoProvider) -> Result<CertifiedKey, OptionError> {
    let Identity { certificate, key } = identity;
    let read = match PrivateKeyDer::from_pem_slice(&lines(key)) {
        Ok(read) => read,
        Err(_) if key.text.windows(9).any(|part| part == b"ENCRYPTED") => {
            return Err(key.error(
                "holds a key with a passphrase, which nobody could type here; write one without: openssl pkey -in KEY -out KEY2",
            ));
        }
        Err(_) => return Err(key.error("holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")),
    };
    let signer = provider.key_provider.load_private_key(read).map_err(|_| {
        key.error("holds a key of a kind that cannot be used; RSA, P-256, P-384 and Ed25519 can")
    })?;
    let chain = certificates(certificate)?;
    let Some(own) = chain.first().and_then(|own| Certificate::parse(own)) else {
        return Err(certificate.error("has a certificate that cannot be understood"));
    };
    if signer.public_key().is_some_and(|public_key| *public_key != *own.public_key) {
        return Err(key.error("holds another key than that of tls_cert's certificate"));
    }
    Ok(CertifiedKey::new(chain, signer))
}

/// The certificates of a text, at least one.
fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, OptionError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&lines(pem)).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        // A SEQUENCE, like every certificate in DER.
        Ok(_) if pem.text.starts_with(&[0x30]) => {
            Err(pem
                .error("is in DER; PEM of it is made with openssl x509 -inform DER -in FILE -out FILE.pem"))
        }
        Ok(_) => Err(pem.error("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")),
        Err(_) => Err(pem.error("is damaged: it is not PEM")),
    }
}

/// A text without the byte order mark that editors put before it, and without the indentation that it has within a
/// script.
fn lines(pem: &Pem) -> Vec<u8> {
    let text = pem.text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&pem.text);
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    lines.flat_map(|line| [line, b"\n"]).flatten().copied().collect()
}

/// Decides which servers to trust.
#[derive(Debug)]
struct Verifier {
    trusted: Trusted,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Trusted {
    /// Trusts servers with a certificate from an authority, and servers whose own certificate is in `listed`: openssl
    /// makes self-signed certificates that are authorities, too, and these would be refused for a server
    /// otherwise.
    Chain {
        verifier: Arc<WebPkiServerVerifier>,
        listed: Vec<CertificateDer<'static>>,
    },
    Key([u8; 32]),
    Everyone,
}

/// The server has this key instead of the trusted one.
#[derive(Debug)]
pub(super) struct WrongKey(Option<[u8; 32]>);

impl fmt::Display for WrongKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(hash) = self.0 else { return f.write_str("the certificate cannot be understood") };
        hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::error::Error for WrongKey {}

impl Verifier {
    /// The public key of a certificate that webpki does not understand, if only the key counts: `openssl x509 -req`
    /// makes certificates of X.509 version 1.
    fn bare_key<'a>(&self, certificate: &'a CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'a>> {
        let may_be_bare = matches!(self.trusted, Trusted::Key(_) | Trusted::Everyone);
        if !may_be_bare || ParsedCertificate::try_from(certificate).is_ok() {
            return None;
        }
        Certificate::parse(certificate).map(|read| read.public_key.into())
    }
}

/// Like [`verify_tls12_signature`] for a certificate: the signature scheme names no curve in TLS 1.2, so each is
/// tried.
fn verify_with_key(
    message: &[u8],
    key: &SubjectPublicKeyInfoDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let (algorithm, key) = parts(key).ok_or(CertificateError::BadEncoding)?;
    let kinds = algorithms.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme);
    let mut known =
        kinds.flat_map(|(_, kinds)| *kinds).filter(|kind| *kind.public_key_alg_id() == *algorithm);
    if known.any(|kind| kind.verify_signature(key, message, signed.signature()).is_ok()) {
        return Ok(HandshakeSignatureValid::assertion());
    }
    Err(CertificateError::BadSignature.into())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trusted {
            Trusted::Chain { listed, .. } if listed.contains(shown) => {
                let validity = Certificate::parse(shown).and_then(|read| read.validity);
                let Validity { begins, expires } = validity.ok_or(CertificateError::BadEncoding)?;
                if now.as_secs() < begins {
                    return Err(CertificateError::NotValidYet.into());
                }
                if expires < now.as_secs() {
                    return Err(CertificateError::Expired.into());
                }
                verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
            }
            Trusted::Chain { verifier, .. } => {
                verifier.verify_server_cert(shown, between, name, ocsp, now).map_err(
                    |error| match error {
                        // If it is an authority as well, webpki reports that first, before it looks for the issuer.
                        Error::InvalidCertificate(CertificateError::Other(_))
                            if Certificate::parse(shown).is_some_and(|read| read.is_self_issued) =>
                        {
                            CertificateError::UnknownIssuer.into()
                        }
                        // An authority that we trust has its issuer's name, but another key.
                        Error::InvalidCertificate(CertificateError::BadSignature) => {
                            CertificateError::UnknownIssuer.into()
                        }
                        other => other,
                    },
                )?;
            }
            Trusted::Key(trusted) => {
                let found = Certificate::parse(shown).map(|read| sha256(read.public_key));
                if found != Some(*trusted) {
                    let other = rustls::OtherError(Arc::new(WrongKey(found)));
                    return Err(CertificateError::Other(other).into());
                }
            }
            Trusted::Everyone => {}
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.bare_key(certificate) {
            Some(key) => verify_with_key(message, &key, signed, self.algorithms),
            None => verify_tls12_signature(message, certificate, signed, &self.algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.bare_key(certificate) {
            Some(key) => verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms),
            None => verify_tls13_signature(message, certificate, signed, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
