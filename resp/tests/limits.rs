//! What a peer cannot make us hold: hard limits, and what is skipped as it streams by.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

mod common;

use common::twin::End;
use common::{cut, decode_with};
use resp::{Decoder, ErrorKind, Limits, Value};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// The same result for every way to cut the input in two, and byte by byte.
#[track_caller]
fn check(limits: Limits, input: &[u8], frames: &[&str], end: End) {
    let look =
        |frame: resp::Frame<'_>| format!("{frame:?}{}", if frame.is_truncated() { " truncated" } else { "" });
    let expected: (Vec<String>, End) = (frames.iter().map(|&text| text.to_owned()).collect(), end);
    for at in 0..=input.len() {
        assert_eq!(decode_with(limits, cut(input, &[at]), look), expected, "cut at {at}");
    }
    assert_eq!(decode_with(limits, input.chunks(1), look), expected, "byte by byte");
}

#[test]
fn each_limit_is_an_error_at_the_header_that_passes_it() {
    let error = |kind, offset| End::Error(kind, offset);
    let depth = limits(|limits| limits.depth = 2);
    check(depth, b"*1\r\n*1\r\n:1\r\n", &["[[Integer(1)]]"], End::Clean);
    check(depth, b"*1\r\n*1\r\n*0\r\n", &[], error(ErrorKind::DepthLimit, 8));
    check(depth, b"*1\r\n|1\r\n%1\r\n", &[], error(ErrorKind::DepthLimit, 8));

    let aggregate = limits(|limits| limits.aggregate = 4);
    check(aggregate, b"*5\r\n", &[], error(ErrorKind::AggregateLimit, 0));
    check(aggregate, b"%3\r\n", &[], error(ErrorKind::AggregateLimit, 0));
    check(aggregate, b"*1\r\n~5", &[], error(ErrorKind::AggregateLimit, 4));
    check(
        aggregate,
        b"*?\r\n:1\r\n:2\r\n:3\r\n:4\r\n.\r\n",
        &["[Integer(1), Integer(2), Integer(3), Integer(4)]"],
        End::Clean,
    );
    check(aggregate, b"*?\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n", &[], error(ErrorKind::AggregateLimit, 20));

    let elements = limits(|limits| limits.elements = 4);
    check(elements, b"*3\r\n:1\r\n:2\r\n:3\r\n", &["[Integer(1), Integer(2), Integer(3)]"], End::Clean);
    check(elements, b"*2\r\n*1\r\n:1\r\n*1\r\n", &[], error(ErrorKind::ElementsLimit, 12));
    check(elements, b"|1\r\n:1\r\n:2\r\n*1\r\n", &[], error(ErrorKind::ElementsLimit, 12));

    let blob = limits(|limits| limits.blob = 4);
    check(blob, b"$4\r\nabcd\r\n", &["BulkString(\"abcd\")"], End::Clean);
    check(blob, b"$5", &[], error(ErrorKind::BlobLimit, 0));
    check(blob, b"*1\r\n=5", &[], error(ErrorKind::BlobLimit, 4));
    check(blob, b"$?\r\n;3\r\nabc\r\n;2\r\n", &[], error(ErrorKind::BlobLimit, 13));

    let line = limits(|limits| limits.line = 4);
    check(line, b"+abcd\r\n", &["SimpleString(\"abcd\")"], End::Clean);
    check(line, b"+abcde", &[], error(ErrorKind::LineLimit, 0));
    check(line, b"*1\r\n:00000", &[], error(ErrorKind::LineLimit, 4));
    check(line, b"(12345", &[], error(ErrorKind::LineLimit, 0));

    let frame = limits(|limits| limits.frame = 20);
    check(frame, b"$13\r\n0123456789abc\r\n", &["BulkString(\"0123456789abc\")"], End::Clean);
    check(frame, b"$14\r\n", &[], error(ErrorKind::FrameLimit, 0));
    check(frame, b"*?\r\n:11111\r\n:22222\r\n:3", &[], error(ErrorKind::FrameLimit, 20));
    check(frame, b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n", &["SimpleString(\"OK\")"; 5], End::Clean);
}

#[test]
fn an_error_stays_until_reset() {
    let mut decoder = Decoder::new();
    let error = decoder.feed(&mut &b"+OK\r\nx"[1..]).expect_err("K is no type");
    assert_eq!(decoder.feed(&mut &b":1\r\n"[..]).expect_err("still"), error);
    decoder.reset();
    assert!(decoder.feed(&mut &b":1\r\n"[..]).expect("well again").is_some());
    assert_eq!(decoder.feed(&mut &b"x"[..]).expect_err("no type").offset, 4, "counted from the reset");
}

#[test]
fn a_large_blob_is_skipped_and_the_stream_goes_on() {
    let skip = limits(|limits| limits.skip_blobs_over = 4);
    let skipped = "Skipped(5 bytes)";
    check(skip, b"$5\r\nabcde\r\n+OK\r\n", &[skipped, "SimpleString(\"OK\")"], End::Clean);
    check(skip, b"!5\r\nabcde\r\n:1\r\n", &[skipped, "Integer(1)"], End::Clean);
    check(skip, b"=5\r\ntxt:e\r\n:1\r\n", &[skipped, "Integer(1)"], End::Clean);
    check(
        skip,
        b">3\r\n+message\r\n$4\r\nchat\r\n$5\r\nabcde\r\n>1\r\n+x\r\n",
        &[
            "Push([SimpleString(\"message\"), BulkString(\"chat\"), Skipped(5 bytes)])",
            "Push([SimpleString(\"x\")])",
        ],
        End::Clean,
    );
    check(skip, b"$?\r\n;3\r\nabc\r\n;2\r\nde\r\n;0\r\n:1\r\n", &[skipped, "Integer(1)"], End::Clean);
    check(skip, b"$5\r\nabcdeX", &[], End::Error(ErrorKind::BadBlobEnd, 9));
    check(
        skip,
        b"*2\r\n$5\r\nabcde\r\n>1\r\n+p\r\n:1\r\n",
        &["Push([SimpleString(\"p\")])", "[Skipped(5 bytes), Integer(1)]"],
        End::Clean,
    );
}

#[test]
fn nothing_is_held_of_what_is_skipped() {
    let mut decoder = Decoder::with_limits(limits(|limits| limits.skip_blobs_over = 1000));
    let mut input = b"*2\r\n$100000000\r\n".to_vec();
    assert!(decoder.feed(&mut &input[..]).expect("valid").is_none());
    input.clear();
    input.resize(1 << 16, b'x');
    let mut left = 100_000_000;
    while left > 0 {
        let n = input.len().min(left);
        assert!(decoder.feed(&mut &input[..n]).expect("valid").is_none());
        left -= n;
        assert!(decoder.buffered() < 100, "{} bytes held", decoder.buffered());
    }
    let frame = decoder.feed(&mut &b"\r\n:7\r\n"[..]).expect("valid").expect("whole");
    assert_eq!(format!("{frame:?}"), "[Skipped(100000000 bytes), Integer(7)]");
}

#[test]
fn a_large_frame_is_truncated_and_the_stream_goes_on() {
    let skip = limits(|limits| limits.skip_frames_over = 1000);
    let mut input = b"*1000\r\n".to_vec();
    for i in 0..1000 {
        input.extend_from_slice(format!("${}\r\n{i}\r\n", i.to_string().len()).as_bytes());
    }
    input.extend_from_slice(b"+OK\r\n");
    for size in [1, 7, 100, 4096, input.len()] {
        let mut decoder = Decoder::with_limits(skip);
        let mut frames = Vec::new();
        for mut piece in input.chunks(size) {
            while let Some(frame) = decoder.feed(&mut piece).expect("valid") {
                let kept = match frame.value() {
                    Value::Array(items) => items.count(),
                    _ => 0,
                };
                frames.push((frame.is_truncated(), kept));
            }
            assert!(
                decoder.buffered() < 1000 + 3 * 4096,
                "{} bytes held in pieces of {size}",
                decoder.buffered()
            );
        }
        assert_eq!(frames.len(), 2);
        assert!(frames[0].0 && frames[0].1 > 5 && frames[0].1 < 50, "{frames:?}");
        assert_eq!(frames[1], (false, 0));
    }
}

#[test]
fn a_push_inside_a_truncated_frame_is_whole() {
    let skip = limits(|limits| limits.skip_frames_over = 300);
    let mut input = b"*?\r\n".to_vec();
    for i in 0..100 {
        input.extend_from_slice(b"$20\r\n01234567890123456789\r\n");
        if i % 10 == 5 {
            input.extend_from_slice(b">2\r\n+message\r\n:1\r\n");
        }
    }
    input.extend_from_slice(b".\r\n:5\r\n");
    let look = |frame: resp::Frame<'_>| (frame.is_truncated(), format!("{:?}", frame.value()));
    for size in [1, 3, 50, 1000, input.len()] {
        let (frames, end) = decode_with(skip, input.chunks(size), look);
        assert_eq!(end, End::Clean);
        assert_eq!(frames.len(), 12, "in pieces of {size}");
        for frame in &frames[..10] {
            assert_eq!(frame, &(false, "Push([SimpleString(\"message\"), Integer(1)])".to_owned()));
        }
        assert!(frames[10].0);
        assert_eq!(frames[11], (false, "Integer(5)".to_owned()));
    }
}

#[test]
fn what_a_truncated_frame_keeps_is_whole_values() {
    let skip = |over| limits(|limits| limits.skip_frames_over = over);
    // As large as allowed is not larger.
    check(skip(3), b"_\r\n_\r\n", &["Null", "Null"], End::Clean);
    check(skip(2), b"_\r\n:1\r\n", &["Null truncated", "Integer(1) truncated"], End::Clean);
    check(skip(8), b"$4\r\nabcd\r\n:1\r\n", &["Skipped(4 bytes) truncated", "Integer(1)"], End::Clean);
    // No attribute without its value, and nothing from inside an attribute.
    let long = "b".repeat(150);
    let input = format!("*2\r\n:1\r\n|1\r\n+a\r\n+{long}\r\n:2\r\n:3\r\n");
    check(skip(150), input.as_bytes(), &["[Integer(1), 1 not kept] truncated", "Integer(3)"], End::Clean);
    let input = format!("|1\r\n+a\r\n+{long}\r\n>1\r\n:2\r\n:3\r\n");
    check(skip(150), input.as_bytes(), &["Push([1 not kept]) truncated", "Integer(3)"], End::Clean);
}

#[test]
fn attributes_of_a_push_count_in_the_push_alone() {
    let frame = limits(|limits| limits.frame = 40);
    check(
        frame,
        b"*2\r\n:1\r\n|1\r\n+aaaaaaaaaa\r\n:1\r\n>1\r\n+x\r\n+bbbbbbbbbbbbbbbbbbbbbbbbb\r\n",
        &[
            "|{SimpleString(\"aaaaaaaaaa\"): Integer(1)} Push([SimpleString(\"x\")])",
            "[Integer(1), SimpleString(\"bbbbbbbbbbbbbbbbbbbbbbbbb\")]",
        ],
        End::Clean,
    );
    check(
        frame,
        b"*2\r\n:1\r\n|1\r\n+aaaaaaaaaa\r\n:1\r\n>1\r\n+xxxxxxxxxxxxxxxx\r\n",
        &[],
        End::Error(ErrorKind::FrameLimit, 33),
    );
}

#[test]
fn nothing_is_held_of_a_streamed_string_that_grew_too_long() {
    let mut decoder = Decoder::with_limits(limits(|limits| limits.skip_blobs_over = 1000));
    let piece = [b";900\r\n", &[b'x'; 900][..], b"\r\n"].concat();
    assert!(decoder.feed(&mut &b"*2\r\n$?\r\n"[..]).expect("valid").is_none());
    assert!(decoder.feed(&mut &piece[..]).expect("valid").is_none());
    assert!(decoder.buffered() > 900);
    for _ in 0..100 {
        assert!(decoder.feed(&mut &piece[..]).expect("valid").is_none());
        assert!(decoder.buffered() < 100, "{} bytes held", decoder.buffered());
    }
    let frame = decoder.feed(&mut &b";0\r\n:7\r\n"[..]).expect("valid").expect("whole");
    assert_eq!(format!("{frame:?}"), "[Skipped(90900 bytes), Integer(7)]");
}

#[test]
fn deep_nesting_costs_no_stack() {
    let deep = limits(|limits| limits.depth = 1_000_000);
    let mut input = b"*1\r\n".repeat(1_000_000);
    input.extend_from_slice(b":1\r\n");
    let (frames, end) = decode_with(deep, [&input[..]], |frame| format!("{frame:?}"));
    assert_eq!(end, End::Clean);
    assert!(frames == ["[".repeat(1_000_000) + "Integer(1)" + &"]".repeat(1_000_000)], "it shows all levels");
}

#[test]
fn numbers_allocate_nothing() {
    for mut input in [&b"*16000000\r\n"[..], b"$500000000\r\n"] {
        let mut decoder = Decoder::new();
        let memory = allocation_counter::measure(|| {
            assert!(decoder.feed(&mut input).expect("within the limits").is_none());
        });
        assert!(memory.bytes_max < 1000, "{memory:?}");
        assert!(decoder.buffered() < 100);
    }
}

#[test]
fn memory_of_a_large_reply_is_given_back() {
    let mut decoder = Decoder::new();
    let mut input = b"$10000000\r\n".to_vec();
    input.resize(input.len() + 10_000_000, b'x');
    for mut piece in input.chunks(60_000) {
        assert!(decoder.feed(&mut piece).expect("valid").is_none());
    }
    assert!(decoder.buffered() > 9_000_000);
    assert!(decoder.feed(&mut &b"\r\n"[..]).expect("valid").is_some());
    assert!(decoder.feed(&mut &b"+x"[..]).expect("valid").is_none());
    assert!(decoder.buffered() < 100);
}

/// Were a line looked at again with every byte that arrives, this would take hours.
#[test]
fn long_lines_byte_by_byte_take_linear_time() {
    let zeros = "0".repeat(1_000_000);
    for line in [
        format!(":{zeros}7\r\n"),
        format!("+{zeros}\r\n"),
        format!("({zeros}\r\n"),
        format!(",{zeros}.5\r\n"),
    ] {
        assert_eq!(decode_with(Limits::default(), line.as_bytes().chunks(1), |_| ()), (vec![()], End::Clean));
    }
}
