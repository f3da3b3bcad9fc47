//! Several addresses: which one is tried and when, and what is reported meanwhile.

mod cluster;
mod replicas;
mod turns;
mod two_links;

use std::io;
use std::time::Duration;

use realtime::backend::{Connected, LinkError, OptionValue};
use realtime::model::{Error, Event, LinkId, Ready};

use crate::client::{Client, Resp};
use crate::sink::Said;

/// Of lists of two, three and four, this seed begins with the first.
const FIRST: u64 = 8;

/// A client of these addresses that has asked for the first one, and nothing else.
fn client(hosts: &str, pairs: &[(&str, OptionValue)]) -> Client {
    Client::with_seed(&format!("redis://{hosts}"), pairs, FIRST)
}

/// How a server introduces itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host {
    /// Its `run_id`.
    pub(crate) id: &'static str,
    pub(crate) role: &'static str,
    pub(crate) mode: &'static str,
}

pub(crate) const MASTER: Host = Host { id: "m", role: "master", mode: "standalone" };
pub(crate) const REPLICA: Host = Host { id: "r", role: "slave", mode: "standalone" };

/// The command link is made, and this host answers all of the handshake.
pub(crate) fn greeted(client: &mut Client, resp: Resp, host: Host) {
    // Bytes written to the last host do not matter for this one.
    client.bytes(0);
    client.driver.connected(LinkId(0), Connected::default());
    client.driver.drive();
    let Host { id, role, mode } = host;
    let info = format!("redis_version:7.0.15\r\nredis_mode:{mode}\r\nrun_id:{id}\r\n");
    let info = format!("+OK\r\n+OK\r\n${}\r\n{info}\r\n", info.len());
    let hello = client.commands(0).remove(0);
    match resp {
        Resp::Three => {
            let role = if role == "slave" { "replica" } else { role };
            let (mode_len, role_len) = (mode.len(), role.len());
            let hello = format!("%2\r\n+mode\r\n${mode_len}\r\n{mode}\r\n+role\r\n${role_len}\r\n{role}\r\n");
            client.server(0, hello.as_bytes());
            client.server(0, format!("{info}+PONG\r\n").as_bytes());
        }
        Resp::Two => {
            if hello.starts_with("HELLO") {
                client.server(0, b"-ERR unknown command 'HELLO'\r\n");
            }
            client.server(0, format!("{info}*1\r\n${}\r\n{role}\r\n+PONG\r\n", role.len()).as_bytes());
        }
    }
    client.subscriber = u8::from(resp == Resp::Two);
}

/// The link of RESP2's subscriptions is made, and this host lets it in.
pub(crate) fn greeted_on_second(client: &mut Client, host: Host) {
    client.driver.connected(LinkId(1), Connected::default());
    client.driver.drive();
    let info = format!("redis_version:7.0.15\r\nrun_id:{}\r\n", host.id);
    client.server(1, format!("+OK\r\n+OK\r\n${}\r\n{info}\r\n+PONG\r\n", info.len()).as_bytes());
}

/// Ready on the first of these addresses, a master, and subscribed to `chat`.
fn subscribed(hosts: &str, resp: Resp) -> Client {
    let mut client = client(hosts, &[]);
    client.attempt(0);
    greeted(&mut client, resp, MASTER);
    ready(&mut client);
    client.subscribe("chat", 1);
    if resp == Resp::Two {
        client.attempt(1);
        greeted_on_second(&mut client, MASTER);
    }
    client.confirm("subscribe", "chat");
    client.fence(1);
    client.said();
    client.commands(0);
    client.commands(1);
    client
}

/// Nothing accepts connections at this address.
fn refused(client: &mut Client, address: &str) {
    let source = io::Error::from(io::ErrorKind::ConnectionRefused);
    client.lost(0, LinkError::Connect { address: address.into(), source });
}

/// Expects that the client is ready, and nothing else.
pub(crate) fn ready(client: &mut Client) -> Ready {
    let said = client.said();
    let [Said::Event(Event::Ready(ready))] = &said[..] else { panic!("expected ready, not {said:?}") };
    ready.clone()
}

/// Expects a gap first. Returns how long it lasted.
pub(crate) fn gap(said: &[Said]) -> Duration {
    match said.first() {
        Some(Said::Event(Event::Gap { lasted, topics: None, .. })) => *lasted,
        _ => panic!("expected a gap first, not {said:?}"),
    }
}

/// Expects that all addresses were tried, and nothing else.
fn all_failed(client: &mut Client) -> Error {
    let (error, wait) = client.expect_down();
    assert!(error.message.starts_with("none of the "), "{error}");
    assert!(wait > Duration::ZERO);
    error
}

/// Where the session asks to connect to next, once its pause is over.
fn next_round(client: &mut Client) -> String {
    client.await_attempt();
    client.attempt(0).0
}
