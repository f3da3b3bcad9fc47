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
            return Err(OptionError::Url(format!("{scheme}:// {}", without_tls(scheme))));
        }
        if set.boolean("tls")? == Some(true) {
            return Err(OptionError::invalid("tls", without_tls("")));
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

/// The error's text. Sentinels and the nodes of a cluster name addresses that lead past a tunnel.
fn without_tls(scheme: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let tunnel = if scheme.ends_with("-sentinel") || scheme.ends_with("-cluster") {
        "connect the machines with WireGuard, and leave TLS out"
    } else {
        "run a tunnel (stunnel, WireGuard) beside the game server and connect to its local end"
    };
    format!(
        "needs TLS, which this file of the module does not have: install realtime-{version}-full.zip in place of \
         realtime-{version}.zip (or build it with --features tls); or {tunnel}"
    )
}
