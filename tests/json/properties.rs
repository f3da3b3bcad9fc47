//! Random values and texts, beside serde_json.

use proptest::collection::vec;
use proptest::prelude::*;

use super::common::{Tree, decode, encode, is_same, judge, lists};

fn number() -> impl Strategy<Value = f64> {
    let whole = (-9_007_199_254_740_992_i64..=9_007_199_254_740_992).prop_map(|number| number as f64);
    prop_oneof![
        whole,
        (-1000_i16..1000).prop_map(f64::from),
        (-100_000_i32..100_000, 1_u8..6)
            .prop_map(|(number, places)| f64::from(number) / 10_f64.powi(places.into())),
        any::<f32>().prop_map(f64::from),
        any::<f64>(),
    ]
    .prop_filter("has a form", |number| number.is_finite() && number.abs() <= 9_007_199_254_740_992.0)
}

fn tree() -> impl Strategy<Value = Tree> {
    let text = prop_oneof![
        "[ -~]{0,20}".prop_map(String::into_bytes),
        any::<String>().prop_map(String::into_bytes),
        vec(any::<u8>(), 0..12),
    ];
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Boolean),
        number().prop_map(Tree::Number),
        text.clone().prop_map(Tree::String),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Tree::List),
            vec((text.clone(), inner), 0..8).prop_map(Tree::Object),
        ]
    })
}

/// Pieces of which most texts are wrong, and close to right.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        8 => prop::sample::select(&["[", "]", "{", "}", ",", ":", "\"a\"", "\"a\":", "1", "null", "true", "false", " ", "\n"][..])
            .prop_map(|token| token.as_bytes().to_vec()),
        2 => prop::sample::select(&["-", "0", "01", "1.", ".5", "1e", "1e5", "1E-9", "1e999", "9007199254740993", "1e-400", "\"", "\\",
            "\"\\u00e9\"", "\"\\ud834\\udd1e\"", "\"\\ud834\"", "\"\\x\"", "'", "//", "“", "\u{FEFF}", "nul", "\t", "\r", "\x0C", "\0", "x"][..])
            .prop_map(|token| token.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_goes_in_comes_out(tree in tree()) {
        let text = encode(&tree).unwrap();
        prop_assert_eq!(decode(&text).map(lists), Ok(lists(tree)));
        judge(&text);
    }

    #[test]
    fn serde_json_reads_our_texts_and_we_read_its(tree in tree()) {
        let text = encode(&tree).unwrap();
        if let Ok(value) = serde_json::from_slice(&text) {
            prop_assert!(is_same(&decode(&text).unwrap(), &value));
            let theirs = serde_json::to_vec_pretty(&value).unwrap();
            prop_assert!(is_same(&decode(theirs).unwrap(), &value));
        } else {
            prop_assert!(std::str::from_utf8(&text).is_err(), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn numbers_read_back_the_same_and_no_text_of_fewer_digits_does(number in number()) {
        let text = String::from_utf8(encode(&Tree::Number(number)).unwrap()).unwrap();
        prop_assert_eq!(text.parse::<f64>(), Ok(number));
        prop_assert_eq!(decode(&text), Ok(Tree::Number(number + 0.0)));
        let digits = |text: &str| {
            let mantissa = text.split(['e', 'E']).next().unwrap_or_default().replace(['.', '-'], "");
            if text.contains(['.', 'e']) { mantissa.trim_matches('0').len() } else { 1 }
        };
        if let Some(fewer) = digits(&text).checked_sub(2) {
            prop_assert_ne!(format!("{number:.fewer$e}").parse::<f64>(), Ok(number));
        }
    }

    #[test]
    fn texts_of_any_form_are_judged_as_serde_json_does(text in soup()) {
        judge(&text);
    }

    #[test]
    fn a_broken_text_is_judged_as_serde_json_does(tree in tree(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut text = encode(&tree).unwrap();
        let at = at.index(text.len());
        if cut { text.truncate(at) } else { text[at] = byte }
        judge(&text);
    }
}
