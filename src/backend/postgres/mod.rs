//! PostgreSQL: LISTEN and NOTIFY as pub/sub, SQL as commands. It speaks version 3.0 of the wire protocol with the
//! crate `postgres-protocol`. `session.rs` puts the parts of the toolbox together.

mod advice;
mod cancel;
mod check;
mod config;
mod connection;
mod encode;
mod handlers;
mod handshake;
mod inbound;
mod login;
mod outbound;
mod reply;
mod server_error;
mod session;
mod statements;
mod types;
mod wire;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Backend, OptionError, Options, Scheme, Session, Start, Tls};
use crate::model::{Args, Limits, TopicKind};

use config::Config;
use session::PostgresSession;

/// The server's name, as scripts see it.
const SERVER: &str = "PostgreSQL";

/// The entry in the table of backends.
pub(super) const SCHEME: Scheme = Scheme { names: &["postgres", "postgresql"], configure };

/// A configured client.
#[derive(Debug)]
struct Postgres {
    config: Arc<Config>,
}

fn configure(options: Options) -> Result<Arc<dyn Backend>, OptionError> {
    Ok(Arc::new(Postgres { config: Arc::new(Config::new(options)?) }))
}

impl Backend for Postgres {
    fn session(&self, start: Start) -> Box<dyn Session> {
        Box::new(PostgresSession::new(Arc::clone(&self.config), start))
    }

    fn check(&self, args: &Args, call: fn(&str) -> String) -> Result<(), String> {
        check::statement(args, call)
    }

    fn blocks(&self, _: &Args) -> bool {
        false
    }

    fn check_topic(&self, kind: TopicKind, name: &[u8]) -> Result<(), String> {
        check::topic(kind, name)
    }

    fn check_message(&self, message: &[u8]) -> Result<(), String> {
        check::message(message)
    }

    fn limits(&self) -> Limits {
        self.config.limits
    }

    fn command_timeout(&self) -> Duration {
        self.config.command_timeout
    }

    fn address(&self) -> String {
        let hosts: Vec<_> = self.config.hosts.iter().map(ToString::to_string).collect();
        format!("{}/{}", hosts.join(","), self.config.database)
    }

    fn server(&self) -> Option<&'static str> {
        Some(SERVER)
    }

    fn tls(&self) -> Option<&Arc<Tls>> {
        self.config.security.as_ref().map(|security| &security.tls)
    }

    fn same_settings(&self, other: &dyn Backend) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| other.config == self.config)
    }
}
