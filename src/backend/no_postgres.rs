//! PostgreSQL, if the module was built without it: an error names the file that has it.

use std::sync::Arc;

use super::{Backend, OptionError, Options, Scheme};

/// The row in the table of backends.
pub(super) const SCHEME: Scheme = Scheme { names: &["postgres", "postgresql"], configure };

fn configure(_: Options) -> Result<Arc<dyn Backend>, OptionError> {
    let version = env!("CARGO_PKG_VERSION");
    Err(OptionError::Url(format!(
        "PostgreSQL is not in this file of the module: install realtime-{version}-full.zip in place of realtime-{version}.zip, or build it with --features postgres"
    )))
}
