//! Values that do not borrow: made, compared, converted, shown.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

mod common;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use resp::{Decoder, OwnedValue, Value};

/// The one frame of this input, as `look` sees it.
fn with<T>(mut input: &[u8], look: impl FnOnce(resp::Frame<'_>) -> T) -> T {
    look(Decoder::new().feed(&mut input).expect("valid").expect("whole"))
}

fn owned(input: &[u8]) -> OwnedValue {
    with(input, |frame| frame.into_owned())
}

/// Every type, with the same value borrowed and owned.
const EVERY_TYPE: &[u8] =
    b"*14\r\n+OK\r\n-ERR no\r\n$2\r\nhi\r\n!5\r\nERR x\r\n=6\r\ntxt:hi\r\n(12345678901234567890\r\n:7\r\n\
    ,0.5\r\n#t\r\n_\r\n*1\r\n:1\r\n~1\r\n:2\r\n%1\r\n+k\r\n:3\r\n$?\r\n;1\r\na\r\n;1\r\nb\r\n;0\r\n";

#[test]
fn each_type_has_its_variant() {
    let text = |text: &str| text.as_bytes().to_vec();
    let expected = vec![
        OwnedValue::SimpleString(text("OK")),
        OwnedValue::SimpleError(text("ERR no")),
        OwnedValue::BulkString(text("hi")),
        OwnedValue::BlobError(text("ERR x")),
        OwnedValue::VerbatimString { format: *b"txt", text: text("hi") },
        OwnedValue::BigNumber(text("12345678901234567890")),
        OwnedValue::Integer(7),
        OwnedValue::Double(0.5),
        OwnedValue::Boolean(true),
        OwnedValue::Null,
        OwnedValue::Array(vec![1.into()]),
        OwnedValue::Set(vec![2.into()]),
        OwnedValue::Map(vec![(OwnedValue::SimpleString(text("k")), 3.into())]),
        OwnedValue::BulkString(text("ab")),
    ];
    assert_eq!(owned(EVERY_TYPE), OwnedValue::Array(expected));
    assert_eq!(owned(b">1\r\n+x\r\n"), OwnedValue::Push(vec![OwnedValue::SimpleString(text("x"))]));
}

#[test]
fn each_accessor_takes_its_types_and_no_other() {
    let taken = |value: &OwnedValue| {
        [
            value.as_bytes().is_some(),
            value.as_str().is_some(),
            value.as_i64().is_some(),
            value.as_f64().is_some(),
            value.as_bool().is_some(),
            value.as_big_number().is_some(),
            value.as_array().is_some(),
            value.as_push().is_some(),
            value.as_map().is_some(),
            value.as_error().is_some(),
            value.is_null(),
        ]
    };
    let borrowed = |value: &Value<'_>| {
        [
            value.as_bytes().is_some(),
            value.as_str().is_some(),
            value.as_i64().is_some(),
            value.as_f64().is_some(),
            value.as_bool().is_some(),
            value.as_big_number().is_some(),
            value.as_array().is_some(),
            value.as_push().is_some(),
            value.as_map().is_some(),
            value.as_error().is_some(),
            value.is_null(),
        ]
    };
    for (input, expected) in [
        (&b"+a\r\n"[..], &[0, 1][..]),
        (b"$1\r\na\r\n", &[0, 1]),
        (b"$1\r\n\xff\r\n", &[0]),
        (b"=5\r\ntxt:a\r\n", &[0, 1]),
        (b":1\r\n", &[2]),
        (b",1\r\n", &[3]),
        (b"#f\r\n", &[4]),
        (b"(1\r\n", &[5]),
        (b"*0\r\n", &[6]),
        (b"~0\r\n", &[6]),
        (b">0\r\n", &[7]),
        (b"%0\r\n", &[8]),
        (b"-ERR\r\n", &[9]),
        (b"!3\r\nERR\r\n", &[9]),
        (b"_\r\n", &[10]),
        (b"$-1\r\n", &[10]),
    ] {
        let shown = input.escape_ascii();
        let expected: Vec<bool> = (0..11).map(|at| expected.contains(&at)).collect();
        assert_eq!(taken(&owned(input))[..], expected, "\"{shown}\", owned");
        assert_eq!(with(input, |frame| borrowed(&frame.value()))[..], expected, "\"{shown}\", borrowed");
    }
}

#[test]
fn pairs_are_found_by_key_and_elements_by_index() {
    let input = b"%3\r\n:1\r\n+no text\r\n+a\r\n:1\r\n$1\r\na\r\n:2\r\n";
    let map = owned(input);
    assert_eq!(map.get("a"), Some(&OwnedValue::Integer(1)), "the first of two");
    assert_eq!((map.get("1"), map.at(0)), (None, None));
    with(input, |frame| {
        assert_eq!(frame.value().get("a").map(|value| value.into_owned()), Some(OwnedValue::Integer(1)));
        assert!(frame.value().get("1").is_none() && frame.value().at(0).is_none());
    });
    for input in [
        &b"*2\r\n*9\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:7\r\n"[..],
        b"~2\r\n_\r\n:7\r\n",
        b">2\r\n_\r\n:7\r\n",
    ] {
        assert_eq!(owned(input).at(1), Some(&OwnedValue::Integer(7)));
        assert_eq!(owned(input).at(2), None);
        with(input, |frame| {
            assert_eq!(frame.value().at(1).map(|item| item.value().as_i64()), Some(Some(7)));
            assert!(frame.value().at(2).is_none());
        });
    }
}

fn hash(value: &OwnedValue) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What is equal and what is not, borrowed and owned alike; and what is equal has the same hash.
#[test]
fn equality_is_by_type_and_content() {
    for (a, b) in [
        (&b"$?\r\n;1\r\na\r\n;0\r\n"[..], &b"$1\r\na\r\n"[..]),
        (b"*?\r\n:1\r\n.\r\n", b"*1\r\n:1\r\n"),
        (b"|1\r\n+ttl\r\n:1\r\n:1\r\n", b":1\r\n"),
        (b"*2\r\n|1\r\n+ttl\r\n*1\r\n:1\r\n:1\r\n:2\r\n", b"*2\r\n:1\r\n:2\r\n"),
        (b"%1\r\n+a\r\n|1\r\n+b\r\n:1\r\n:2\r\n", b"%1\r\n+a\r\n:2\r\n"),
        (b",nan\r\n", b",-nan(x)\r\n"),
        (b"*1\r\n,0\r\n", b"*1\r\n,-0\r\n"),
        (b"$-1\r\n", b"_\r\n"),
    ] {
        let shown = format!("\"{}\" and \"{}\"", a.escape_ascii(), b.escape_ascii());
        assert_eq!(owned(a), owned(b), "{shown}");
        assert_eq!(hash(&owned(a)), hash(&owned(b)), "{shown}");
        with(a, |a| with(b, |b| assert_eq!((a.value(), a.root()), (b.value(), b.root()), "{shown}")));
    }
    for (a, b) in [
        (&b"+a\r\n"[..], &b"$1\r\na\r\n"[..]),
        (b"-a\r\n", b"!1\r\na\r\n"),
        (b":1\r\n", b",1\r\n"),
        (b"*1\r\n:1\r\n", b"~1\r\n:1\r\n"),
        (b"*2\r\n:1\r\n:2\r\n", b"*2\r\n:2\r\n:1\r\n"),
        (b"*2\r\n:1\r\n*1\r\n:2\r\n", b"*2\r\n*1\r\n:1\r\n:2\r\n"),
        (b"*1\r\n*1\r\n:2\r\n", b"*1\r\n*1\r\n:3\r\n"),
        (b"*1\r\n:1\r\n", b"*2\r\n:1\r\n:1\r\n"),
        (b"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", b"%2\r\n+b\r\n:2\r\n+a\r\n:1\r\n"),
        (b"=5\r\ntxt:a\r\n", b"=5\r\nmkd:a\r\n"),
        (b"*1\r\n,0.5\r\n", b"*1\r\n,0.25\r\n"),
        (b"#t\r\n", b"#f\r\n"),
        (b"*1\r\n_\r\n", b"*1\r\n#f\r\n"),
    ] {
        let shown = format!("\"{}\" and \"{}\"", a.escape_ascii(), b.escape_ascii());
        assert_ne!(owned(a), owned(b), "{shown}");
        with(a, |a| with(b, |b| assert!(a.value() != b.value() && a.root() != b.root(), "{shown}")));
    }
}

#[test]
fn values_are_keys_of_hash_tables() {
    let seen: HashMap<OwnedValue, u8> = HashMap::from([(owned(EVERY_TYPE), 1), (f64::NAN.into(), 2)]);
    assert_eq!(seen.get(&owned(EVERY_TYPE)), Some(&1));
    assert_eq!(seen.get(&OwnedValue::Double(-f64::NAN)), Some(&2));
}

#[test]
fn rust_types_become_values_and_come_back() {
    assert_eq!(i64::try_from(OwnedValue::from(-3)), Ok(-3));
    assert_eq!(i64::try_from(OwnedValue::from(3_u32)), Ok(3));
    assert_eq!(f64::try_from(OwnedValue::from(0.5)), Ok(0.5));
    assert_eq!(bool::try_from(OwnedValue::from(true)), Ok(true));
    assert_eq!(String::try_from(OwnedValue::from("é")), Ok("é".to_owned()));
    assert_eq!(String::try_from(OwnedValue::from("é".to_owned())), Ok("é".to_owned()));
    assert_eq!(Vec::<u8>::try_from(OwnedValue::from(b"\xff")), Ok(vec![0xff]));
    assert_eq!(Vec::<u8>::try_from(OwnedValue::from(vec![0xff_u8])), Ok(vec![0xff]));
    assert_eq!(OwnedValue::from(None::<i64>), OwnedValue::Null);
    assert_eq!(OwnedValue::from(Some("a")), OwnedValue::from(&b"a"[..]));
    let list: OwnedValue = ["a", "b"].into_iter().collect();
    assert_eq!(Vec::<OwnedValue>::try_from(list), Ok(vec!["a".into(), "b".into()]));
    let pairs: Vec<(OwnedValue, OwnedValue)> = vec![("a".into(), 1.into())];
    assert_eq!(Vec::<(OwnedValue, OwnedValue)>::try_from(OwnedValue::from(pairs.clone())), Ok(pairs));
    with(b":1\r\n", |frame| {
        assert_eq!(OwnedValue::from(frame), OwnedValue::Integer(1));
        assert_eq!(OwnedValue::from(frame.root()), OwnedValue::from(frame.value()));
    });
}

#[test]
fn a_value_of_another_type_is_given_back() {
    let wrong = String::try_from(OwnedValue::from(b"\xff")).expect_err("no UTF-8");
    assert_eq!((wrong.expected, wrong.value), ("a string of UTF-8", OwnedValue::from(b"\xff")));
    for value in [OwnedValue::SimpleString(b"\xff".to_vec()), OwnedValue::Integer(1)] {
        let wrong = String::try_from(value.clone()).expect_err("no text");
        assert_eq!((wrong.expected, wrong.value), ("a string of UTF-8", value));
    }
    let wrong = f64::try_from(OwnedValue::from(1)).expect_err("an integer");
    assert_eq!(wrong.to_string(), "expected a double, got Integer(1)");
    assert_eq!(bool::try_from(OwnedValue::from(1)).expect_err("an integer").value, OwnedValue::from(1));
    assert!(Vec::<u8>::try_from(OwnedValue::Null).is_err());
    assert!(Vec::<OwnedValue>::try_from(OwnedValue::Null).is_err());
    assert!(Vec::<(OwnedValue, OwnedValue)>::try_from(OwnedValue::Null).is_err());
}

#[test]
fn debug_shows_all_levels_and_owned_values_as_borrowed_ones() {
    let shown = "[SimpleString(\"OK\"), SimpleError(\"ERR no\"), BulkString(\"hi\"), BlobError(\"ERR x\"), \
        VerbatimString(txt, \"hi\"), BigNumber(12345678901234567890), Integer(7), Double(0.5), Boolean(true), Null, \
        [Integer(1)], Set([Integer(2)]), {SimpleString(\"k\"): Integer(3)}, BulkString(\"ab\")]";
    with(EVERY_TYPE, |frame| {
        assert_eq!(format!("{frame:?}"), shown);
        assert_eq!(format!("{:?}", frame.value()), shown);
        assert_eq!(format!("{:?}", frame.into_owned()), shown);
        assert_eq!(format!("{frame:#?}"), format!("{:#?}", frame.into_owned()));
    });
    for input in [&b"*0\r\n"[..], b"%0\r\n", b">2\r\n*0\r\n%1\r\n*1\r\n_\r\n~0\r\n"] {
        with(input, |frame| {
            assert_eq!(format!("{frame:?}"), format!("{:?}", frame.into_owned()));
            assert_eq!(format!("{frame:#?}"), format!("{:#?}", frame.into_owned()));
        });
    }
    with(b"|1\r\n+ttl\r\n:1\r\n*1\r\n|1\r\n+x\r\n_\r\n:2\r\n", |frame| {
        let shown = "|{SimpleString(\"ttl\"): Integer(1)} [|{SimpleString(\"x\"): Null} Integer(2)]";
        assert_eq!(format!("{frame:?}"), shown);
    });
}

#[test]
fn display_is_for_people() {
    let shown = "[OK, ERR no, hi, ERR x, hi, 12345678901234567890, 7, 0.5, true, null, [1], [2], {k: 3}, ab]";
    assert_eq!(owned(EVERY_TYPE).to_string(), shown);
    assert_eq!(OwnedValue::from(b"a\xffb").to_string(), "a\u{fffd}b");
    assert_eq!(owned(b"%2\r\n+a\r\n*0\r\n+b\r\n%0\r\n").to_string(), "{a: [], b: {}}");
}

/// What was not kept is there as such.
#[test]
fn what_was_skipped_stays_skipped() {
    let limits = resp::Limits::new().with_skip_blobs_over(3).with_skip_lines_over(4);
    let mut decoder = Decoder::with_limits(limits);
    let frame = decoder.feed(&mut &b"*2\r\n$5\r\nabcde\r\n-BUSY now\r\n"[..]).expect("valid").expect("whole");
    let expected = vec![OwnedValue::Skipped { len: 5 }, OwnedValue::TruncatedError(b"BUSY".to_vec())];
    assert_eq!(frame.into_owned(), OwnedValue::Array(expected));
    assert_eq!(frame.into_owned().to_string(), "[(5 bytes), BUSY]");
}

/// A truncated frame is not taken for a whole one: its end is missing at each level, in whatever form it was sent.
#[test]
fn the_end_of_a_truncated_frame_is_missing() {
    let limits = resp::Limits::new().with_depth(9).with_skip_depth_over(2);
    let missing = |count| OwnedValue::NotKept { count };
    let list = OwnedValue::Array;
    for (input, expected) in [
        (
            &b"*3\r\n:1\r\n*4\r\n:2\r\n*0\r\n:3\r\n:4\r\n:5\r\n"[..],
            list(vec![1.into(), list(vec![2.into(), missing(3)]), missing(1)]),
        ),
        // The last element is there, and only its own end is missing.
        (b"*1\r\n~1\r\n*0\r\n", list(vec![OwnedValue::Set(vec![missing(1)])])),
        (
            b"*?\r\n*?\r\n:1\r\n*?\r\n.\r\n:2\r\n.\r\n:3\r\n.\r\n",
            list(vec![list(vec![1.into(), missing(2)]), missing(1)]),
        ),
        (b">2\r\n*1\r\n*0\r\n:1\r\n", OwnedValue::Push(vec![list(vec![missing(1)]), missing(1)])),
        // The second pair's key was kept, its value was not.
        (
            b"%3\r\n:1\r\n:2\r\n*1\r\n*0\r\n:3\r\n:4\r\n:5\r\n",
            OwnedValue::Map(vec![(1.into(), 2.into()), (missing(2), missing(2))]),
        ),
    ] {
        let mut decoder = Decoder::with_limits(limits);
        let frame = decoder.feed(&mut &input[..]).expect("valid").expect("whole");
        assert!(frame.is_truncated());
        let value = frame.into_owned();
        assert_eq!(value, expected);
        assert_eq!((value == owned(b"*0\r\n"), hash(&value)), (false, hash(&expected)));
        let mut out = b"before".to_vec();
        assert_eq!(resp::Encoder::new(&mut out).value(&value).err(), Some(resp::EncodeError::NotKept));
        assert_eq!(out, b"before");
        if !matches!(value, OwnedValue::Map(_)) {
            assert_eq!(format!("{value:?}"), format!("{frame:?}"));
        }
    }
    assert_ne!(missing(1), missing(2));
    assert_eq!(list(vec![1.into(), missing(2)]).to_string(), "[1, (2 not kept)]");
}

/// The default limit on depth keeps the recursion within any thread's stack.
#[test]
fn the_deepest_frame_fits_a_small_stack() {
    let work = || {
        let mut input = b"*1\r\n".repeat(128);
        input.extend_from_slice(b":1\r\n");
        let value = owned(&input);
        assert_eq!(value, value.clone());
        assert_eq!((value.to_string().len(), hash(&value)), (257, hash(&value.clone())));
        assert!(format!("{value:?}").len() > 256);
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(work).expect("a thread");
    thread.join().expect("it has enough stack");
}
