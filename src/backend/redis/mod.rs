//! The backend for Redis and compatible servers: RESP3 on one link, or RESP2 on two.

mod acl;
mod acl_rule;
mod address;
mod advice;
mod answers;
mod attempts;
mod check;
mod cluster;
mod cluster_state;
mod config;
mod connection;
mod endpoints;
mod failover;
mod failure;
mod handlers;
mod handshake;
mod hash_slot;
mod inbound;
mod keys;
mod link;
mod links;
mod login;
mod nodes;
mod outbound;
mod protocol;
mod push;
mod redirection;
mod reply;
mod request;
mod role;
mod routing;
mod security;
mod sentinel;
mod sentinel_options;
mod server;
mod serving;
mod session;
mod shard_links;
mod sharded;
mod sharded_error;
mod shards;
mod slots;
mod texts;
mod watch;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use config::Config;
use session::RedisSession;

use super::tls_options::TlsOptions;
use super::{Backend, Endpoint, OptionError, Options, Scheme, Session, Start, Tls};
use crate::model::{Args, Limits};

/// The entry in the table of backends.
pub(super) const SCHEME: Scheme = Scheme {
    names: &[
        "redis",
        "valkey",
        "redis+unix",
        "unix",
        "rediss",
        "valkeys",
        "redis-sentinel",
        "valkey-sentinel",
        "rediss-sentinel",
        "valkeys-sentinel",
        "redis-cluster",
        "rediss-cluster",
        "valkey-cluster",
        "valkeys-cluster",
    ],
    configure,
};

fn configure(options: Options) -> Result<Arc<dyn Backend>, OptionError> {
    let origin = options.origin.as_str().into();
    Ok(Arc::new(Redis { config: Arc::new(Config::new(options)?), origin }))
}

/// A configured Redis backend.
#[derive(Debug)]
struct Redis {
    config: Arc<Config>,
    /// Where the configuration came from, for errors.
    origin: Arc<str>,
}

impl Backend for Redis {
    fn session(&self, start: Start) -> Box<dyn Session> {
        Box::new(RedisSession::new(Arc::clone(&self.config), Arc::clone(&self.origin), start))
    }

    fn check(&self, args: &Args, call: fn(&str) -> String) -> Result<(), String> {
        check::check(args, call)
    }

    fn blocks(&self, args: &Args) -> bool {
        check::blocks(args)
    }

    fn limits(&self) -> Limits {
        self.config.limits
    }

    fn command_timeout(&self) -> Duration {
        self.config.command_timeout
    }

    fn address(&self) -> String {
        let hosts = self.config.endpoints.iter().map(Endpoint::to_string).collect::<Vec<_>>().join(",");
        match &self.config.sentinel {
            Some(sentinel) => format!("{hosts}/{}", sentinel.master),
            None => hosts,
        }
    }

    fn tls(&self) -> Option<&Arc<Tls>> {
        self.config.tls.as_ref().map(TlsOptions::settings)
    }

    fn same_settings(&self, other: &dyn Backend) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| self.config == other.config)
    }
}
