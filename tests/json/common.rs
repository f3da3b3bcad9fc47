//! A tape as a tree, a tree as a text, and the reference implementations for both: serde_json and tinyjson. The fuzz
//! targets use it, too.

#![allow(dead_code, reason = "tests and fuzz targets use different parts")]
#![allow(clippy::panic, clippy::expect_used, reason = "a judge says what is wrong")]

use realtime::json::{Decoder, Encoder, Error, Limits, Node, Refusal, Tape};
use serde_json::{Number, Value};
use tinyjson::{JsonParseError, JsonValue};

/// The complete content of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Null,
    Boolean(bool),
    Number(f64),
    String(Vec<u8>),
    List(Vec<Tree>),
    Object(Vec<(Vec<u8>, Tree)>),
}

pub(crate) fn string(text: impl AsRef<[u8]>) -> Tree {
    Tree::String(text.as_ref().to_vec())
}

/// Reads a text in pieces of so many bytes.
pub(crate) fn decode_by(text: &[u8], bytes: usize, limits: Limits) -> Result<Tree, Error> {
    let mut decoder = Decoder::new(limits);
    while !decoder.read(text, bytes)? {}
    Ok(tree(&decoder.into_tape(), text))
}

pub(crate) fn decode(text: impl AsRef<[u8]>) -> Result<Tree, Error> {
    decode_by(text.as_ref(), usize::MAX, Limits::default())
}

/// The tree of a tape. Checks the sizes on the tape.
pub(crate) fn tree(tape: &Tape, text: &[u8]) -> Tree {
    let mut nodes = tape.nodes().iter().copied();
    let tree = subtree(&mut nodes, tape, text);
    assert_eq!(nodes.next(), None, "nodes after the value");
    tree
}

fn subtree(nodes: &mut impl Iterator<Item = Node>, tape: &Tape, text: &[u8]) -> Tree {
    match nodes.next().expect("a node for each value") {
        Node::Null => Tree::Null,
        Node::Boolean(value) => Tree::Boolean(value),
        Node::Number(value) => Tree::Number(value),
        Node::List(list) => Tree::List((0..list.len()).map(|_| subtree(nodes, tape, text)).collect()),
        Node::Object(object) => {
            let mut pair = |_| {
                let key = nodes.next().and_then(|key| tape.string(key, text)).expect("a key").to_vec();
                (key, subtree(nodes, tape, text))
            };
            Tree::Object((0..object.len()).map(&mut pair).collect())
        }
        node => string(tape.string(node, text).expect("the others are strings")),
    }
}

/// The text of a tree.
pub(crate) fn encode(tree: &Tree) -> Result<Vec<u8>, Refusal> {
    encode_with(tree, Limits::default())
}

pub(crate) fn encode_with(tree: &Tree, limits: Limits) -> Result<Vec<u8>, Refusal> {
    let mut encoder = Encoder::new(Vec::new(), limits);
    feed(&mut encoder, tree)?;
    Ok(encoder.into_text())
}

fn feed(encoder: &mut Encoder, tree: &Tree) -> Result<(), Refusal> {
    match tree {
        Tree::Null => encoder.null(),
        Tree::Boolean(value) => encoder.boolean(*value),
        Tree::Number(value) => encoder.number(*value),
        Tree::String(value) => encoder.string(value),
        Tree::Object(pairs) if !pairs.is_empty() => {
            encoder.begin_object()?;
            for (key, value) in pairs {
                encoder.key(key)?;
                feed(encoder, value)?;
            }
            encoder.end_object()
        }
        Tree::Object(_) => feed(encoder, &Tree::List(Vec::new())),
        Tree::List(values) => {
            encoder.begin_list()?;
            values.iter().try_for_each(|value| feed(encoder, value))?;
            encoder.end_list()
        }
    }
}

const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether a tree equals serde_json's result for the same text. Of duplicate keys serde_json keeps the last.
pub(crate) fn is_same(tree: &Tree, value: &Value) -> bool {
    match (tree, value) {
        (Tree::Null, Value::Null) => true,
        (Tree::Boolean(ours), Value::Bool(theirs)) => ours == theirs,
        (Tree::Number(ours), Value::Number(theirs)) => {
            theirs.as_f64() == Some(*ours) && ours.abs() <= MAX_EXACT
        }
        // A number that a double cannot hold exactly.
        (Tree::String(digits), Value::Number(theirs)) => {
            let ours: Option<f64> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            ours.is_some_and(|ours| ours.abs() >= MAX_EXACT) && ours == theirs.as_f64()
        }
        (Tree::String(ours), Value::String(theirs)) => ours == theirs.as_bytes(),
        (Tree::List(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| is_same(ours, theirs))
        }
        (Tree::Object(ours), Value::Object(theirs)) => {
            ours.iter().all(|(key, _)| std::str::from_utf8(key).is_ok_and(|key| theirs.contains_key(key)))
                && theirs.iter().all(|(key, theirs)| {
                    let last = ours.iter().rfind(|(ours, _)| ours == key.as_bytes());
                    last.is_some_and(|(_, ours)| is_same(ours, theirs))
                })
        }
        _ => false,
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// tinyjson's value in serde_json's type.
fn as_serde(value: JsonValue) -> Value {
    match value {
        JsonValue::Null => Value::Null,
        JsonValue::Boolean(value) => Value::Bool(value),
        JsonValue::Number(value) => Number::from_f64(value).map_or(Value::Null, Value::Number),
        JsonValue::String(value) => Value::String(value),
        JsonValue::Array(values) => Value::Array(values.into_iter().map(as_serde).collect()),
        JsonValue::Object(pairs) => {
            Value::Object(pairs.into_iter().map(|(key, value)| (key, as_serde(value))).collect())
        }
    }
}

/// The others' results for a text: none if it is not UTF-8. tinyjson is asked only about texts that we accept: it
/// recurses for nested tables, and accepts spaces between the digits of an escape.
fn read_by_others(text: &[u8], is_taken: bool) -> Vec<(&'static str, Result<Value, String>)> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut read = vec![("serde_json", serde_json::from_slice(text).map_err(|error| error.to_string()))];
    if is_taken {
        let value = std::str::from_utf8(text)
            .map_err(|error| error.to_string())
            .and_then(|text| text.parse().map(as_serde).map_err(|error: JsonParseError| error.to_string()));
        read.push(("tinyjson", value));
    }
    read
}

/// Reads a text whole and in pieces, and compares with other readers. Panics if they differ otherwise than documented.
pub(crate) fn judge(text: &[u8]) {
    let ours = decode(text);
    for bytes in [1, 2, 7, 64] {
        assert_eq!(decode_by(text, bytes, Limits::default()), ours, "{bytes} bytes at a time");
    }
    for (name, theirs) in read_by_others(text, ours.is_ok()) {
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => assert!(is_same(ours, theirs), "{ours:?} and {theirs:?} of {name}"),
            (Err(_), Err(_)) => {}
            (Ok(ours), Err(theirs)) => {
                // Strings that are valid in Lua but not in Rust.
                let lower = text.to_ascii_lowercase();
                let has_surrogate = lower.windows(3).any(|piece| piece == br"\ud");
                let is_documented = std::str::from_utf8(text).is_err() || has_surrogate;
                assert!(is_documented, "{ours:?}, and not {theirs} of {name}");
            }
            (Err(ours), Ok(theirs)) => {
                let told = ours.to_string();
                let is_documented =
                    told.contains("more than 64 levels") || told.contains("a number out of range");
                assert!(is_documented, "{told}, and {theirs:?} of {name}");
            }
        }
    }
    // The value can be written, and is the same when it is read again.
    if let Ok(tree) = ours {
        let again = encode(&tree).map(|text| decode(&text));
        match again {
            Ok(again) => assert_eq!(again.map(lists), Ok(lists(tree))),
            Err(refusal) => assert!(refusal.is_of_the_whole(), "{refusal}"),
        }
    }
}

/// Without objects that are empty, which are written as lists, and without the sign of a zero.
pub(crate) fn lists(tree: Tree) -> Tree {
    match tree {
        Tree::Object(pairs) if pairs.is_empty() => Tree::List(Vec::new()),
        Tree::Object(pairs) => {
            Tree::Object(pairs.into_iter().map(|(key, value)| (key, lists(value))).collect())
        }
        Tree::List(values) => Tree::List(values.into_iter().map(lists).collect()),
        Tree::Number(0.0) => Tree::Number(0.0),
        other => other,
    }
}
