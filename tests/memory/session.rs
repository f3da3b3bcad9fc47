//! A session between a server of literal bytes and the queue: large messages, replies and requests, held or skipped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use realtime::backend::{Connected, OptionValue, Options, Start, configure};
use realtime::model::{
    Args, Code, Command, Counters, DropReason, Error, Event, LinkId, ReplyTo, Request, RequestKind,
    RequestSlot, SubscriptionSlot, Topic, TopicKind, Value, Wake,
};
use realtime::queue::{Consumer, Item, Producer, Signal, events};
use session_driver::{Driver, Peers};

const LINK: LinkId = LinkId(0);
const CHANNEL: SubscriptionSlot = SubscriptionSlot::new(1, 0);
const ANSWER: RequestSlot = RequestSlot::new(2, 0);
const LONG: Duration = Duration::from_secs(60);

/// The size of one read of a socket.
const READ: usize = 64 << 10;
const LARGE: usize = 64 << 20;
/// Buffers that keep their capacity for ordinary messages: of the decoder, of the queue, towards the server.
const ORDINARY: i64 = 512 << 10;

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// A client on one thread, subscribed to "chat".
struct Client {
    driver: Driver<Producer, Bytes>,
    consumer: Consumer,
    counters: Arc<Counters>,
}

/// How many bytes were written.
#[derive(Default)]
struct Bytes(usize);

impl Peers for Bytes {
    fn written(&mut self, _link: LinkId, _now: Instant, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// The output, as far as it matters here.
#[derive(Debug, PartialEq)]
enum Seen {
    Message(usize),
    Dropped(u64, u64),
    Answer(Result<usize, Code>),
    Other,
}

impl Client {
    /// Larger messages and replies than `max` are not held.
    fn new(max: usize) -> Self {
        let number = |n: usize| OptionValue::Number(f64::from(u32::try_from(n).unwrap()));
        let pairs =
            [("max_message_bytes", number(max)), ("queue_bytes", number(LARGE)), ("protocol", number(3))];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value)).to_vec();
        let backend =
            configure(Options { url: Some("redis://server".to_owned()), pairs, ..Options::default() })
                .unwrap();
        let (now, counters) = (Instant::now(), Arc::<Counters>::default());
        let session = backend.session(Start { now, seed: 1, counters: Arc::clone(&counters) });
        let (producer, consumer) =
            events(backend.limits(), Arc::clone(&counters), Signal::default(), Arc::new(Nobody));
        let driver = Driver::new(session, now, producer, Bytes::default());
        let mut client = Self { driver, consumer, counters };
        client.driver.connected(LINK, Connected::default());
        client.written();
        client.server(b"%2\r\n+server\r\n+redis\r\n+proto\r\n:3\r\n");
        client.written();
        client.server(b"+OK\r\n+OK\r\n$0\r\n\r\n+PONG\r\n");
        let topic = Topic { kind: TopicKind::Channel, name: b"chat"[..].into() };
        client.command(Command::Subscribe { topic, slot: CHANNEL });
        client.written();
        client.server(b">3\r\n+subscribe\r\n+chat\r\n:1\r\n+realtime:1\r\n");
        assert_eq!(client.seen(), [Seen::Other, Seen::Other], "ready and subscribed");
        // Whatever is made once is made.
        client.say(10);
        assert_eq!(client.seen(), [Seen::Message(10)]);
        client
    }

    fn command(&mut self, command: Command) {
        self.driver.command(command);
    }

    fn request(&mut self, kind: RequestKind, bytes: usize) -> Result<(), Error> {
        let ticket = self.consumer.ticket(ReplyTo::Callback(ANSWER), bytes)?;
        self.command(Command::Request(Request { ticket, deadline: self.driver.now + LONG, kind }));
        Ok(())
    }

    /// The socket takes everything; how many bytes that was.
    fn written(&mut self) -> usize {
        self.driver.drive();
        std::mem::take(&mut self.driver.peers.0)
    }

    /// The server sends this, in one read.
    fn server(&mut self, bytes: &[u8]) {
        self.driver.receive(LINK, bytes);
        assert!(!self.driver.is_paused(LINK), "nothing is full here");
    }

    /// The server sends a body of so many bytes.
    fn body(&mut self, len: usize) {
        let piece = [b'x'; READ];
        for from in (0..len).step_by(READ) {
            self.server(&piece[..READ.min(len - from)]);
        }
        self.server(b"\r\n");
    }

    /// The server sends a message of so many bytes.
    fn say(&mut self, len: usize) {
        let mut header = [0; 64];
        let header = write(&mut header, format_args!(">3\r\n+message\r\n+chat\r\n${len}\r\n"));
        self.server(header);
        self.body(len);
    }

    fn seen(&mut self) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some(item) = self.consumer.next() {
            seen.push(match item {
                Item::Message { payload, .. } => Seen::Message(payload.len()),
                Item::Event(Event::Dropped { count, bytes, reason: DropReason::TooLarge }) => {
                    Seen::Dropped(count, bytes)
                }
                Item::Answer { result: Ok(Value::String(text)), .. } => Seen::Answer(Ok(text.len())),
                Item::Answer { result: Err(error), .. } => Seen::Answer(Err(error.code)),
                Item::Answer { .. } | Item::Event(_) => Seen::Other,
            });
        }
        seen
    }
}

/// Text in separate memory, so that it does not count.
fn write<'a>(into: &'a mut [u8], text: std::fmt::Arguments<'_>) -> &'a [u8] {
    use std::io::Write;
    let mut left = &mut *into;
    left.write_fmt(text).unwrap();
    let len = left.len();
    &into[..into.len() - len]
}

/// The peak of a client's memory, and what it kept, beyond what it had.
fn cost(client: &mut Client, work: impl FnOnce(&mut Client)) -> AllocationInfo {
    measure(|| work(client))
}

#[test]
fn a_large_message_is_held_twice_at_most_and_its_memory_given_back() {
    let mut client = Client::new(LARGE);
    let memory = cost(&mut client, |client| {
        client.say(LARGE);
        assert_eq!(client.seen(), [Seen::Message(LARGE)]);
        client.say(10);
        client.say(10);
        assert_eq!(client.seen(), [Seen::Message(10), Seen::Message(10)]);
    });
    // In the decoder, and in the queue.
    assert!(memory.bytes_max < 2 * LARGE as u64 + ORDINARY as u64, "{memory:?}");
    assert!(memory.bytes_current < ORDINARY, "{memory:?}");
}

#[test]
fn a_message_beyond_the_limit_is_never_held() {
    const MAX: usize = 1 << 20;
    let mut client = Client::new(MAX);
    let memory = cost(&mut client, |client| {
        client.say(LARGE);
        // As a streamed string, whose length is not announced.
        client.server(b">3\r\n+message\r\n+chat\r\n$?\r\n");
        for _ in 0..LARGE / MAX {
            client.server(b";1048576\r\n");
            client.body(MAX);
        }
        client.server(b";0\r\n");
    });
    // The part before the limit of a streamed string counts.
    assert!(memory.bytes_max < MAX as u64 + 2 * ORDINARY as u64, "{memory:?}");
    client.say(MAX);
    client.say(MAX + 1);
    let large = LARGE as u64;
    assert_eq!(
        client.seen(),
        [
            Seen::Dropped(1, large),
            Seen::Dropped(1, large),
            Seen::Message(MAX),
            Seen::Dropped(1, MAX as u64 + 1)
        ],
        "counted with their reason, in their place"
    );
    assert_eq!(client.counters.dropped_too_large.load(Ordering::Relaxed), 3);
    assert_eq!(client.counters.received.load(Ordering::Relaxed), 1 + 4);
}

#[test]
fn a_reply_beyond_the_limit_is_never_held_and_the_link_lives() {
    const MAX: usize = 1 << 20;
    let mut client = Client::new(MAX);
    let ask = |client: &mut Client| {
        client.request(RequestKind::Command([b"GET", b"key"].iter().collect()), 6).unwrap();
        client.written();
    };
    let memory = cost(&mut client, |client| {
        // One large string, and many that are large together.
        ask(client);
        client.server(b"$67108864\r\n");
        client.body(LARGE);
        ask(client);
        client.server(b"*640\r\n");
        for _ in 0..640 {
            client.server(b"$102400\r\n");
            client.body(102_400);
        }
        assert_eq!(client.seen(), [Seen::Answer(Err(Code::TooLarge)), Seen::Answer(Err(Code::TooLarge))]);
    });
    // The strings of the second one are held up to the limit; while a buffer grows there are two of it.
    assert!(memory.bytes_max < 2 * MAX as u64 + ORDINARY as u64, "{memory:?}");
    let memory = cost(&mut client, |client| {
        ask(client);
        client.server(b"$5\r\nsmall\r\n");
        client.say(10);
        assert_eq!(client.seen(), [Seen::Answer(Ok(5)), Seen::Message(10)]);
    });
    assert!(memory.bytes_current < 0, "what the large ones needed is given back: {memory:?}");
}

#[test]
fn memory_of_a_large_reply_is_given_back() {
    let mut client = Client::new(LARGE);
    let memory = cost(&mut client, |client| {
        client.request(RequestKind::Command([b"GET", b"key"].iter().collect()), 6).unwrap();
        client.written();
        client.server(b"$67108864\r\n");
        client.body(LARGE);
        assert_eq!(client.seen(), [Seen::Answer(Ok(LARGE))]);
        client.say(10);
        client.say(10);
        assert_eq!(client.seen(), [Seen::Message(10), Seen::Message(10)]);
    });
    assert!(memory.bytes_max < 2 * LARGE as u64 + ORDINARY as u64, "{memory:?}");
    assert!(memory.bytes_current < ORDINARY, "{memory:?}");
}

#[test]
fn requests_that_nobody_takes_are_bounded_by_their_bytes_and_their_memory_given_back() {
    const EACH: usize = 1 << 20;
    let mut client = Client::new(1 << 20);
    let payload = vec![b'x'; EACH];
    let memory = cost(&mut client, |client| {
        let mut accepted = 0;
        let refused = loop {
            let args: Args = [b"chat", &payload[..]].iter().collect();
            let bytes = args.byte_len();
            // As much is encoded as the link would take; it takes nothing.
            let _ = client.driver.session.poll_transmit(LINK, client.driver.now);
            match client.request(RequestKind::Publish(args), bytes) {
                Ok(()) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert!(refused.message.contains("bytes"), "{refused}");
        assert_eq!((accepted, refused.code, refused.sent), (63, Code::Overloaded, false));
        // The link drains; all that was accepted is sent and answered, once.
        assert!(client.written() > 63 * EACH);
        for _ in 0..accepted {
            client.server(b":7\r\n");
        }
        assert_eq!(client.seen().len(), 63);
        assert_eq!(client.consumer.pending(), 0);
    });
    // The requests, the one that was refused, and as much of them as is encoded ahead.
    assert!(memory.bytes_max < (64 + 3) * EACH as u64, "{memory:?}");
    assert!(memory.bytes_current < ORDINARY, "{memory:?}");
}

#[test]
fn what_means_nothing_to_us_is_not_held_either() {
    const MAX: usize = 1 << 20;
    for (header, element) in [
        (&b">4000000\r\n+news\r\n"[..], &b"_\r\n"[..]),
        (b">4000000\r\n+message\r\n", b"+\r\n"),
        (
            b">4000000\r\n+news\r\n",
            b"$100\r\n0123456789012345678901234567890123456789012345678901234567890123456789\
            012345678901234567890123456789\r\n",
        ),
    ] {
        let mut client = Client::new(MAX);
        let elements = element.repeat(1000);
        let memory = cost(&mut client, |client| {
            client.server(header);
            for _ in 0..3999 {
                client.server(&elements);
            }
            client.server(&elements[..999 * element.len()]);
            client.say(10);
            assert_eq!(client.seen(), [Seen::Message(10)]);
            client.say(10);
        });
        // Its bytes, and the nodes of its elements, of which there are two copies while the buffer grows.
        assert!(memory.bytes_max < 4 * MAX as u64, "{memory:?}");
        assert!(memory.bytes_current < ORDINARY, "{memory:?}");
    }
}

#[test]
fn refused_names_that_come_and_go_leave_nothing_behind() {
    const NAMES: usize = 2000;
    let mut client = Client::new(1 << 20);
    let memory = cost(&mut client, |client| {
        for n in 0..NAMES {
            let topic = || Topic { kind: TopicKind::Channel, name: format!("name-{n}").as_bytes().into() };
            client.command(Command::Subscribe { topic: topic(), slot: CHANNEL });
            client.written();
            // Each with a different reason.
            let code = if n % 2 == 0 { "NOPERM" } else { "BUSY" };
            client.server(format!("-{code} {n}{}\r\n+realtime:{}\r\n", "x".repeat(400), n + 2).as_bytes());
            assert_eq!(client.seen(), [Seen::Other], "refused");
            assert_eq!(client.counters.refused.load(Ordering::Relaxed), 1);
            client.command(Command::Unsubscribe(topic()));
            client.written();
        }
    });
    assert_eq!(client.counters.refused.load(Ordering::Relaxed), 0);
    assert!(memory.bytes_current < 64 << 10, "{memory:?}");
}
