//! Long lines and deep frames: what a script on a real server can answer with, skipped as it streams by.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

mod common;

use common::twin::{End, Grammar, parse_within};
use common::{cut, decode_with, tree};
use resp::{Decoder, ErrorKind, Limits, Value};

/// As many frames as `frames`, then this end, for every way to cut the input in two, and byte by byte. The twin agrees.
#[track_caller]
fn check(limits: Limits, input: &[u8], frames: &[&str], end: End) {
    let look =
        |frame: resp::Frame<'_>| format!("{frame:?}{}", if frame.is_truncated() { " truncated" } else { "" });
    let expected: (Vec<String>, End) = (frames.iter().map(|&text| text.to_owned()).collect(), end);
    let shown = input.escape_ascii();
    for at in 0..=input.len() {
        assert_eq!(decode_with(limits, cut(input, &[at]), look), expected, "\"{shown}\" cut at {at}");
    }
    assert_eq!(decode_with(limits, input.chunks(1), look), expected, "\"{shown}\" byte by byte");
    let trees = decode_with(limits, [input], |frame| (tree(frame.root()), frame.is_truncated()));
    assert_eq!(parse_within(limits, input, &Grammar::new()), trees, "the twin on \"{shown}\"");
}

const LINES: fn(u64, u64) -> Limits = |over, line| Limits::new().with_skip_lines_over(over).with_line(line);
const DEPTH: fn(usize, usize) -> Limits =
    |over, depth| Limits::new().with_skip_depth_over(over).with_depth(depth);

#[test]
fn a_long_line_is_skipped_and_the_stream_goes_on() {
    let limits = LINES(4, 1 << 20);
    check(limits, b"+abcd\r\n", &["SimpleString(\"abcd\")"], End::Clean);
    check(limits, b"+abcde\r\n:1\r\n", &["Skipped(5 bytes)", "Integer(1)"], End::Clean);
    check(limits, b"(-123\r\n", &["BigNumber(-123)"], End::Clean);
    check(limits, b"(-1234\r\n:1\r\n", &["Skipped(5 bytes)", "Integer(1)"], End::Clean);
    check(
        limits,
        b"*4\r\n+ab\r\n+abcde\r\n(123456\r\n+cd\r\n:1\r\n",
        &["[SimpleString(\"ab\"), Skipped(5 bytes), Skipped(6 bytes), SimpleString(\"cd\")]", "Integer(1)"],
        End::Clean,
    );
    check(
        limits,
        b">3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n+abcde\r\n:1\r\n",
        &["Push([BulkString(\"message\"), BulkString(\"chat\"), Skipped(5 bytes)])", "Integer(1)"],
        End::Clean,
    );
    // In an attribute, and in the attributes of a push inside a reply, which move to the push.
    let attribute = "|{Skipped(5 bytes): TruncatedError(\"abcd\")}";
    let described = format!("{attribute} Integer(1)");
    check(limits, b"|1\r\n+abcde\r\n-abcde\r\n:1\r\n", &[&described], End::Clean);
    let described = format!("{attribute} Push([SimpleString(\"x\")])");
    check(
        limits,
        b"*2\r\n+a\r\n|1\r\n+abcde\r\n-abcde\r\n>1\r\n+x\r\n+b\r\n",
        &[&described, "[SimpleString(\"a\"), SimpleString(\"b\")]"],
        End::Clean,
    );
}

#[test]
fn a_long_error_keeps_its_beginning() {
    let limits = LINES(6, 1 << 20);
    check(limits, b"-ERR ab\r\n", &["SimpleError(\"ERR ab\")"], End::Clean);
    check(limits, b"-ERR abc\r\n:1\r\n", &["TruncatedError(\"ERR ab\")", "Integer(1)"], End::Clean);
    check(
        limits,
        b"*3\r\n-BUSY abc\r\n+x\r\n-ERR xyz\r\n",
        &["[TruncatedError(\"BUSY a\"), SimpleString(\"x\"), TruncatedError(\"ERR xy\")]"],
        End::Clean,
    );
    let mut decoder = Decoder::with_limits(limits);
    let frame = decoder.feed(&mut &b"-ERR abc\r\n"[..]).expect("valid").expect("whole");
    assert_eq!(frame.value().as_bytes(), None, "an error is no string");
}

#[test]
fn a_skipped_line_is_still_judged() {
    let limits = LINES(4, 8);
    for kind in ["+", "-"] {
        let input = |rest: &str| format!("{kind}abcdef{rest}").into_bytes();
        check(limits, &input("\n"), &[], End::Error(ErrorKind::BadLineEnd, 7));
        check(limits, &input("\rX"), &[], End::Error(ErrorKind::BadLineEnd, 8));
        check(limits, &input("\r\r\n"), &[], End::Error(ErrorKind::BadLineEnd, 8));
        check(limits, &input("gh"), &[], End::Incomplete(0));
        check(limits, &input("ghi"), &[], End::Error(ErrorKind::LineLimit, 0));
    }
    check(limits, b"(123456x", &[], End::Error(ErrorKind::BadBigNumber, 7));
    check(limits, b"(123456\n", &[], End::Error(ErrorKind::BadLineEnd, 7));
    check(limits, b"(12345678", &[], End::Incomplete(0));
    check(limits, b"(123456789", &[], End::Error(ErrorKind::LineLimit, 0));
    // A hard limit that is the lower one has the last word.
    check(LINES(4, 3), b"+abcd", &[], End::Error(ErrorKind::LineLimit, 0));
    check(LINES(4, 4), b"+abcde", &[], End::Error(ErrorKind::LineLimit, 0));
}

#[test]
fn numbers_and_lengths_are_never_skipped() {
    let limits = LINES(2, 8);
    check(
        limits,
        b"*3\r\n:0000123\r\n,12.25\r\n$003\r\nabc\r\n",
        &["[Integer(123), Double(12.25), BulkString(\"abc\")]"],
        End::Clean,
    );
    check(limits, b":000000001", &[], End::Error(ErrorKind::LineLimit, 0));
    check(LINES(0, 8), b"#t\r\n_\r\n+\r\n", &["Boolean(true)", "Null", "SimpleString(\"\")"], End::Clean);
}

#[test]
fn nothing_is_held_of_a_long_line() {
    const LINE: usize = 100_000_000;
    for (kind, held, shown) in [
        (b'+', 100, "[Skipped(100000000 bytes), Integer(7)]".to_owned()),
        (b'(', 100, "[Skipped(100000000 bytes), Integer(7)]".to_owned()),
        (b'-', 1100, format!("[TruncatedError(\"{}\"), Integer(7)]", "1".repeat(1000))),
    ] {
        // Big numbers are read digit by digit.
        let len = if kind == b'(' { LINE / 10 } else { LINE };
        let shown = if kind == b'(' { shown.replace("100000000", "10000000") } else { shown };
        let mut decoder = Decoder::with_limits(LINES(1000, u64::MAX));
        let mut input = vec![b'1'; 1 << 16];
        assert!(decoder.feed(&mut &[b'*', b'2', b'\r', b'\n', kind][..]).expect("valid").is_none());
        let mut left = len;
        while left > 0 {
            // The first piece is shorter than what may be kept of a line.
            let n = input.len().min(left).min(if left == len { 900 } else { len });
            assert!(decoder.feed(&mut &input[..n]).expect("valid").is_none());
            left -= n;
            assert!(left > len - 1000 || decoder.buffered() < held, "{} bytes held", decoder.buffered());
        }
        input.clear();
        input.extend_from_slice(b"\r\n:7\r\n");
        let frame = decoder.feed(&mut &input[..]).expect("valid").expect("whole");
        assert_eq!(format!("{frame:?}"), shown);

        // The same line in one piece.
        let mut decoder = Decoder::with_limits(LINES(1000, u64::MAX));
        let line = [b"*2\r\n", &[kind][..], &[b'1'; 100_000], b"\r\n"].concat();
        assert!(decoder.feed(&mut &line[..]).expect("valid").is_none());
        assert!(decoder.buffered() < held, "{} bytes held", decoder.buffered());
    }
}

/// What is skipped does not count towards the frame's threshold, and what is kept does.
#[test]
fn skipped_lines_do_not_truncate_their_frame() {
    let limits = Limits::new().with_skip_lines_over(100).with_skip_frames_over(300);
    let (long, digits) = ("x".repeat(1000), "1".repeat(1000));
    let input = format!("*4\r\n+{long}\r\n({digits}\r\n-{long}\r\n:1\r\n");
    let error = "x".repeat(100);
    check(
        limits,
        input.as_bytes(),
        &[&format!("[Skipped(1000 bytes), Skipped(1000 bytes), TruncatedError(\"{error}\"), Integer(1)]")],
        End::Clean,
    );
    let input = format!("*4\r\n-{long}\r\n-{long}\r\n-{long}\r\n+{long}\r\n:2\r\n");
    let look = |frame: resp::Frame<'_>| format!("{frame:?}{}", frame.is_truncated());
    let expected = format!("[TruncatedError(\"{error}\"), TruncatedError(\"{error}\"), 2 not kept]true");
    for at in 0..input.len() {
        let (frames, end) = decode_with(limits, cut(input.as_bytes(), &[at, at + 150]), look);
        assert_eq!((frames, end), (vec![expected.clone(), "Integer(2)false".to_owned()], End::Clean));
    }
    // A long line in a frame that is truncated already.
    let tiny = limits.with_skip_frames_over(20);
    let input = format!("*2\r\n$150\r\n{:150}\r\n+{long}\r\n:2\r\n", "");
    for at in 0..input.len() {
        let (frames, end) = decode_with(tiny, cut(input.as_bytes(), &[at, at + 105]), look);
        assert_eq!(
            (frames, end),
            (vec!["[2 not kept]true".to_owned(), "Integer(2)false".to_owned()], End::Clean)
        );
    }
    // A root that is too large for both.
    let small = limits.with_skip_frames_over(50);
    for kind in ["+", "-"] {
        let input = format!("{kind}{long}\r\n:2\r\n");
        let (frames, end) = decode_with(small, [input.as_bytes()], look);
        assert_eq!(
            (frames, end),
            (vec!["Skipped(1000 bytes)true".to_owned(), "Integer(2)false".to_owned()], End::Clean)
        );
    }
}

#[test]
fn new_limits_in_the_middle_of_a_line_count_from_there() {
    for (kind, shown) in [("+", "Skipped(10 bytes)"), ("-", "TruncatedError(\"abcde\")")] {
        let mut decoder = Decoder::new();
        assert!(decoder.feed(&mut format!("{kind}abcde").as_bytes()).expect("valid").is_none());
        decoder.set_limits(LINES(2, 1 << 20));
        let frame = decoder.feed(&mut &b"fghij\r\n"[..]).expect("valid").expect("whole");
        assert_eq!(format!("{frame:?}"), shown);
    }
    let mut decoder = Decoder::new();
    assert!(decoder.feed(&mut &b"+abcde"[..]).expect("valid").is_none());
    decoder.set_limits(LINES(2, 2));
    assert_eq!(decoder.feed(&mut &b"f"[..]).map(drop).map_err(|error| error.kind), Err(ErrorKind::LineLimit));
}

#[test]
fn a_frame_nested_too_deep_is_truncated_and_the_stream_goes_on() {
    let limits = DEPTH(2, 4);
    let (two, null) = ("[[Integer(1)]]", "[[Null]]");
    check(limits, b"*1\r\n*1\r\n:1\r\n", &[two], End::Clean);
    let truncated = "[[1 not kept]] truncated";
    check(limits, b"*1\r\n*1\r\n*1\r\n:1\r\n:2\r\n", &[truncated, "Integer(2)"], End::Clean);
    check(limits, b"*1\r\n*1\r\n*0\r\n:2\r\n", &[truncated, "Integer(2)"], End::Clean);
    check(limits, b"*1\r\n*1\r\n*-1\r\n:2\r\n", &[null, "Integer(2)"], End::Clean);
    check(limits, b"*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n:2\r\n", &[truncated, "Integer(2)"], End::Clean);
    check(limits, b"*1\r\n*1\r\n*1\r\n*1\r\n*", &[], End::Incomplete(0));
    check(limits, b"*1\r\n*1\r\n*1\r\n*1\r\n*1", &[], End::Error(ErrorKind::DepthLimit, 16));
    // What comes before the place is kept, and nothing after it.
    check(
        limits,
        b"*4\r\n:1\r\n*1\r\n~1\r\n:2\r\n:3\r\n+x\r\n:4\r\n",
        &["[Integer(1), [1 not kept], 2 not kept] truncated", "Integer(4)"],
        End::Clean,
    );
    // Each kind of aggregate, streamed ones and attributes too.
    for inner in ["~0\r\n", "%0\r\n", "*?\r\n.\r\n", "~?\r\n.\r\n", "%?\r\n.\r\n", "|0\r\n_\r\n"] {
        let input = format!("*1\r\n*1\r\n{inner}:2\r\n");
        check(limits, input.as_bytes(), &[truncated, "Integer(2)"], End::Clean);
    }
    // No attribute without its value. The root is there in any case.
    check(
        limits,
        b"|1\r\n+a\r\n*1\r\n*0\r\n*1\r\n:1\r\n:2\r\n",
        &["[1 not kept] truncated", "Integer(2)"],
        End::Clean,
    );
    check(
        DEPTH(0, 4),
        b"*1\r\n:1\r\n>1\r\n:1\r\n",
        &["[1 not kept] truncated", "Push([1 not kept]) truncated"],
        End::Clean,
    );
}

#[test]
fn a_push_inside_a_frame_nested_too_deep_is_whole() {
    check(
        DEPTH(2, 4),
        b"*1\r\n*1\r\n*2\r\n:1\r\n>2\r\n+x\r\n*0\r\n:2\r\n:3\r\n",
        &["Push([SimpleString(\"x\"), []])", "[[1 not kept]] truncated", "Integer(3)"],
        End::Clean,
    );
    // The other way round: the reply goes on whole after a push that is nested too deep.
    check(
        DEPTH(2, 4),
        b"*2\r\n:1\r\n>1\r\n*1\r\n*0\r\n:2\r\n:3\r\n",
        &["Push([[1 not kept]]) truncated", "[Integer(1), Integer(2)]", "Integer(3)"],
        End::Clean,
    );
}

#[test]
fn as_many_levels_are_kept_as_may_be() {
    let mut input = b"*1\r\n".repeat(60_000);
    input.extend_from_slice(b":1\r\n+OK\r\n");
    for size in [1, 1000, input.len()] {
        let (frames, end) = decode_with(DEPTH(128, 65_536), input.chunks(size), |frame| {
            let mut levels = 0;
            let mut value = frame.value();
            while let Value::Array(mut items) = value {
                levels += 1;
                value = items.next().map_or(Value::Null, |item| item.value());
            }
            (levels, frame.is_truncated())
        });
        assert_eq!((frames, end), (vec![(128, true), (0, false)], End::Clean), "in pieces of {size}");
    }
}

/// How many elements there are is known for what was kept to its end alone.
#[test]
fn the_size_hint_of_what_is_missing_promises_nothing() {
    let limits = DEPTH(2, 10);
    let input = b"*3\r\n*2\r\n:1\r\n:2\r\n*2\r\n:3\r\n*1\r\n:4\r\n:5\r\n";
    let hint = |value: &Value<'_>| match value {
        Value::Array(items) => (items.len(), items.size_hint()),
        other => panic!("{other:?}"),
    };
    let look = |frame: resp::Frame<'_>| {
        let Value::Array(items) = frame.value() else { panic!("an array") };
        let inner: Vec<_> = items.map(|item| hint(&item.value())).collect();
        (hint(&frame.value()), inner)
    };
    let (frames, _) = decode_with(limits, [&input[..]], look);
    let (outer, inner) = &frames[0];
    assert_eq!(*outer, (3, (0, Some(3))), "the last one is missing");
    assert_eq!(inner[..], [(2, (2, Some(2))), (2, (0, Some(1)))], "the second one ends early");
}
