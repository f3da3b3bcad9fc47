//! Redis, and what speaks its protocol: RESP3 on one link, or RESP2 on two.

mod backoff;
mod batch;
mod check;
mod config;
mod connection;
mod failure;
mod handshake;
mod inbound;
mod link;
mod names;
mod outbound;
mod push;
mod random;
mod reply;
mod request;
mod role;
mod session;
mod texts;
mod topics;
mod transmit;
mod verify;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use config::Config;
use session::RedisSession;

use super::{Backend, Endpoint, OptionError, Options, Scheme, Session, Start};
use crate::model::{Args, Limits};

/// The row of the table.
pub(super) const SCHEME: Scheme = Scheme { names: &["redis", "unix", "rediss"], configure };

fn configure(options: Options) -> Result<Arc<dyn Backend>, OptionError> {
    Ok(Arc::new(Redis(Arc::new(Config::new(options)?))))
}

/// A configured Redis backend.
#[derive(Debug)]
struct Redis(Arc<Config>);

impl Backend for Redis {
    fn session(&self, start: Start) -> Box<dyn Session> {
        Box::new(RedisSession::new(Arc::clone(&self.0), start))
    }

    fn check(&self, args: &Args) -> Result<(), String> {
        check::check(args)
    }

    fn limits(&self) -> Limits {
        self.0.limits
    }

    fn command_timeout(&self) -> Duration {
        self.0.command_timeout
    }

    fn address(&self) -> String {
        match &self.0.endpoint {
            Endpoint::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Endpoint::Tcp { host, port } => format!("{host}:{port}"),
            Endpoint::Unix(path) => path.display().to_string(),
        }
    }

    fn same_settings(&self, other: &dyn Backend) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| self.0 == other.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
