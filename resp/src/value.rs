//! Borrowed values.

use crate::tape::{Kind, Node, integer_of, value_at};
use crate::{Element, Items, Pairs};

/// A decoded value. Text is bytes as they were sent, UTF-8 or not.
///
/// ```
/// use resp::{Decoder, Element, Items, Pairs, Value};
///
/// /// How many bytes of text are in a value, at all levels.
/// fn text(value: Value<'_>) -> usize {
///     match value {
///         Value::SimpleString(text) | Value::BulkString(text) | Value::VerbatimString { text, .. } => text.len(),
///         Value::SimpleError(text) | Value::BlobError(text) | Value::TruncatedError(text) => text.len(),
///         Value::Array(items) | Value::Set(items) | Value::Push(items) => texts(items),
///         Value::Map(pairs) => of_pairs(pairs),
///         Value::Integer(_) | Value::Double(_) | Value::Boolean(_) | Value::BigNumber(_) | Value::Null => 0,
///         Value::Skipped { .. } | _ => 0,
///     }
/// }
///
/// fn texts(items: Items<'_>) -> usize {
///     items.map(|item: Element<'_>| text(item.value())).sum()
/// }
///
/// fn of_pairs(pairs: Pairs<'_>) -> usize {
///     pairs.map(|(key, value)| text(key.value()) + text(value.value())).sum()
/// }
///
/// let mut input: &[u8] = b"*4\r\n+OK\r\n!5\r\nERR x\r\n%1\r\n$1\r\na\r\n=6\r\ntxt:hi\r\n$?\r\n;2\r\nab\r\n;0\r\n";
/// let mut decoder = Decoder::new();
/// let frame = decoder.feed(&mut input)?.expect("a whole frame");
/// assert_eq!(text(frame.value()), 2 + 5 + 1 + 2 + 2);
/// assert!(frame.value().at(3).is_some_and(|item| item.is_streamed()));
/// # Ok::<(), resp::DecodeError>(())
/// ```
///
/// Two values are equal if they have the same type and equal content; attributes, and whether they were streamed, are
/// ignored. Doubles are equal if they are the same number; all NaNs are equal.
#[derive(Clone)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `+OK`
    SimpleString(&'a [u8]),
    /// `-ERR unknown command`
    SimpleError(&'a [u8]),
    /// `$5`, or the assembled chunks of a streamed string
    BulkString(&'a [u8]),
    /// `!21`
    BlobError(&'a [u8]),
    /// `=15`
    VerbatimString {
        /// The format of the text: `txt` or `mkd`, as far as is known.
        format: [u8; 3],
        /// The text after the colon.
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
    /// The beginning of a `-` line longer than [`Limits::skip_lines_over`](crate::Limits::skip_lines_over), cut to
    /// that many bytes. It begins with the error's code, the first word, if the limit is longer than that.
    TruncatedError(&'a [u8]),
    /// A blob longer than [`Limits::skip_blobs_over`](crate::Limits::skip_blobs_over), or a status or big number longer
    /// than [`Limits::skip_lines_over`](crate::Limits::skip_lines_over), which was not kept. Also a blob or a
    /// line for which a frame longer than [`Limits::skip_frames_over`](crate::Limits::skip_frames_over) has no room.
    Skipped {
        /// How many bytes it had.
        len: u64,
    },
}

/// Each of these is `None` for a value of another type: nothing is converted.
impl<'a> Value<'a> {
    /// The bytes of a simple string, bulk string or verbatim string.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.feed(&mut &b"$2\r\nhi\r\n"[..])?;
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

    /// The same if it is UTF-8.
    ///
    /// ```
    /// # use resp::Value;
    /// assert_eq!(Value::BulkString(b"hi").as_str(), Some("hi"));
    /// assert_eq!(Value::BulkString(b"\xff").as_str(), None);
    /// ```
    #[inline]
    pub fn as_str(&self) -> Option<&'a str> {
        core::str::from_utf8(self.as_bytes()?).ok()
    }

    /// An integer.
    ///
    /// ```
    /// # use resp::Value;
    /// assert_eq!(Value::Integer(3).as_i64(), Some(3));
    /// assert_eq!(Value::BulkString(b"3").as_i64(), None);
    /// ```
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Integer(integer) = *self { Some(integer) } else { None }
    }

    /// A double.
    ///
    /// ```
    /// # use resp::Value;
    /// assert_eq!(Value::Double(0.5).as_f64(), Some(0.5));
    /// assert_eq!(Value::Integer(3).as_f64(), None);
    /// ```
    #[inline]
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Double(double) = *self { Some(double) } else { None }
    }

    /// A boolean. RESP2 has none: its servers answer with integers.
    ///
    /// ```
    /// # use resp::Value;
    /// assert_eq!(Value::Boolean(true).as_bool(), Some(true));
    /// ```
    #[inline]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Boolean(boolean) = *self { Some(boolean) } else { None }
    }

    /// The digits of a big number, with their sign if one was sent.
    ///
    /// ```
    /// # use resp::Value;
    /// assert_eq!(Value::BigNumber(b"-18446744073709551616").as_big_number(), Some("-18446744073709551616"));
    /// ```
    #[inline]
    pub fn as_big_number(&self) -> Option<&'a str> {
        if let Self::BigNumber(digits) = *self { core::str::from_utf8(digits).ok() } else { None }
    }

    /// The elements of an array or a set. RESP2 has no sets: its servers answer with arrays.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.feed(&mut &b"~1\r\n:7\r\n"[..])?.expect("a whole frame");
    /// let mut items = frame.value().as_array().expect("a set");
    /// assert_eq!(items.next().and_then(|item| item.value().as_i64()), Some(7));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    #[inline]
    pub fn as_array(&self) -> Option<Items<'a>> {
        if let Self::Array(items) | Self::Set(items) = self { Some(items.clone()) } else { None }
    }

    /// The elements of a push.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.feed(&mut &b">1\r\n+invalidate\r\n"[..])?.expect("a whole frame");
    /// let kind = frame.value().as_push().and_then(|mut items| items.next());
    /// assert_eq!(kind.and_then(|kind| kind.as_bytes()), Some(&b"invalidate"[..]));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    #[inline]
    pub fn as_push(&self) -> Option<Items<'a>> {
        if let Self::Push(items) = self { Some(items.clone()) } else { None }
    }

    /// The pairs of a map.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.feed(&mut &b"%1\r\n+proto\r\n:3\r\n"[..])?.expect("a whole frame");
    /// for (key, value) in frame.value().as_map().expect("a map") {
    ///     assert_eq!((key.value().as_str(), value.value().as_i64()), (Some("proto"), Some(3)));
    /// }
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    #[inline]
    pub fn as_map(&self) -> Option<Pairs<'a>> {
        if let Self::Map(pairs) = self { Some(pairs.clone()) } else { None }
    }

    /// The text of an error: `ERR unknown command`. If it is too long, its beginning.
    ///
    /// ```
    /// # use resp::Value;
    /// assert_eq!(Value::SimpleError(b"ERR no").as_error(), Some(&b"ERR no"[..]));
    /// ```
    #[inline]
    pub fn as_error(&self) -> Option<&'a [u8]> {
        match *self {
            Self::SimpleError(text) | Self::BlobError(text) | Self::TruncatedError(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a null, of RESP2 or RESP3.
    ///
    /// ```
    /// # use resp::Value;
    /// assert!(Value::Null.is_null());
    /// ```
    #[inline]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value of the first pair of a map whose key is this text. Searches the pairs one by one.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.feed(&mut &b"%1\r\n+proto\r\n:3\r\n"[..])?.expect("a whole frame");
    /// assert_eq!(frame.value().get("proto").and_then(|proto| proto.value().as_i64()), Some(3));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Element<'a>> {
        let key = Some(key.as_ref());
        self.as_map()?.find(|(candidate, _)| candidate.as_bytes() == key).map(|(_, value)| value)
    }

    /// An element of an array, set or push, counted from 0. Walks over those before it.
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.feed(&mut &b"*2\r\n:5\r\n:6\r\n"[..])?.expect("a whole frame");
    /// assert_eq!(frame.value().at(1).and_then(|item| item.value().as_i64()), Some(6));
    /// assert!(frame.value().at(2).is_none());
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    pub fn at(&self, index: usize) -> Option<Element<'a>> {
        self.as_array().or_else(|| self.as_push())?.nth(index)
    }

    /// The name of the variant.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::SimpleString(_) => "SimpleString",
            Self::SimpleError(_) => "SimpleError",
            Self::BulkString(_) => "BulkString",
            Self::BlobError(_) => "BlobError",
            Self::VerbatimString { .. } => "VerbatimString",
            Self::BigNumber(_) => "BigNumber",
            Self::Integer(_) => "Integer",
            Self::Double(_) => "Double",
            Self::Boolean(_) => "Boolean",
            Self::Null => "Null",
            Self::Array(_) => "Array",
            Self::Set(_) => "Set",
            Self::Push(_) => "Push",
            Self::Map(_) => "Map",
            Self::TruncatedError(_) => "TruncatedError",
            Self::Skipped { .. } => "Skipped",
        }
    }
}

/// The value of an element. Its parts are passed by value, so that they can stay in the caller's registers.
pub(crate) fn value<'a>(bytes: &'a [u8], nodes: &'a [Node]) -> Value<'a> {
    let at = value_at(nodes);
    // Every element has its value's node. If one ever had none, a null would be better than a panic.
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
        Kind::Integer => Value::Integer(integer_of(node.bits)),
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
