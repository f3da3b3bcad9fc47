//! Iterators over the content of a value.

use core::iter::FusedIterator;

use crate::Element;
use crate::tape::{Node, index, value_at};

/// The elements of an array, set or push, in order. Each step takes the same time, whatever an element contains.
///
/// This iterator is not `Copy`, so that a loop does not silently use a copy:
///
/// ```compile_fail,E0382
/// # let mut decoder = resp::Decoder::new();
/// # let frame = decoder.feed(&mut &b"*2\r\n:1\r\n:2\r\n"[..])?.expect("a whole frame");
/// # let resp::Value::Array(mut items) = frame.value() else { panic!("an array") };
/// for item in items {}
/// items.next(); // the loop has taken them
/// # Ok::<(), resp::DecodeError>(())
/// ```
///
/// To begin again, clone it, which copies a few words; to continue after a loop, use `by_ref`:
///
/// ```
/// # let mut decoder = resp::Decoder::new();
/// # let frame = decoder.feed(&mut &b"*2\r\n:1\r\n:2\r\n"[..])?.expect("a whole frame");
/// # let resp::Value::Array(mut items) = frame.value() else { panic!("an array") };
/// assert_eq!(items.clone().count(), 2);
/// for item in items.by_ref().take(1) {}
/// assert_eq!(items.size_hint(), (1, Some(1)));
/// # Ok::<(), resp::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct Items<'a> {
    bytes: &'a [u8],
    /// Exactly the remaining elements.
    nodes: &'a [Node],
    /// How many are left as announced, and [`Node::CUT`].
    len: u64,
}

impl<'a> Items<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], nodes: &'a [Node], len: u64) -> Self {
        Self { bytes, nodes, len }
    }

    /// How many are left. In a [truncated](crate::Frame::is_truncated) frame, how many were announced.
    #[inline]
    pub fn len(&self) -> u64 {
        self.len & !Node::CUT
    }

    /// Whether none is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let (nodes, rest) = split_first(self.nodes)?;
        self.nodes = rest;
        self.len = self.len.saturating_sub(1);
        Some(Element { bytes: self.bytes, nodes })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        hint(self.len, self.nodes.len())
    }
}

impl FusedIterator for Items<'_> {}

/// The pairs of a map, or of attributes, in order, none dropped. Like [`Items`], it is not `Copy`.
#[derive(Clone)]
pub struct Pairs<'a> {
    bytes: &'a [u8],
    /// The nodes of the pairs that are left. The pairs of the next attribute come after its own node.
    nodes: &'a [Node],
    /// Pairs left before the next attribute's own node.
    here: u64,
    /// How many are left as announced, and [`Node::CUT`].
    len: u64,
}

impl<'a> Pairs<'a> {
    #[inline]
    pub(crate) fn of_map(bytes: &'a [u8], nodes: &'a [Node], len: u64) -> Self {
        Self { bytes, nodes, here: len & !Node::CUT, len }
    }

    /// `nodes` are attributes, one after the other, with `len` pairs in total.
    #[inline]
    pub(crate) fn of_attributes(bytes: &'a [u8], nodes: &'a [Node], len: u64) -> Self {
        Self { bytes, nodes, here: 0, len }
    }

    /// How many are left. In a [truncated](crate::Frame::is_truncated) frame, how many were announced.
    #[inline]
    pub fn len(&self) -> u64 {
        self.len & !Node::CUT
    }

    /// Whether none is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Element<'a>, Element<'a>)> {
        while self.here == 0 {
            let (attribute, rest) = self.nodes.split_first()?;
            self.here = attribute.len;
            self.nodes = rest;
        }
        let (key, rest) = split_first(self.nodes)?;
        let (value, rest) = split_first(rest)?;
        self.nodes = rest;
        self.here -= 1;
        self.len = self.len.saturating_sub(1);
        let element = |nodes| Element { bytes: self.bytes, nodes };
        Some((element(key), element(value)))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        hint(self.len, self.nodes.len() / 2)
    }
}

impl FusedIterator for Pairs<'_> {}

/// The exact number, or an upper bound if the rest was not kept. Each element takes a node, so it fits
/// `usize`.
#[inline]
fn hint(announced: u64, kept_at_most: usize) -> (usize, Option<usize>) {
    let len = index(announced & !Node::CUT);
    if announced & Node::CUT == 0 { (len, Some(len)) } else { (0, Some(len.min(kept_at_most))) }
}

/// Splits the nodes of the first element off.
#[inline]
fn split_first(nodes: &[Node]) -> Option<(&[Node], &[Node])> {
    match nodes {
        // Most elements are a single node: then span and position need not be looked up.
        [first, rest @ ..] if first.span == 1 && !first.is(Node::ATTRIBUTE) => {
            Some((core::slice::from_ref(first), rest))
        }
        _ => {
            let at = value_at(nodes);
            nodes.split_at_checked(at + nodes.get(at)?.span as usize)
        }
    }
}
