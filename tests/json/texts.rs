//! Texts and their values.

use super::common::{Tree, decode, judge, string};

fn numbers(numbers: &[f64]) -> Tree {
    Tree::List(numbers.iter().map(|&number| Tree::Number(number)).collect())
}

#[test]
fn values_of_every_kind() {
    let max = 9_007_199_254_740_992.0;
    for (text, expected) in [
        ("null", Tree::Null),
        ("true", Tree::Boolean(true)),
        (" false\r\n\t", Tree::Boolean(false)),
        ("\u{FEFF}1", Tree::Number(1.0)),
        ("[0,-0,1,-1,10,999999999999999]", numbers(&[0.0, -0.0, 1.0, -1.0, 10.0, 999_999_999_999_999.0])),
        ("[0.5,-2.25,0.1,1e3,1E+3,1e-7,123.456e2]", numbers(&[0.5, -2.25, 0.1, 1e3, 1e3, 1e-7, 12_345.6])),
        ("[1.7976931348623157e-300,5e-324,1e-400]", numbers(&[1.797_693_134_862_315_7e-300, 5e-324, 0.0])),
        ("[0.30000000000000004,0.1000000000000000055511151231257827]", numbers(&[0.1 + 0.2, 0.1])),
        ("9007199254740991", Tree::Number(max - 1.0)),
        ("[9007199254740992,-9007199254740992]", numbers(&[max, -max])),
        ("9007199254740992.0", string("9007199254740992.0")),
        ("9007199254740993", string("9007199254740993")),
        ("-76561198000000001", string("-76561198000000001")),
        ("1e300", string("1e300")),
        ("\"\"", string("")),
        ("\"text\"", string("text")),
        (r#""\"\\\/\b\f\n\r\t""#, string("\"\\/\x08\x0C\n\r\t")),
        (r#""a\u0041\u00e9\u20AC\ud834\udd1e.""#, string("aAé€𝄞.")),
        (r#""\u0000\u007f""#, string("\0\x7F")),
        (r#""\ud834""#, string(b"\xED\xA0\xB4")),
        (r#""\udd1e\ud834\ud834\udd1e""#, string(b"\xED\xB4\x9E\xED\xA0\xB4\xF0\x9D\x84\x9E")),
        ("\"é€𝄞\x7F\"", string("é€𝄞\x7F")),
        ("[]", Tree::List(vec![])),
        ("{}", Tree::Object(vec![])),
        ("[[],{}]", Tree::List(vec![Tree::List(vec![]), Tree::Object(vec![])])),
        ("[null,1]", Tree::List(vec![Tree::Null, Tree::Number(1.0)])),
        (
            r#"{ "a" : 1 , "\u0062" : { "" : [ ] } , "a" : null }"#,
            Tree::Object(vec![
                (b"a".into(), Tree::Number(1.0)),
                (b"b".into(), Tree::Object(vec![(b"".into(), Tree::List(vec![]))])),
                (b"a".into(), Tree::Null),
            ]),
        ),
    ] {
        assert_eq!(decode(text), Ok(expected), "{text}");
        judge(text.as_bytes());
    }
    assert_eq!(decode(b"\"\xFF\xC0\""), Ok(string(b"\xFF\xC0")));
}

/// For each length the end of the string is in another lane of a word, or after it.
#[test]
fn strings_end_at_every_offset() {
    for before in 0..20 {
        for special in [r#"\""#, r"\\", r"\n", "é", "\x7F", ""] {
            for after in 0..20 {
                let text = format!("\"{}{special}{}\"", "x".repeat(before), "€".repeat(after));
                judge(text.as_bytes());
                judge(format!("[{text},{{{text}:1}}]").as_bytes());
            }
        }
        for control in 0..0x20 {
            let text = format!("\"{}{}xxxxxxxxxx\"", "x".repeat(before), char::from(control));
            let told = decode(&text).unwrap_err().to_string();
            assert!(told.contains("a control character"), "{text:?}: {told}");
        }
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    const ENDS: &str = ", but the text ends: a bracket or a quote is missing";
    const QUOTES: &str = ": strings need plain double quotes (\")";
    let ends = |place: &str| format!("{place}{ENDS}");
    for (text, expected) in [
        ("", ends("line 1, column 1: expected a value")),
        (" \n ", ends("line 2, column 2: expected a value")),
        ("\u{FEFF}", ends("line 1, column 1: expected a value")),
        ("\u{FEFF}x", "line 1, column 1: expected a value".into()),
        ("hello", "line 1, column 1: expected a value".into()),
        ("nul", "line 1, column 1: expected a value".into()),
        ("+1", "line 1, column 1: expected a value".into()),
        ("-", "line 1, column 1: expected a value".into()),
        (".5", "line 1, column 1: expected a value".into()),
        ("01", "line 1, column 1: expected a value".into()),
        ("[-01]", "line 1, column 2: expected a value".into()),
        ("1.", "line 1, column 2: expected the end".into()),
        ("1.e5", "line 1, column 2: expected the end".into()),
        ("1e", "line 1, column 2: expected the end".into()),
        ("1.5e+", "line 1, column 4: expected the end".into()),
        ("[1.]", "line 1, column 3: expected ',' or ']'".into()),
        ("1 2", "line 1, column 3: expected the end".into()),
        ("1 // one", "line 1, column 3: expected the end".into()),
        ("[1]]", "line 1, column 4: expected the end".into()),
        ("1e999", "line 1, column 1: a number out of range".into()),
        ("[1,-1e999]", "line 1, column 4: a number out of range".into()),
        ("1e-1048576", "line 1, column 1: a number out of range".into()),
        ("[", ends("line 1, column 2: expected a value")),
        ("[1", ends("line 1, column 3: expected ',' or ']'")),
        ("[1 2]", "line 1, column 4: expected ',' or ']'".into()),
        ("[1}", "line 1, column 3: expected ',' or ']'".into()),
        ("[1,]", "line 1, column 3: a comma too many: ']' follows it".into()),
        ("[1,[2,\n ] ]", "line 1, column 6: a comma too many: ']' follows it".into()),
        ("[,]", "line 1, column 2: expected a value".into()),
        ("[1,}", "line 1, column 4: expected a value".into()),
        ("{", ends("line 1, column 2: expected a key in double quotes")),
        ("{a:1}", "line 1, column 2: expected a key in double quotes".into()),
        ("{'a':1}", format!("line 1, column 2: expected a key in double quotes{QUOTES}")),
        ("[“a”]", format!("line 1, column 2: expected a value{QUOTES}")),
        ("[„a“]", format!("line 1, column 2: expected a value{QUOTES}")),
        ("[€]", "line 1, column 2: expected a value".into()),
        ("{\"a\"", ends("line 1, column 5: expected ':'")),
        ("{\"a\" 1}", "line 1, column 6: expected ':'".into()),
        ("{\"a\":", ends("line 1, column 6: expected a value")),
        ("{\"a\":}", "line 1, column 6: expected a value".into()),
        ("{\"a\":]", "line 1, column 6: expected a value".into()),
        ("{\"a\":1", ends("line 1, column 7: expected ',' or '}'")),
        ("{\"a\":1]", "line 1, column 7: expected ',' or '}'".into()),
        ("{\"a\":1,\n\t}", "line 1, column 7: a comma too many: '}' follows it".into()),
        ("{\"a\":1,]", "line 1, column 8: expected a key in double quotes".into()),
        ("{,}", "line 1, column 2: expected a key in double quotes".into()),
        ("{\n// a\n}", "line 2, column 1: JSON has no comments".into()),
        ("# a", "line 1, column 1: JSON has no comments".into()),
        ("\"abc", "line 1, column 2: a string that does not end".into()),
        ("\"a\\nbc", "line 1, column 5: a string that does not end".into()),
        ("\"\\x\"", "line 1, column 2: an invalid escape".into()),
        ("\"a\\", "line 1, column 3: an invalid escape".into()),
        ("\"\\u12\"", "line 1, column 2: an invalid escape".into()),
        ("\"\\u12g4\"", "line 1, column 2: an invalid escape".into()),
        ("{\"a\n\":1}", CONTROL.replace('$', "line 1, column 4")),
        ("[\"a\\n\tb\"]", CONTROL.replace('$', "line 1, column 6")),
    ] {
        let told = decode(text).unwrap_err().to_string();
        assert_eq!(told, expected, "{text:?}");
        judge(text.as_bytes());
    }
}

const CONTROL: &str =
    "$: a control character in a string: write it as an escape such as \\n; or a quote is missing before it";
