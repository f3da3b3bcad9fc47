//! The handshake of a new connection: protocol version, login, database, names.
//!
//! RESP3: `HELLO 3 [AUTH user password] [SETNAME name]`, then SELECT, CLIENT SETINFO, INFO and PING together. RESP2:
//! AUTH, then SELECT, CLIENT SETNAME, CLIENT SETINFO, INFO, ROLE (not on the subscriptions' link) and PING together.
//! The PING shows whether the server serves data: while it loads, it accepts clients and answers LOADING to most
//! commands. A server limits what it reads from a client that is not logged in, so nothing is sent after a login that
//! is not confirmed. If a server refuses HELLO, the handshake goes on in RESP2 on the same connection.

use std::time::Instant;

use super::config::{Config, Protocol};
use super::connection::{Connection, Expectation, LinkRole};
use super::failure::Failure;
use super::login::Credentials;
use super::protocol::{DEFAULT_USER, HandshakeStep, Version, info_field, is_refusal, turns_away};
use super::reply::Reply;
use super::server::{Server, from_hello, from_info, role_from_info, role_from_role};
use super::serving::{outage, without_echo};
use super::texts::server_name;
use crate::model::Value;

/// The library that CLIENT SETINFO names: <https://redis.io/docs/latest/commands/client-setinfo/>
const LIBRARY_NAME: &[u8] = b"realtime";
const LIBRARY_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Begins the handshake on a fresh connection in `version`.
pub(super) fn begin(connection: &mut Connection, config: &Config, version: Version) {
    connection.version = version;
    match (version, &config.credentials) {
        (Version::Resp3, _) => send(connection, HandshakeStep::Hello, &hello(config)),
        (Version::Resp2, Some(login)) => send(connection, HandshakeStep::Auth, &auth(login)),
        (Version::Resp2, None) => introduce(connection, config),
    }
}

/// The words of HELLO, with login and name.
pub(super) fn hello(config: &Config) -> Vec<&[u8]> {
    let mut words: Vec<&[u8]> = vec![b"HELLO", b"3"];
    if let Some(login) = &config.credentials {
        words.extend([b"AUTH", login.user.as_deref().unwrap_or(DEFAULT_USER), &login.password]);
    }
    if let Some(name) = &config.name {
        words.extend([b"SETNAME", name.as_bytes()]);
    }
    words
}

/// The words of the login in RESP2. Servers before Redis 6.0 know no users.
pub(super) fn auth(login: &Credentials) -> Vec<&[u8]> {
    [Some(&b"AUTH"[..]), login.user.as_deref(), Some(&login.password)].into_iter().flatten().collect()
}

/// The login was accepted: sends the rest together.
fn introduce(connection: &mut Connection, config: &Config) {
    if config.db != 0 {
        send(connection, HandshakeStep::Select, &[b"SELECT", config.db.to_string().as_bytes()]);
    }
    if let (Version::Resp2, Some(name)) = (connection.version, &config.name) {
        send(connection, HandshakeStep::SetName, &[b"CLIENT", b"SETNAME", name.as_bytes()]);
    }
    send(connection, HandshakeStep::SetInfo, &[b"CLIENT", b"SETINFO", b"LIB-NAME", LIBRARY_NAME]);
    send(
        connection,
        HandshakeStep::SetInfo,
        &[b"CLIENT", b"SETINFO", b"LIB-VER", LIBRARY_VERSION.as_bytes()],
    );
    send(connection, HandshakeStep::Info, &[b"INFO", b"server"]);
    if connection.version == Version::Resp2 && connection.role == LinkRole::Commands {
        send(connection, HandshakeStep::Role, &[b"ROLE"]);
    }
    send(connection, HandshakeStep::Ping, &[b"PING"]);
}

fn send(connection: &mut Connection, step: HandshakeStep, words: &[&[u8]]) {
    connection.send(Expectation::Handshake(step), words);
}

/// Handles the answer to one step at `now`. The handshake is over when no step is in flight any more. The
/// server's description of itself goes into `server`; if it does not serve data yet, the reason goes into
/// `connection`.
///
/// # Errors
///
/// Why the server refuses us.
pub(super) fn answer(
    connection: &mut Connection,
    config: &Config,
    server: &mut Server,
    step: HandshakeStep,
    reply: Reply,
    now: Instant,
) -> Result<(), Failure> {
    let is_node_demanded = config.cluster || connection.role.is_nodes();
    match (step, reply) {
        (HandshakeStep::Hello, Ok(reply)) => {
            *server = from_hello(&reply, config).ok_or(Failure::NotHello)?;
            server.expect_redis(is_node_demanded)?;
            introduce(connection, config);
        }
        (HandshakeStep::Hello, Err(error)) if is_refusal(&error) => match config.protocol {
            Protocol::Auto => begin(connection, config, Version::Resp2),
            _ => return Err(Failure::NoResp3(without_echo(error, config))),
        },
        (HandshakeStep::Auth, Ok(_)) => introduce(connection, config),
        (HandshakeStep::Info, Ok(Value::String(text))) => {
            connection.server_id = info_field(&text, b"run_id").map(|id| server_name(id, config));
            // HELLO has said it already.
            if connection.version == Version::Resp2 {
                let from_info = Server { role: server.role, ..from_info(&text, config) };
                from_info.expect_redis(is_node_demanded)?;
                if connection.role == LinkRole::Commands {
                    *server = from_info;
                }
            }
        }
        (HandshakeStep::Role, Ok(reply)) => server.role = role_from_role(&reply),
        (HandshakeStep::Role, Err(error)) if !turns_away(&error) => {
            send(connection, HandshakeStep::Replication, &[b"INFO", b"replication"]);
        }
        (HandshakeStep::Replication, Ok(reply)) => server.role = role_from_info(&reply),
        (
            HandshakeStep::Select | HandshakeStep::SetName | HandshakeStep::SetInfo | HandshakeStep::Info,
            Ok(_),
        ) => {}
        // Names, INFO and ROLE are optional; old servers and narrow ACLs refuse them.
        (
            HandshakeStep::SetName
            | HandshakeStep::SetInfo
            | HandshakeStep::Info
            | HandshakeStep::Replication,
            Err(error),
        ) if !turns_away(&error) => {}
        // The subscriptions' link does not need the server's data.
        (HandshakeStep::Ping, reply) => {
            let is_for_data = !matches!(connection.role, LinkRole::Subscriptions | LinkRole::Shard);
            let outage = outage(reply, config)?.filter(|_| is_for_data);
            connection.serving.begin(outage, now);
        }
        (_, Err(error)) => return Err(Failure::Refused { step, error: without_echo(error, config) }),
    }
    Ok(())
}
