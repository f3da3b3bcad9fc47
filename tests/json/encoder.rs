//! Values and their texts.

use realtime::json::{Limits, Refusal};

use super::common::{Tree, decode, encode, encode_with, string};

fn text(tree: &Tree) -> String {
    String::from_utf8(encode(tree).unwrap()).unwrap()
}

fn number(number: f64) -> String {
    text(&Tree::Number(number))
}

#[test]
fn whole_numbers_are_plain_digits_and_others_the_shortest_text() {
    for (value, expected) in [
        (0.0, "0"),
        (-0.0, "0"),
        (7.0, "7"),
        (-10.0, "-10"),
        (1e15, "1000000000000000"),
        (9_007_199_254_740_992.0, "9007199254740992"),
        (-9_007_199_254_740_992.0, "-9007199254740992"),
        (0.1, "0.1"),
        (-0.5, "-0.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1.0 / 3.0, "0.3333333333333333"),
        (1_024.531_25, "1024.53125"),
        (4_503_599_627_370_495.5, "4503599627370495.5"),
        (0.0001, "0.0001"),
        (0.000_123, "0.000123"),
        (0.000_099, "9.9e-05"),
        (1e-7, "1e-07"),
        (-2.5e-300, "-2.5e-300"),
        (5e-324, "5e-324"),
        (-2.225_073_858_507_201_4e-308, "-2.2250738585072014e-308"),
        // In the middle between two shortest texts.
        (-75_932_699_113_105.0 / 32.0, "-2372896847284.5312"),
        (75_932_699_113_121.0 / 32.0, "2372896847285.0312"),
        (1.0 / 33_554_432.0, "2.9802322387695312e-08"),
        (2.0_f64.powi(-44), "5.684341886080802e-14"),
        // The nearest text of sixteen digits, 5.075883674631298e-116, is that of the double below.
        (2.0_f64.powi(-383), "5.075883674631299e-116"),
    ] {
        assert_eq!(number(value), expected, "{value:?}");
        assert_eq!(decode(expected), Ok(Tree::Number(value + 0.0)), "{expected}");
    }
}

#[test]
fn powers_of_two_and_their_neighbours_are_read_back_the_same() {
    for exponent in -1074..53 {
        let power = 2.0_f64.powi(exponent);
        for value in [power.next_down(), power, power.next_up(), -power] {
            assert_eq!(decode(number(value)), Ok(Tree::Number(value + 0.0)), "2^{exponent}");
        }
    }
}

#[test]
fn numbers_without_a_form_are_refused() {
    for (value, expected) in [
        (f64::NAN, "NaN has no form in JSON"),
        (f64::INFINITY, "infinity has no form in JSON"),
        (f64::NEG_INFINITY, "infinity has no form in JSON"),
        (9_007_199_254_740_994.0, "an integer beyond 2^53 is not exact: send a SteamID64 as a string"),
        (-1e300, "an integer beyond 2^53 is not exact: send a SteamID64 as a string"),
    ] {
        let refusal = encode(&Tree::List(vec![Tree::Number(value)])).unwrap_err();
        assert_eq!((refusal.to_string().as_str(), refusal.is_of_the_whole()), (expected, false));
    }
}

#[test]
fn strings_are_escaped_where_they_must_be() {
    for (value, expected) in [
        ("", r#""""#),
        ("text", r#""text""#),
        ("\"\\\n\r\t", r#""\"\\\n\r\t""#),
        ("/é€𝄞", r#""/é€𝄞""#),
        ("\0\x08\x0C\x1F\x7F", r#""\u0000\u0008\u000c\u001f\u007f""#),
        ("eight ch\naracters\x7Fand more", r#""eight ch\naracters\u007fand more""#),
    ] {
        assert_eq!(text(&string(value)), expected);
        assert_eq!(text(&Tree::Object(vec![(value.into(), Tree::Null)])), format!("{{{expected}:null}}"));
    }
    assert_eq!(encode(&string(b"\xFF\xC0")).unwrap(), b"\"\xFF\xC0\"");
    for byte in 0..=255 {
        // Eight bytes are checked together, and the rest of a string in one piece.
        for (before, after) in (0..20).flat_map(|before| (0..13).map(move |after| (before, after))) {
            let mut value = vec![b'x'; before];
            value.push(byte);
            value.extend(vec![b'x'; after]);
            let tree = string(&value);
            let text = encode(&tree).unwrap();
            assert_eq!(decode(&text), Ok(tree));
            assert_eq!(
                text.len() > value.len() + 2,
                byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7F),
                "{byte}"
            );
        }
    }
}

#[test]
fn tables_and_what_stands_between() {
    let tree = decode(r#"{"a":[],"b":[null,true,false],"c":{"d":{"e":1}},"f":[[1],{"g":2}]}"#).unwrap();
    assert_eq!(text(&tree), r#"{"a":[],"b":[null,true,false],"c":{"d":{"e":1}},"f":[[1],{"g":2}]}"#);
}

#[test]
fn limits_hold_to_the_byte_and_to_the_element() {
    for tree in ["1", "\"a\\n\"", "[1,2,[3]]", r#"{"a":[],"b":{"c":null}}"#, "[[],[]]"] {
        let tree = decode(tree).unwrap();
        let whole = encode(&tree).unwrap();
        let limits = |bytes, elements| Limits { bytes, elements };
        assert_eq!(encode_with(&tree, limits(whole.len(), 100)).as_ref(), Ok(&whole));
        for bytes in 0..whole.len() {
            assert_eq!(encode_with(&tree, limits(bytes, 100)), Err(Refusal::TooLong(bytes)));
        }
        let most = (0..).find(|&elements| encode_with(&tree, limits(1000, elements)).is_ok()).unwrap();
        for elements in 0..most {
            assert_eq!(encode_with(&tree, limits(1000, elements)), Err(Refusal::TooManyElements(elements)));
        }
        // The encoder and the decoder count the same.
        let decoded = |elements| super::common::decode_by(&whole, 1, limits(1000, elements)).is_ok();
        assert!(decoded(most) && !decoded(most - 1));
    }
}

#[test]
fn sixty_four_tables_in_each_other_are_the_most() {
    let nested = |levels| (0..levels).fold(Tree::Null, |inner, _| Tree::List(vec![inner]));
    assert!(encode(&nested(64)).is_ok());
    let beside = Tree::List(vec![nested(63); 3]);
    assert!(encode(&beside).is_ok());
    let refusal = encode(&nested(65)).unwrap_err();
    assert_eq!(refusal.to_string(), "more than 64 nested tables, or a table that contains itself");
}

#[test]
fn a_string_beyond_the_limit_is_not_copied() {
    let tree = string(vec![b'x'; 1 << 20]);
    let limits = Limits { bytes: 100, elements: 100 };
    let measured = allocation_counter::measure(|| {
        assert_eq!(encode_with(&tree, limits), Err(Refusal::TooLong(100)));
    });
    assert!(measured.bytes_max < 1000, "{} bytes", measured.bytes_max);
}
