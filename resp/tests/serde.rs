//! Values in other formats, and out of them.
#![cfg(feature = "serde")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

use proptest::prelude::*;
use resp::{Decoder, OwnedValue};

/// What JSON tells apart: text is UTF-8, doubles are finite, keys are text.
fn json_values() -> impl Strategy<Value = OwnedValue> {
    let leaf = prop_oneof![
        Just(OwnedValue::Null),
        any::<bool>().prop_map(OwnedValue::from),
        any::<i64>().prop_map(OwnedValue::from),
        any::<f64>().prop_filter("JSON has no others", |n| n.is_finite()).prop_map(OwnedValue::from),
        ".{0,9}".prop_map(OwnedValue::from),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(OwnedValue::from),
            prop::collection::vec((".{0,5}".prop_map(OwnedValue::from), inner), 0..5)
                .prop_map(OwnedValue::from),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The order of maps and duplicate keys included.
    #[test]
    fn json_and_back(value in json_values()) {
        let json = serde_json::to_string(&value).expect("it has all of that");
        prop_assert_eq!(serde_json::from_str::<OwnedValue>(&json).expect("our own"), value);
    }
}

#[test]
fn each_type_as_json() {
    for (input, expected) in [
        (&b"+OK\r\n"[..], "\"OK\""),
        (b"$2\r\nhi\r\n", "\"hi\""),
        (b"$2\r\n\xff\x00\r\n", "[255,0]"),
        (b"=6\r\ntxt:hi\r\n", "\"hi\""),
        (b"-ERR no\r\n", "\"ERR no\""),
        (b"!3\r\nERR\r\n", "\"ERR\""),
        (b"(123456789012345678901\r\n", "\"123456789012345678901\""),
        (b":-7\r\n", "-7"),
        (b",0.5\r\n", "0.5"),
        (b"#t\r\n", "true"),
        (b"_\r\n", "null"),
        (b"*2\r\n:1\r\n~1\r\n_\r\n", "[1,[null]]"),
        (b">1\r\n+x\r\n", "[\"x\"]"),
        (b"|1\r\n+a\r\n:1\r\n%2\r\n+b\r\n:1\r\n+b\r\n*0\r\n", "{\"b\":1,\"b\":[]}"),
    ] {
        let mut decoder = Decoder::new();
        let frame = decoder.feed(&mut &input[..]).expect("valid").expect("whole");
        let json = |value: &dyn Fn() -> serde_json::Result<String>| value().expect("JSON has it");
        assert_eq!(json(&|| serde_json::to_string(&frame)), expected);
        assert_eq!(json(&|| serde_json::to_string(&frame.root())), expected);
        assert_eq!(json(&|| serde_json::to_string(&frame.value())), expected);
        assert_eq!(json(&|| serde_json::to_string(&frame.into_owned())), expected);
    }
}

/// In JSON the rest of a truncated frame would look whole.
#[test]
fn a_truncated_frame_is_an_error() {
    let limits = resp::Limits::new().with_depth(9).with_skip_depth_over(1);
    for (input, missing) in
        [(&b"*4\r\n:1\r\n*0\r\n:2\r\n:3\r\n"[..], 3), (b"%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n", 1)]
    {
        let mut decoder = Decoder::with_limits(limits);
        let frame = decoder.feed(&mut &input[..]).expect("valid").expect("whole");
        let expected = format!("the frame was truncated: {missing} elements or pairs were not kept");
        let error = serde_json::to_string(&frame).expect_err("a part is missing");
        assert_eq!(error.to_string(), expected, "borrowed");
        let error = serde_json::to_value(frame.into_owned()).expect_err("a part is missing");
        assert_eq!(error.to_string(), expected, "owned");
    }
}

#[test]
fn numbers_beyond_integers_are_big_numbers() {
    let read = |json: &str| serde_json::from_str::<OwnedValue>(json).expect("JSON");
    assert_eq!(read("9223372036854775807"), OwnedValue::Integer(i64::MAX));
    assert_eq!(read("9223372036854775808"), OwnedValue::BigNumber(b"9223372036854775808".to_vec()));
}

#[test]
fn what_is_no_json_is_an_error() {
    assert!(serde_json::from_str::<OwnedValue>("[1,").is_err());
    // A map whose keys are no text.
    assert!(serde_json::to_string(&OwnedValue::Map(vec![(OwnedValue::Array(vec![]), 1.into())])).is_err());
}
