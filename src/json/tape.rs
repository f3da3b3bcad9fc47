//! The values of a text, in order.

/// A value or key of a text. A list is followed by its elements, an object by the keys and values of its pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    /// null.
    Null,
    /// true or false.
    Boolean(bool),
    /// A number that a double can hold.
    Number(f64),
    /// A string without escapes, or the digits of a number beyond 2^53: a range of the text.
    Plain(Span),
    /// A string with escapes: a range of the tape's own bytes.
    Unescaped(Span),
    /// A list and the number of its elements.
    List(Table),
    /// An object and the number of its pairs.
    Object(Table),
}

/// The range of a string's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    /// Positions in a text of less than 4 GiB.
    #[expect(clippy::cast_possible_truncation, reason = "the decoder refuses longer texts")]
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The number of bytes.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Where the bytes begin.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// The bytes of a string without escapes, out of the text.
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A list or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    pub(super) len: u32,
    /// While the table is being read: the node of the table around it. So the decoder needs no stack.
    pub(super) parent: u32,
}

impl Table {
    /// The number of elements or pairs. A repeated key counts each time.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The values of a text. It does not hold the text: the reader must have it at hand.
#[derive(Debug, Default)]
pub struct Tape {
    pub(super) nodes: Vec<Node>,
    pub(super) unescaped: Vec<u8>,
}

/// A larger tape frees its memory when it is cleared. In bytes.
const KEPT_BYTES: usize = 64 << 10;

impl Tape {
    /// Values and keys, from front to back.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The bytes of a string of this tape. `None` for anything else.
    #[inline]
    pub fn string<'a>(&'a self, node: Node, text: &'a [u8]) -> Option<&'a [u8]> {
        match node {
            Node::Plain(span) => Some(span.of(text)),
            Node::Unescaped(span) => Some(span.of(&self.unescaped)),
            _ => None,
        }
    }

    /// The tape's memory in bytes.
    pub fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.unescaped.capacity()
    }

    /// Empties the tape. A small one keeps its memory for the next text.
    pub fn clear(&mut self) {
        if self.memory() > KEPT_BYTES {
            *self = Self::default();
        }
        self.nodes.clear();
        self.unescaped.clear();
    }
}
