//! A PostgreSQL session, fed any bytes at any moment: it never panics, loops or uses unbounded memory, answers every
//! request once, reveals no password, and is ready again once the server behaves.

use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Result, Unstructured};
use fake_postgres::{LET_IN, Server, error, message, notification, number, ready_for_query, role};
use realtime::backend::{Connected, OptionValue, Options, configure};
use realtime::model::{Args, LinkId, RequestKind, State, Topic, TopicKind};
use session_driver::Peers;

use crate::client::{Client, MainThread, PASSWORD};

/// Acts of one script that are carried out.
const MAX_ACTS: usize = 300;
/// The limit of a session's memory: for each link the beginning of a message, an answer, and bytes that wait to be
/// written.
const MAX_HELD: i64 = 16 << 20;
/// Statements, subscriptions, and one that asks the server to end a statement.
const LINKS: u8 = 3;
const CANCEL: u8 = 2;
const TENTH: Duration = Duration::from_millis(100);
/// Tags of a server's messages, and some that are none.
const TAGS: &[u8] = b"RSKZNECDTAI123nstGHWv\0x";

/// The other end of the links: bytes of the session that are not answered yet.
#[derive(Default)]
struct Writes([Vec<u8>; LINKS as usize]);

impl Peers for Writes {
    fn written(&mut self, link: LinkId, _: Instant, bytes: &[u8]) {
        allocation_counter::opt_out(|| self.0[usize::from(link.0)].extend_from_slice(bytes));
    }

    fn gone(&mut self, link: LinkId) {
        self.0[usize::from(link.0)].clear();
    }
}

/// Carries out a script.
pub fn postgres(input: &[u8]) {
    let mut u = Unstructured::new(input);
    let verifies = u.arbitrary().unwrap_or(false);
    let pairs =
        [("reconnect_max", OptionValue::Number(1.0)), ("verify_delivery", OptionValue::Boolean(verifies))];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value)).to_vec();
    let url = Some(format!("postgres://bob:{PASSWORD}@a,b/game?sslmode=disable"));
    let backend = configure(Options { url, pairs, ..Options::default() }).expect("good options");
    let mut client = Client::new(&*backend, 7, Writes::default(), MainThread::new(usize::MAX), MAX_HELD);
    if client.carry_out(MAX_ACTS, |client| act(&mut u, client)) {
        recovers(&mut client);
    }
    client.end();
}

/// Whatever happened: once the server behaves, the client is ready.
fn recovers(client: &mut Client<Writes>) {
    client.set_full(false);
    let mut server = Server::default();
    for link in 0..LINKS {
        if client.driver.is_up(LinkId(link)) {
            client.lost(link, 0);
        }
    }
    for _ in 0..100 {
        for link in 0..LINKS {
            if client.driver.is_wanted(LinkId(link)) {
                server.gone(link);
                client.driver.connected(LinkId(link), Connected::default());
                client.drive();
            }
            // The server hangs up once it has read the cancel request.
            if link == CANCEL && client.driver.is_up(LinkId(link)) {
                client.lost(link, 0);
                client.drive();
            }
        }
        for _ in 0..20 {
            for link in [0, 1] {
                let written = std::mem::take(&mut client.driver.peers.0[usize::from(link)]);
                for (link, bytes) in server.take(link, &written) {
                    client.driver.receive(LinkId(link), &bytes);
                    client.drive();
                }
            }
        }
        client.driver.advance(TENTH);
        client.drive();
    }
    assert_eq!(client.counters.state(), State::Ready, "it does not recover");
}

fn args(words: &[&str]) -> Args {
    words.iter().collect()
}

/// One act. Returns false if it was the client's end.
fn act(u: &mut Unstructured<'_>, client: &mut Client<Writes>) -> Result<bool> {
    let link = u8::arbitrary(u)? % LINKS;
    let topic = |u: &mut Unstructured<'_>| -> Result<Topic> {
        let name = [&b"chat"[..], b"news"][usize::from(bool::arbitrary(u)?)];
        Ok(Topic { kind: TopicKind::Channel, name: name.into() })
    };
    match u8::arbitrary(u)? % 16 {
        0 | 1 => {
            if client.driver.is_wanted(LinkId(link)) {
                client.driver.connected(LinkId(link), Connected::default());
                client.drive();
            }
        }
        2 => client.driver.receive(LinkId(link), &[LET_IN, &ready_for_query(b'I')].concat()),
        3 => client.driver.receive(LinkId(link), &role(bool::arbitrary(u)?)),
        4 => {
            let tag = TAGS[usize::from(u8::arbitrary(u)?) % TAGS.len()];
            let len = usize::from(u8::arbitrary(u)?);
            let body = u.bytes(len.min(u.len()))?;
            client.driver.receive(LinkId(link), &message(tag, body));
        }
        5 => {
            let len = usize::from(u8::arbitrary(u)?);
            let bytes = u.bytes(len.min(u.len()))?.to_vec();
            client.driver.receive(LinkId(link), &bytes);
        }
        6 => {
            let code = ["26000", "0A000", "25006", "42501", "57P01"][usize::from(u8::arbitrary(u)? % 5)];
            let status = b"ITE"[usize::from(u8::arbitrary(u)? % 3)];
            let said = [error(code, "cached plan"), ready_for_query(status)].concat();
            client.driver.receive(LinkId(link), &said);
        }
        7 => client.driver.receive(LinkId(link), &number("1")),
        8 => {
            let done = [message(b'C', b"LISTEN\0"), ready_for_query(b'I')].concat();
            client.driver.receive(LinkId(link), &done);
        }
        9 => client.driver.receive(LinkId(link), &notification("chat", "hello")),
        10 => client.lost(link, u8::arbitrary(u)?),
        11 => client.driver.advance(TENTH * u32::from(u8::arbitrary(u)?)),
        12 => {
            let topic = topic(u)?;
            if bool::arbitrary(u)? {
                client.subscribe(&topic);
            } else {
                client.unsubscribe(&topic);
            }
        }
        13 => {
            let kind = u8::arbitrary(u)? % 4;
            client.request(Duration::from_secs(5), || match kind {
                0 => RequestKind::Command(args(&["SELECT $1", "1"])),
                1 => RequestKind::Publish(args(&["chat", "hello"])),
                2 => RequestKind::Transaction(vec![args(&["SELECT $1", "1"]), args(&["SELECT $1", "2"])]),
                _ => RequestKind::Ping,
            });
        }
        14 => client.set_full(bool::arbitrary(u)?),
        _ => {
            client.disconnect(TENTH * u32::from(u8::arbitrary(u)?));
            return Ok(false);
        }
    }
    Ok(true)
}

/// An input in which a client logs in, subscribes and asks, as a beginning for the fuzzer.
pub fn postgres_input() -> Vec<u8> {
    let acts: &[&[u8]] = &[
        &[1],
        &[0, 12, 0, 1],
        &[0, 0],
        &[0, 2],
        &[0, 3, 0],
        &[1, 0],
        &[1, 2],
        &[1, 8],
        &[1, 8],
        &[1, 9],
        &[0, 13, 0],
        &[0, 13, 1],
        &[0, 7],
        &[0, 7],
        &[0, 13, 2],
        &[0, 6, 1, 2],
        &[0, 11, 40],
        &[0, 10, 0],
    ];
    acts.concat()
}
