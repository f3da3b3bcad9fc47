//! Certificates for tests of TLS: an authority, and what it signs.
//!
//! ```
//! let authority = certificates::Authority::new("tests");
//! let server = authority.issue(&["localhost", "127.0.0.1"]);
//! assert!(server.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
//! ```

#![allow(clippy::expect_used, reason = "what cannot be made fails the test")]

use std::path::Path;
use std::{fs, io};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData};
use time::{Duration, OffsetDateTime};

/// A certificate with its private key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// In PEM.
    pub certificate: String,
    /// Its private key, in PEM.
    pub key: String,
    /// Its public key, as `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
}

impl Identity {
    /// One that signed itself, and is an authority as well: what `openssl req -x509` makes.
    #[must_use]
    pub fn self_signed(names: &[&str]) -> Self {
        let mut parameters = parameters(names, -1, 30);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self::of(&certificate, &key)
    }

    /// Writes `NAME.crt` and `NAME.key` into `folder`.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub fn write(&self, folder: &Path, name: &str) -> io::Result<()> {
        fs::write(folder.join(format!("{name}.crt")), &self.certificate)?;
        fs::write(folder.join(format!("{name}.key")), &self.key)
    }

    fn of(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        let (certificate, public_key) = (certificate.pem(), key.subject_public_key_info());
        Self { certificate, key: key.serialize_pem(), public_key }
    }
}

/// An authority that signs certificates.
#[derive(Debug)]
pub struct Authority {
    /// Its own certificate, in PEM.
    pub certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// An authority of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut parameters = parameters(&[], -10, 3650);
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate").pem();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    /// Signs a certificate for these names and addresses, from yesterday on for thirty days and a few minutes.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_between(names, -1, 30)
    }

    /// Likewise, valid from one day to another one, counted from now.
    #[must_use]
    pub fn issue_between(&self, names: &[&str], from: i64, to: i64) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let signed = parameters(names, from, to).signed_by(&key, &self.issuer).expect("a certificate");
        Identity::of(&signed, &key)
    }
}

fn parameters(names: &[&str], from: i64, to: i64) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = CertificateParams::new(names).expect("good names");
    // Some minutes more, so that days that are left do not become fewer while a test runs.
    let now = OffsetDateTime::from(std::time::SystemTime::now()) + Duration::minutes(30);
    parameters.not_before = now + Duration::days(from);
    parameters.not_after = now + Duration::days(to);
    parameters
}
