//! Depth, length, elements, memory; pieces; and the place of a watched value.

use allocation_counter::measure;
use realtime::json::{Decoder, Error, Limits, Node, Tape};

use super::common::{decode, decode_by};

fn told(text: &[u8], limits: Limits) -> Option<String> {
    decode_by(text, usize::MAX, limits).err().map(|error| error.to_string())
}

#[test]
fn sixty_four_tables_in_each_other_are_the_most() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        assert!(decode(nested(64)).is_ok());
        let column = 64 * open.len() + 1;
        let expected = format!("line 1, column {column}: more than 64 levels");
        assert_eq!(decode(nested(65)).unwrap_err().to_string(), expected);
        let many = decode(open.repeat(500_000)).unwrap_err().to_string();
        assert_eq!(many, "it has more than 1000000 elements");
        assert_eq!(decode(open.repeat(1000)).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_text_of_the_most_bytes_passes_and_a_byte_more_does_not() {
    let limits = Limits { bytes: 6, elements: 10 };
    assert_eq!(told(b"\"1234\"", limits), None);
    assert_eq!(told(b"\"12345\"", limits).unwrap(), "it has 7 bytes, more than the 6 allowed");
}

/// A number is read in one piece.
#[test]
fn a_number_has_16_kib_at_most() {
    const MOST: usize = 16 << 10;
    let (ones, zeros) = ("1".repeat(MOST), "0".repeat(MOST));
    let whole = |digits: usize| format!("[{},2]", &ones[..digits]);
    let fraction = |digits: usize| format!("[0.{},2]", &ones[..digits]);
    let exponent = |digits: usize| format!("[1e-{},2]", &zeros[..digits]);
    for text in [whole(300), fraction(MOST - 2), exponent(MOST - 3), format!("-0.{}", &ones[..MOST - 3])] {
        assert!(decode(&text).is_ok(), "{} bytes", text.len());
    }
    for text in [whole(MOST), fraction(MOST - 1), exponent(MOST - 2), whole(400)] {
        let expected = "line 1, column 2: a number out of range";
        assert_eq!(decode(&text).unwrap_err().to_string(), expected, "{} bytes", text.len());
    }
}

#[test]
fn elements_are_counted_and_a_table_is_four() {
    for (text, elements) in [
        ("1", 1),
        (r#""[,]""#, 1),
        ("[]", 4),
        ("[1]", 5),
        ("[1,2]", 6),
        ("[[],[ ]]", 12),
        (r#"{"a":1,"b":{"c":[1,true,null]}}"#, 4 + 1 + 4 + 4 + 3),
    ] {
        let limits = |elements| Limits { bytes: 1000, elements };
        assert_eq!(told(text.as_bytes(), limits(elements)), None, "{text}");
        let expected = format!("it has more than {} elements", elements - 1);
        assert_eq!(told(text.as_bytes(), limits(elements - 1)).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_broken_text_with_too_many_elements_is_told_as_that() {
    let limits = Limits { bytes: 1000, elements: 20 };
    assert_eq!(
        told(b"[x,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]", limits).unwrap(),
        "line 1, column 2: expected a value"
    );
    assert_eq!(
        told(b"[x,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]", limits).unwrap(),
        "it has more than 20 elements"
    );
    // Characters in strings do not count, including escaped quotes.
    assert_eq!(told(br#"[x,"[[[[,,,,\",,,,]]]]"]"#, limits).unwrap(), "line 1, column 2: expected a value");
}

#[test]
fn pieces_of_a_text_are_read_in_bounded_calls() {
    let text = format!(
        "[{}\"{}\",{}1]",
        " ".repeat(1000),
        "\\n".repeat(1000),
        "[1,{\"a\":\"\\u0041\"}],".repeat(200)
    );
    for bytes in [1, 2, 3, 10, 100] {
        let mut decoder = Decoder::new(Limits::default());
        let mut calls = 1;
        while !decoder.read(text.as_bytes(), bytes).unwrap() {
            calls += 1;
        }
        // A token of this text has six bytes at most, so that a call reads that many more.
        assert!(calls * (bytes + 6) >= text.len(), "{calls} calls of {bytes} bytes");
        assert_eq!(decoder.tape().nodes().len(), 2 + 200 * 5 + 1);
    }
}

#[test]
fn a_small_tape_is_used_again_and_a_large_one_gives_its_memory_back() {
    let small = br#"{"a":[1,2,"\n"]}"#;
    let read = |tape: Tape, text: &[u8]| {
        let mut decoder = Decoder::with_tape(tape, Limits::default());
        assert_eq!(decoder.read(text, usize::MAX), Ok(true));
        decoder.into_tape()
    };
    let mut tape = Some(read(Tape::default(), small));
    let again = measure(|| tape = tape.take().map(|tape| read(tape, small)));
    assert_eq!(again.count_total, 0);

    let large = format!("[{}0]", "0,".repeat(100_000));
    let mut tape = read(tape.unwrap(), large.as_bytes());
    // Sixteen bytes for each value, and the room that doubling leaves free.
    assert!((1_600_000..=3_200_032).contains(&tape.memory()), "{}", tape.memory());
    tape.clear();
    assert!(tape.memory() <= 64 << 10, "{}", tape.memory());
    assert_eq!(size_of::<Node>(), 16);
}

/// docs/reliability.md tells owners how much memory reading a message takes: this is its sentence.
#[test]
fn reading_takes_sixty_four_bytes_for_each_allowed_element_and_twice_a_text_with_escapes() {
    let list = |element: &str, times: usize| format!("[{}", format!("{element},").repeat(times));
    let object = |pair: &str, times: usize| format!("{{{}", format!("{pair},").repeat(times));
    // The second has twice as many values and keys as just do not fit into a power of two, because vectors double.
    // The last is the addon's.
    for elements in [11_000, 16_390, 20_064] {
        let limits = Limits { elements, ..Limits::default() };
        // Either an element too many comes, or the text ends too early.
        for times in [elements / 4, elements / 2, elements - 5, elements - 4, 3 * elements] {
            for text in [
                list("0", times),
                list("[]", times),
                list(r#"{"":0}"#, times),
                list(r#""\n""#, times),
                list(&format!("\"{}\\u00e9\"", "x".repeat(40)), times),
                object(r#""":0"#, times),
                object(r#""":[]"#, times),
                object(r#""\n":"\t""#, times),
            ] {
                let mut decoder = Decoder::new(limits);
                while decoder.read(text.as_bytes(), 16 << 10) == Ok(false) {}
                let bound = 64 * elements + if text.contains('\\') { 2 * text.len() } else { 0 };
                let memory = decoder.tape().memory();
                assert!(memory <= bound, "{memory} of {bound} bytes: {times} times {text:.20}");
            }
        }
    }
}

#[test]
fn the_place_of_a_watched_value_is_told() {
    for (text, expected) in [
        (r#"{"from":"a","data":{"data":1} , "time":5}"#, Some(r#"{"data":1}"#)),
        (r#"{"data" :  [1, 2]}"#, Some("[1, 2]")),
        (r#"{"d\u0061ta":"x\n"}"#, Some(r#""x\n""#)),
        (r#"{"data":1,"data":22}"#, Some("22")),
        (r#"{"data":null}"#, Some("null")),
        (r#"{"a":{"data":1}}"#, None),
        (r#"[{"data":1},"data",2]"#, None),
        (r#"{"dat":1,"datas":2,"":3}"#, None),
        ("1", None),
    ] {
        for bytes in [1, 3, 1000] {
            let mut decoder = Decoder::new(Limits::default());
            decoder.watch(b"data".to_vec());
            while !decoder.read(text.as_bytes(), bytes).unwrap() {}
            assert_eq!(decoder.watched().map(|range| &text[range]), expected, "{text}");
        }
    }
}

#[test]
fn a_text_that_was_read_stays_read() {
    let mut decoder = Decoder::new(Limits::default());
    assert_eq!(decoder.read(b"1", 1), Ok(true));
    assert_eq!(decoder.read(b"1", 1), Ok(true));
    assert_eq!(decoder.tape().nodes(), [Node::Number(1.0)]);
    let error = Decoder::new(Limits { bytes: 1, elements: 0 }).read(b"1", 1);
    assert_eq!(error, Err(Error::TooManyElements { most: 0 }));
}

#[test]
fn a_mistake_in_a_long_text_is_told_after_bounded_calls() {
    let text = format!("[x{}]", ",1".repeat(50_000));
    let limits = Limits { elements: 200_000, ..Limits::default() };
    let mut decoder = Decoder::new(limits);
    let mut calls = 0;
    let error = loop {
        calls += 1;
        match decoder.read(text.as_bytes(), 1000) {
            Ok(is_read) => assert!(!is_read),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "line 1, column 2: expected a value");
    assert_eq!(calls, text.len().div_ceil(1000));
}
