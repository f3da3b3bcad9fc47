//! Sentinels: which one is asked, which of its answers are believed, and the reaction to another master.

mod confirmed;
mod ending;
mod options;
mod switched;
mod which;

use std::io;

use realtime::backend::{Connected, LinkError, OptionValue};
use realtime::model::{Event, LinkId};

use crate::client::{BOTH, Client, Resp};
use crate::several::{self, Host, MASTER};
use crate::sink::Said;

/// The link to the Sentinel.
const WATCH: u8 = u8::MAX;

/// Another server.
const OTHER: Host = Host { id: "other", ..MASTER };

/// Of one to four Sentinels, the seed of these clients begins with the first.
fn client(hosts: &str, pairs: &[(&str, OptionValue)]) -> Client {
    Client::new(&format!("redis-sentinel://{hosts}/mymaster"), pairs)
}

/// A Sentinel's answers.
#[derive(Debug, Clone, Copy)]
struct Knows {
    /// Host and port, with a space between.
    master: &'static str,
    has_quorum: bool,
    others: &'static [&'static str],
}

const A: Knows = Knows { master: "a 6379", has_quorum: true, others: &[] };
const B: Knows = Knows { master: "b 6379", ..A };

/// The questions of each round.
const QUESTIONS: [&str; 3] = [
    "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster",
    "SENTINEL CKQUORUM mymaster",
    "SENTINEL SENTINELS mymaster",
];

const NO_QUORUM: &str = "-NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master\r\n";

impl Knows {
    /// The answers to the questions of a round.
    fn answers(self) -> String {
        let address: String = words(&self.master.split(' ').collect::<Vec<_>>());
        let quorum = if self.has_quorum {
            "+OK 3 usable Sentinels. Quorum and failover authorization can be reached\r\n"
        } else {
            NO_QUORUM
        };
        let others = self.others.iter().map(|one| {
            let (ip, port) = one.split_once(' ').expect("host and port");
            words(&["name", "x", "ip", ip, "port", port, "flags", "sentinel"])
        });
        format!("{address}{quorum}*{}\r\n{}", self.others.len(), others.collect::<String>())
    }
}

/// A list of texts.
fn words(words: &[&str]) -> String {
    let items: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    format!("*{}\r\n{items}", words.len())
}

/// The link to the Sentinel is made, and it accepts the login: no question is open.
fn let_in(client: &mut Client, resp: Resp) {
    client.bytes(WATCH);
    client.driver.connected(LinkId(WATCH), Connected::default());
    client.driver.drive();
    if client.commands(WATCH)[0].starts_with("HELLO 3") {
        match resp {
            Resp::Three => client.server(WATCH, b"%2\r\n+mode\r\n+sentinel\r\n+proto\r\n:3\r\n"),
            Resp::Two => client.server(WATCH, b"-ERR unknown command 'HELLO'\r\n"),
        }
    }
    if resp == Resp::Three {
        client.server(WATCH, b">3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
    }
}

/// The Sentinel answers the questions since the last call.
fn tells(client: &mut Client, knows: Knows) {
    let asked = client.commands(WATCH);
    assert!(asked.ends_with(&QUESTIONS.map(String::from)), "{asked:?}");
    client.server(WATCH, knows.answers().as_bytes());
}

/// Another server is made the master of this name.
fn announce(client: &mut Client, message: &str) {
    let len = message.len();
    client.server(
        WATCH,
        format!(">3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n${len}\r\n{message}\r\n").as_bytes(),
    );
}

/// The Sentinel cannot be connected to.
fn unreachable(client: &mut Client, address: &str) {
    let source = io::Error::from(io::ErrorKind::ConnectionRefused);
    client.lost(WATCH, LinkError::Connect { address: address.into(), source });
}

/// Ready on `a:6379`, which `s1` named, and subscribed to `chat`.
fn subscribed(resp: Resp) -> Client {
    subscribed_with("s1,s2,s3", resp, &[])
}

fn subscribed_with(hosts: &str, resp: Resp, pairs: &[(&str, OptionValue)]) -> Client {
    let mut client = client(hosts, pairs);
    assert_eq!(client.attempt(WATCH).0, "s1:26379");
    let_in(&mut client, resp);
    tells(&mut client, A);
    assert_eq!(client.attempt(0).0, "a:6379");
    several::greeted(&mut client, resp, MASTER);
    several::ready(&mut client);
    client.subscribe("chat", 1);
    restored(&mut client, resp, MASTER);
    client.said();
    client
}

/// The subscription to `chat` is made on the present server, which is this one.
fn restored(client: &mut Client, resp: Resp, host: Host) {
    if resp == Resp::Two {
        client.attempt(1);
        several::greeted_on_second(client, host);
    }
    client.confirm("subscribe", "chat");
    let link = client.subscriber;
    let fence = client
        .commands(link)
        .into_iter()
        .rev()
        .find_map(|it| it.strip_prefix("PING realtime:").map(str::to_owned));
    client.fence(fence.expect("a fence").parse().expect("its number"));
    client.commands(0);
}

/// Time passes; the Sentinel and the master answer their questions meanwhile.
fn live(client: &mut Client, seconds: u32, knows: Knows) {
    for _ in 0..seconds * 4 {
        client.advance(0.25);
        if !client.commands(WATCH).is_empty() {
            client.server(WATCH, knows.answers().as_bytes());
        }
        for link in [0, 1] {
            for command in client.commands(link) {
                let answer = crate::client::life(&command).unwrap_or_else(|| panic!("{command} on {link}"));
                client.server(link, if link == 1 { b"*2\r\n$4\r\npong\r\n$0\r\n\r\n" } else { answer });
            }
        }
    }
}

/// Expects only notices for the console, and returns them.
fn notices(client: &mut Client) -> Vec<String> {
    let text = |said| match said {
        Said::Event(Event::Notice(text)) => text.into_owned(),
        other => panic!("expected a notice, not {other:?}"),
    };
    client.said().into_iter().map(text).collect()
}

/// The Sentinel in use, and why its master is not confirmed, as in Stats.
fn sentinel(client: &Client) -> [Option<String>; 2] {
    client.counters.sentinel().map(|text| text.map(String::from))
}
