//! The options about TLS, where the module was built without it: whoever asks for it is told which file has it.

use std::sync::Arc;

use super::OptionError;
use super::options::OptionSet;
use super::tls::{Tls, refuse_keys};

/// There are none. The compiler leaves out what could only be done with some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TlsOptions {}

impl TlsOptions {
    /// Takes the options out of `set`. `scheme`: the URL's, if it asks for TLS.
    pub(super) fn take(set: &mut OptionSet, scheme: Option<&str>) -> Result<Option<Self>, OptionError> {
        if let Some(scheme) = scheme {
            return Err(OptionError::Url(format!("{scheme}:// {}", without_tls())));
        }
        if set.boolean("tls")? == Some(true) {
            return Err(OptionError::invalid("tls", without_tls()));
        }
        refuse_keys(set).map(|()| None)
    }

    /// What links are secured with.
    pub(super) fn settings(&self) -> &Arc<Tls> {
        match *self {}
    }

    /// The name that the certificate of a host is to have.
    pub(super) fn name(&self, _: &str) -> String {
        match *self {}
    }
}

fn without_tls() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "needs TLS, which this file of the module does not have: install realtime-{version}-full.zip in place of \
         realtime-{version}.zip; or run a tunnel (stunnel, WireGuard) beside the game server and connect to its local end"
    )
}
