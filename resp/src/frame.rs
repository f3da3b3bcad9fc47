//! Decoded frames and the views into them.

use crate::tape::{Kind, Node};

/// One whole reply, push or command, borrowed from the input or from the decoder.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    root: Element<'a>,
    truncated: bool,
}

impl<'a> Frame<'a> {
    /// `nodes` is one value, its attributes before it.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], nodes: &'a [Node], truncated: bool) -> Self {
        Self { root: Element { bytes, nodes }, truncated }
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

    /// Whether the frame was larger than [`Limits::skip_frames_over`](crate::Limits::skip_frames_over), or nested deeper
    /// than [`Limits::skip_depth_over`](crate::Limits::skip_depth_over): what came after that point is missing from it.
    #[inline]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }
}

/// A value with its attributes.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    bytes: &'a [u8],
    /// The attributes, then the value, and nothing else.
    nodes: &'a [Node],
}

impl<'a> Element<'a> {
    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'a> {
        // What most values are, where the caller's compiler sees it: it need not look for the kind again.
        let items = |nodes, len| Items { bytes: self.bytes, nodes, len };
        match self.nodes {
            [node, ..] if node.kind == Kind::BulkString => Value::BulkString(node.text_in(self.bytes)),
            [node, ..] if node.kind == Kind::Integer => Value::Integer(node.bits.cast_signed()),
            [node, inside @ ..] if node.kind == Kind::Push => Value::Push(items(inside, node.len)),
            [node, inside @ ..] if node.kind == Kind::Array => Value::Array(items(inside, node.len)),
            _ => value(self.bytes, self.nodes),
        }
    }

    /// The bytes of a simple string, bulk string or verbatim string: as [`Value::as_bytes`], with no [`Value`] made for
    /// it.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.decode(&mut &b"$2\r\nhi\r\n"[..])?;
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
    /// let frame = decoder.decode(&mut &b">1\r\n$2\r\nhi\r\n"[..])?;
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

    /// The attributes before the value, in order; those of several attribute frames one after the other.
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
        Pairs { bytes: self.bytes, nodes, here: 0, len }
    }

    /// Whether the value came in its streamed form.
    #[inline]
    pub fn is_streamed(&self) -> bool {
        self.nodes.get(value_at(self.nodes)).is_some_and(|node| node.is(Node::STREAMED))
    }
}

/// The value of an element. Its parts come by value, so that a caller's can stay in registers.
fn value<'a>(bytes: &'a [u8], nodes: &'a [Node]) -> Value<'a> {
    let at = value_at(nodes);
    // An element is made with its value's node; a null beats a panic should that ever be wrong.
    let Some((node, inside)) = nodes.get(at..).and_then(<[Node]>::split_first) else {
        return Value::Null;
    };
    let items = || Items { bytes, nodes: inside, len: node.len };
    let text = || node.text_in(bytes);
    match node.kind {
        Kind::SimpleString => Value::SimpleString(text()),
        Kind::SimpleError => Value::SimpleError(text()),
        Kind::TruncatedError => Value::TruncatedError(text()),
        Kind::BulkString => Value::BulkString(text()),
        Kind::BlobError => Value::BlobError(text()),
        Kind::BigNumber => Value::BigNumber(text()),
        Kind::Verbatim => match text().split_first_chunk() {
            Some(([a, b, c, _], text)) => Value::VerbatimString { format: [*a, *b, *c], text },
            None => Value::Null,
        },
        Kind::Integer => Value::Integer(node.bits.cast_signed()),
        Kind::Double => Value::Double(f64::from_bits(node.bits)),
        Kind::Boolean => Value::Boolean(node.bits != 0),
        Kind::Null => Value::Null,
        Kind::Array => Value::Array(items()),
        Kind::Set => Value::Set(items()),
        Kind::Push => Value::Push(items()),
        Kind::Map => Value::Map(Pairs { bytes, nodes: inside, here: node.len, len: node.len }),
        Kind::Skipped => Value::Skipped { len: node.len },
    }
}

/// The index of the first node that is no attribute, if there is one.
#[inline]
fn value_at(nodes: &[Node]) -> usize {
    let mut at = 0;
    while let Some(node) = nodes.get(at)
        && node.is(Node::ATTRIBUTE)
    {
        at += node.span as usize;
    }
    at
}

/// A decoded value. Text is bytes as they were sent, UTF-8 or not.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `+OK`
    SimpleString(&'a [u8]),
    /// `-ERR unknown command`
    SimpleError(&'a [u8]),
    /// `$5`, or the pieces of a streamed string put together
    BulkString(&'a [u8]),
    /// `!21`
    BlobError(&'a [u8]),
    /// `=15`
    VerbatimString {
        /// What the text is: `txt` or `mkd`, as far as is known.
        format: [u8; 3],
        /// The text behind the colon.
        text: &'a [u8],
    },
    /// `(3492890328409238509324850943850943825024385`, the sign included if one was sent
    BigNumber(&'a [u8]),
    /// `:1000`
    Integer(i64),
    /// `,1.5`
    Double(f64),
    /// `#t`
    Boolean(bool),
    /// `_`, `$-1` or `*-1`
    Null,
    /// `*2`
    Array(Items<'a>),
    /// `~2`, duplicates included if any were sent
    Set(Items<'a>),
    /// `>3`
    Push(Items<'a>),
    /// `%2`, in the order of the wire, duplicate keys included
    Map(Pairs<'a>),
    /// The beginning of a `-` line longer than [`Limits::skip_lines_over`](crate::Limits::skip_lines_over): so many
    /// bytes of it were kept. The error's code is its first word, so it is there.
    TruncatedError(&'a [u8]),
    /// A blob longer than [`Limits::skip_blobs_over`](crate::Limits::skip_blobs_over), or a status or big number longer
    /// than [`Limits::skip_lines_over`](crate::Limits::skip_lines_over), which was not kept.
    Skipped {
        /// How many bytes it had.
        len: u64,
    },
}

impl<'a> Value<'a> {
    /// The bytes of a simple string, bulk string or verbatim string.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.decode(&mut &b"$2\r\nhi\r\n"[..])?;
    /// assert_eq!(frame.and_then(|frame| frame.value().as_bytes()), Some(&b"hi"[..]));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    #[inline]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Self::SimpleString(text) | Self::BulkString(text) | Self::VerbatimString { text, .. } => {
                Some(text)
            }
            _ => None,
        }
    }
}

/// The elements of an array, set or push, in order. Going to the next one takes the same time whatever is inside.
#[derive(Clone, Copy)]
pub struct Items<'a> {
    bytes: &'a [u8],
    /// The elements that are left, and nothing else.
    nodes: &'a [Node],
    len: u64,
}

impl Items<'_> {
    /// How many are left. In a [truncated](Frame::is_truncated) frame, how many were announced.
    #[inline]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
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
}

/// The pairs of a map, or of attributes, in order, none dropped.
#[derive(Clone, Copy)]
pub struct Pairs<'a> {
    bytes: &'a [u8],
    /// The pairs that are left; between those of two attributes, the second one's own node.
    nodes: &'a [Node],
    /// Pairs left before the next attribute's own node.
    here: u64,
    len: u64,
}

impl Pairs<'_> {
    /// How many are left. In a [truncated](Frame::is_truncated) frame, how many were announced.
    #[inline]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
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
}

/// Splits the nodes of the first element off.
#[inline]
fn split_first(nodes: &[Node]) -> Option<(&[Node], &[Node])> {
    match nodes {
        // Most elements are a single node: then neither span nor place has to be looked for.
        [first, rest @ ..] if first.span == 1 && !first.is(Node::ATTRIBUTE) => {
            Some((std::slice::from_ref(first), rest))
        }
        _ => {
            let at = value_at(nodes);
            nodes.split_at_checked(at + nodes.get(at)?.span as usize)
        }
    }
}
