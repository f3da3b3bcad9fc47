//! JSON: any text beside serde_json, and any value there and back.

use arbitrary::{Arbitrary, Result, Unstructured};
use realtime::json::{Decoder, Limits, MAX_DEPTH};

use crate::json_common::{Tree, decode, decode_by, encode, is_same, judge, lists};

/// A text is read whole and in pieces, with the same result as serde_json's, except for the differences in the docs
/// of `realtime::json`. The same with limits, and memory is bounded by the text.
pub fn json_decode(text: &[u8]) {
    judge(text);
    let tight = Limits { bytes: text.len(), elements: text.len() / 4 };
    let whole = decode_by(text, usize::MAX, tight);
    assert_eq!(decode_by(text, 1, tight), whole, "{tight:?}");

    let mut decoder = Decoder::new(Limits::default());
    // A value or key takes two bytes at least, except for open tables.
    while let Ok(false) = decoder.read(text, 16) {
        let nodes = decoder.tape().nodes().len();
        assert!(nodes <= text.len() / 2 + MAX_DEPTH, "{nodes} nodes of {} bytes", text.len());
    }
}

/// Values in one tree, and tables in each other.
const VALUES: usize = 400;
const DEPTH: usize = 70;
/// Bytes of a string or key, and elements of a table.
const TEXT: usize = 40;
const ITEMS: usize = 6;

/// The output is read back as the same, by us and by serde_json.
pub fn json_encode_decode(input: &[u8]) {
    let Ok(tree) = tree(&mut Unstructured::new(input), DEPTH, &mut VALUES.clone()) else { return };
    let Ok(text) = encode(&tree) else { return };
    assert_eq!(decode(&text).map(lists), Ok(lists(tree)), "{}", text.escape_ascii());
    match serde_json::from_slice(&text) {
        Ok(value) => {
            let ours = decode(&text);
            assert!(ours.is_ok_and(|ours| is_same(&ours, &value)), "{}", text.escape_ascii());
        }
        Err(error) => {
            assert!(std::str::from_utf8(&text).is_err(), "{error}: {}", text.escape_ascii());
        }
    }
}

fn tree(u: &mut Unstructured<'_>, depth: usize, left: &mut usize) -> Result<Tree> {
    *left = left.saturating_sub(1);
    let kinds = if depth > 0 && *left > 0 { 8 } else { 5 };
    Ok(match u8::arbitrary(u)? % kinds {
        0 => Tree::Null,
        1 => Tree::Boolean(bool::arbitrary(u)?),
        2 => Tree::Number(f64::from(i32::arbitrary(u)?)),
        3 => Tree::Number(f64::arbitrary(u)?),
        4 => Tree::String(text(u)?),
        5 => Tree::List(items(u, |u| tree(u, depth - 1, left))?),
        6 => Tree::Object(items(u, |u| Ok((text(u)?, tree(u, depth - 1, left)?)))?),
        // Long chains of tables in each other, without a choice at each.
        _ => {
            let levels = usize::from(u8::arbitrary(u)?) % DEPTH;
            (0..levels).fold(Tree::Null, |inner, level| match level % 2 {
                0 => Tree::List(vec![inner]),
                _ => Tree::Object(vec![(Vec::new(), inner)]),
            })
        }
    })
}

fn text(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = usize::from(u8::arbitrary(u)?) % TEXT;
    Ok(u.bytes(length.min(u.len()))?.to_vec())
}

fn items<T>(
    u: &mut Unstructured<'_>,
    mut item: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..usize::from(u8::arbitrary(u)?) % ITEMS).map(|_| item(u)).collect()
}
