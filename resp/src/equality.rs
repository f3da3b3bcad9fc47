//! Compares values, at any depth, without recursion.

use crate::tape::{Kind, Node, value_at};
use crate::{Element, Items, Pairs, Value};

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::SimpleString(a), Self::SimpleString(b))
            | (Self::SimpleError(a), Self::SimpleError(b))
            | (Self::TruncatedError(a), Self::TruncatedError(b))
            | (Self::BulkString(a), Self::BulkString(b))
            | (Self::BlobError(a), Self::BlobError(b))
            | (Self::BigNumber(a), Self::BigNumber(b)) => a == b,
            (
                Self::VerbatimString { format: a, text: a_text },
                Self::VerbatimString { format: b, text: b_text },
            ) => a == b && a_text == b_text,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => same_double(*a, *b),
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Null, Self::Null) => true,
            (Self::Array(a), Self::Array(b))
            | (Self::Set(a), Self::Set(b))
            | (Self::Push(a), Self::Push(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::Skipped { len: a }, Self::Skipped { len: b }) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value<'_> {}

/// Compares the values; attributes are ignored.
impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        same(self, other)
    }
}

impl Eq for Element<'_> {}

/// Compares the remaining elements and the announced count.
impl PartialEq for Items<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.clone().eq(other.clone())
    }
}

impl Eq for Items<'_> {}

/// Compares the remaining pairs, in order, and the announced count.
impl PartialEq for Pairs<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.clone().eq(other.clone())
    }
}

impl Eq for Pairs<'_> {}

/// All NaNs are equal, so that this is an equivalence.
pub(crate) fn same_double(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// Compares value after value in the order of the wire. Each has its own count, so that is enough.
fn same(a: &Element<'_>, b: &Element<'_>) -> bool {
    let (mut left, mut right) = (a.nodes, b.nodes);
    loop {
        match (after_attributes(left), after_attributes(right)) {
            (Some((x, left_rest)), Some((y, right_rest))) => {
                if !same_node(x, a.bytes, y, b.bytes) {
                    return false;
                }
                (left, right) = (left_rest, right_rest);
            }
            (None, None) => return true,
            _ => return false,
        }
    }
}

fn after_attributes(nodes: &[Node]) -> Option<(&Node, &[Node])> {
    nodes.get(value_at(nodes)..).and_then(<[Node]>::split_first)
}

fn same_node(a: &Node, a_bytes: &[u8], b: &Node, b_bytes: &[u8]) -> bool {
    a.kind == b.kind
        && match a.kind {
            Kind::Integer | Kind::Boolean => a.bits == b.bits,
            Kind::Double => same_double(f64::from_bits(a.bits), f64::from_bits(b.bits)),
            Kind::Null => true,
            Kind::Array | Kind::Set | Kind::Push | Kind::Map | Kind::Skipped => a.len == b.len,
            _ => a.text_in(a_bytes) == b.text_in(b_bytes),
        }
}
