//! A decoded frame as a flat list of nodes in the order of the wire.

/// The type of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SimpleString,
    SimpleError,
    BulkString,
    BlobError,
    Verbatim,
    BigNumber,
    Integer,
    Double,
    Boolean,
    Null,
    Array,
    Set,
    Push,
    Map,
    /// An error line of which only the beginning was kept.
    TruncatedError,
    /// A blob or line that was read, but not kept.
    Skipped,
}

/// One value, or one attribute, followed by its contents.
///
/// A value's attributes come before it, so a value with attributes is a run of attribute nodes, each with its
/// contents, and then its own node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// Where the text begins in the frame's bytes; or the bits of an integer, a double or a boolean.
    pub(crate) bits: u64,
    /// Bytes of text; items of an aggregate, pairs of a map or attribute; skipped bytes.
    pub(crate) len: u64,
    /// Nodes up to the next sibling: this one and everything inside it.
    pub(crate) span: u32,
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
}

impl Node {
    /// The node is an attribute. Its kind is `Map`.
    pub(crate) const ATTRIBUTE: u8 = 1;
    /// It was sent without a length.
    pub(crate) const STREAMED: u8 = 2;
    /// This bit of an aggregate's `len` says that its end was not kept: there are fewer elements than the other bits
    /// say.
    pub(crate) const CUT: u64 = 1 << 63;

    #[inline]
    pub(crate) const fn scalar(kind: Kind, bits: u64) -> Self {
        Self { bits, len: 0, span: 1, kind, flags: 0 }
    }

    #[inline]
    pub(crate) const fn text(kind: Kind, start: usize, len: usize) -> Self {
        Self { bits: start as u64, len: len as u64, span: 1, kind, flags: 0 }
    }

    #[inline]
    pub(crate) const fn aggregate(kind: Kind, len: u64, flags: u8) -> Self {
        Self { bits: 0, len, span: 1, kind, flags }
    }

    pub(crate) const fn skipped(len: u64) -> Self {
        Self { bits: 0, len, span: 1, kind: Kind::Skipped, flags: 0 }
    }

    #[inline]
    pub(crate) const fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether `bits` is a position in the frame's bytes.
    pub(crate) const fn is_text(&self) -> bool {
        matches!(
            self.kind,
            Kind::SimpleString
                | Kind::SimpleError
                | Kind::TruncatedError
                | Kind::BulkString
                | Kind::BlobError
                | Kind::Verbatim
                | Kind::BigNumber
        )
    }

    /// The text, for a kind that has one.
    #[inline]
    pub(crate) fn text_in<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = index(self.bits);
        &bytes[start..start + index(self.len)]
    }
}

/// A position or a length that was a `usize` when it was stored in a node.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "only usize values are stored, and widened to do so")]
pub(crate) const fn index(stored: u64) -> usize {
    stored as usize
}

/// The index of the first node that is not an attribute, if there is one.
#[inline]
pub(crate) fn value_at(nodes: &[Node]) -> usize {
    let mut at = 0;
    loop {
        match nodes.get(at) {
            Some(node) if node.is(Node::ATTRIBUTE) => at += node.span as usize,
            _ => return at,
        }
    }
}

/// The bits of an integer, as a node holds them.
#[inline]
#[allow(clippy::cast_sign_loss, reason = "bits are moved, and come back by `integer_of`")]
pub(crate) const fn bits_of(integer: i64) -> u64 {
    integer as u64
}

#[inline]
pub(crate) const fn integer_of(bits: u64) -> i64 {
    bits as i64
}
