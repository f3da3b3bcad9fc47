//! Certificates for tests of TLS: an authority, and certificates that it signs.
//!
//! ```
//! let authority = certificates::Authority::new("tests");
//! let server = authority.issue(&["localhost", "127.0.0.1"]);
//! assert!(server.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
//! ```

#![allow(clippy::expect_used, reason = "what cannot be made fails the test")]

use std::path::Path;
use std::{fs, io};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData, SigningKey};
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
    /// A self-signed certificate that is an authority as well, like those of `openssl req -x509`.
    #[must_use]
    pub fn self_signed(names: &[&str]) -> Self {
        let mut parameters = parameters(names, -1, 30);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self::of(&certificate, &key)
    }

    /// A self-signed certificate of X.509 version 1, like those of `openssl x509 -req -signkey`. It has no
    /// extensions, and so no names.
    #[must_use]
    pub fn of_version_1() -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters(&["version-1"], -1, 30).self_signed(&key).expect("a certificate");
        let (_, signed, _) = der::first(certificate.der());
        let (fields, _, algorithm) = der::first(signed);
        let (algorithm, _, _) = der::first(algorithm);
        // Without the version, the first field, and the extensions, the last one.
        let (_, mut rest, _) = der::first(fields);
        let mut kept = Vec::new();
        while !rest.is_empty() {
            let (field, _, others) = der::first(rest);
            if ![0xa0, 0xa3].contains(&field[0]) {
                kept.extend_from_slice(field);
            }
            rest = others;
        }
        let fields = der::element(0x30, &kept);
        let signature = [&[0], &*key.sign(&fields).expect("a signature")].concat();
        let whole = der::element(0x30, &[&*fields, algorithm, &der::element(0x03, &signature)].concat());
        Self {
            certificate: pem::encode(&pem::Pem::new("CERTIFICATE", whole)),
            key: key.serialize_pem(),
            public_key: key.subject_public_key_info(),
        }
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

    /// Signs a certificate for these names and addresses, valid from yesterday on for thirty days and a few minutes.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_between(names, -1, 30)
    }

    /// The same, valid from one day to another one, counted from now.
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
    // Some more minutes, so that the number of days left does not change while a test runs.
    let now = OffsetDateTime::from(std::time::SystemTime::now()) + Duration::minutes(30);
    parameters.not_before = now + Duration::days(from);
    parameters.not_after = now + Duration::days(to);
    parameters
}

/// Elements of DER of less than 64 KiB.
mod der {
    /// The first element of these, its content, and the elements after it.
    pub(super) fn first(bytes: &[u8]) -> (&[u8], &[u8], &[u8]) {
        let digits = if bytes[1] < 0x80 { 0 } else { usize::from(bytes[1] & 0x7f) };
        let length = match digits {
            0 => usize::from(bytes[1]),
            _ => bytes[2..2 + digits].iter().fold(0, |length, &byte| length << 8 | usize::from(byte)),
        };
        let (element, rest) = bytes.split_at(2 + digits + length);
        (element, &element[2 + digits..], rest)
    }

    /// An element with this content.
    pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).expect("less than 64 KiB").to_be_bytes();
        let header = match (high, low) {
            (0, 0..0x80) => vec![tag, low],
            (0, _) => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [header, content.to_vec()].concat()
    }
}
