//! The raw bytes of a frame: what a proxy passes on.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

mod common;

use common::{cut, decode_with};
use resp::Limits;

/// The raw bytes of each frame, the same for every way to cut the input in two, and byte by byte.
#[track_caller]
fn check(limits: Limits, input: &[u8], expected: &[Option<&str>]) {
    let look = |frame: resp::Frame<'_>| frame.raw().map(|raw| raw.escape_ascii().to_string());
    let expected: Vec<Option<String>> =
        expected.iter().map(|raw| raw.map(|raw| raw.as_bytes().escape_ascii().to_string())).collect();
    for at in 0..=input.len() {
        assert_eq!(decode_with(limits, cut(input, &[at]), look).0, expected, "cut at {at}");
    }
    assert_eq!(decode_with(limits, input.chunks(1), look).0, expected, "byte by byte");
}

#[test]
fn frames_are_passed_on_as_they_were_sent() {
    let frames = [
        "+OK\r\n",
        ":+007\r\n",
        ",1.50\r\n",
        "$3\r\na\r\n\r\n",
        "|1\r\n+ttl\r\n:9\r\n|0\r\n*2\r\n|1\r\n:1\r\n:2\r\n$-1\r\n*-1\r\n",
        "*?\r\n:1\r\n%?\r\n+a\r\n:2\r\n.\r\n.\r\n",
    ];
    let expected: Vec<_> = frames.iter().map(|&frame| Some(frame)).collect();
    check(Limits::new(), frames.concat().as_bytes(), &expected);
}

#[test]
fn a_push_in_the_middle_is_a_frame_of_its_own() {
    let expected = [Some("|1\r\n+a\r\n:9\r\n>1\r\n+x\r\n"), Some("*2\r\n$1\r\na\r\n:2\r\n")];
    check(Limits::new(), b"*2\r\n$1\r\na\r\n|1\r\n+a\r\n:9\r\n>1\r\n+x\r\n:2\r\n", &expected);
}

#[test]
fn what_was_not_kept_has_none() {
    let next = Some(":1\r\n");
    check(Limits::new(), b"$?\r\n;1\r\na\r\n;0\r\n:1\r\n", &[None, next]);
    check(Limits::new(), b"*1\r\n$?\r\n;0\r\n:1\r\n", &[None, next]);
    let limits = Limits::new().with_skip_blobs_over(3).with_skip_lines_over(3).with_skip_depth_over(2);
    for lost in ["$4\r\nabcd\r\n", "*1\r\n$4\r\nabcd\r\n", "+abcd\r\n", "-abcd\r\n", "*1\r\n*1\r\n*0\r\n"] {
        check(limits, format!("{lost}:1\r\n").as_bytes(), &[None, next]);
    }
    check(limits, b"*2\r\n$3\r\nabc\r\n+abc\r\n", &[Some("*2\r\n$3\r\nabc\r\n+abc\r\n")]);
}
