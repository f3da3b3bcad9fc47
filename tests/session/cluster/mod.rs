//! A cluster: commands go to the node that holds their hash slot, and where a node sends them on.

mod cut_off;
mod ending;
mod failures;
mod order;
mod redirections;
mod routes;
mod shards;
#[cfg(feature = "tls")]
mod tls;
mod transactions;

use realtime::backend::{Connected, OptionValue};
use realtime::model::{Error, Event, LinkId, RequestKind, Value};

use crate::client::{Client, Resp, args};
use crate::sink::{Said, without_notices};

/// Of one address, any seed begins with it.
const SEED: u64 = 8;

/// CLUSTER SLOTS of three nodes. Of the keys in these tests `b` is on the first, `c` on the second, and `a` on the third one.
const SLOTS: &[u8] = b"*3\r\n\
    *3\r\n:0\r\n:5460\r\n*3\r\n$2\r\nn1\r\n:7001\r\n$1\r\na\r\n\
    *4\r\n:5461\r\n:10922\r\n*3\r\n$2\r\nn2\r\n:7002\r\n$1\r\nb\r\n*3\r\n$2\r\nn4\r\n:7004\r\n$1\r\nd\r\n\
    *3\r\n:10923\r\n:16383\r\n*3\r\n$2\r\nn3\r\n:7003\r\n$1\r\nc\r\n";

/// A server that does not say who holds the slots.
const FORBIDDEN: &[u8] = b"-NOPERM this user has no permissions to run the 'cluster|slots' command\r\n";

/// Ready on `n1`, a node of a cluster that answers CLUSTER SLOTS with this.
fn on_cluster(resp: Resp, pairs: &[(&str, OptionValue)], slots: &[u8]) -> Client {
    let mut client = Client::with_seed("redis://n1:7001", pairs, SEED);
    assert_eq!(client.attempt(0).0, "n1:7001");
    made(&mut client, 0, resp);
    assert_eq!(client.commands(0), ["CLUSTER SLOTS"]);
    client.server(0, slots);
    let said = without_notices(client.said());
    assert!(matches!(&said[..], [Said::Event(Event::Ready(_))]), "{said:?}");
    client
}

/// The link is made, and a node of a cluster answers all of its handshake.
fn made(client: &mut Client, link: u8, resp: Resp) {
    made_at(client, link, resp, "cluster");
}

/// The link is made, to a server that reports this mode.
fn made_at(client: &mut Client, link: u8, resp: Resp, mode: &str) {
    made_as(client, link, resp, mode, Connected::default());
}

/// The same, with the details in `how`.
fn made_as(client: &mut Client, link: u8, resp: Resp, mode: &str, how: Connected) {
    client.bytes(link);
    client.driver.connected(LinkId(link), how);
    client.driver.drive();
    greeted(client, link, resp, mode);
}

/// A server that is deployed so answers all of the handshake.
fn greeted(client: &mut Client, link: u8, resp: Resp, mode: &str) {
    let first = client.commands(link).remove(0);
    if first.starts_with("HELLO") {
        match resp {
            Resp::Three => {
                let len = mode.len();
                let hello = format!("%2\r\n+mode\r\n${len}\r\n{mode}\r\n+role\r\n$6\r\nmaster\r\n");
                client.server(link, hello.as_bytes());
            }
            Resp::Two => client.server(link, b"-ERR unknown command 'HELLO'\r\n"),
        }
        client.commands(link);
    }
    let info = format!("redis_version:7.0.15\r\nredis_mode:{mode}\r\nrun_id:r{link}\r\n");
    let role = if resp == Resp::Two && link == 0 { "*1\r\n$6\r\nmaster\r\n" } else { "" };
    client.server(link, format!("+OK\r\n+OK\r\n${}\r\n{info}\r\n{role}+PONG\r\n", info.len()).as_bytes());
    client.subscriber = u8::from(resp == Resp::Two);
}

/// The session asks for this link to this node, and gets it.
fn node(client: &mut Client, link: u8, address: &str, resp: Resp) {
    assert_eq!(client.attempt(link).0, address);
    made(client, link, resp);
}

fn command(client: &mut Client, id: u32, words: &[&str]) {
    client.request(id, 10.0, RequestKind::Command(args(words)));
}

fn transaction(client: &mut Client, id: u32, commands: &[&[&str]]) {
    let commands = commands.iter().map(|command| args(command)).collect();
    client.request(id, 10.0, RequestKind::Transaction(commands));
}

fn ok(id: u32) -> Said {
    Said::Answer { id, result: Ok(Value::String(b"OK"[..].into())) }
}

/// Expects the failure of this request, and nothing else. Returns why.
fn failed(client: &mut Client, id: u32) -> Error {
    let said = client.said();
    match &said[..] {
        [Said::Answer { id: answered, result: Err(error) }] if *answered == id => error.clone(),
        _ => panic!("expected that {id} failed, not {said:?}"),
    }
}
