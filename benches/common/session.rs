//! A session that is ready and subscribed, with its way to the main thread: a few lines of server answer what it says.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use realtime::backend::{Action, Connected, OptionValue, Options, Session, Start, configure};
use realtime::model::{Command, Counters, LinkId, READ_BYTES, Sink, SubscriptionSlot, Topic, TopicKind};
use realtime::queue::{Consumer, Producer, Signal, events};
use resp::{Decoder, Encoder};

use super::{BATCH, Nobody, SIZE};

/// Channels take turns in steps of this prime, so that neighbours in time are none in memory.
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

pub(crate) struct Client {
    pub(crate) session: Box<dyn Session>,
    pub(crate) now: Instant,
    pub(crate) subscriber: LinkId,
}

/// A client that is ready and subscribed, with its way to the main thread.
pub(crate) fn client(case: Case) -> (Client, Producer, Consumer) {
    let pairs = vec![("protocol".to_owned(), OptionValue::Number(f64::from(case.protocol)))];
    let backend = configure(Options { url: Some("redis://server".to_owned()), pairs, ..Options::default() })
        .expect("valid options");
    let (now, counters) = (Instant::now(), Arc::<Counters>::default());
    let session = backend.session(Start { now, seed: 1, counters: Arc::clone(&counters) });
    let (mut producer, mut consumer) =
        events(backend.limits(), counters, Signal::default(), Arc::new(Nobody));
    let mut client = Client { session, now, subscriber: LinkId(u8::from(case.protocol == 2)) };
    for index in 0..case.topics {
        let topic = Topic { kind: case.kind, name: name(case.kind, index).as_bytes().into() };
        let slot = SubscriptionSlot::new(u32::try_from(index).expect("not so many"), 0);
        client.session.handle_command(now, Command::Subscribe { topic, slot }, &mut producer);
    }
    while client.converse(&mut producer, &mut consumer) {}
    (client, producer, consumer)
}

pub(crate) fn name(kind: TopicKind, index: usize) -> String {
    let star = if kind == TopicKind::Pattern { ".*" } else { "" };
    format!("news.{index:05}{star}")
}

impl Client {
    /// Carries out what the session wishes and answers what it has to say. Returns whether there was anything.
    pub(crate) fn converse(&mut self, producer: &mut Producer, consumer: &mut Consumer) -> bool {
        let mut active = false;
        while let Some(action) = self.session.poll_action() {
            active = true;
            match action {
                Action::Connect { link, .. } => {
                    self.session.handle_connected(link, self.now, Connected::default(), producer);
                }
                other => panic!("unexpected wish: {other:?}"),
            }
        }
        for link in [LinkId(0), LinkId(1)] {
            let mut replies = Vec::new();
            let said = self.session.poll_transmit(link, self.now).to_vec();
            let (mut input, mut decoder) = (&said[..], Decoder::new());
            while let Some(frame) = decoder.decode(&mut input).expect("commands") {
                answer(&frame.value(), self.subscriber == LinkId(0), &mut replies);
            }
            let said = said.len() - input.len();
            self.session.transmitted(link, said);
            active |= said > 0;
            for piece in replies.chunks(READ_BYTES) {
                self.session.handle_input(link, self.now, piece, producer);
                // So many confirmations fill what the queue has for events.
                producer.flush();
                while consumer.next().is_some() {}
            }
        }
        active
    }

    /// The socket takes all there is.
    pub(crate) fn write(&mut self, link: LinkId) {
        loop {
            let n = black_box(self.session.poll_transmit(link, self.now)).len();
            if n == 0 {
                return;
            }
            self.session.transmitted(link, n);
        }
    }

    pub(crate) fn read(&mut self, link: LinkId, bytes: &[u8], sink: &mut dyn Sink) {
        for piece in bytes.chunks(READ_BYTES) {
            self.session.handle_input(link, self.now, piece, sink);
        }
    }
}

/// What the server says to a command.
fn answer(command: &resp::Value<'_>, pushes: bool, replies: &mut Vec<u8>) {
    let resp::Value::Array(words) = command else { panic!("no command: {command:?}") };
    let words: Vec<&[u8]> = (*words).filter_map(|word| word.value().as_bytes()).collect();
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
