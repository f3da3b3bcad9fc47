//! Values: what an element is.

use crate::tape::{Kind, Node, value_at};
use crate::{Items, Pairs};

/// A decoded value. Text is bytes as they were sent, UTF-8 or not.
#[derive(Clone)]
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

/// The value of an element. Its parts come by value, so that a caller's can stay in registers.
pub(crate) fn value<'a>(bytes: &'a [u8], nodes: &'a [Node]) -> Value<'a> {
    let at = value_at(nodes);
    // An element is made with its value's node; a null beats a panic should that ever be wrong.
    let Some((node, inside)) = nodes.get(at..).and_then(<[Node]>::split_first) else {
        return Value::Null;
    };
    let items = || Items::new(bytes, inside, node.len);
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
        Kind::Map => Value::Map(Pairs::of_map(bytes, inside, node.len)),
        Kind::Skipped => Value::Skipped { len: node.len },
    }
}
