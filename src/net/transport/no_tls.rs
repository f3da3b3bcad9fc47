//! In place of TLS, if the module was built without it: settings with TLS are refused.

use std::sync::Arc;

use super::Transport;
use crate::backend::{LinkError, OptionError, Tls, TlsError, TlsFault};

/// The error of this build. Options that ask for TLS are refused earlier, with advice.
const WITHOUT: &str = "this build has no TLS";

/// Empty.
#[derive(Debug, Default)]
pub(in crate::net) struct TlsConfigs;

/// Cannot be constructed.
#[derive(Debug)]
pub(in crate::net) enum Layer {}

impl TlsConfigs {
    #[expect(clippy::unused_self, reason = "the same as with TLS")]
    pub(in crate::net) fn prepare(&self, _: &Arc<Tls>) -> Result<(), OptionError> {
        Err(OptionError::Url(WITHOUT.into()))
    }

    #[expect(clippy::unused_self, reason = "the same as with TLS")]
    pub(in crate::net) fn layer(&self, _: &Arc<Tls>, _: &str) -> Result<Layer, LinkError> {
        Err(LinkError::Tls(TlsError { fault: TlsFault::Other, words: WITHOUT.into() }))
    }
}

impl Layer {
    pub(in crate::net) fn over(self, _: Box<dyn Transport>) -> Box<dyn Transport> {
        match self {}
    }
}
