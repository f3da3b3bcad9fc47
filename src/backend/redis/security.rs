//! Texts for owners about TLS: what to do when it fails.

use super::config::Config;
use crate::backend::TlsError;
use crate::backend::tls_advice::TlsWords;

/// Where an address came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum AddressSource {
    #[default]
    Options,
    Cluster,
    Sentinels,
}

/// Advice about a port without TLS that a cluster or a Sentinel named: the setting that makes it name its TLS ports.
pub(super) fn tls_ports(source: AddressSource) -> Option<&'static str> {
    match source {
        AddressSource::Options => None,
        AddressSource::Cluster => Some(
            "; the nodes of a cluster announce their TLS ports with tls-cluster yes in the configuration of each",
        ),
        AddressSource::Sentinels => Some(
            "; Sentinels announce TLS ports with tls-replication yes in the configuration of each server and Sentinel",
        ),
    }
}

/// Follows the system's error text if a server hangs up during TLS's handshake.
pub(super) fn hung_up(source: AddressSource) -> String {
    format!(" in the TLS handshake{}", question(source))
}

/// The handshake did not end within this many seconds.
pub(super) fn no_handshake(waited: f64, source: AddressSource) -> String {
    let question = question(source);
    format!("the server was reached but did not answer TLS's handshake within {waited} s{question}")
}

/// For a port that the owner named. Of another one, [`tls_ports`] says more.
fn question(source: AddressSource) -> &'static str {
    if source == AddressSource::Options {
        "; does this port speak TLS (tls-port in the configuration of Redis)? Without TLS the URL begins with redis://"
    } else {
        ""
    }
}

/// Redis's words for the options of TLS.
const TLS_WORDS: TlsWords = TlsWords {
    not_tls: "is this the port for it (tls-port in the configuration of Redis)? Without TLS the URL begins with redis://",
    authorities: "tls-ca-cert-file in the configuration of Redis",
    unchecked: "",
};

/// What failed and what to do about it, then the library's words.
pub(super) fn advice(error: &TlsError, config: &Config) -> String {
    TLS_WORDS.advice(error, config.tls.as_ref().map(|tls| &**tls.settings()))
}
