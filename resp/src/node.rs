//! The tape: a frame's values in the order in which they came, each one small entry.

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    SimpleString,
    SimpleError,
    Integer,
    BulkString,
    BlobError,
    Verbatim,
    BigNumber,
    Double,
    Boolean,
    Null,
    Skipped,
    Array,
    Set,
    Push,
    Map,
    Attribute,
}

impl Kind {
    pub(crate) fn is_aggregate(self) -> bool {
        matches!(self, Self::Array | Self::Set | Self::Push | Self::Map | Self::Attribute)
    }
}

/// One entry. An aggregate's entries follow it; it knows where they end, so that a reader can step over them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) streamed: bool,
    /// Scalar: its bits, or where its bytes begin. Aggregate: how many elements it has.
    a: u64,
    /// Bytes: how many. Aggregate: the entry behind its last one.
    b: usize,
}

impl Node {
    #[inline]
    pub(crate) fn bytes(kind: Kind, start: usize, len: usize) -> Self {
        Self { kind, streamed: false, a: start as u64, b: len }
    }

    pub(crate) fn scalar(kind: Kind, bits: u64) -> Self {
        Self { kind, streamed: false, a: bits, b: 0 }
    }

    #[inline]
    pub(crate) fn aggregate(kind: Kind, streamed: bool) -> Self {
        Self { kind, streamed, a: 0, b: 0 }
    }

    /// The same, as one that came in pieces.
    pub(crate) fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }

    #[inline]
    pub(crate) fn close(&mut self, count: u64, end: usize) {
        self.a = count;
        self.b = end;
    }

    #[inline]
    pub(crate) fn start(&self) -> usize {
        // Made from a usize in `bytes`.
        usize::try_from(self.a).unwrap_or(usize::MAX)
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.b
    }

    #[inline]
    pub(crate) fn end(&self) -> usize {
        self.b
    }

    #[inline]
    pub(crate) fn count(&self) -> u64 {
        self.a
    }

    pub(crate) fn integer(&self) -> i64 {
        self.a.cast_signed()
    }

    pub(crate) fn double(&self) -> f64 {
        f64::from_bits(self.a)
    }

    pub(crate) fn skipped(&self) -> u64 {
        self.a
    }
}
