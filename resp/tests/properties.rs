//! Any input, valid or not, cut anywhere: the decoder says what its naive twin says.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

mod common;

use common::encode::encode;
use common::twin::{Body, Grammar, Tree};
use common::{cut, decode, decode_with, describe, tree, twin};
use proptest::prelude::*;
use resp::{Decoder, Element, Encoder, Frame, Limits, Value};

/// Pieces of grammar, so that random input gets past its first byte.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        6 => prop::sample::select(vec![
            "*1\r\n", "*2\r\n", "*3\r\n", "*0\r\n", "*-1\r\n", "$-1\r\n", "$0\r\n\r\n", "$3\r\nabc\r\n", "+OK\r\n", "-ERR x\r\n",
            ":1\r\n", ":-7\r\n", ":007\r\n", "_\r\n", "#t\r\n", "#f\r\n", ",1.5\r\n", ",inf\r\n", ",-nan\r\n", "(123\r\n",
            "!5\r\nERR x\r\n", "=7\r\ntxt:abc\r\n", "%1\r\n", "%0\r\n", "~2\r\n", "~0\r\n", ">2\r\n", ">0\r\n", "|1\r\n", "|0\r\n",
            "$?\r\n", ";2\r\nab\r\n", ";0\r\n", "*?\r\n", "~?\r\n", "%?\r\n", ".\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::sample::select(vec![
            "*", "$", "+", "-", ":", "%", "~", ">", "|", "(", ",", "#", "_", "!", "=", ";", ".", "\r\n", "\r", "\n", "?", "-1",
            "$5", "*4294967295\r\n", ">?\r\n", "%-1\r\n", "$-2\r\n", ":9223372036854775808\r\n", ":-9223372036854775808\r\n",
            ",1e400\r\n", ",1e308\r\n", ",0e999\r\n", ",.5\r\n", ",5.\r\n", ",infinity\r\n", ",NAN\r\n", ",nan(x1)\r\n",
            "(12x\r\n", "=3\r\nabc\r\n", "=4\r\nabcd\r\n", "$3\r\nabcd\r\n", "#x\r\n", "_x\r\n", "$600000000\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => ",[-+0-9.eEnaif]{0,9}\r\n".prop_map(String::into_bytes),
        1 => ",-?[0-9]{1,17}(\\.[0-9]{0,17})?\r\n".prop_map(String::into_bytes),
        1 => ":[-+0-9]{0,22}\r\n".prop_map(String::into_bytes),
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

fn trees() -> impl Strategy<Value = Tree> {
    let text = prop::collection::vec(prop_oneof![9 => 0x20..0x7fu8, 1 => any::<u8>()], 0..12);
    let line = text
        .clone()
        .prop_map(|bytes| bytes.into_iter().filter(|byte| !b"\r\n".contains(byte)).collect::<Vec<_>>());
    let scalar = prop_oneof![
        line.clone().prop_map(|text| Body::Text(b'+', text)),
        line.prop_map(|text| Body::Text(b'-', text)),
        text.clone().prop_map(|text| Body::Text(b'$', text)),
        text.clone().prop_map(|text| Body::Text(b'!', text)),
        text.prop_map(|text| Body::Text(b'=', [b"txt:", &text[..]].concat())),
        "-?[0-9]{1,40}".prop_map(|digits| Body::Text(b'(', digits.into_bytes())),
        any::<i64>().prop_map(Body::Integer),
        any::<f64>().prop_map(Body::Double),
        any::<bool>().prop_map(Body::Boolean),
        Just(Body::Null),
    ];
    let leaf = scalar.prop_map(|body| Tree { attributes: Vec::new(), streamed: false, body });
    leaf.prop_recursive(5, 40, 5, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5);
        let pairs = prop::collection::vec((inner.clone(), inner.clone()), 0..4);
        let body = prop_oneof![
            (list.clone(), prop::sample::select(vec![b'*', b'~']))
                .prop_map(|(list, kind)| Body::List(kind, list)),
            pairs.prop_map(Body::Map),
            list.prop_map(|list| {
                Body::Text(
                    b'$',
                    list.iter().flat_map(|tree| format!("{tree:?}").into_bytes()).take(30).collect(),
                )
            }),
        ];
        (body, prop::collection::vec((inner.clone(), inner), 0..2), any::<bool>()).prop_map(
            |(body, attributes, streamed)| Tree {
                attributes,
                streamed: streamed && matches!(body, Body::List(..) | Body::Map(_) | Body::Text(b'$', _)),
                body,
            },
        )
    })
}

/// Limits and thresholds that random input passes often.
fn tight_limits() -> impl Strategy<Value = Limits> {
    let threshold = |most: u64| prop_oneof![Just(u64::MAX), 0..most];
    let levels = || prop_oneof![Just(usize::MAX), 0..4usize];
    let soft = (threshold(6), threshold(150), threshold(6), levels());
    ((0..5usize, 0..6u64, 1..24u64), (0..8u64, 0..40u64, 0..120u64), soft).prop_map(
        |((depth, aggregate, elements), (blob, line, frame), soft)| {
            let (skip_blobs_over, skip_frames_over, skip_lines_over, skip_depth_over) = soft;
            Limits::new()
                .with_depth(depth)
                .with_aggregate(aggregate)
                .with_elements(elements)
                .with_blob(blob)
                .with_line(line)
                .with_frame(frame)
                .with_skip_blobs_over(skip_blobs_over)
                .with_skip_lines_over(skip_lines_over)
                .with_skip_depth_over(skip_depth_over)
                .with_skip_frames_over(skip_frames_over)
        },
    )
}

/// Limits that the twin knows.
fn twin_limits() -> impl Strategy<Value = Limits> {
    let line = || prop_oneof![Just(1 << 20), 0..8u64];
    let depth = || prop_oneof![Just(128), 0..5usize];
    (line(), line(), depth(), depth()).prop_map(|(line, lines_over, depth, depth_over)| {
        let soft = Limits::new().with_skip_lines_over(lines_over).with_skip_depth_over(depth_over);
        soft.with_line(line).with_depth(depth)
    })
}

/// Checks the size hint of whatever is in the element, at each step, and all that is inside.
fn check_hints(element: Element<'_>, truncated: bool) {
    match element.value() {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            check_hint(items, truncated, check_hints);
        }
        Value::Map(pairs) => check_hint(pairs, truncated, check_pair),
        _ => {}
    }
    check_hint(element.attributes(), truncated, check_pair);
}

fn check_pair((key, value): (Element<'_>, Element<'_>), truncated: bool) {
    check_hints(key, truncated);
    check_hints(value, truncated);
}

fn check_hint<I: Iterator + Clone>(mut left: I, truncated: bool, check: fn(I::Item, bool)) {
    loop {
        let (count, (least, most)) = (left.clone().count(), left.size_hint());
        assert!(least <= count && Some(count) <= most, "{least} <= {count} <= {most:?}");
        assert!(truncated || (least == count && most == Some(count)), "{least}, {most:?} for {count}");
        let Some(next) = left.next() else { return };
        check(next, truncated);
    }
}

/// Without what owned values do not keep.
fn plain(tree: Tree) -> Tree {
    let body = match tree.body {
        Body::List(kind, items) => Body::List(kind, items.into_iter().map(plain).collect()),
        Body::Map(pairs) => {
            Body::Map(pairs.into_iter().map(|(key, value)| (plain(key), plain(value))).collect())
        }
        other => other,
    };
    Tree { attributes: Vec::new(), streamed: false, body }
}

fn has_streamed_text(tree: &Tree) -> bool {
    let pair = |(key, value): &(Tree, Tree)| has_streamed_text(key) || has_streamed_text(value);
    let inside = match &tree.body {
        Body::Text(..) => tree.streamed,
        Body::List(_, items) => items.iter().any(has_streamed_text),
        Body::Map(pairs) => pairs.iter().any(pair),
        _ => false,
    };
    inside || tree.attributes.iter().any(pair)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_twin_agrees(input in fragments()) {
        prop_assert_eq!(decode([&input[..]]), twin::parse(&input, &Grammar::new()));
    }

    #[test]
    fn the_twin_agrees_on_lines_and_depth(limits in twin_limits(), input in fragments()) {
        let look = |frame: Frame<'_>| (tree(frame.root()), frame.is_truncated());
        let whole = decode_with(limits, [&input[..]], look);
        prop_assert_eq!(&decode_with(limits, input.chunks(1), look), &whole);
        prop_assert_eq!(whole, twin::parse_within(limits, &input, &Grammar::new()));
    }

    #[test]
    fn any_split_gives_what_the_whole_gives(input in fragments(), mut cuts in prop::collection::vec(0..200usize, 0..20)) {
        cuts.sort_unstable();
        let whole = decode([&input[..]]);
        prop_assert_eq!(&decode(cut(&input, &cuts)), &whole);
        prop_assert_eq!(&decode(input.chunks(1)), &whole);
    }

    /// Which limit was passed, where, and what of a frame was kept depends on the bytes alone.
    #[test]
    fn any_split_meets_the_same_limits(
        limits in tight_limits(),
        input in fragments(),
        mut cuts in prop::collection::vec(0..200usize, 0..20),
    ) {
        cuts.sort_unstable();
        let look = |frame: Frame<'_>| describe(frame);
        let whole = decode_with(limits, [&input[..]], look);
        prop_assert_eq!(&decode_with(limits, cut(&input, &cuts), look), &whole);
        prop_assert_eq!(&decode_with(limits, input.chunks(1), look), &whole);
    }

    #[test]
    fn size_hints_are_exact_unless_the_frame_is_truncated(limits in tight_limits(), input in fragments(), size in 1..9usize) {
        decode_with(limits, input.chunks(size), |frame| check_hints(frame.root(), frame.is_truncated()));
        decode_with(Limits::new(), [&input[..]], |frame| check_hints(frame.root(), false));
    }

    /// Owned values are what was decoded, and are written as what decodes to the same.
    #[test]
    fn owned_values_come_back(trees in prop::collection::vec(trees(), 1..3), size in 1..50usize) {
        let mut bytes = Vec::new();
        trees.iter().for_each(|tree| encode(tree, &mut bytes));
        let (values, _) = decode_with(Limits::new(), bytes.chunks(size), |frame| frame.into_owned());
        let mut written = Vec::new();
        for value in &values {
            Encoder::new(&mut written).value(value).expect("it was read whole");
        }
        let (again, end) = decode_with(Limits::new(), [&written[..]], |frame| frame.into_owned());
        prop_assert_eq!((&again, end), (&values, twin::End::Clean));
        // Beside the trees, which are made by other means: the order of maps is kept, and attributes alone are gone.
        let plain: Vec<Tree> = trees.into_iter().map(plain).collect();
        prop_assert_eq!(decode([&written[..]]).0, plain);
    }

    /// Borrowed values are equal where owned ones are.
    #[test]
    fn equality_is_the_same_borrowed_and_owned(a in trees(), b in trees(), alike in any::<bool>()) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        encode(&a, &mut left);
        encode(if alike { &a } else { &b }, &mut right);
        let (mut first, mut second) = (Decoder::new(), Decoder::new());
        let (mut left, mut right) = (&left[..], &right[..]);
        let a = first.feed(&mut left).expect("valid").expect("whole");
        let b = second.feed(&mut right).expect("valid").expect("whole");
        prop_assert_eq!(a.root() == b.root(), a.into_owned() == b.into_owned());
        prop_assert_eq!(a.value() == b.value(), a.into_owned() == b.into_owned());
        prop_assert!(!alike || a.value() == b.value());
    }

    /// A frame's raw bytes are its own, however they came, unless it has a streamed string.
    #[test]
    fn raw_bytes_are_those_that_were_sent(trees in prop::collection::vec(trees(), 1..4), mut cuts in prop::collection::vec(0..400usize, 0..9)) {
        let sent: Vec<Vec<u8>> = trees.iter().map(|tree| {
            let mut bytes = Vec::new();
            encode(tree, &mut bytes);
            bytes
        }).collect();
        cuts.sort_unstable();
        let look = |frame: Frame<'_>| frame.raw().map(<[u8]>::to_vec);
        let (raw, _) = decode_with(Limits::new(), cut(&sent.concat(), &cuts), look);
        for ((tree, sent), raw) in trees.iter().zip(sent).zip(raw) {
            prop_assert_eq!(raw, (!has_streamed_text(tree)).then_some(sent));
        }
    }

    /// The codec has the decoder's values and its errors, and reports an unfinished frame at the end.
    #[cfg(feature = "codec")]
    #[test]
    fn the_codec_says_what_the_decoder_says(input in fragments(), size in 1..40usize) {
        use resp::codec::{Codec, CodecError};
        use tokio_util::codec::Decoder as _;

        let (mut codec, mut buffer, mut values) = (Codec::default(), bytes::BytesMut::new(), Vec::new());
        let mut error = None;
        'pieces: for (piece, is_last) in input.chunks(size).map(|piece| (piece, false)).chain([(&b""[..], true)]) {
            buffer.extend_from_slice(piece);
            loop {
                match if is_last { codec.decode_eof(&mut buffer) } else { codec.decode(&mut buffer) } {
                    Ok(Some(value)) => values.push(value),
                    Ok(None) => break,
                    Err(other) => {
                        error = Some(other);
                        break 'pieces;
                    }
                }
            }
        }
        let (expected, end) = decode_with(Limits::new(), [&input[..]], |frame| frame.into_owned());
        prop_assert_eq!(values, expected);
        let found = match error {
            None => twin::End::Clean,
            Some(CodecError::Cut { offset }) => twin::End::Incomplete(offset),
            Some(CodecError::Decode(error)) => twin::End::Error(error.kind, error.offset),
            Some(error) => panic!("{error}"),
        };
        prop_assert_eq!(found, end);
    }

    /// Neither the frame nor a push inside it takes more room than the threshold.
    #[test]
    fn no_more_is_held_than_the_threshold(limits in tight_limits(), input in fragments()) {
        let mut decoder = Decoder::with_limits(limits);
        for mut byte in input.chunks(1) {
            while matches!(decoder.feed(&mut byte), Ok(Some(_))) {}
            prop_assert!(decoder.buffered() as u64 <= limits.skip_frames_over.saturating_mul(2));
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same(trees in prop::collection::vec(trees(), 1..4), mut cuts in prop::collection::vec(0..400usize, 0..9)) {
        let mut bytes = Vec::new();
        trees.iter().for_each(|tree| encode(tree, &mut bytes));
        cuts.sort_unstable();
        let (decoded, end) = decode(cut(&bytes, &cuts));
        prop_assert_eq!(end, twin::End::Clean);
        prop_assert_eq!(decoded, trees);
    }

    #[test]
    fn a_flipped_byte_is_judged_alike(trees in prop::collection::vec(trees(), 1..3), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = Vec::new();
        trees.iter().for_each(|tree| encode(tree, &mut bytes));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let whole = decode([&bytes[..]]);
        prop_assert_eq!(&decode(bytes.chunks(1)), &whole);
        prop_assert_eq!(whole, twin::parse(&bytes, &Grammar::new()));
    }
}
