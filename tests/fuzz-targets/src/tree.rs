//! Trees of values out of the fuzzer's bytes.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::common::twin::{Body, Tree};

/// Aggregates inside each other, so that trees stay within the decoder's default limits.
const DEPTH: usize = 12;
/// Values in one tree.
const VALUES: usize = 400;
const TEXT: usize = 40;
const ITEMS: usize = 6;

/// One frame's value.
pub(crate) fn tree(u: &mut Unstructured<'_>) -> Result<Tree> {
    let mut left = VALUES;
    value(u, DEPTH, &mut left, true)
}

fn value(u: &mut Unstructured<'_>, depth: usize, left: &mut usize, root: bool) -> Result<Tree> {
    *left = left.saturating_sub(1);
    let mut attributes = Vec::new();
    if depth > 0 && *left > 0 && u8::arbitrary(u)? & 7 == 7 {
        attributes = pairs(u, depth - 1, left)?;
    }
    let mut streamed = false;
    let kinds = if depth > 0 && *left > 0 { 15 } else { 11 };
    let body = match u8::arbitrary(u)? % kinds {
        0 => Body::Text(b'+', line(u)?),
        1 => Body::Text(b'-', line(u)?),
        2 => Body::Text(b'$', text(u)?),
        3 => Body::Text(b'!', text(u)?),
        4 => Body::Text(b'=', [b"txt:", &text(u)?[..]].concat()),
        5 => Body::Text(b'(', digits(u)?),
        6 => Body::Integer(i64::arbitrary(u)?),
        7 => Body::Double(f64::arbitrary(u)?),
        8 => Body::Boolean(bool::arbitrary(u)?),
        9 => Body::Null,
        10 => {
            streamed = true;
            Body::Text(b'$', text(u)?)
        }
        11 if root => Body::List(b'>', items(u, depth - 1, left)?),
        11 | 12 => {
            streamed = bool::arbitrary(u)?;
            Body::List(b'*', items(u, depth - 1, left)?)
        }
        13 => {
            streamed = bool::arbitrary(u)?;
            Body::List(b'~', items(u, depth - 1, left)?)
        }
        _ => {
            streamed = bool::arbitrary(u)?;
            Body::Map(pairs(u, depth - 1, left)?)
        }
    };
    Ok(Tree { attributes, streamed, body })
}

fn items(u: &mut Unstructured<'_>, depth: usize, left: &mut usize) -> Result<Vec<Tree>> {
    let count = usize::from(u8::arbitrary(u)?) % ITEMS;
    (0..count).map(|_| value(u, depth, left, false)).collect()
}

fn pairs(u: &mut Unstructured<'_>, depth: usize, left: &mut usize) -> Result<Vec<(Tree, Tree)>> {
    let count = usize::from(u8::arbitrary(u)?) % ITEMS;
    (0..count).map(|_| Ok((value(u, depth, left, false)?, value(u, depth, left, false)?))).collect()
}

/// Any bytes.
pub(crate) fn text(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let len = usize::from(u8::arbitrary(u)?) % TEXT;
    Ok(u.bytes(len.min(u.len()))?.to_vec())
}

/// Bytes that a line may have.
fn line(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut text = text(u)?;
    text.retain(|byte| !b"\r\n".contains(byte));
    Ok(text)
}

fn digits(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let sign = [&b""[..], b"+", b"-"][usize::from(u8::arbitrary(u)?) % 3];
    let digits: Vec<u8> = text(u)?.iter().map(|byte| b'0' + byte % 10).collect();
    Ok([sign, if digits.is_empty() { b"0" } else { &digits }].concat())
}
