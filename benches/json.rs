//! JSON beside serde_json and tinyjson: a chat line and an inventory, texts to values and values to texts.

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot go on says why")]

mod common;

use common::json::{CHAT_LINE, encode, inventory};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use realtime::json::{Decoder, Encoder, Limits, Tape};
use serde_json::Value;
use tinyjson::JsonValue;

fn main() {
    divan::main();
}

/// The texts by name.
const TEXTS: [&str; 4] = ["chat line", "inventory", "strings", "numbers"];

fn text(name: &str) -> Vec<u8> {
    match name {
        "chat line" => CHAT_LINE.to_vec(),
        "inventory" => inventory(),
        "strings" => {
            format!("[{}\"\"]", "\"a line of text, as players write them\",".repeat(1000)).into_bytes()
        }
        _ => format!("[{}0]", "1024.53125,-7,76561198000000001,0.1,".repeat(500)).into_bytes(),
    }
}

#[divan::bench(args = TEXTS)]
fn decode_to_tape(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    let mut tape = Tape::default();
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        let mut decoder = Decoder::with_tape(std::mem::take(&mut tape), Limits::default());
        assert_eq!(decoder.read(black_box(&text), usize::MAX), Ok(true));
        tape = decoder.into_tape();
    });
}

#[divan::bench(args = TEXTS)]
fn decode_with_serde(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| serde_json::from_slice::<Value>(black_box(&text)).expect("JSON"));
}

#[divan::bench(args = TEXTS)]
fn decode_with_tinyjson(bencher: Bencher<'_, '_>, name: &str) {
    let text = String::from_utf8(text(name)).expect("UTF-8");
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| black_box(&text).parse::<JsonValue>().expect("JSON"));
}

#[divan::bench(args = TEXTS)]
fn encode_values(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    let value = serde_json::from_slice(&text).expect("JSON");
    let mut out = Vec::new();
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        let mut encoder = Encoder::new(std::mem::take(&mut out), Limits::default());
        encode(&mut encoder, black_box(&value)).expect("no limit is passed");
        out = encoder.into_text();
    });
}

#[divan::bench(args = TEXTS)]
fn encode_with_serde(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    let value: Value = serde_json::from_slice(&text).expect("JSON");
    let mut out = Vec::new();
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        out.clear();
        serde_json::to_writer(&mut out, black_box(&value)).expect("a vector takes all");
    });
}

#[divan::bench(args = TEXTS)]
fn encode_with_tinyjson(bencher: Bencher<'_, '_>, name: &str) {
    let text = String::from_utf8(text(name)).expect("UTF-8");
    let value: JsonValue = text.parse().expect("JSON");
    let mut out = Vec::new();
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        out.clear();
        black_box(&value).write_to(&mut out).expect("a vector takes all");
    });
}
