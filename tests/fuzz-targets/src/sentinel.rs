//! A session that finds its master through Sentinels, which send it any bytes at any moment: it never panics, loops
//! or uses unbounded memory, connects only to addresses that a Sentinel named, reveals no password, and is ready
//! again once the Sentinels and the master behave.

use std::collections::VecDeque;
use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use realtime::backend::{Action, Connected, OptionValue, Options, configure};
use realtime::model::{LinkId, RequestKind, State, Topic, TopicKind};
use resp::{Decoder, Value};
use session_driver::Peers;

use crate::client::{Client, MainThread, PASSWORD};

/// The link to the Sentinel, and the two to the master.
const LINKS: [u8; 3] = [u8::MAX, 0, 1];
const WATCH: u8 = LINKS[0];
/// Acts of one script that are carried out.
const MAX_ACTS: usize = 300;
/// The limit of a session's memory: for each link half-read frames, and bytes that wait to be written.
const MAX_HELD: i64 = 8 << 20;
const TENTH: Duration = Duration::from_millis(100);
/// The addresses that a Sentinel may name.
const MASTERS: [&str; 3] = ["a:6379", "[fd00::5]:6380", "b.example:1"];

/// The other end of the links.
#[derive(Default)]
struct Servers {
    links: [Peer; LINKS.len()],
    /// A Sentinel sent arbitrary bytes, perhaps an address.
    says_anything: bool,
}

#[derive(Default)]
struct Peer {
    decoder: Decoder,
    commands: VecDeque<Vec<Vec<u8>>>,
    is_resp2: bool,
}

impl Servers {
    fn at(&mut self, link: u8) -> &mut Peer {
        let at = LINKS.iter().position(|&known| known == link);
        &mut self.links[at.unwrap_or_else(|| panic!("there is no link {link}"))]
    }
}

impl Peers for Servers {
    fn written(&mut self, link: LinkId, _now: std::time::Instant, mut bytes: &[u8]) {
        let peer = self.at(link.0);
        while let Some(frame) = peer.decoder.feed(&mut bytes).expect("what it writes is RESP") {
            let Value::Array(words) = frame.value() else { panic!("not a command: {frame:?}") };
            let words = words.map(|word| word.value().as_bytes().expect("a string").to_vec());
            peer.commands.push_back(words.collect());
        }
    }

    fn wished(&mut self, action: Action) {
        if let Action::Connect { link, endpoint, .. } = action
            && link.0 != WATCH
        {
            let is_named = MASTERS.contains(&&*endpoint.to_string());
            assert!(is_named || self.says_anything, "nobody named {endpoint}");
        }
    }

    fn gone(&mut self, link: LinkId) {
        *self.at(link.0) = Peer::default();
    }
}

/// How a server behaves at present.
#[derive(Clone, Copy)]
struct Manner {
    master: usize,
    has_quorum: bool,
    is_known: bool,
    is_replica: bool,
    is_resp2: bool,
}

const GOOD: Manner =
    Manner { master: 0, has_quorum: true, is_known: true, is_replica: false, is_resp2: false };

/// Carries out a script.
pub fn sentinel(input: &[u8]) {
    let mut u = Unstructured::new(input);
    let text = |text: &str| OptionValue::String(text.into());
    let pairs = [("sentinel_password", text(PASSWORD)), ("reconnect_max", OptionValue::Number(1.0))];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value)).to_vec();
    let url = Some(format!("redis-sentinel://:{PASSWORD}@s1,s2/mymaster"));
    let backend = configure(Options { url, pairs, ..Options::default() }).expect("good options");
    let main_thread = MainThread::new(usize::MAX);
    let mut client = Client::new(&*backend, 7, Servers::default(), main_thread, MAX_HELD);
    client.driver.queue.password_known =
        input.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    if client.carry_out(MAX_ACTS, |client| act(&mut u, client)) {
        recovers(&mut client);
    }
    client.end();
}

/// Whatever happened: once all servers behave, the client is ready.
fn recovers(client: &mut Client<Servers>) {
    for link in LINKS {
        if client.driver.is_up(LinkId(link)) {
            client.lost(link, 0);
        }
    }
    for _ in 0..600 {
        for link in LINKS {
            connect(client, link);
            while answer(client, link, GOOD) {}
        }
        client.driver.advance(TENTH);
        client.drive();
    }
    assert_eq!(client.counters.state(), State::Ready, "it does not recover");
    assert_eq!(client.counters.address().as_deref(), Some(MASTERS[0]));
}

fn connect(client: &mut Client<Servers>, link: u8) {
    if client.driver.is_wanted(LinkId(link)) {
        client.driver.connected(LinkId(link), Connected::default());
        client.drive();
    }
}

/// One act. Returns false if it was the client's end.
fn act(u: &mut Unstructured<'_>, client: &mut Client<Servers>) -> Result<bool> {
    let link = LINKS[usize::from(u8::arbitrary(u)?) % LINKS.len()];
    match u8::arbitrary(u)? % 12 {
        0 | 1 => connect(client, link),
        2..=4 => {
            let bits = u8::arbitrary(u)?;
            let manner = Manner {
                master: usize::from(bits) % MASTERS.len(),
                has_quorum: bits & 4 == 0,
                is_known: bits & 8 == 0,
                is_replica: bits & 16 != 0,
                is_resp2: bits & 32 != 0,
            };
            while answer(client, link, manner) {}
        }
        5 => {
            let len = usize::from(u8::arbitrary(u)?);
            let bytes = u.bytes(len.min(u.len()))?.to_vec();
            client.driver.peers.says_anything |= link == WATCH;
            client.driver.receive(LinkId(link), &bytes);
        }
        6 => client.lost(link, u8::arbitrary(u)?),
        7 => client.driver.receive(
            LinkId(WATCH),
            b">3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$19\r\nmymaster x 1 evil 2\r\n",
        ),
        8 => client.driver.advance(TENTH * u32::from(u8::arbitrary(u)?)),
        9 => drop(client.subscribe(&Topic { kind: TopicKind::Channel, name: b"chat".as_slice().into() })),
        10 => {
            let words = [&b"GET"[..], b"k"];
            client.request(Duration::from_secs(5), || RequestKind::Command(words.into_iter().collect()));
        }
        _ => {
            client.disconnect(TENTH * u32::from(u8::arbitrary(u)?));
            return Ok(false);
        }
    }
    Ok(true)
}

/// Answers one command of a link, if one waits.
fn answer(client: &mut Client<Servers>, link: u8, manner: Manner) -> bool {
    let peer = client.driver.peers.at(link);
    let Some(words) = peer.commands.pop_front() else { return false };
    let word = |n: usize| words.get(n).map(|word| String::from_utf8_lossy(word).to_ascii_uppercase());
    let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len());
    let push = if peer.is_resp2 { '*' } else { '>' };
    let answer = match (word(0).unwrap_or_default().as_str(), word(1).unwrap_or_default().as_str()) {
        ("HELLO", _) if manner.is_resp2 => {
            peer.is_resp2 = true;
            "-ERR unknown command 'HELLO'\r\n".to_owned()
        }
        ("HELLO", _) => {
            format!("%1\r\n+role\r\n+{}\r\n", if manner.is_replica { "replica" } else { "master" })
        }
        ("SENTINEL", "GET-MASTER-ADDR-BY-NAME") if manner.is_known => {
            let (host, port) = MASTERS[manner.master].rsplit_once(':').expect("a port");
            format!("*2\r\n{}{}", bulk(host.trim_matches(['[', ']'])), bulk(port))
        }
        ("SENTINEL", "GET-MASTER-ADDR-BY-NAME") => "*-1\r\n".to_owned(),
        ("SENTINEL", "CKQUORUM") if !manner.has_quorum => "-NOQUORUM no\r\n".to_owned(),
        ("SENTINEL", "SENTINELS" | "MASTERS") => {
            format!("*1\r\n*6\r\n{}", ["name", "x", "ip", "s3", "port", "3"].map(bulk).concat())
        }
        ("SUBSCRIBE", _) => words[1..]
            .iter()
            .map(|name| {
                format!("{push}3\r\n{}{}:1\r\n", bulk("subscribe"), bulk(&String::from_utf8_lossy(name)))
            })
            .collect(),
        ("ROLE", _) => format!("*1\r\n+{}\r\n", if manner.is_replica { "slave" } else { "master" }),
        ("PING", "") if peer.is_resp2 && link == 1 => format!("*2\r\n{}{}", bulk("pong"), bulk("")),
        ("PING", "") => "+PONG\r\n".to_owned(),
        ("PING", _) => {
            let echo = bulk(&String::from_utf8_lossy(&words[1]));
            if peer.is_resp2 && link == 1 { format!("*2\r\n{}{echo}", bulk("pong")) } else { echo }
        }
        ("INFO", _) => bulk("redis_version:7.0.15\r\nrun_id:x\r\n"),
        _ => "+OK\r\n".to_owned(),
    };
    client.driver.receive(LinkId(link), answer.as_bytes());
    client.drive();
    true
}
