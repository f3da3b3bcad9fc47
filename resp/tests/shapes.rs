//! What came before a frame, and looked like it, changes nothing: a decoder that has read frames says what a fresh one says.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

mod common;

use common::{cut, decode_with, describe};
use proptest::prelude::*;
use resp::{Decoder, Frame, Limits};

fn look(frame: Frame<'_>) -> (String, Option<Vec<u8>>) {
    (describe(frame), frame.raw().map(<[u8]>::to_vec))
}

/// Byte by byte, no frame is ever compared with another one.
fn assert_same_as_byte_by_byte(limits: Limits, stream: &[u8]) {
    assert_eq!(
        decode_with(limits, [stream], look),
        decode_with(limits, stream.chunks(1), look),
        "\"{}\"",
        stream.escape_ascii()
    );
}

/// Frames that are learned from, and one of each that resembles it.
const PAIRS: [(&[u8], &[u8]); 9] = [
    (
        b">3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n$2\r\nhi\r\n",
        b">3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$11\r\nhello there\r\n",
    ),
    (
        b"*3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n$2\r\nhi\r\n",
        b"*3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n$0\r\n\r\n",
    ),
    (
        b">4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\na\r\n$1\r\nx\r\n",
        b">4\r\n$8\r\nPmessage\r\n$2\r\nab\r\n$1\r\nb\r\n$2\r\nxy\r\n",
    ),
    (b"%1\r\n$1\r\na\r\n$1\r\nb\r\n", b"%1\r\n$1\r\nc\r\n$2\r\nde\r\n"),
    (b"~2\r\n$1\r\na\r\n$1\r\nb\r\n", b"~2\r\n$1\r\nc\r\n$3\r\n\r\n\r\r\n"),
    (b"*1\r\n$1\r\na\r\n", b"*1\r\n$1\r\n\r\r\n"),
    (b"*3\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n", b"*3\r\n$1\r\na\r\n$1\r\nx\r\n$1\r\nb\r\n"),
    (b"*02\r\n$01\r\na\r\n$1\r\nb\r\n", b"*02\r\n$01\r\nb\r\n$03\r\nabc\r\n"),
    (b"*2\r\n$12\r\nsubscription\r\n$1\r\nb\r\n", b"*2\r\n$13\r\nsubscriptions\r\n$1\r\nb\r\n"),
];

#[test]
fn before_the_first_frame_nothing_looks_like_an_earlier_one() {
    for byte in 0..=u8::MAX {
        let bytes = [byte; 16];
        let told = Decoder::new().feed(&mut &bytes[..]).map(|frame| frame.map(look));
        let mut twin = Decoder::new();
        let one_by_one = bytes.chunks(1).find_map(|mut piece| match twin.feed(&mut piece) {
            Ok(None) => None,
            other => Some(other.map(|frame| frame.map(look))),
        });
        assert_eq!(told, one_by_one.unwrap_or(Ok(None)), "sixteen times {byte:#04x}");
    }
}

#[test]
fn a_frame_is_what_it_says_whichever_byte_of_it_differs() {
    for (known, like) in PAIRS {
        for at in 0..like.len() {
            for byte in *b"0123489-+$*>%:\r\nx\0\xff" {
                let mut other = like.to_vec();
                other[at] = byte;
                let stream = [known, known, &other, known].concat();
                assert_same_as_byte_by_byte(Limits::default(), &stream);
            }
        }
    }
}

#[test]
fn a_frame_is_what_it_says_whichever_byte_is_missing_or_doubled() {
    for (known, like) in PAIRS {
        for at in 0..like.len() {
            let missing = [known, &like[..at], &like[at + 1..], known].concat();
            let doubled = [known, &like[..=at], &like[at..], known].concat();
            assert_same_as_byte_by_byte(Limits::default(), &missing);
            assert_same_as_byte_by_byte(Limits::default(), &doubled);
        }
    }
}

#[test]
fn a_frame_that_resembles_another_may_be_cut_anywhere() {
    for (known, like) in PAIRS {
        let stream = [known, known, like, known, like].concat();
        let whole = decode_with(Limits::default(), [&stream[..]], look);
        assert_eq!(whole.0.len(), 5);
        for first in 0..stream.len() {
            for second in (first..stream.len()).step_by(5) {
                let pieces = cut(&stream, &[first, second]);
                assert_eq!(
                    decode_with(Limits::default(), pieces, look),
                    whole,
                    "cut at {first} and {second}"
                );
            }
        }
    }
}

#[test]
fn a_frame_that_resembles_another_keeps_the_limits() {
    for (known, like) in PAIRS {
        let stream = [known, like].concat();
        for most in 0..=stream.len() as u64 {
            let limits = Limits::new();
            for limits in [
                limits.with_blob(most),
                limits.with_frame(most),
                limits.with_skip_blobs_over(most),
                limits.with_skip_frames_over(most),
            ] {
                assert_same_as_byte_by_byte(limits, &stream);
            }
        }
    }
}

/// What was learned under other limits says nothing about the new ones.
#[test]
fn limits_that_change_between_frames_are_kept() {
    let (known, like) = PAIRS[0];
    for limits in [
        Limits::new().with_depth(0),
        Limits::new().with_aggregate(2),
        Limits::new().with_elements(2),
        Limits::new().with_blob(6),
        Limits::new().with_frame(20),
    ] {
        let mut decoder = Decoder::new();
        let mut input = known;
        assert!(matches!(decoder.feed(&mut input), Ok(Some(_))));
        decoder.set_limits(limits);
        let error = decoder.feed(&mut &like[..]).expect_err("beyond the limit");
        let fresh = Decoder::with_limits(limits).feed(&mut &like[..]).expect_err("beyond the limit");
        assert_eq!((error.kind, error.offset), (fresh.kind, known.len() as u64 + fresh.offset));
    }
}

/// An aggregate, nearly always of strings.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        9 => prop::collection::vec(prop::sample::select(b"ab\r\n$1".to_vec()), 0..12)
            .prop_map(|text| [format!("${}\r\n", text.len()).into_bytes(), text, b"\r\n".to_vec()].concat()),
        1 => prop::sample::select(vec![":1\r\n", "+OK\r\n", "_\r\n", "$-1\r\n", "*1\r\n$1\r\na\r\n", "*0\r\n", "$?\r\n;1\r\na\r\n;0\r\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let aggregate = (prop::sample::select(b"*~>%".to_vec()), 0..4usize);
    aggregate.prop_flat_map(move |(tag, count)| {
        let values = if tag == b'%' { 2 * count } else { count };
        prop::collection::vec(value.clone(), values).prop_map(move |values| {
            [format!("{}{count}\r\n", char::from(tag)).into_bytes(), values.concat()].concat()
        })
    })
}

proptest! {
    #[test]
    fn a_decoder_that_has_read_frames_says_what_fresh_ones_say(
        kinds in prop::collection::vec(frames(), 1..5),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
        cuts in prop::collection::vec(0..2000usize, 0..6),
    ) {
        let frames: Vec<&[u8]> = order.iter().map(|at| &at.get(&kinds)[..]).collect();
        let stream = frames.concat();
        let mut fresh = Vec::new();
        for frame in &frames {
            fresh.extend(decode_with(Limits::default(), [*frame], look).0);
        }
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(&decode_with(Limits::default(), [&stream[..]], look).0, &fresh);
        prop_assert_eq!(&decode_with(Limits::default(), cut(&stream, &cuts), look).0, &fresh);
    }
}
