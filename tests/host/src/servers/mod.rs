//! The server that a script talks to: the embedded one, or a redis-server or a PostgreSQL of its own.

mod client;
mod fake;
#[cfg_attr(not(unix), path = "no_postgres.rs")]
mod postgres;
mod proxy;
mod real;
mod talker;

use std::{env, path::Path};

pub(crate) use fake::Fake;
use postgres::Postgres;
pub(crate) use proxy::{Proxy, address};
pub(crate) use real::Real;
pub(crate) use talker::Talker;

use crate::{cli::Kind, value::Value};

/// The run's server. It starts when it is first asked for.
#[derive(Debug)]
pub(crate) enum Server {
    Fake(Fake),
    Real(Real),
    Postgres(Postgres),
}

impl Server {
    /// Starts a server that keeps its files in `folder`.
    ///
    /// # Errors
    ///
    /// It does not start, or the environment names another one.
    pub(crate) fn start(kind: Kind, folder: &Path) -> Result<Self, String> {
        if env::var_os("REDIS_URL").is_some() {
            return Err(
                "REDIS_URL names another server, which the host does not drive (--servers sets it, too)"
                    .to_owned(),
            );
        }
        match kind {
            Kind::Fake => Fake::start(folder, &[]).map(Self::Fake),
            Kind::Real => Real::start(folder, "").map(Self::Real),
            Kind::Postgres => Postgres::start().map(Self::Postgres),
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Fake(fake) => fake.url(),
            Self::Real(real) => real.url(),
            Self::Postgres(postgres) => postgres.url(),
        }
    }

    /// `host.server.METHOD(…)`: the methods that both kinds share.
    ///
    /// # Errors
    ///
    /// There is no such method, the arguments are wrong, or the server can't.
    pub(crate) fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        const COMMON: [&str; 8] = ["url", "socket", "publish", "drop", "stop", "start", "pause", "resume"];
        match (method, self) {
            ("kind", Self::Fake(_)) => Ok("fake".into()),
            ("kind", Self::Real(_)) => Ok("real".into()),
            ("kind", Self::Postgres(_)) => Ok("postgres".into()),
            ("sql", Self::Postgres(postgres)) => postgres.call(method, arguments),
            (method, Self::Fake(fake)) if COMMON.contains(&method) => fake.call(method, arguments),
            (method, Self::Real(real)) if COMMON.contains(&method) => real.call(method, arguments),
            (method, Self::Postgres(postgres)) if COMMON.contains(&method) => {
                postgres.call(method, arguments)
            }
            _ => Err(format!("host.server has kind, {}, but no '{method}'", COMMON.join(", "))),
        }
    }
}

/// The `index`th argument (from 0) as bytes; `method` is for the error.
fn bytes<'a>(arguments: &'a [Value], index: usize, method: &str) -> Result<&'a [u8], String> {
    match arguments.get(index) {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(format!("bad argument #{} to '{method}' (string expected)", index + 1)),
    }
}

/// The same, as text.
fn text<'a>(arguments: &'a [Value], index: usize, method: &str) -> Result<&'a str, String> {
    std::str::from_utf8(bytes(arguments, index, method)?)
        .map_err(|_| format!("bad argument #{} to '{method}' (UTF-8 expected)", index + 1))
}
