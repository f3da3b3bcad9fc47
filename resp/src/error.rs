//! What can be wrong with input.

use std::fmt;

/// Malformed input, or input beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DecodeError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where, counted in bytes from the first byte that the decoder was fed since it was made or reset: the byte at
    /// which no valid input could go on, or, for a limit, the first byte of the header that passed it.
    pub offset: u64,
}

impl DecodeError {
    /// An error of this kind at this byte, for tests of what handles errors.
    ///
    /// ```
    /// use resp::{DecodeError, ErrorKind};
    ///
    /// let error = DecodeError::new(ErrorKind::BadLength, 7);
    /// assert_eq!(error.to_string(), "bad length at byte 7");
    /// ```
    pub const fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl std::error::Error for DecodeError {}

/// The kinds of malformed input. Their [names](ErrorKind::name) are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value begins with a byte that is no RESP type.
    #[error("unknown type byte {}", Byte(*.0))]
    UnknownType(u8),
    /// `;` where no streamed string is open.
    #[error("a chunk outside of a streamed string")]
    UnexpectedChunk,
    /// Something other than `;` inside a streamed string.
    #[error("expected a chunk of the streamed string")]
    ExpectedChunk,
    /// `.` where no streamed aggregate is open.
    #[error("an end mark outside of a streamed aggregate")]
    UnexpectedEnd,
    /// `.` in a streamed map behind a key without its value.
    #[error("a map ends behind a key")]
    OddMap,
    /// `.` behind an attribute, which must be followed by the value that it describes.
    #[error("an attribute without a value")]
    DanglingAttribute,
    /// A push inside of a push.
    #[error("a push inside of a push")]
    NestedPush,
    /// A length that is no number, negative, or streamed where the type has no streamed form.
    #[error("bad length")]
    BadLength,
    /// An integer that is no number, or does not fit 64 bits.
    #[error("bad integer")]
    BadInteger,
    /// A double that is no number, or too large for one.
    #[error("bad double")]
    BadDouble,
    /// A big number that is not made of digits.
    #[error("bad big number")]
    BadBigNumber,
    /// A boolean other than `t` and `f`.
    #[error("bad boolean")]
    BadBoolean,
    /// A null with something in it.
    #[error("bad null")]
    BadNull,
    /// A verbatim string without its three bytes and colon.
    #[error("bad verbatim string")]
    BadVerbatim,
    /// A CR without LF, or a bare LF, in a line.
    #[error("bad line end")]
    BadLineEnd,
    /// A blob that is not followed by CRLF.
    #[error("a blob without its line end")]
    BadBlobEnd,
    /// More aggregates inside each other than [`Limits::depth`](crate::Limits::depth).
    #[error("nested too deep")]
    DepthLimit,
    /// More elements in one aggregate than [`Limits::aggregate`](crate::Limits::aggregate).
    #[error("too many elements in one aggregate")]
    AggregateLimit,
    /// More elements in one frame than [`Limits::elements`](crate::Limits::elements).
    #[error("too many elements in one frame")]
    ElementsLimit,
    /// A longer blob than [`Limits::blob`](crate::Limits::blob).
    #[error("blob too long")]
    BlobLimit,
    /// A longer line than [`Limits::line`](crate::Limits::line).
    #[error("line too long")]
    LineLimit,
    /// A longer frame than [`Limits::frame`](crate::Limits::frame).
    #[error("frame too long")]
    FrameLimit,
}

impl ErrorKind {
    /// The kind's stable name, in snake_case.
    ///
    /// ```
    /// assert_eq!(resp::ErrorKind::BadLength.name(), "bad_length");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownType(_) => "unknown_type",
            Self::UnexpectedChunk => "unexpected_chunk",
            Self::ExpectedChunk => "expected_chunk",
            Self::UnexpectedEnd => "unexpected_end",
            Self::OddMap => "odd_map",
            Self::DanglingAttribute => "dangling_attribute",
            Self::NestedPush => "nested_push",
            Self::BadLength => "bad_length",
            Self::BadInteger => "bad_integer",
            Self::BadDouble => "bad_double",
            Self::BadBigNumber => "bad_big_number",
            Self::BadBoolean => "bad_boolean",
            Self::BadNull => "bad_null",
            Self::BadVerbatim => "bad_verbatim",
            Self::BadLineEnd => "bad_line_end",
            Self::BadBlobEnd => "bad_blob_end",
            Self::DepthLimit => "depth_limit",
            Self::AggregateLimit => "aggregate_limit",
            Self::ElementsLimit => "elements_limit",
            Self::BlobLimit => "blob_limit",
            Self::LineLimit => "line_limit",
            Self::FrameLimit => "frame_limit",
        }
    }
}

/// Shows a byte as a character if it is one, else as a number.
struct Byte(u8);

impl fmt::Display for Byte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' (0x{:02x})", self.0.escape_ascii(), self.0)
    }
}
