//! What several test files share.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

pub(crate) mod encode;
pub(crate) mod grammar;
pub(crate) mod twin;

use resp::{Decoder, Element, Frame, Limits, Pairs, Value};
use twin::{Body, End, Tree};

/// A frame's value as a tree of its own.
pub(crate) fn tree(element: Element<'_>) -> Tree {
    let list = |kind, items: resp::Items<'_>| Body::List(kind, items.map(tree).collect());
    let body = match element.value() {
        Value::SimpleString(text) => Body::Text(b'+', text.to_vec()),
        Value::SimpleError(text) => Body::Text(b'-', text.to_vec()),
        Value::BulkString(text) => Body::Text(b'$', text.to_vec()),
        Value::BlobError(text) => Body::Text(b'!', text.to_vec()),
        Value::BigNumber(text) => Body::Text(b'(', text.to_vec()),
        Value::VerbatimString { format, text } => Body::Text(b'=', [&format[..], b":", text].concat()),
        Value::Integer(n) => Body::Integer(n),
        Value::Double(n) => Body::Double(n),
        Value::Boolean(b) => Body::Boolean(b),
        Value::Null => Body::Null,
        Value::Array(items) => list(b'*', items),
        Value::Set(items) => list(b'~', items),
        Value::Push(items) => list(b'>', items),
        Value::Map(pairs) => Body::Map(trees(pairs)),
        Value::TruncatedError(text) => Body::TruncatedError(text.to_vec()),
        Value::Skipped { len } => Body::Skipped(len),
        other => panic!("{other:?} is new"),
    };
    Tree { attributes: trees(element.attributes()), streamed: element.is_streamed(), body }
}

fn trees(pairs: Pairs<'_>) -> Vec<(Tree, Tree)> {
    pairs.map(|(key, value)| (tree(key), tree(value))).collect()
}

/// What the decoder makes of the pieces.
pub(crate) fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Tree>, End) {
    decode_with(Limits::default(), pieces, |frame| tree(frame.root()))
}

/// What the decoder makes of the pieces, each frame looked at by `look`.
pub(crate) fn decode_with<'a, T>(
    limits: Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    mut look: impl FnMut(Frame<'_>) -> T,
) -> (Vec<T>, End) {
    let mut decoder = Decoder::with_limits(limits);
    let mut frames = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.feed(&mut piece) {
                Ok(Some(frame)) => frames.push(look(frame)),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.feed(&mut &b"+OK\r\n"[..]).map(|_| ()), Err(error), "an error stays");
                    return (frames, End::Error(error.kind, error.offset));
                }
            }
        }
        assert!(piece.is_empty(), "everything is consumed");
    }
    (frames, decoder.frame_start().map_or(End::Clean, End::Incomplete))
}

/// The input cut before each of these positions.
pub(crate) fn cut<'a>(input: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at = 0;
    let mut pieces = Vec::new();
    for &cut in cuts {
        let cut = cut.min(input.len());
        if cut > at {
            pieces.push(&input[at..cut]);
            at = cut;
        }
    }
    pieces.push(&input[at..]);
    pieces
}

/// A frame in words, also where something is missing from it.
pub(crate) fn describe(frame: Frame<'_>) -> String {
    format!("{}{frame:?}", if frame.is_truncated() { "truncated " } else { "" })
}
