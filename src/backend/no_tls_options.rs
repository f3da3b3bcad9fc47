//! The options about TLS, if the module was built without it: an error names the file that has it.

use std::sync::Arc;

use super::OptionError;
use super::options::OptionSet;
use super::tls::{Tls, refuse_keys};

/// There are none. The compiler removes code that would need one.
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

    /// The settings with which links are secured.
    pub(super) fn settings(&self) -> &Arc<Tls> {
        match *self {}
    }

    /// The name that a host's certificate must have.
    pub(super) fn name(&self, _: &str) -> String {
        match *self {}
    }
}

fn without_tls() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "needs TLS, which this file of the module does not have: install realtime-{version}-full.zip in place of \
         realtime-{version}.zip (or build it with --features tls); or run a tunnel (WireGuard, or stunnel unless there are \
         Sentinels or a cluster) beside the game server and connect to its local end"
    )
}
