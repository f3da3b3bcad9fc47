//! Texts for owners about TLS: what to do when it fails, and what to know when it works.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::config::Config;
use crate::backend::tls_advice::TlsWords;
use crate::backend::{Secured, TlsError, Trust};

/// How long before a certificate expires the console begins to warn. Services that renew certificates automatically
/// do so earlier.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 86_400);

/// The console line at every connect with `tls_insecure`.
const INSECURE: &str = "tls_insecure is set: the connection is encrypted, but anybody on the way can pass for the server, and read \
                        the password; tls_pin or tls_ca prevents that";

/// Follows the system's error text if a server hangs up during TLS's handshake.
pub(super) const HUNG_UP: &str = " in the TLS handshake; does this port speak TLS (tls-port in the configuration of Redis)? Without \
                                  TLS the URL begins with redis://";

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

/// The security notices that were printed on the console.
#[derive(Debug, Default)]
pub(super) struct SecurityNotices {
    /// The connection that `INSECURE` was printed for, by the time at which it was made.
    insecure: Option<Instant>,
    /// The expiry of the certificate that was warned about.
    expires: Option<u64>,
}

impl SecurityNotices {
    /// The console lines for a connection that was made at `made`, unless they were printed before.
    pub(super) fn notices(
        &mut self,
        how: &Secured,
        config: &Config,
        made: Instant,
    ) -> impl Iterator<Item = Cow<'static, str>> + use<> {
        let trust = config.tls.as_ref().map(|tls| &tls.settings().trust);
        let is_insecure = trust == Some(&Trust::Everyone) && self.insecure.replace(made) != Some(made);
        let soon = how.expiry.filter(|expiry| expiry.left <= WARN_BEFORE);
        let soon = soon.filter(|expiry| self.expires.replace(expiry.at) != Some(expiry.at));
        let expires = soon.map(|expiry| match (expiry.left.as_secs() / 86_400, expiry.left.is_zero()) {
            (_, true) => {
                "the server's certificate has expired: clients that check it refuse it; renew it".into()
            }
            (days, false) => {
                let days = days + 1;
                format!(
                    "the server's certificate expires in {days} {}, and then no client connects; renew it",
                    if days == 1 { "day" } else { "days" }
                )
                .into()
            }
        });
        is_insecure.then_some(Cow::Borrowed(INSECURE)).into_iter().chain(expires)
    }
}

/// The handshake did not end within this many seconds.
pub(super) fn no_handshake(waited: f64) -> String {
    format!(
        "the server was reached but did not answer TLS's handshake within {waited} s; does this port speak TLS (tls-port in the \
         configuration of Redis)? Without TLS the URL begins with redis://"
    )
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
