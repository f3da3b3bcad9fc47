//! What is said on a new connection before it is used: protocol version, login, database, names.
//!
//! RESP3: `HELLO 3 [AUTH user password] [SETNAME name]`, then SELECT, CLIENT SETINFO, INFO and PING in one go. RESP2: AUTH, then
//! SELECT, CLIENT SETNAME, CLIENT SETINFO, INFO, ROLE (not on the subscriptions' link) and PING in one go. The PING tells whether the server serves anybody: while it
//! loads its data, it lets clients in and answers LOADING to most commands. A server limits what it reads from a stranger, so nothing
//! is sent behind a login that is not confirmed. A server that refuses HELLO is asked in RESP2, on the same connection.

use std::time::{Duration, Instant};

use super::config::{Config, Protocol};
use super::failure::Failure;
use super::link::{Awaits, Link, Unserved, Version};
use super::role;
use super::serving::is_unserved;
use super::texts::server_name;
use crate::model::{Error, LinkId, Ready, Role, Value};

/// What CLIENT SETINFO says of us: <https://redis.io/docs/latest/commands/client-setinfo/>
const LIBRARY_NAME: &[u8] = b"realtime";
const LIBRARY_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The user that a password without a user belongs to.
pub(super) const DEFAULT_USER: &[u8] = b"default";

/// The answer to a PING that says nothing.
pub(super) const PONG: &[u8] = b"PONG";
/// How long after a server said that it does not serve yet it is asked again.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(1);

/// One command of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Hello,
    Auth,
    Select,
    SetName,
    SetInfo,
    Info,
    Role,
    Replication,
    Ping,
}

/// What the server says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) name: Option<Box<str>>,
    pub(super) version: Option<Box<str>>,
    pub(super) role: Option<Role>,
    pub(super) mode: Option<Box<str>>,
}

impl Server {
    /// # Errors
    ///
    /// It is a Sentinel, on which nobody else's messages arrive.
    fn expect_redis(&self) -> Result<(), Failure> {
        if self.mode.as_deref() == Some("sentinel") { Err(Failure::Sentinel) } else { Ok(()) }
    }

    /// The part of this that the main thread is told.
    pub(super) fn ready(&self) -> Ready {
        let Self { name, version, role, mode, .. } = self.clone();
        Ready { server: name, version, role, mode, ..Ready::default() }
    }
}

/// Begins the handshake on a fresh connection in `version`.
pub(super) fn begin(link: &mut Link, config: &Config, version: Version) {
    link.version = version;
    match (version, &config.credentials) {
        (Version::Resp3, credentials) => {
            let mut words: Vec<&[u8]> = vec![b"HELLO", b"3"];
            if let Some(login) = credentials {
                words.extend([b"AUTH", login.user.as_deref().unwrap_or(DEFAULT_USER), &login.password]);
            }
            if let Some(name) = &config.name {
                words.extend([b"SETNAME", name.as_bytes()]);
            }
            send(link, Step::Hello, &words);
        }
        (Version::Resp2, Some(login)) => match &login.user {
            Some(user) => send(link, Step::Auth, &[b"AUTH", user, &login.password]),
            None => send(link, Step::Auth, &[b"AUTH", &login.password]),
        },
        (Version::Resp2, None) => introduce(link, config),
    }
}

/// The server let us in: says the rest in one go.
fn introduce(link: &mut Link, config: &Config) {
    if config.db != 0 {
        send(link, Step::Select, &[b"SELECT", config.db.to_string().as_bytes()]);
    }
    if let (Version::Resp2, Some(name)) = (link.version, &config.name) {
        send(link, Step::SetName, &[b"CLIENT", b"SETNAME", name.as_bytes()]);
    }
    send(link, Step::SetInfo, &[b"CLIENT", b"SETINFO", b"LIB-NAME", LIBRARY_NAME]);
    send(link, Step::SetInfo, &[b"CLIENT", b"SETINFO", b"LIB-VER", LIBRARY_VERSION.as_bytes()]);
    send(link, Step::Info, &[b"INFO", b"server"]);
    if link.version == Version::Resp2 && link.id == LinkId(0) {
        send(link, Step::Role, &[b"ROLE"]);
    }
    send(link, Step::Ping, &[b"PING"]);
}

fn send(link: &mut Link, step: Step, words: &[&[u8]]) {
    link.send(Awaits::Handshake(step), words);
}

/// The answer to one step at `now`. The handshake is over when none is in flight any more. What the server says of itself
/// goes into `server`, and that it does not serve yet into `link`.
///
/// # Errors
///
/// Why the server doesn't let us in.
pub(super) fn answer(
    link: &mut Link,
    config: &Config,
    server: &mut Server,
    step: Step,
    reply: Result<Value, Error>,
    now: Instant,
) -> Result<(), Failure> {
    match (step, reply) {
        (Step::Hello, Ok(reply)) => {
            *server = from_hello(&reply, config).ok_or(Failure::NotHello)?;
            server.expect_redis()?;
            introduce(link, config);
        }
        (Step::Hello, Err(error)) if is_refusal(&error) => match config.protocol {
            Protocol::Auto => begin(link, config, Version::Resp2),
            _ => return Err(Failure::NoResp3(without_echo(error, config))),
        },
        (Step::Auth, Ok(_)) => introduce(link, config),
        (Step::Info, Ok(Value::String(text))) => {
            link.server_id = field(&text, b"run_id").map(|id| server_name(id, config));
            // HELLO has said it already.
            if link.version == Version::Resp2 {
                let from_info = Server { role: server.role, ..from_info(&text, config) };
                from_info.expect_redis()?;
                if link.id == LinkId(0) {
                    *server = from_info;
                }
            }
        }
        (Step::Role, Ok(reply)) => server.role = role::from_role(&reply),
        (Step::Role, Err(error)) if !turns_away(&error) => {
            send(link, Step::Replication, &[b"INFO", b"replication"]);
        }
        (Step::Replication, Ok(reply)) => server.role = role::from_info(&reply),
        (Step::Select | Step::SetName | Step::SetInfo | Step::Info, Ok(_)) => {}
        // Names, INFO and ROLE are courtesies; old servers and narrow ACLs refuse them.
        (Step::SetName | Step::SetInfo | Step::Info | Step::Replication, Err(error))
            if !turns_away(&error) => {}
        // The subscriptions' link needs nothing that waits for the data.
        (Step::Ping, reply) => {
            let unserved = unserved(reply, config)?.filter(|_| link.id == LinkId(0));
            if unserved.is_none() {
                link.served = now;
            }
            link.unserved = unserved.map(|error| Unserved { error, ask_at: Some(now + ASK_AGAIN) });
        }
        (_, Err(error)) => return Err(Failure::Refused { step, error: without_echo(error, config) }),
    }
    Ok(())
}

/// What the answer to a PING says of the server: `None` if it serves us, or why it does not yet. A user without the right
/// to PING is served.
///
/// # Errors
///
/// Any other answer. A server that refuses everything must not pass for one that serves.
pub(super) fn unserved(reply: Result<Value, Error>, config: &Config) -> Result<Option<Error>, Failure> {
    match reply {
        Ok(Value::String(pong)) if *pong == *PONG => Ok(None),
        Ok(_) => Err(Failure::NotPong),
        Err(error) if is_unserved(&error) => {
            let message = format!("the server does not serve data yet: {}", error.message);
            Ok(Some(Error::unsent(error.code, message)))
        }
        Err(error) => match error.code.as_str() {
            "NOPERM" => Ok(None),
            _ => Err(Failure::Refused { step: Step::Ping, error: without_echo(error, config) }),
        },
    }
}

/// Whether an error is about the connection, whatever it seems to answer: a server that turns a client away says so at
/// once, before it has read a command.
fn turns_away(error: &Error) -> bool {
    matches!(error.code.as_str(), "NOAUTH" | "DENIED") || error.message.contains("max number of clients")
}

/// Whether the server refuses a command that others take: it does not know it, says so in words of its own, or forbids it.
/// For HELLO that need not hold for RESP2, and AUTH shows whether it was the login that was refused. Redis 6.0 with `user
/// default off` forbids HELLO to everybody who is not logged in yet.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.code.as_str(), "ERR" | "NOPROTO" | "NOPERM") && !turns_away(error)
}

/// Servers echo the arguments of a command that they do not know, and a login is one. Some echo the first few bytes alone,
/// and a part of a password is not found as a whole one is. So the echo goes, or what follows a hole in the words before it.
fn without_echo(mut error: Error, config: &Config) -> Error {
    let hole = || error.message.find('…').filter(|_| error.message.starts_with("unknown command"));
    if config.credentials.is_some()
        && let Some(echo) = error.message.find("with args").or_else(hole)
    {
        let text = error.message.to_mut();
        text.truncate(echo);
        text.push('…');
    }
    error
}

/// What HELLO's map says of the server, or of what stands for one; `None` if it is neither.
pub(super) fn from_hello(reply: &Value, config: &Config) -> Option<Server> {
    let mut server = Server::default();
    let mut note = |key: &Value, value: &Value| {
        if let (Value::String(key), Value::String(value)) = (key, value) {
            match &**key {
                b"server" => server.name = Some(server_name(value, config)),
                b"version" => server.version = Some(server_name(value, config)),
                b"mode" => server.mode = Some(server_name(value, config)),
                b"role" => server.role = role::from_word(value),
                _ => {}
            }
        }
    };
    match reply {
        Value::Map(pairs) => pairs.iter().for_each(|(key, value)| note(key, value)),
        // Servers and proxies that grant RESP3. What they speak is seen by their first confirmation of a subscription.
        Value::Array(flat) => flat.chunks_exact(2).for_each(|pair| note(&pair[0], &pair[1])),
        Value::String(ok) if **ok == *b"OK" => {}
        _ => return None,
    }
    Some(server)
}

/// Server, version and mode out of INFO's lines: <https://redis.io/docs/latest/commands/info/>
///
/// Valkey has a `valkey_version` beside the version of Redis that it is compatible with, and `server_mode` instead of
/// `redis_mode`.
fn from_info(info: &[u8], config: &Config) -> Server {
    let field = |name: &[u8]| field(info, name);
    let redis = field(b"redis_version");
    let name = field(b"server_name").or_else(|| redis.map(|_| &b"redis"[..]));
    let version = name.and_then(|name| field(&[name, b"_version"].concat())).or(redis);
    let mode = field(b"redis_mode").or_else(|| field(b"server_mode"));
    let shown = |text| server_name(text, config);
    Server { name: name.map(shown), version: version.map(shown), mode: mode.map(shown), role: None }
}

/// The value of one of INFO's lines.
pub(super) fn field<'a>(info: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut lines = info.split(|&b| b == b'\n');
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(b":")).map(<[u8]>::trim_ascii_end)
}
