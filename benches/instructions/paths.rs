//! The paths, each from the input of one thread to its output.

use std::hint::black_box;

use realtime::json::{Decoder as JsonDecoder, Encoder as JsonEncoder, Limits as JsonLimits, Tape};
use realtime::model::{LinkId, TopicKind};
use resp::{Decoder, Encoder};

use crate::common::dispatch::World;
use crate::common::json::{CHAT_LINE, encode as encode_value, inventory};
use crate::common::session::{Case, case, client, messages};
use crate::common::{BATCH, publish, take_all};

/// One of the hot paths.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// Runs it so many times.
    pub(crate) run: fn(usize),
    /// Messages, publishes or callbacks in one run.
    pub(crate) items: usize,
    /// Instructions for each of them.
    pub(crate) limit: f64,
}

const fn path(name: &'static str, items: usize, run: fn(usize), limit: f64) -> Path {
    Path { name, run, items, limit }
}

const CHANNEL: Case = case(3, TopicKind::Channel, 1);
const CALLBACKS: usize = 100;

/// All of them, with their limits on x86-64.
pub(crate) const PATHS: &[Path] = &[
    path("decode a 64 B push", BATCH, |n| decode(n, CHANNEL), 99.0),
    path("decode a 64 B RESP2 message", BATCH, |n| decode(n, case(2, TopicKind::Channel, 1)), 99.0),
    path("decode one of 1,000 channels", BATCH, |n| decode(n, case(3, TopicKind::Channel, 1000)), 99.0),
    path(
        "decode one of 1,000 channels, RESP2",
        BATCH,
        |n| decode(n, case(2, TopicKind::Channel, 1000)),
        99.0,
    ),
    path("decode a push, names of every length", BATCH, decode_lengths, 194.0),
    path("decode a small reply", BATCH * REPLIES, decode_replies, 177.0),
    path("decode 32 nested arrays", BATCH, decode_nested, 5580.0),
    path("decode an element of an array", ELEMENTS, decode_array, 74.0),
    path("encode a 64 B publish", BATCH, encode, 97.0),
    path("message through session and queue", BATCH, |n| receive(n, CHANNEL), 552.0),
    path("the same in RESP2", BATCH, |n| receive(n, case(2, TopicKind::Channel, 1)), 586.0),
    path(
        "the same, one channel of 10,000",
        BATCH,
        |n| receive(n, case(3, TopicKind::Channel, 10_000)),
        649.0,
    ),
    path("message of a pattern", BATCH, |n| receive(n, case(3, TopicKind::Pattern, 1)), 757.0),
    path("message to a callback", BATCH, |n| dispatch(n, 1, 1), 345.0),
    path("one of 100 callbacks of a message", BATCH * CALLBACKS, |n| dispatch(n, 1, 100), 64.0),
    path("message to one of 100 clients", BATCH, |n| dispatch(n, 100, 1), 531.0),
    path("chat line to its tape", BATCH, decode_json, 1790.0),
    path("item of an inventory to its tape", INVENTORY_ITEMS, decode_inventory, 2020.0),
    path("chat line from its values", BATCH, encode_json, 2810.0),
    path("KiB of a text with a mistake at its end", MISTAKE_KIB, decode_mistake, 51_310.0),
    path("look at nothing", BATCH, look_at_nothing, 10.0),
    path("publish and its answer", BATCH, publish_and_answer, 1924.0),
];

/// Elements of the array.
const ELEMENTS: usize = 10_000;
/// The size of one network segment.
const SEGMENT: usize = 1448;

fn decode(rounds: usize, case: Case) {
    decode_bytes(rounds, &messages(case));
}

fn decode_bytes(rounds: usize, bytes: &[u8]) {
    let mut decoder = Decoder::new();
    for _ in 0..rounds {
        let mut input = bytes;
        while let Some(frame) = decoder.feed(&mut input).expect("valid") {
            black_box(frame.root());
        }
    }
}

/// Consecutive pushes differ in length.
fn decode_lengths(rounds: usize) {
    let mut bytes = Vec::new();
    for n in 0..BATCH {
        let name = vec![b'x'; 1 + n * 7 % 30];
        let mut encoder = Encoder::new(&mut bytes);
        encoder.push(3).bulk_string(b"message").bulk_string(&name).bulk_string(&[b'x'; crate::common::SIZE]);
    }
    decode_bytes(rounds, &bytes);
}

/// Replies of [`decode_replies`] in one run.
const REPLIES: usize = 6;

fn decode_replies(rounds: usize) {
    let mut bytes = Vec::new();
    for _ in 0..BATCH {
        let mut encoder = Encoder::new(&mut bytes);
        encoder.integer(1234).bulk_string(b"value").null();
        encoder.map(2).bulk_string(b"a").integer(1).bulk_string(b"b").double(0.5);
        encoder.simple_string("OK").expect("one line");
        // Null in RESP2.
        bytes.extend_from_slice(b"$-1\r\n");
    }
    decode_bytes(rounds, &bytes);
}

fn decode_nested(rounds: usize) {
    const LEVELS: usize = 32;
    let mut bytes = Vec::new();
    for _ in 0..BATCH {
        let mut encoder = Encoder::new(&mut bytes);
        for _ in 0..LEVELS {
            encoder.array(2).integer(1);
        }
        encoder.bulk_string(b"leaf");
    }
    decode_bytes(rounds, &bytes);
}

fn decode_array(rounds: usize) {
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes).array(ELEMENTS);
    for n in 0..ELEMENTS {
        Encoder::new(&mut bytes).bulk_string(n.to_string().as_bytes());
    }
    let mut decoder = Decoder::new();
    for _ in 0..rounds {
        for mut piece in bytes.chunks(SEGMENT) {
            while let Some(frame) = decoder.feed(&mut piece).expect("valid") {
                black_box(frame.root());
            }
        }
    }
}

fn encode(rounds: usize) {
    let mut out = Vec::new();
    for _ in 0..rounds {
        out.clear();
        for _ in 0..BATCH {
            Encoder::new(black_box(&mut out)).command([
                &b"PUBLISH"[..],
                b"chat",
                &[b'x'; crate::common::SIZE],
            ]);
        }
    }
}

/// The work of the worker for each message, and of the main thread to take it.
fn receive(rounds: usize, case: Case) {
    let ((mut client, mut consumer), bytes) = (client(case), messages(case));
    for _ in 0..rounds {
        client.receive(case.subscriber(), &bytes);
        assert_eq!(take_all(&mut consumer), BATCH);
    }
}

/// The work of the main thread for each waiting message, and the work of queueing it.
fn dispatch(rounds: usize, clients: u32, callbacks: usize) {
    let mut world = World::new(clients, callbacks);
    for _ in 0..rounds {
        world.fill(BATCH);
        assert_eq!(world.run(), BATCH * callbacks);
    }
}

fn decode_json(rounds: usize) {
    let mut tape = Tape::default();
    for _ in 0..rounds * BATCH {
        let mut decoder = JsonDecoder::with_tape(tape, JsonLimits::default());
        assert_eq!(decoder.read(black_box(CHAT_LINE), usize::MAX), Ok(true));
        tape = decoder.into_tape();
    }
}

/// Items of [`inventory`], each with short keys and several numbers.
const INVENTORY_ITEMS: usize = 160;

fn decode_inventory(rounds: usize) {
    let (mut tape, text) = (Tape::default(), inventory());
    for _ in 0..rounds {
        let mut decoder = JsonDecoder::with_tape(tape, JsonLimits::default());
        assert_eq!(decoder.read(black_box(&text), usize::MAX), Ok(true));
        tape = decoder.into_tape();
    }
}

fn encode_json(rounds: usize) {
    let value = serde_json::from_slice(CHAT_LINE).expect("JSON");
    let mut out = Vec::new();
    for _ in 0..rounds * BATCH {
        let mut encoder = JsonEncoder::new(out, JsonLimits::default());
        encode_value(&mut encoder, black_box(&value)).expect("no limit is passed");
        out = encoder.into_text();
    }
}

/// A mistake that is found only at the end, after everything that makes a text slow: escapes, white space, lines,
/// nested tables. The limit makes sure that a KiB of a long text costs no more.
const MISTAKE_KIB: usize = 64;

fn decode_mistake(rounds: usize) {
    const PIECE: &str = "{\"\\u00e9\": [[ 1.5e3, \"\\n\" ]],\n \"b\": -0.25}, ";
    let mut text = format!("[{}", PIECE.repeat(MISTAKE_KIB * 1024 / PIECE.len()));
    text.push('x');
    for _ in 0..rounds {
        let mut decoder = JsonDecoder::new(JsonLimits::default());
        assert!(decoder.read(black_box(text.as_bytes()), usize::MAX).is_err());
    }
}

fn look_at_nothing(rounds: usize) {
    let world = World::new(1, 1);
    for _ in 0..rounds * BATCH {
        assert!(!black_box(&world.dispatcher).has_work());
    }
}

fn publish_and_answer(rounds: usize) {
    const LINK: LinkId = LinkId(0);
    let (mut client, mut consumer) = client(CHANNEL);
    let replies = b":1\r\n".repeat(BATCH);
    for _ in 0..rounds {
        for _ in 0..BATCH {
            let command = publish(&consumer, client.now);
            client.command(command);
        }
        client.drive();
        client.receive(LINK, &replies);
        assert_eq!((take_all(&mut consumer), consumer.pending()), (0, 0));
    }
}
