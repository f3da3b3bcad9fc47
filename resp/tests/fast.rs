//! The fast paths say what the state machine says, which reads byte by byte and is their naive twin.
#![allow(clippy::expect_used, reason = "a test that cannot go on says why")]

mod common;

use common::{cut, decode_with, describe};
use resp::{Decoder, Frame, Limits};

/// More frames of the same lengths than a decoder needs to expect one more.
const MANY: usize = 100;
/// What may stand in the place of a byte.
const BYTES: &[u8] = b"0189-+$*>%:;\r\nx\0\x7f\x80\xff";

fn look(frame: Frame<'_>) -> (String, Option<Vec<u8>>) {
    (describe(frame), frame.raw().map(<[u8]>::to_vec))
}

fn assert_same_as_byte_by_byte(stream: &[u8]) {
    let limits = Limits::default();
    let (whole, twin) = (decode_with(limits, [stream], look), decode_with(limits, stream.chunks(1), look));
    assert_eq!(whole, twin, "\"{}\"", stream.escape_ascii());
}

/// Each of the bytes in each place, alone and inside of arrays, and followed by so little that no eight bytes are left.
fn assert_any_byte_may_differ(value: &[u8]) {
    for at in 0..value.len() {
        for &byte in BYTES {
            let mut other = value.to_vec();
            other[at] = byte;
            for around in [&b""[..], b"*2\r\n", b"*2\r\n*1\r\n"] {
                for after in [&b""[..], b":1\r\n", b"+following\r\n"] {
                    assert_same_as_byte_by_byte(&[around, &other, after].concat());
                }
            }
        }
    }
}

#[test]
fn numbers_are_what_they_say_whichever_byte_differs() {
    for digits in 1..=9 {
        for sign in ["", "-"] {
            assert_any_byte_may_differ(format!(":{sign}{}\r\n", &"987654321"[..digits]).as_bytes());
        }
    }
}

#[test]
fn short_values_are_what_they_say_whichever_byte_differs() {
    for value in [
        "+OK\r\n",
        "_\r\n",
        "$-1\r\n",
        "#t\r\n",
        ",0.5\r\n",
        "*0\r\n",
        "*1\r\n:1\r\n",
        "$0\r\n\r\n",
        "$2\r\nab\r\n",
    ] {
        assert_any_byte_may_differ(value.as_bytes());
    }
    assert_any_byte_may_differ(b"$12\r\nabcdefghijkl\r\n");
    assert_any_byte_may_differ(b"$004\r\nabcd\r\n");
    assert_any_byte_may_differ(b"$00004\r\nabcd\r\n");
}

#[test]
fn every_short_number_is_read() {
    for number in (0..20_000).chain((20_000..2_000_000).step_by(997)) {
        let bytes = format!(":{number}\r\n:-{number}\r\n*1\r\n:{number}\r\n");
        let (mut decoder, mut input) = (Decoder::new(), bytes.as_bytes());
        let mut told = Vec::new();
        while let Some(frame) = decoder.feed(&mut input).expect("valid") {
            told.push(format!("{frame:?}"));
        }
        let integer = |number: i64| format!("Integer({number})");
        assert_eq!(told, [integer(number), integer(-number), format!("[{}]", integer(number))]);
    }
}

/// Messages with strings of one, two, three and four digits of length.
fn messages() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for opening in [
        ">3\r\n$7\r\nmessage\r\n",
        "*3\r\n$7\r\nmessage\r\n",
        ">4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n",
        "*2\r\n",
    ] {
        for (name, payload) in [(4, 2), (4, 0), (11, 64), (1, 123)] {
            let (name, payload) = ("n".repeat(name), "p".repeat(payload));
            let (names, payloads) = (name.len(), payload.len());
            all.push(format!("{opening}${names}\r\n{name}\r\n${payloads}\r\n{payload}\r\n").into_bytes());
        }
    }
    all.push([&b">3\r\n$7\r\nmessage\r\n$04\r\nchat\r\n$1000\r\n"[..], &[b'x'; 1000], b"\r\n"].concat());
    // It is like the others up to the last value.
    all.push(b">3\r\n$7\r\nmessage\r\n$5\r\nother\r\n:1\r\n".to_vec());
    all.push(b"*6\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n".to_vec());
    all
}

/// What a decoder says of `stream` that has read `known` many times before, and what a new one says byte by byte.
fn assert_not_confused(known: &[u8], stream: &[u8], cuts: &[usize]) {
    let (mut decoder, before) = (Decoder::new(), known.repeat(MANY));
    let mut input = &before[..];
    while let Some(frame) = decoder.feed(&mut input).expect("valid") {
        assert_eq!(frame.raw(), Some(known));
    }
    let (mut told, mut failed) = (Vec::new(), None);
    for mut piece in cut(stream, cuts) {
        loop {
            match decoder.feed(&mut piece) {
                Ok(Some(frame)) => told.push(look(frame)),
                Ok(None) => break,
                Err(error) => {
                    failed = failed.or(Some((error.kind, error.offset - before.len() as u64)));
                    break;
                }
            }
        }
    }
    let (mut twin, mut twin_told, mut twin_failed) = (Decoder::new(), Vec::new(), None);
    for mut piece in stream.chunks(1) {
        match twin.feed(&mut piece) {
            Ok(Some(frame)) => twin_told.push(look(frame)),
            Ok(None) => {}
            Err(error) => twin_failed = twin_failed.or(Some((error.kind, error.offset))),
        }
    }
    let shown = stream.escape_ascii();
    assert_eq!((told, failed), (twin_told, twin_failed), "after \"{}\": \"{shown}\"", known.escape_ascii());
}

#[test]
fn after_many_messages_of_the_same_lengths_any_byte_may_differ() {
    for known in messages().iter().filter(|known| known.len() < 100) {
        for at in 0..known.len() {
            for &byte in BYTES {
                let mut other = known.clone();
                other[at] = byte;
                assert_not_confused(known, &[&other[..], known].concat(), &[]);
            }
        }
    }
}

#[test]
fn after_many_messages_of_the_same_lengths_another_message_may_come() {
    let all = messages();
    for known in &all {
        for other in &all {
            assert_not_confused(known, &[&other[..], known, known, other].concat(), &[]);
        }
    }
}

#[test]
fn after_many_messages_of_the_same_lengths_one_may_be_cut_anywhere() {
    for known in messages() {
        for at in 0..known.len() {
            assert_not_confused(&known, &known.repeat(2), &[at]);
        }
    }
}
