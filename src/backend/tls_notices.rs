//! What owners should know about TLS while it works: the same for each protocol.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::{Secured, Trust};
use crate::model::Ready;

/// How long before a certificate expires the console begins to warn. Services that renew certificates automatically
/// do so earlier.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 86_400);

/// The console line at every connect with `tls_insecure`.
const INSECURE: &str = "tls_insecure is set: the connection is encrypted, but anybody on the way can pass for the server, and read \
                        the password; tls_pin or tls_ca prevents that";

/// The security notices that were printed on the console.
#[derive(Debug, Default)]
pub(super) struct SecurityNotices {
    /// The connection that `INSECURE` was printed for, by the time at which it was made.
    insecure: Option<Instant>,
    /// The expiry of the certificate that was warned about.
    expires: Option<u64>,
}

impl SecurityNotices {
    /// Adds to a `ready` how its connection is secured, which was made at `made`.
    pub(super) fn tell(&mut self, ready: &mut Ready, how: &Secured, trust: Option<&Trust>, made: Instant) {
        (ready.tls, ready.tls_expires) = (Some(how.version), how.expiry.map(|expiry| expiry.at));
        ready.notices.extend(self.notices(how, trust, made));
    }

    /// The console lines for a connection that was made at `made`, unless they were printed before.
    fn notices(
        &mut self,
        how: &Secured,
        trust: Option<&Trust>,
        made: Instant,
    ) -> impl Iterator<Item = Cow<'static, str>> + use<> {
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
