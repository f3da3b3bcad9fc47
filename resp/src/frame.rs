//! Frames, as one looks at them.

use std::fmt;

use crate::node::{Kind, Node};

/// One whole reply or push, borrowed from the input or from the decoder.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    pub(crate) nodes: &'a [Node],
    pub(crate) data: &'a [u8],
    pub(crate) first: usize,
    pub(crate) truncated: bool,
}

impl<'a> Frame<'a> {
    /// The frame's outermost value, with its attributes.
    #[inline]
    pub fn root(&self) -> Element<'a> {
        Element::new(Tape { nodes: self.nodes, data: self.data }, self.first)
    }

    /// The frame's outermost value.
    #[inline]
    pub fn value(&self) -> Value<'a> {
        self.root().value()
    }

    /// Whether the frame was larger than [`Limits::skip_frames_over`](crate::Limits::skip_frames_over): what came behind
    /// that size is missing from it.
    #[inline]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root().fmt(f)
    }
}

#[derive(Clone, Copy)]
struct Tape<'a> {
    nodes: &'a [Node],
    data: &'a [u8],
}

impl<'a> Tape<'a> {
    fn bytes(&self, node: &Node) -> &'a [u8] {
        let (start, len) = (node.start(), node.len());
        // Nodes are made with ranges inside the data; an empty slice beats a panic should that ever be wrong.
        self.data.get(start..start + len).unwrap_or_default()
    }
}

/// A value and the attributes before it.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    tape: Tape<'a>,
    first: usize,
    at: usize,
}

impl<'a> Element<'a> {
    #[inline]
    fn new(tape: Tape<'a>, first: usize) -> Self {
        let mut at = first;
        while let Some(node) = tape.nodes.get(at) {
            if node.kind != Kind::Attribute {
                break;
            }
            at = node.end();
        }
        Self { tape, first, at }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'a> {
        let Some(node) = self.tape.nodes.get(self.at) else { return Value::Null };
        let tape = self.tape;
        match node.kind {
            Kind::SimpleString => Value::SimpleString(tape.bytes(node)),
            Kind::SimpleError => Value::SimpleError(tape.bytes(node)),
            Kind::Integer => Value::Integer(node.integer()),
            Kind::BulkString => Value::BulkString(tape.bytes(node)),
            Kind::BlobError => Value::BlobError(tape.bytes(node)),
            Kind::BigNumber => Value::BigNumber(tape.bytes(node)),
            Kind::Double => Value::Double(node.double()),
            Kind::Boolean => Value::Boolean(node.integer() != 0),
            Kind::Null => Value::Null,
            Kind::Verbatim => match tape.bytes(node).split_first_chunk::<4>() {
                Some(([a, b, c, _], text)) => Value::VerbatimString { format: [*a, *b, *c], text },
                None => Value::Null,
            },
            Kind::Skipped => Value::Skipped { len: node.skipped() },
            Kind::Array => Value::Array(self.items(node)),
            Kind::Set => Value::Set(self.items(node)),
            Kind::Push => Value::Push(self.items(node)),
            Kind::Map | Kind::Attribute => {
                let end = node.end();
                Value::Map(Pairs { tape, at: self.at + 1, end, stop: end, len: node.count() / 2 })
            }
        }
    }

    #[inline]
    fn items(&self, node: &Node) -> Items<'a> {
        Items { tape: self.tape, at: self.at + 1, end: node.end(), len: node.count() }
    }

    /// The attributes before the value, in order; those of several attribute frames one after the other.
    pub fn attributes(&self) -> Pairs<'a> {
        let mut len = 0;
        let mut at = self.first;
        while at < self.at {
            let Some(node) = self.tape.nodes.get(at) else { break };
            len += node.count() / 2;
            at = node.end();
        }
        Pairs { tape: self.tape, at: self.first, end: self.first, stop: self.at, len }
    }

    /// Whether the value came in its streamed form.
    pub fn is_streamed(&self) -> bool {
        self.tape.nodes.get(self.at).is_some_and(|node| node.streamed)
    }

    #[inline]
    fn next(&self) -> usize {
        match self.tape.nodes.get(self.at) {
            Some(node) if node.kind.is_aggregate() => node.end(),
            _ => self.at + 1,
        }
    }
}

impl fmt::Debug for Element<'_> {
    /// One level is shown; what is inside of inner aggregates is not, so that depth costs no stack.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => {
                let mut list = f.debug_list();
                for item in items {
                    list.entry(&item.value());
                }
                list.finish()
            }
            Value::Map(pairs) => {
                let mut map = f.debug_map();
                for (key, value) in pairs {
                    map.entry(&key.value(), &value.value());
                }
                map.finish()
            }
            value => value.fmt(f),
        }
    }
}

/// A value of RESP2 or RESP3.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `+text`
    SimpleString(&'a [u8]),
    /// `-text`
    SimpleError(&'a [u8]),
    /// `:number`
    Integer(i64),
    /// `$len`, bytes
    BulkString(&'a [u8]),
    /// `!len`, bytes
    BlobError(&'a [u8]),
    /// `=len`, three bytes that name the format, a colon, bytes
    VerbatimString {
        /// Such as `txt` or `mkd`.
        format: [u8; 3],
        /// What follows the colon.
        text: &'a [u8],
    },
    /// `(digits`: sign and digits as they came
    BigNumber(&'a [u8]),
    /// `,number`
    Double(f64),
    /// `#t`, `#f`
    Boolean(bool),
    /// `_`, `$-1`, `*-1`
    Null,
    /// `*n`
    Array(Items<'a>),
    /// `~n`
    Set(Items<'a>),
    /// `>n`
    Push(Items<'a>),
    /// `%n`
    Map(Pairs<'a>),
    /// A blob longer than [`Limits::skip_blobs_over`](crate::Limits::skip_blobs_over), which was not kept.
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
            Self::SimpleString(bytes) | Self::BulkString(bytes) => Some(bytes),
            Self::VerbatimString { text, .. } => Some(text),
            _ => None,
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SimpleString(text) => write!(f, "SimpleString(\"{}\")", text.escape_ascii()),
            Self::SimpleError(text) => write!(f, "SimpleError(\"{}\")", text.escape_ascii()),
            Self::Integer(n) => write!(f, "Integer({n})"),
            Self::BulkString(bytes) => write!(f, "BulkString(\"{}\")", bytes.escape_ascii()),
            Self::BlobError(bytes) => write!(f, "BlobError(\"{}\")", bytes.escape_ascii()),
            Self::VerbatimString { format, text } => {
                write!(f, "VerbatimString({}, \"{}\")", format.escape_ascii(), text.escape_ascii())
            }
            Self::BigNumber(digits) => write!(f, "BigNumber({})", digits.escape_ascii()),
            Self::Double(n) => write!(f, "Double({n})"),
            Self::Boolean(b) => write!(f, "Boolean({b})"),
            Self::Null => f.write_str("Null"),
            Self::Array(items) => write!(f, "Array({} elements)", items.len()),
            Self::Set(items) => write!(f, "Set({} elements)", items.len()),
            Self::Push(items) => write!(f, "Push({} elements)", items.len()),
            Self::Map(pairs) => write!(f, "Map({} pairs)", pairs.len()),
            Self::Skipped { len } => write!(f, "Skipped({len} bytes)"),
        }
    }
}

/// The elements of an array, set or push, in order.
#[derive(Clone, Copy)]
pub struct Items<'a> {
    tape: Tape<'a>,
    at: usize,
    end: usize,
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
        if self.at >= self.end {
            return None;
        }
        let element = Element::new(self.tape, self.at);
        self.at = element.next();
        self.len = self.len.saturating_sub(1);
        Some(element)
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.map(|element| element.value())).finish()
    }
}

/// The pairs of a map, or of attributes, in order, none dropped.
#[derive(Clone, Copy)]
pub struct Pairs<'a> {
    tape: Tape<'a>,
    at: usize,
    /// Where the present map or attribute frame ends.
    end: usize,
    /// Where the last one ends.
    stop: usize,
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

    fn next(&mut self) -> Option<(Element<'a>, Element<'a>)> {
        while self.at >= self.end {
            if self.at >= self.stop {
                return None;
            }
            self.end = self.tape.nodes.get(self.at)?.end();
            self.at += 1;
        }
        let key = Element::new(self.tape, self.at);
        if key.next() >= self.end {
            // The frame was truncated between key and value.
            self.at = self.stop;
            return None;
        }
        let value = Element::new(self.tape, key.next());
        self.at = value.next();
        self.len = self.len.saturating_sub(1);
        Some((key, value))
    }
}

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.map(|(key, value)| (key.value(), value.value()))).finish()
    }
}
