//! What the Redis session costs for each message: from bytes to a sink that counts, and to the queue and out of it; and for
//! each publish: from a command to bytes.
//!
//! A few lines of server answer what the session says until it is ready and subscribed.

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot go on says why")]

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use realtime::backend::{Action, OptionValue, Options, Session, Start, configure};
use realtime::model::{
    About, Command, Counters, DropReason, Error, Event, Flow, LinkId, ReplyTo, Request, RequestKind, Sink,
    Slot, Ticket, Topic, TopicKind, Value, Wake,
};
use realtime::queue::{Consumer, Item, Producer, Signal, events};
use resp::{Decoder, Encoder};

fn main() {
    divan::main();
}

/// Messages or publishes in one go.
const BATCH: usize = 1000;
const SIZE: usize = 64;
/// What one read of a socket brings.
const READ: usize = 64 << 10;
/// Channels take turns in steps of this prime, so that neighbours in time are none in memory.
const STEP: usize = 7919;
const LONG: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy)]
struct Case {
    protocol: u8,
    kind: TopicKind,
    topics: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind == TopicKind::Channel { "channel" } else { "pattern" };
        write!(f, "RESP{}, 1 {kind} of {}", self.protocol, self.topics)
    }
}

const fn case(protocol: u8, kind: TopicKind, topics: usize) -> Case {
    Case { protocol, kind, topics }
}

const CASES: [Case; 8] = [
    case(3, TopicKind::Channel, 1),
    case(3, TopicKind::Channel, 10_000),
    case(3, TopicKind::Pattern, 1),
    case(3, TopicKind::Pattern, 10_000),
    case(2, TopicKind::Channel, 1),
    case(2, TopicKind::Channel, 10_000),
    case(2, TopicKind::Pattern, 1),
    case(2, TopicKind::Pattern, 10_000),
];

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// Takes everything.
#[derive(Default)]
struct Count(usize);

impl Sink for Count {
    fn message(&mut self, slot: Slot, channel: Option<&[u8]>, payload: &[u8]) -> Flow {
        black_box((slot, channel, payload));
        self.0 += 1;
        Flow::Go
    }

    fn dropped(&mut self, bytes: u64, _: DropReason) -> Flow {
        panic!("a message of {bytes} bytes was dropped")
    }

    fn answer(&mut self, _: Ticket, _: Result<Value, Error>, _: About<'_>) -> Flow {
        Flow::Go
    }

    fn event(&mut self, _: Event) -> Flow {
        Flow::Go
    }
}

struct Client {
    session: Box<dyn Session>,
    now: Instant,
    subscriber: LinkId,
}

/// A client that is ready and subscribed, with its way to the main thread.
fn client(case: Case) -> (Client, Producer, Consumer) {
    let pairs = vec![("protocol".to_owned(), OptionValue::Number(f64::from(case.protocol)))];
    let backend =
        configure(Options { url: Some("redis://server".to_owned()), pairs }).expect("valid options");
    let (now, counters) = (Instant::now(), Arc::<Counters>::default());
    let session = backend.session(Start { now, seed: 1, counters: Arc::clone(&counters) });
    let (mut producer, mut consumer) =
        events(backend.limits(), counters, Signal::default(), Arc::new(Nobody));
    let mut client = Client { session, now, subscriber: LinkId(u8::from(case.protocol == 2)) };
    for index in 0..case.topics {
        let topic = Topic { kind: case.kind, name: name(case.kind, index).as_bytes().into() };
        let slot = Slot { index: u32::try_from(index).expect("not so many"), generation: 0 };
        client.session.handle_command(now, Command::Subscribe { topic, slot }, &mut producer);
    }
    while client.converse(&mut producer, &mut consumer) {}
    (client, producer, consumer)
}

fn name(kind: TopicKind, index: usize) -> String {
    let star = if kind == TopicKind::Pattern { ".*" } else { "" };
    format!("news.{index:05}{star}")
}

impl Client {
    /// Carries out what the session wishes and answers what it has to say. Returns whether there was anything.
    fn converse(&mut self, producer: &mut Producer, consumer: &mut Consumer) -> bool {
        let mut active = false;
        while let Some(action) = self.session.poll_action() {
            active = true;
            match action {
                Action::Connect { link, .. } => self.session.handle_connected(link, self.now, producer),
                other => panic!("unexpected wish: {other:?}"),
            }
        }
        for link in [LinkId(0), LinkId(1)] {
            let mut replies = Vec::new();
            let said = self.session.poll_transmit(link).to_vec();
            let (mut input, mut decoder) = (&said[..], Decoder::new());
            while let Some(frame) = decoder.decode(&mut input).expect("commands") {
                answer(&frame.value(), self.subscriber == LinkId(0), &mut replies);
            }
            let said = said.len() - input.len();
            self.session.transmitted(link, self.now, said);
            active |= said > 0;
            let mut left = &replies[..];
            while !left.is_empty() {
                let taken = self.session.handle_input(link, self.now, left, producer);
                left = &left[taken..];
                // So many confirmations fill what the queue has for events.
                producer.flush();
                while consumer.next().is_some() {}
            }
        }
        active
    }

    fn read(&mut self, link: LinkId, bytes: &[u8], sink: &mut dyn Sink) {
        for piece in bytes.chunks(READ) {
            let taken = self.session.handle_input(link, self.now, piece, sink);
            assert_eq!(taken, piece.len(), "nothing is full here");
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
        b"INFO" => {
            encoder.bulk_string(b"# Server\r\nredis_version:7.0.15\r\n");
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
fn messages(case: Case) -> Vec<u8> {
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

#[divan::bench(args = CASES)]
fn messages_counted(bencher: Bencher<'_, '_>, case: Case) {
    let ((mut client, ..), bytes) = (client(case), messages(case));
    let (link, mut sink) = (client.subscriber, Count::default());
    bencher.counter(ItemsCount::new(BATCH)).counter(BytesCount::new(bytes.len())).bench_local(|| {
        client.read(link, &bytes, &mut sink);
        assert_eq!(std::mem::take(&mut sink.0), BATCH);
    });
}

#[divan::bench(args = CASES)]
fn messages_into_the_queue_and_out(bencher: Bencher<'_, '_>, case: Case) {
    let ((mut client, mut producer, mut consumer), bytes) = (client(case), messages(case));
    let link = client.subscriber;
    bencher.counter(ItemsCount::new(BATCH)).counter(BytesCount::new(bytes.len())).bench_local(|| {
        client.read(link, &bytes, &mut producer);
        producer.flush();
        let mut taken = 0;
        while let Some(item) = consumer.next() {
            if let Item::Message { payload, .. } = item {
                black_box(payload);
                taken += 1;
            }
        }
        assert_eq!(taken, BATCH);
    });
}

/// From the command to the bytes for the socket. Answers come before the clock starts: a sample is one go.
#[divan::bench(args = [3, 2], sample_size = 1)]
fn publishes(bencher: Bencher<'_, '_>, protocol: u8) {
    let (client, producer, consumer) = client(case(protocol, TopicKind::Channel, 1));
    let world = RefCell::new((client, producer, consumer));
    let replies = b":1\r\n".repeat(BATCH);
    let prepare = || {
        let (client, producer, consumer) = &mut *world.borrow_mut();
        if consumer.pending() > 0 {
            client.read(LinkId(0), &replies, producer);
            producer.flush();
            while consumer.next().is_some() {}
        }
        let request = |_| {
            let args = [&b"chat"[..], &[b'x'; SIZE]].iter().collect();
            let ticket = consumer.ticket(ReplyTo::Nobody, SIZE + 4).expect("all are answered");
            let deadline = client.now + LONG;
            Command::Request(Request { ticket, deadline, kind: RequestKind::Publish(args) })
        };
        (0..BATCH).map(request).collect::<Vec<_>>()
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(prepare).bench_local_values(|commands| {
        let (client, producer, _) = &mut *world.borrow_mut();
        for command in commands {
            client.session.handle_command(client.now, command, producer);
        }
        loop {
            let n = black_box(client.session.poll_transmit(LinkId(0))).len();
            if n == 0 {
                break;
            }
            client.session.transmitted(LinkId(0), client.now, n);
        }
    });
}
