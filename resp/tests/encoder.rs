//! What the encoder writes: commands of mixed arguments, and frames that are checked.
#![cfg(feature = "bytes")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

use std::borrow::Cow;
use std::sync::Arc;

use bytes::BytesMut;
use resp::{Argument, Decoder, EncodeError, Encoder, OwnedValue};

fn command(arguments: impl resp::Arguments) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new(&mut out).command(arguments);
    out
}

/// The arguments of the one command in these bytes.
fn arguments(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new();
    let command = decoder.feed(&mut bytes).expect("valid").expect("whole").into_owned();
    assert!(bytes.is_empty(), "one command");
    command.as_array().expect("an array").iter().map(|word| word.as_bytes().expect("text").to_vec()).collect()
}

#[test]
fn arguments_of_one_type_and_of_several() {
    let expected = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n5\r\n";
    let bytes: [&[u8]; 3] = [b"SET", b"k", b"5"];
    assert_eq!(command(["SET", "k", "5"]), expected);
    let (array, list) = (&["SET", "k", "5"], &vec![b"SET".to_vec(), b"k".to_vec(), b"5".to_vec()]);
    assert_eq!(command(array), expected);
    assert_eq!(command(&array[..]), expected);
    assert_eq!(command(vec!["SET".to_owned(), "k".to_owned(), "5".to_owned()]), expected);
    assert_eq!(command(list), expected);
    assert_eq!(command(bytes), expected);
    assert_eq!(command(("SET", "k", 5)), expected);
    assert_eq!(command(("SET", &b"k"[..], "5".to_owned())), expected);
    assert_eq!(command((b"SET", Cow::Borrowed("k"), Arc::<[u8]>::from(&b"5"[..]))), expected);
    assert_eq!(command(("PING",)), b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn numbers_are_decimal() {
    let text = |argument: &dyn Fn() -> Vec<u8>| String::from_utf8(argument()).expect("ASCII");
    fn of(argument: impl Argument) -> Vec<u8> {
        argument.as_argument().as_ref().to_vec()
    }
    for (argument, expected) in [
        (&(|| of(0)) as &dyn Fn() -> Vec<u8>, "0"),
        (&|| of(i64::MIN), "-9223372036854775808"),
        (&|| of(i64::MAX), "9223372036854775807"),
        (&|| of(u64::MAX), "18446744073709551615"),
        (&|| of(-1_i8), "-1"),
        (&|| of(i16::MIN), "-32768"),
        (&|| of(255_u8), "255"),
        (&|| of(usize::MAX), &usize::MAX.to_string()),
        (&|| of(0.1), "0.1"),
        (&|| of(1e300), "1e300"),
        (&|| of(f64::NEG_INFINITY), "-inf"),
    ] {
        assert_eq!(text(argument), expected);
    }
}

/// An iterator that is wrong about how many it has.
struct Liar<'a>(std::slice::Iter<'a, &'a str>, usize);

impl<'a> Iterator for Liar<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0.next().copied()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.1, Some(self.1))
    }
}

impl ExactSizeIterator for Liar<'_> {}

#[test]
fn no_iterator_can_make_a_wrong_count() {
    let words = ["DEL", "a", "b"];
    let expected = command(words);
    for announced in [0, 1, 2, 3, 4, 10, 1_000_000] {
        let mut out = b"+before\r\n".to_vec();
        Encoder::new(&mut out).command_from(Liar(words.iter(), announced)).integer(1);
        assert_eq!(out, [b"+before\r\n", &expected[..], b":1\r\n"].concat(), "{announced} announced");
    }
    let mut out = Vec::new();
    Encoder::new(&mut out).command_from(words.iter().filter(|word| word.len() == 1));
    assert_eq!(arguments(&out), [b"a", b"b"]);
    let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let mut out = Vec::new();
    Encoder::new(&mut out).command_from(many.iter().take_while(|_| true));
    assert_eq!(arguments(&out).len(), 1000);
}

/// Ends a chain of calls.
fn write(_: &mut Encoder<'_>) {}

#[test]
fn a_frame_with_a_wrong_count_is_taken_back() {
    type Write = fn(&mut Encoder<'_>);
    let frame = |values: Write| {
        let mut out = b":7\r\n".to_vec();
        let mut encoder = Encoder::new(&mut out);
        let result = encoder.frame(|encoder| {
            values(encoder);
            Ok(())
        });
        (result.err(), out.split_off(4))
    };
    let wrong: [Write; 8] = [
        |_| (),
        |encoder| write(encoder.array(2).integer(1)),
        |encoder| write(encoder.array(1).integer(1).integer(2)),
        |encoder| write(encoder.map(1).integer(1)),
        |encoder| write(encoder.attribute(1).integer(1).integer(2)),
        |encoder| write(encoder.streamed_array().integer(1)),
        |encoder| write(encoder.streamed_map().integer(1).end_stream()),
        |encoder| write(encoder.streamed_string().integer(1)),
    ];
    for (at, values) in wrong.into_iter().enumerate() {
        assert_eq!(frame(values), (Some(EncodeError::WrongCount), Vec::new()), "number {at}");
    }
    let right: [(Write, &[u8]); 3] = [
        (|encoder| write(encoder.array(2).integer(1).array(0)), b"*2\r\n:1\r\n*0\r\n"),
        (|encoder| write(encoder.attribute(0).null()), b"|0\r\n_\r\n"),
        (|encoder| write(encoder.streamed_set().integer(1).end_stream()), b"~?\r\n:1\r\n.\r\n"),
    ];
    for (values, bytes) in right {
        assert_eq!(frame(values), (None, bytes.to_vec()));
    }
    // What the function could not write is taken back, too.
    let mut out = Vec::new();
    let error =
        Encoder::new(&mut out).frame(|encoder| encoder.array(1).simple_string("a\nb").map(drop)).err();
    assert_eq!((error, out), (Some(EncodeError::LineBreak { at: 1 }), Vec::new()));
    // Deeper than a decoder's default limit.
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out);
    let deep = encoder.frame(|encoder| {
        (0..200).for_each(|_| write(encoder.array(1)));
        encoder.null();
        Ok(())
    });
    assert!(deep.is_ok());
}

#[test]
fn values_that_cannot_be_written_leave_nothing() {
    let text = |text: &str| text.as_bytes().to_vec();
    for (value, error) in [
        (OwnedValue::SimpleString(text("a\r\nb")), EncodeError::LineBreak { at: 1 }),
        (OwnedValue::SimpleError(text("\n")), EncodeError::LineBreak { at: 0 }),
        (OwnedValue::BigNumber(text("12x")), EncodeError::NotANumber { at: 2 }),
        (OwnedValue::Skipped { len: 5 }, EncodeError::NotKept),
        (OwnedValue::TruncatedError(text("BUSY")), EncodeError::NotKept),
    ] {
        let inside = OwnedValue::Map(vec![(1.into(), OwnedValue::Array(vec![2.into(), value.clone()]))]);
        for value in [&value, &inside] {
            let mut out = b"+before\r\n".to_vec();
            assert_eq!(Encoder::new(&mut out).value(value).map(drop), Err(error));
            assert_eq!(out, b"+before\r\n");
        }
    }
}

#[test]
fn bytes_mut_takes_the_same() {
    let mut out = BytesMut::new();
    let mut encoder = Encoder::new(&mut out);
    encoder.command(("SET", "k", 5)).command_from(Liar(["GET", "k"].iter(), 9)).null();
    assert!(encoder.frame(|encoder| encoder.array(1).simple_string("\n").map(drop)).is_err());
    assert_eq!(&out[..], [command(("SET", "k", 5)), command(["GET", "k"]), b"_\r\n".to_vec()].concat());
}
