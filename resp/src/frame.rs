//! Decoded frames and the views into them.

use crate::tape::{Kind, Node, integer_of, value_at};
use crate::value::value;
use crate::{Items, Pairs, Value};

/// One whole reply, push or command, borrowed from the input or from the decoder.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    root: Element<'a>,
    truncated: bool,
    /// The root's bytes are exactly the bytes that were sent.
    whole: bool,
}

impl<'a> Frame<'a> {
    /// `nodes` is one value, with its attributes before it.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], nodes: &'a [Node], truncated: bool, whole: bool) -> Self {
        Self { root: Element { bytes, nodes }, truncated, whole }
    }

    /// The frame's outermost value, with its attributes.
    #[inline]
    pub fn root(&self) -> Element<'a> {
        self.root
    }

    /// The frame's outermost value.
    #[inline]
    pub fn value(&self) -> Value<'a> {
        self.root.value()
    }

    /// The frame's bytes as they were sent, with attributes, but without pushes that came in its middle: for proxies
    /// that forward it.
    ///
    /// `None` if some of these bytes were not kept: the frame has a streamed string, which is assembled
    /// without its chunks' headers; a part was skipped because of a soft limit; or the frame was truncated.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let mut input: &[u8] = b"|1\r\n+ttl\r\n:9\r\n$2\r\nhi\r\n:1\r\n";
    /// let frame = decoder.feed(&mut input)?.expect("a whole frame");
    /// assert_eq!(frame.raw(), Some(&b"|1\r\n+ttl\r\n:9\r\n$2\r\nhi\r\n"[..]));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    #[inline]
    pub fn raw(&self) -> Option<&'a [u8]> {
        self.whole.then_some(self.root.bytes)
    }

    /// Whether the frame's bytes, or the 24 bytes of bookkeeping for each of its values, exceeded
    /// [`Limits::skip_frames_over`](crate::Limits::skip_frames_over), or it was nested deeper than
    /// [`Limits::skip_depth_over`](crate::Limits::skip_depth_over): everything after that point is missing from it.
    #[inline]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }
}

/// A value with its attributes.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    pub(crate) bytes: &'a [u8],
    /// The attributes, then the value, and nothing else.
    pub(crate) nodes: &'a [Node],
}

impl<'a> Element<'a> {
    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'a> {
        // The most frequent types, where the caller's compiler can inline them: then it need not check the kind
        // again.
        let items = |nodes, len| Items::new(self.bytes, nodes, len);
        match self.nodes {
            [node, ..] if node.kind == Kind::BulkString => Value::BulkString(node.text_in(self.bytes)),
            [node, ..] if node.kind == Kind::Integer => Value::Integer(integer_of(node.bits)),
            [node, inside @ ..] if node.kind == Kind::Push => Value::Push(items(inside, node.len)),
            [node, inside @ ..] if node.kind == Kind::Array => Value::Array(items(inside, node.len)),
            _ => value(self.bytes, self.nodes),
        }
    }

    /// The bytes of a simple string, bulk string or verbatim string: like [`Value::as_bytes`], but without making a
    /// [`Value`].
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.feed(&mut &b"$2\r\nhi\r\n"[..])?;
    /// assert_eq!(frame.and_then(|frame| frame.root().as_bytes()), Some(&b"hi"[..]));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    #[inline]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self.nodes {
            [node, ..] if matches!(node.kind, Kind::BulkString | Kind::SimpleString) => {
                Some(node.text_in(self.bytes))
            }
            [node, ..] if !node.is(Node::ATTRIBUTE) && node.kind != Kind::Verbatim => None,
            _ => value(self.bytes, self.nodes).as_bytes(),
        }
    }

    /// The elements of a push; `None` for anything else.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.feed(&mut &b">1\r\n$2\r\nhi\r\n"[..])?;
    /// assert_eq!(frame.and_then(|frame| frame.root().as_push()).map(|items| items.len()), Some(1));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    #[inline]
    pub fn as_push(&self) -> Option<Items<'a>> {
        match self.value() {
            Value::Push(items) => Some(items),
            _ => None,
        }
    }

    /// The attributes before the value, in order. If there were several attribute headers (`|`), the pairs of
    /// the first come first.
    #[inline]
    pub fn attributes(&self) -> Pairs<'a> {
        let at = value_at(self.nodes);
        let nodes = &self.nodes[..at];
        let mut len = 0;
        let mut next = 0;
        while let Some(node) = nodes.get(next) {
            len += node.len;
            next += node.span as usize;
        }
        Pairs::of_attributes(self.bytes, nodes, len)
    }

    /// Whether the value was sent in its streamed form.
    #[inline]
    pub fn is_streamed(&self) -> bool {
        self.nodes.get(value_at(self.nodes)).is_some_and(|node| node.is(Node::STREAMED))
    }
}
