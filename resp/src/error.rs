//! Errors in input.

use core::error::Error;
use core::fmt;

/// Malformed input, or input beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DecodeError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where, counted in bytes from the first byte that the decoder got since it was made or reset: the first byte
    /// that makes the input invalid, or, for a limit, the first byte of the header that passed it.
    pub offset: u64,
}

impl DecodeError {
    /// An error of this kind at this byte, for tests of error handling.
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

impl Error for DecodeError {}

/// The kinds of malformed input. Their [names](ErrorKind::name) are stable.
///
/// ```
/// use resp::{Decoder, ErrorKind, Limits};
///
/// let limits = Limits::new().with_depth(2).with_aggregate(3).with_elements(5).with_blob(9).with_line(20).with_frame(40);
/// for (input, kind) in [
///     ("HTTP", ErrorKind::UnknownType(b'H')),
///     (";2\r\n", ErrorKind::UnexpectedChunk),
///     ("$?\r\n:1\r\n", ErrorKind::ExpectedChunk),
///     (".\r\n", ErrorKind::UnexpectedEnd),
///     ("%?\r\n:1\r\n.\r\n", ErrorKind::OddMap),
///     ("*?\r\n|0\r\n.\r\n", ErrorKind::DanglingAttribute),
///     (">1\r\n>1\r\n", ErrorKind::NestedPush),
///     ("$-2\r\n", ErrorKind::BadLength),
///     (":1.5\r\n", ErrorKind::BadInteger),
///     (",1e\r\n", ErrorKind::BadDouble),
///     ("(12x\r\n", ErrorKind::BadBigNumber),
///     ("#yes\r\n", ErrorKind::BadBoolean),
///     ("_0\r\n", ErrorKind::BadNull),
///     ("=2\r\nhi\r\n", ErrorKind::BadVerbatim),
///     ("+OK\n", ErrorKind::BadLineEnd),
///     ("$2\r\nhi!\r\n", ErrorKind::BadBlobEnd),
///     ("*1\r\n*1\r\n*1\r\n", ErrorKind::DepthLimit),
///     ("*4\r\n", ErrorKind::AggregateLimit),
///     ("*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n:4\r\n", ErrorKind::ElementsLimit),
///     ("$10\r\n", ErrorKind::BlobLimit),
///     ("+a line of 21 letters..\r\n", ErrorKind::LineLimit),
///     ("*3\r\n$9\r\n123456789\r\n$9\r\n123456789\r\n$9\r\n123456789\r\n", ErrorKind::FrameLimit),
/// ] {
///     let error = Decoder::with_limits(limits).feed(&mut input.as_bytes()).expect_err(input);
///     assert_eq!(error.kind, kind, "{input:?}");
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value begins with a byte that is not a RESP type.
    UnknownType(u8),
    /// `;` where no streamed string is open.
    UnexpectedChunk,
    /// Another byte than `;` inside a streamed string.
    ExpectedChunk,
    /// `.` where no streamed aggregate is open.
    UnexpectedEnd,
    /// `.` in a streamed map after a key without its value.
    OddMap,
    /// `.` after an attribute, which must be followed by the value that it describes.
    DanglingAttribute,
    /// A push inside of a push.
    NestedPush,
    /// A length that is not a number, negative, or streamed for a type without a streamed form.
    BadLength,
    /// An integer that is not a number, or does not fit 64 bits.
    BadInteger,
    /// A double that is not a number, or too large for one.
    BadDouble,
    /// A big number with other characters than digits.
    BadBigNumber,
    /// A boolean other than `t` and `f`.
    BadBoolean,
    /// A null with content.
    BadNull,
    /// A verbatim string without its three bytes and colon.
    BadVerbatim,
    /// A CR without LF, or a bare LF, in a line.
    BadLineEnd,
    /// A blob that is not followed by CRLF.
    BadBlobEnd,
    /// More aggregates inside each other than [`Limits::depth`](crate::Limits::depth).
    DepthLimit,
    /// More elements in one aggregate than [`Limits::aggregate`](crate::Limits::aggregate).
    AggregateLimit,
    /// More elements in one frame than [`Limits::elements`](crate::Limits::elements).
    ElementsLimit,
    /// A longer blob than [`Limits::blob`](crate::Limits::blob).
    BlobLimit,
    /// A longer line than [`Limits::line`](crate::Limits::line).
    LineLimit,
    /// A longer frame than [`Limits::frame`](crate::Limits::frame).
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

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownType(byte) => return write!(f, "unknown type byte {}", Byte(*byte)),
            Self::UnexpectedChunk => "a chunk outside of a streamed string",
            Self::ExpectedChunk => "expected a chunk of the streamed string",
            Self::UnexpectedEnd => "an end mark outside of a streamed aggregate",
            Self::OddMap => "a map ends after a key",
            Self::DanglingAttribute => "an attribute without a value",
            Self::NestedPush => "a push inside of a push",
            Self::BadLength => "bad length",
            Self::BadInteger => "bad integer",
            Self::BadDouble => "bad double",
            Self::BadBigNumber => "bad big number",
            Self::BadBoolean => "bad boolean",
            Self::BadNull => "bad null",
            Self::BadVerbatim => "bad verbatim string",
            Self::BadLineEnd => "bad line end",
            Self::BadBlobEnd => "a blob without its line end",
            Self::DepthLimit => "nested too deep",
            Self::AggregateLimit => "too many elements in one aggregate",
            Self::ElementsLimit => "too many elements in one frame",
            Self::BlobLimit => "blob too long",
            Self::LineLimit => "line too long",
            Self::FrameLimit => "frame too long",
        })
    }
}

impl Error for ErrorKind {}

/// Shows a byte as a character if it is printable, otherwise as a number.
struct Byte(u8);

impl fmt::Display for Byte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' (0x{:02x})", self.0.escape_ascii(), self.0)
    }
}
