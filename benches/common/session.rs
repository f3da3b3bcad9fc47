//! A session that is ready and subscribed, with its queue to the main thread: a few lines of server answer it.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use realtime::backend::{Backend, Connected, OptionValue, Options, Start, configure};
use realtime::model::{Command, Counters, LinkId, READ_BYTES, SubscriptionSlot, Topic, TopicKind};
use realtime::queue::{Consumer, Producer, Signal, events};
use resp::{Decoder, Encoder};
use session_driver::{Driver, Peers, Queue};

use super::{BATCH, Nobody, SIZE};

/// Channels alternate in steps of this prime, so that consecutive ones are not neighbours in memory.
const STEP: usize = 7919;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) protocol: u8,
    pub(crate) kind: TopicKind,
    pub(crate) topics: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind == TopicKind::Channel { "channel" } else { "pattern" };
        write!(f, "RESP{}, 1 {kind} of {}", self.protocol, self.topics)
    }
}

pub(crate) const fn case(protocol: u8, kind: TopicKind, topics: usize) -> Case {
    Case { protocol, kind, topics }
}

impl Case {
    /// The link of the subscriptions.
    pub(crate) fn subscriber(self) -> LinkId {
        LinkId(u8::from(self.protocol == 2))
    }

    fn backend(self) -> Arc<dyn Backend> {
        let pairs = vec![("protocol".to_owned(), OptionValue::Number(f64::from(self.protocol)))];
        let url = Some("redis://server".to_owned());
        configure(Options { url, pairs, ..Options::default() }).expect("valid options")
    }
}

pub(crate) type Client<Q> = Driver<Q, Server>;

/// A client that is ready and subscribed, with its queue to the main thread.
pub(crate) fn client(case: Case) -> (Client<Producer>, Consumer) {
    let counters = Arc::<Counters>::default();
    let (producer, mut consumer) =
        events(case.backend().limits(), Arc::clone(&counters), Signal::default(), Arc::new(Nobody));
    let client = subscribed(case, counters, producer, || while consumer.next().is_some() {});
    (client, consumer)
}

/// A client that is ready and subscribed. `drain` empties the queue.
pub(crate) fn subscribed<Q: Queue>(
    case: Case,
    counters: Arc<Counters>,
    queue: Q,
    mut drain: impl FnMut(),
) -> Client<Q> {
    let now = Instant::now();
    let session = case.backend().session(Start { now, seed: 1, counters });
    let server = Server { resp3: case.protocol == 3, replies: Some(Default::default()) };
    let mut client = Driver::new(session, now, queue, server);
    for index in 0..case.topics {
        let topic = Topic { kind: case.kind, name: name(case.kind, index).as_bytes().into() };
        let slot = SubscriptionSlot::new(u32::try_from(index).expect("not so many"), 0);
        client.command(Command::Subscribe { topic, slot });
    }
    client.drive();
    while converse(&mut client, &mut drain) {}
    client.peers.replies = None;
    client
}

/// Makes the links that the session asks for, and passes it the server's answers. Returns whether there was anything.
fn converse<Q: Queue>(client: &mut Client<Q>, drain: &mut impl FnMut()) -> bool {
    let mut active = false;
    for link in [LinkId(0), LinkId(1)] {
        if client.is_wanted(link) {
            active = true;
            client.connected(link, Connected::default());
            client.drive();
        }
        let replies = client.peers.replies.as_mut().expect("it answers until all is set up");
        let replies = std::mem::take(&mut replies[usize::from(link.0)]);
        active |= !replies.is_empty();
        for piece in replies.chunks(READ_BYTES) {
            client.receive(link, piece);
            // So many confirmations fill the queue's room for events.
            drain();
            client.resume();
        }
    }
    active
}

pub(crate) fn name(kind: TopicKind, index: usize) -> String {
    let star = if kind == TopicKind::Pattern { ".*" } else { "" };
    format!("news.{index:05}{star}")
}

/// The server at the other end.
#[derive(Debug)]
pub(crate) struct Server {
    resp3: bool,
    /// Its answers on each link, until everything is set up. After that it only reads.
    replies: Option<[Vec<u8>; 2]>,
}

impl Peers for Server {
    fn written(&mut self, link: LinkId, _now: Instant, bytes: &[u8]) {
        let Some(replies) = &mut self.replies else {
            black_box(bytes);
            return;
        };
        let (mut input, mut decoder) = (bytes, Decoder::new());
        while let Some(frame) = decoder.feed(&mut input).expect("commands") {
            answer(&frame.value(), self.resp3, &mut replies[usize::from(link.0)]);
        }
        assert!(decoder.frame_start().is_none(), "the session encodes whole commands");
    }
}

/// The server's answer to a command.
fn answer(command: &resp::Value<'_>, pushes: bool, replies: &mut Vec<u8>) {
    let resp::Value::Array(words) = command else { panic!("no command: {command:?}") };
    let words: Vec<&[u8]> = words.clone().filter_map(|word| word.value().as_bytes()).collect();
    let mut encoder = Encoder::new(replies);
    match words[0] {
        b"HELLO" => {
            encoder.map(2).bulk_string(b"server").bulk_string(b"redis").bulk_string(b"proto").integer(3);
        }
        b"ROLE" => {
            encoder.array(1).bulk_string(b"master");
        }
        b"INFO" => {
            encoder.bulk_string(b"# Server\r\nredis_version:7.0.15\r\n");
        }
        b"PING" if words.len() == 1 => {
            encoder.simple_string("PONG").expect("one line");
        }
        b"PING" if pushes => {
            encoder.bulk_string(words[1]);
        }
        b"PING" => {
            encoder.array(2).bulk_string(b"pong").bulk_string(words[1]);
        }
        b"SUBSCRIBE" | b"PSUBSCRIBE" => {
            let confirmation = words[0].to_ascii_lowercase();
            for name in &words[1..] {
                let head = if pushes { encoder.push(3) } else { encoder.array(3) };
                head.bulk_string(&confirmation).bulk_string(name).integer(1);
            }
        }
        _ => {
            encoder.simple_string("OK").expect("one line");
        }
    }
}

/// Messages as the server sends them.
pub(crate) fn messages(case: Case) -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in 0..BATCH {
        let index = n * STEP % case.topics;
        let pattern = case.kind == TopicKind::Pattern;
        let mut encoder = Encoder::new(&mut bytes);
        let count = 3 + usize::from(pattern);
        let head = if case.protocol == 3 { encoder.push(count) } else { encoder.array(count) };
        if pattern {
            head.bulk_string(b"pmessage").bulk_string(name(case.kind, index).as_bytes());
        } else {
            head.bulk_string(b"message");
        }
        let channel = format!("{}{}", name(TopicKind::Channel, index), if pattern { ".chat" } else { "" });
        head.bulk_string(channel.as_bytes()).bulk_string(&[b'x'; SIZE]);
    }
    bytes
}
