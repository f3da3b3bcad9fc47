//! The grammar as a table of literal bytes: what each input gives, whole and cut at every place.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

mod common;

use common::twin::{End, Grammar};
use common::{cut, decode, twin};
use resp::ErrorKind::{self, *};

/// What must come of `input`, however it is cut: so many frames, then this end; and the twin says the same of it.
#[track_caller]
fn check(input: &[u8], frames: usize, end: End) {
    let whole = decode([input]);
    let shown = input.escape_ascii();
    assert_eq!((whole.0.len(), whole.1), (frames, end), "\"{shown}\": {:?}", whole.0);
    assert_eq!(twin::parse(input, &Grammar::new()), whole, "the twin on \"{shown}\"");
    for at in 0..=input.len() {
        assert_eq!(decode(cut(input, &[at])), whole, "\"{shown}\" cut at {at}");
    }
    assert_eq!(decode(input.chunks(1)), whole, "\"{shown}\" byte by byte");
}

#[track_caller]
fn valid(inputs: &[&str]) {
    for input in inputs {
        check(input.as_bytes(), 1, End::Clean);
        // Nothing shifts: what follows is still understood.
        check(format!("{input}:1\r\n").as_bytes(), 2, End::Clean);
    }
}

#[track_caller]
fn errors(table: &[(&str, ErrorKind, u64)]) {
    for &(input, kind, offset) in table {
        check(input.as_bytes(), 0, End::Error(kind, offset));
        // The same behind a whole frame, and inside an array.
        check(format!("+OK\r\n{input}").as_bytes(), 1, End::Error(kind, offset + 5));
        check(format!("*2\r\n:1\r\n{input}").as_bytes(), 0, End::Error(kind, offset + 8));
    }
}

#[test]
fn nulls() {
    valid(&["$-1\r\n", "*-1\r\n", "_\r\n", "*3\r\n$-1\r\n*-1\r\n_\r\n"]);
}

#[test]
fn lengths() {
    valid(&[
        "$0\r\n\r\n",
        "*0\r\n",
        "%0\r\n",
        "~0\r\n",
        ">0\r\n",
        "$?\r\n;0\r\n",
        "$03\r\nabc\r\n",
        "!0\r\n\r\n",
    ]);
    errors(&[
        ("!-1\r\n", BadLength, 1),
        ("=-1\r\n", BadLength, 1),
        ("%-1\r\n", BadLength, 1),
        ("~-1\r\n", BadLength, 1),
        (">-1\r\n", BadLength, 1),
        ("|-1\r\n", BadLength, 1),
        ("$-2\r\n", BadLength, 2),
        ("*-2\r\n", BadLength, 2),
        ("$-10\r\n", BadLength, 3),
        ("$-\r\n", BadLength, 2),
        ("$+3\r\nabc\r\n", BadLength, 1),
        ("$\r\n", BadLength, 1),
        ("*\r\n", BadLength, 1),
        ("$ 3\r\n", BadLength, 1),
        ("$3 \r\n", BadLength, 2),
        ("*1x\r\n", BadLength, 2),
        (">?\r\n", BadLength, 1),
        ("|?\r\n", BadLength, 1),
        ("!?\r\n", BadLength, 1),
        ("=?\r\n", BadLength, 1),
        ("$?1\r\n", BadLength, 2),
    ]);
}

#[test]
fn integers() {
    valid(&[
        ":0\r\n",
        ":+5\r\n",
        ":-0\r\n",
        ":007\r\n",
        ":9223372036854775807\r\n",
        ":-9223372036854775808\r\n",
        ":0000000000000000000000000000000000000000000007\r\n",
    ]);
    errors(&[
        (": 5\r\n", BadInteger, 1),
        (":5 \r\n", BadInteger, 2),
        (":\r\n", BadInteger, 1),
        (":-\r\n", BadInteger, 2),
        (":+-5\r\n", BadInteger, 2),
        (":9223372036854775808\r\n", BadInteger, 19),
        (":-9223372036854775809\r\n", BadInteger, 20),
        (":1.0\r\n", BadInteger, 2),
    ]);
}

#[test]
fn line_ends() {
    errors(&[
        ("+OK\rX", BadLineEnd, 4),
        ("+OK\n", BadLineEnd, 3),
        ("+O\nK\r\n", BadLineEnd, 2),
        ("-ERR\r\r\n", BadLineEnd, 5),
        (":5\n", BadLineEnd, 2),
        (":5\rX", BadLineEnd, 3),
        ("$3\nabc\r\n", BadLineEnd, 2),
        ("_\n", BadLineEnd, 1),
        ("*1\r:1\r\n", BadLineEnd, 3),
    ]);
}

#[test]
fn blobs() {
    valid(&["$5\r\na\r\nbc\r\n", "!5\r\nERR x\r\n", "=7\r\ntxt:abc\r\n", "=4\r\nmkd:\r\n"]);
    check(b"$4\r\n\0\xff\r\n\r\n", 1, End::Clean);
    check(b"=5\r\n\xff\0\x80:x\r\n", 1, End::Clean);
    errors(&[
        ("$3\r\nabcX\n", BadBlobEnd, 7),
        ("$3\r\nabc\rX", BadBlobEnd, 8),
        ("$3\r\nabcd\r\n", BadBlobEnd, 7),
        ("$3\r\nab\r\n+", BadBlobEnd, 7),
        ("!3\r\nabc\n", BadBlobEnd, 7),
        ("=7\r\ntxt:abcd\r\n", BadBlobEnd, 11),
        ("=3\r\ntxt\r\n", BadVerbatim, 2),
        ("=0\r\n\r\n", BadVerbatim, 2),
        ("=7\r\ntxt-abc\r\n", BadVerbatim, 7),
    ]);
}

#[test]
fn doubles() {
    valid(&[
        ",1.5\r\n",
        ",10\r\n",
        ",1e3\r\n",
        ",-1.2E-5\r\n",
        ",+1.5\r\n",
        ",inf\r\n",
        ",-inf\r\n",
        ",nan\r\n",
        ",-nan\r\n",
        ",NAN\r\n",
        ",-NAN\r\n",
        ",nan(0x1)\r\n",
        ",-nan()\r\n",
        ",0e400\r\n",
        ",0e99999999999999999999999999999999\r\n",
        ",1e-99999999999999999999999999999999\r\n",
        ",1e-400\r\n",
        ",1e+0000005\r\n",
        ",1e308\r\n",
        ",0.1e309\r\n",
        ",-0\r\n",
        ",00.50\r\n",
    ]);
    errors(&[
        (",.5\r\n", BadDouble, 1),
        (",5.\r\n", BadDouble, 3),
        (",infinity\r\n", BadDouble, 4),
        (",+inf\r\n", BadDouble, 2),
        (",INF\r\n", BadDouble, 1),
        (",1e400\r\n", BadDouble, 5),
        (",1e309\r\n", BadDouble, 5),
        (",-10e308\r\n", BadDouble, 7),
        (",\r\n", BadDouble, 1),
        (",0x10\r\n", BadDouble, 2),
        (",1e\r\n", BadDouble, 3),
        (",1e+\r\n", BadDouble, 4),
        (",1 \r\n", BadDouble, 2),
        (",nAn\r\n", BadDouble, 2),
        (",nan(-)\r\n", BadDouble, 5),
        (",nan(\r\n", BadDouble, 5),
    ]);
    // Too large only once nothing can shrink it any more.
    let digits = "1".repeat(400);
    for (text, end) in
        [(format!(",{digits}e-200\r\n"), End::Clean), (format!(",{digits}\r\n"), End::Error(BadDouble, 401))]
    {
        assert_eq!(decode([text.as_bytes()]).1, end);
        assert_eq!(decode(text.as_bytes().chunks(1)).1, end);
    }
}

#[test]
fn doubles_of_few_digits_are_what_the_standard_library_reads() {
    // Each number of digits before and behind the point, with all digits alike and in a row.
    for (before, behind) in (1..18).flat_map(|before| (0..18).map(move |behind| (before, behind))) {
        for digits in [
            "123456789012345678901234567890123456",
            "999999999999999999999999999999999999",
            "000000000000000000000000000000000001",
        ] {
            for sign in ["", "-"] {
                let point = if behind > 0 { "." } else { "" };
                let text = format!("{sign}{}{point}{}", &digits[..before], &digits[before..before + behind]);
                let expected: f64 = text.parse().expect("a double");
                let input = format!(",{text}\r\n");
                for (frames, _) in [decode([input.as_bytes()]), decode(input.as_bytes().chunks(1))] {
                    let twin::Body::Double(value) = frames[0].body else { panic!("{text}: {frames:?}") };
                    assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
                }
            }
        }
    }
}

#[test]
fn doubles_are_rounded_once() {
    // In the middle between two doubles, but for a digit far behind; and digits that only an exponent makes small.
    let far = format!("9007199254740993.{}1", "0".repeat(2000));
    let shrunk = format!("{}5e-3000", "1234567890".repeat(300));
    let tiny = format!("0.{}123456789e1500", "0".repeat(1500));
    for text in [
        &far[..],
        &shrunk,
        &tiny,
        "0.1",
        "9007199254740993",
        "1.7976931348623157e308",
        "5e-324",
        "2.2250738585072011e-308",
    ] {
        let frames = decode([format!(",{text}\r\n").as_bytes()]).0;
        assert_eq!(frames[0].body, twin::Body::Double(text.parse().expect("a double")));
    }
}

#[test]
fn big_numbers() {
    valid(&["(0\r\n", "(-3492890328409238509324850943850943825024385\r\n", "(+1\r\n", "(007\r\n"]);
    let long = format!("({}\r\n", "9".repeat(100_000));
    assert_eq!(decode(long.as_bytes().chunks(1000)).1, End::Clean, "any number of digits");
    errors(&[
        ("(\r\n", BadBigNumber, 1),
        ("(-\r\n", BadBigNumber, 2),
        ("(1.5\r\n", BadBigNumber, 2),
        ("(12a\r\n", BadBigNumber, 3),
    ]);
}

#[test]
fn booleans_and_nulls() {
    valid(&["#t\r\n", "#f\r\n"]);
    errors(&[
        ("_x\r\n", BadNull, 1),
        ("#x\r\n", BadBoolean, 1),
        ("#tt\r\n", BadBoolean, 2),
        ("#\r\n", BadBoolean, 1),
        ("#T\r\n", BadBoolean, 1),
    ]);
}

#[test]
fn aggregates() {
    valid(&[
        "*2\r\n:1\r\n*1\r\n+x\r\n",
        "%2\r\n+a\r\n:1\r\n+a\r\n:2\r\n",
        "%1\r\n*1\r\n:1\r\n%1\r\n_\r\n,nan\r\n",
        "~2\r\n:1\r\n:1\r\n",
        ">1\r\n+x\r\n",
        ">3\r\n+message\r\n+c\r\n+m\r\n",
        "*1\r\n*1\r\n*1\r\n*0\r\n",
    ]);
}

#[test]
fn attributes() {
    valid(&[
        "|1\r\n+a\r\n:1\r\n+x\r\n",
        "|0\r\n+x\r\n",
        "|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n+x\r\n",
        "|1\r\n|1\r\n+in\r\n:0\r\n+a\r\n|1\r\n+in\r\n:0\r\n:1\r\n+x\r\n",
        "*2\r\n|1\r\n+a\r\n:1\r\n:1\r\n:2\r\n",
        "*1\r\n|1\r\n+a\r\n:1\r\n$-1\r\n",
        "%1\r\n|1\r\n+a\r\n:1\r\n+k\r\n|1\r\n+b\r\n:2\r\n+v\r\n",
        "|1\r\n+a\r\n:1\r\n>1\r\n+x\r\n",
        ">2\r\n|1\r\n+a\r\n:1\r\n+x\r\n+y\r\n",
        "|1\r\n+a\r\n*1\r\n:1\r\n*0\r\n",
    ]);
    errors(&[
        ("*?\r\n|1\r\n+a\r\n:1\r\n.\r\n", DanglingAttribute, 16),
        ("%?\r\n+k\r\n+v\r\n|0\r\n.\r\n", DanglingAttribute, 16),
    ]);
    check(b"|1\r\n+a\r\n:1\r\n", 0, End::Incomplete(0));
    // An attribute that ends with an aggregate, and the value it describes is not the last one.
    check(b"*?\r\n*1\r\n|1\r\n+a\r\n*1\r\n:1\r\n+x\r\n.\r\n", 1, End::Clean);
    check(b"*3\r\n|1\r\n+a\r\n*1\r\n:1\r\n+x\r\n>1\r\n+push\r\n+y\r\n+z\r\n", 2, End::Clean);
    check(b"+x\r\n|1\r\n+a\r\n:1\r\n", 1, End::Incomplete(4));
}

#[test]
fn pushes_inside_replies_come_first() {
    check(b"*2\r\n:1\r\n>2\r\n+a\r\n+b\r\n:2\r\n", 2, End::Clean);
    check(b"*1\r\n>0\r\n>0\r\n:2\r\n:3\r\n", 4, End::Clean);
    check(b"%1\r\n>1\r\n+x\r\n+k\r\n>1\r\n+y\r\n+v\r\n", 3, End::Clean);
    check(b"*1\r\n|1\r\n+a\r\n:1\r\n>1\r\n+x\r\n:2\r\n", 2, End::Clean);
    check(b"|1\r\n+a\r\n>1\r\n+x\r\n:1\r\n+y\r\n", 2, End::Clean);
    check(b"*?\r\n>1\r\n+x\r\n.\r\n", 2, End::Clean);
    check(b"*1\r\n>2\r\n+x\r\n", 0, End::Incomplete(0));
    check(b"*2\r\n>1\r\n+x\r\n:1\r\n", 1, End::Incomplete(0));
    let (frames, _) = decode([&b"*2\r\n:1\r\n|1\r\n+a\r\n:9\r\n>1\r\n+x\r\n:2\r\n"[..]]);
    assert!(matches!(&frames[0].body, twin::Body::List(b'>', items) if items.len() == 1));
    assert_eq!(frames[0].attributes.len(), 1, "its attributes go with it");
    assert!(matches!(&frames[1].body, twin::Body::List(b'*', items) if items.len() == 2));
    errors(&[
        (">1\r\n>0\r\n", NestedPush, 4),
        (">1\r\n*1\r\n>0\r\n", NestedPush, 8),
        (">2\r\n|1\r\n+a\r\n>0\r\n", NestedPush, 12),
    ]);
}

#[test]
fn streamed_types() {
    valid(&[
        "$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n",
        "*?\r\n:1\r\n:2\r\n.\r\n",
        "~?\r\n.\r\n",
        "%?\r\n+a\r\n:1\r\n.\r\n",
        "*?\r\n$?\r\n;2\r\nab\r\n;3\r\ncde\r\n;0\r\n%?\r\n+k\r\n*?\r\n.\r\n.\r\n.\r\n",
        "*2\r\n$?\r\n;1\r\na\r\n;0\r\n$?\r\n;1\r\nb\r\n;1\r\nc\r\n;0\r\n",
    ]);
    let (frames, _) = decode([&b"*2\r\n$?\r\n;1\r\na\r\n;2\r\nbc\r\n;0\r\n+x\r\n"[..]]);
    let twin::Body::List(_, items) = &frames[0].body else { panic!("{frames:?}") };
    assert_eq!(items[0].body, twin::Body::Text(b'$', b"abc".to_vec()));
    assert_eq!(items[1].body, twin::Body::Text(b'+', b"x".to_vec()));
    errors(&[
        (".\r\n", UnexpectedEnd, 0),
        (";1\r\na\r\n", UnexpectedChunk, 0),
        ("*1\r\n.\r\n", UnexpectedEnd, 4),
        ("*?\r\n;1\r\n", UnexpectedChunk, 4),
        ("%?\r\n+a\r\n.\r\n", OddMap, 8),
        ("$?\r\n+a\r\n", ExpectedChunk, 4),
        ("$?\r\n.\r\n", ExpectedChunk, 4),
        ("$?\r\n;-1\r\n", BadLength, 5),
        ("$?\r\n;?\r\n", BadLength, 5),
        ("$?\r\n;2\r\nabc\r\n", BadBlobEnd, 10),
        ("*?\r\n.x\r\n", UnexpectedEnd, 5),
        ("*?\r\n*1\r\n.\r\n", UnexpectedEnd, 8),
    ]);
}

#[test]
fn unknown_types_name_the_byte() {
    errors(&[
        ("x\r\n", UnknownType(b'x'), 0),
        ("\r\n", UnknownType(b'\r'), 0),
        ("HTTP/1.1 200\r\n", UnknownType(b'H'), 0),
    ]);
    let text = decode([&b"x"[..]]);
    assert_eq!(text.1, End::Error(UnknownType(b'x'), 0));
    assert_eq!(UnknownType(b'x').to_string(), "unknown type byte 'x' (0x78)");
    assert_eq!(UnknownType(0x15).to_string(), "unknown type byte '\\x15' (0x15)");
}

#[test]
fn numbers_beyond_reason_are_errors_by_limit() {
    errors(&[
        ("*4294967295\r\n", AggregateLimit, 0),
        ("$9223372036854775807\r\n", BlobLimit, 0),
        ("%9223372036854775807\r\n", AggregateLimit, 0),
        ("|18446744073709551616\r\n", AggregateLimit, 0),
        ("$99999999999999999999999999999999999999999999\r\n", BlobLimit, 0),
        ("$?\r\n;9223372036854775807\r\n", BlobLimit, 4),
    ]);
}

#[test]
fn text_is_kept_as_it_is() {
    check(b"+\xff\0 caf\xc3\xa9\r\n", 1, End::Clean);
    check(b"-ERR \x80\r\n", 1, End::Clean);
    check(b"+\r\n", 1, End::Clean);
    let long = format!("+{}\r\n", "x".repeat(600_000));
    assert_eq!(decode(long.as_bytes().chunks(1000)).1, End::Clean, "a status reply of 600 KB");
}

#[test]
fn every_prefix_of_valid_input_is_incomplete() {
    let input = b"*2\r\n|1\r\n+a\r\n,1.5\r\n%1\r\n$3\r\nabc\r\n=5\r\ntxt:x\r\n$?\r\n;1\r\na\r\n;0\r\n";
    for end in 1..input.len() {
        assert_eq!(decode([&input[..end]]), (vec![], End::Incomplete(0)), "the first {end} bytes");
    }
}
