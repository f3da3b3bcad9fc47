//! Values that own their content.

mod convert;
mod show;

pub use convert::WrongType;

use alloc::vec::Vec;

use crate::{Element, Frame, Items, Pairs, Value};

/// A value that does not borrow, to be kept, sent to another thread, or made by hand.
///
/// It has the variants of [`Value`], and [`NotKept`](Self::NotKept) for the missing end of a truncated frame. Attributes,
/// and whether a value came in streamed form, are not kept.
///
/// ```
/// use resp::{Decoder, OwnedValue};
///
/// let mut decoder = Decoder::new();
/// let mut input: &[u8] = b"%2\r\n+name\r\n$5\r\nAlice\r\n+points\r\n*2\r\n:3\r\n:4\r\n";
/// let frame = decoder.feed(&mut input)?.expect("a whole frame");
/// let reply: OwnedValue = frame.into_owned();
///
/// assert_eq!(reply.get("name").and_then(|name| name.as_str()), Some("Alice"));
/// assert_eq!(reply.get("points").and_then(|points| points.at(1)), Some(&OwnedValue::Integer(4)));
/// assert_eq!(reply.to_string(), "{name: Alice, points: [3, 4]}");
/// # Ok::<(), resp::DecodeError>(())
/// ```
///
/// Two values are equal if they have the same type and equal content, with pairs of maps in the same order. Doubles
/// are equal if they are the same number, and all NaNs are equal, so that values can be keys of hash tables.
///
/// Making, comparing, showing and dropping a value recurse as deep as its lists are nested: [`Limits::depth`] bounds
/// that at 128. If you raise it, set [`Limits::skip_depth_over`], or give the thread a stack of several hundred bytes
/// a level.
///
/// [`Limits::depth`]: crate::Limits::depth
/// [`Limits::skip_depth_over`]: crate::Limits::skip_depth_over
#[derive(Clone)]
#[non_exhaustive]
pub enum OwnedValue {
    /// `+OK`
    SimpleString(Vec<u8>),
    /// `-ERR unknown command`
    SimpleError(Vec<u8>),
    /// `$5`
    BulkString(Vec<u8>),
    /// `!21`
    BlobError(Vec<u8>),
    /// `=15`
    VerbatimString {
        /// The format of the text: `txt` or `mkd`, as far as is known.
        format: [u8; 3],
        /// The text after the colon.
        text: Vec<u8>,
    },
    /// `(3492890328409238509324850943850943825024385`, the sign included if one was sent
    BigNumber(Vec<u8>),
    /// `:1000`
    Integer(i64),
    /// `,1.5`
    Double(f64),
    /// `#t`
    Boolean(bool),
    /// `_`, `$-1` or `*-1`
    Null,
    /// `*2`
    Array(Vec<OwnedValue>),
    /// `~2`
    Set(Vec<OwnedValue>),
    /// `>3`
    Push(Vec<OwnedValue>),
    /// `%2`, in the order of the wire, duplicate keys included
    Map(Vec<(OwnedValue, OwnedValue)>),
    /// See [`Value::TruncatedError`].
    TruncatedError(Vec<u8>),
    /// See [`Value::Skipped`].
    Skipped {
        /// How many bytes it had.
        len: u64,
    },
    /// The missing end of an aggregate in a [truncated](Frame::is_truncated) frame: its last element, or both key and
    /// value of its last pair. So the aggregate is not taken for a whole one, and [`Encoder::value`] refuses it.
    ///
    /// [`Encoder::value`]: crate::Encoder::value
    NotKept {
        /// How many elements are missing, or how many pairs of a map.
        count: u64,
    },
}

impl Frame<'_> {
    /// An owned copy of the value. Of a [truncated](Self::is_truncated) frame it has the part that was kept, and
    /// [`OwnedValue::NotKept`] where the rest is missing:
    ///
    /// ```
    /// use resp::{Decoder, EncodeError, Encoder, Limits, OwnedValue};
    ///
    /// let mut decoder = Decoder::with_limits(Limits::new().with_depth(2).with_skip_depth_over(1));
    /// let frame = decoder.feed(&mut &b"*3\r\n:1\r\n*0\r\n:2\r\n"[..])?.expect("a whole frame");
    /// let reply = frame.into_owned();
    ///
    /// assert_eq!(reply.as_array(), Some(&[1.into(), OwnedValue::NotKept { count: 2 }][..]));
    /// assert_eq!(Encoder::new(&mut Vec::new()).value(&reply).err(), Some(EncodeError::NotKept));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// let frame = decoder.feed(&mut &b":7\r\n"[..])?.expect("a whole frame");
    /// assert_eq!(frame.into_owned(), resp::OwnedValue::Integer(7));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    pub fn into_owned(self) -> OwnedValue {
        self.root().into_owned()
    }
}

impl Element<'_> {
    /// An owned copy of the value.
    pub fn into_owned(self) -> OwnedValue {
        self.value().into_owned()
    }
}

impl Value<'_> {
    /// An owned copy.
    pub fn into_owned(self) -> OwnedValue {
        match self {
            Self::SimpleString(text) => OwnedValue::SimpleString(text.to_vec()),
            Self::SimpleError(text) => OwnedValue::SimpleError(text.to_vec()),
            Self::BulkString(text) => OwnedValue::BulkString(text.to_vec()),
            Self::BlobError(text) => OwnedValue::BlobError(text.to_vec()),
            Self::VerbatimString { format, text } => {
                OwnedValue::VerbatimString { format, text: text.to_vec() }
            }
            Self::BigNumber(digits) => OwnedValue::BigNumber(digits.to_vec()),
            Self::Integer(integer) => OwnedValue::Integer(integer),
            Self::Double(double) => OwnedValue::Double(double),
            Self::Boolean(boolean) => OwnedValue::Boolean(boolean),
            Self::Null => OwnedValue::Null,
            Self::Array(items) => OwnedValue::Array(owned_items(items)),
            Self::Set(items) => OwnedValue::Set(owned_items(items)),
            Self::Push(items) => OwnedValue::Push(owned_items(items)),
            Self::Map(pairs) => OwnedValue::Map(owned_pairs(pairs)),
            Self::TruncatedError(text) => OwnedValue::TruncatedError(text.to_vec()),
            Self::Skipped { len } => OwnedValue::Skipped { len },
        }
    }
}

fn owned_items(mut items: Items<'_>) -> Vec<OwnedValue> {
    let mut owned: Vec<_> = items.by_ref().map(Element::into_owned).collect();
    let count = items.len();
    if count > 0 {
        owned.push(OwnedValue::NotKept { count });
    }
    owned
}

fn owned_pairs(mut pairs: Pairs<'_>) -> Vec<(OwnedValue, OwnedValue)> {
    let mut owned: Vec<_> =
        pairs.by_ref().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let count = pairs.len();
    if count > 0 {
        owned.push((OwnedValue::NotKept { count }, OwnedValue::NotKept { count }));
    }
    owned
}

/// Each of these is `None` for a value of another type: nothing is converted. They are the same as for [`Value`].
impl OwnedValue {
    /// The bytes of a simple string, bulk string or verbatim string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.scalar()?.as_bytes()
    }

    /// The same if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        self.scalar()?.as_str()
    }

    /// An integer.
    pub fn as_i64(&self) -> Option<i64> {
        self.scalar()?.as_i64()
    }

    /// A double.
    pub fn as_f64(&self) -> Option<f64> {
        self.scalar()?.as_f64()
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        self.scalar()?.as_bool()
    }

    /// The digits of a big number, with their sign if one was sent.
    pub fn as_big_number(&self) -> Option<&str> {
        self.scalar()?.as_big_number()
    }

    /// The elements of an array or a set.
    ///
    /// ```
    /// # use resp::OwnedValue;
    /// let list = OwnedValue::Set(vec![OwnedValue::Integer(1)]);
    /// assert_eq!(list.as_array(), Some(&[OwnedValue::Integer(1)][..]));
    /// ```
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) | Self::Set(items) = self { Some(items) } else { None }
    }

    /// The elements of a push.
    pub fn as_push(&self) -> Option<&[Self]> {
        if let Self::Push(items) = self { Some(items) } else { None }
    }

    /// The pairs of a map.
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        if let Self::Map(pairs) = self { Some(pairs) } else { None }
    }

    /// The text of an error. If it was too long, its beginning.
    ///
    /// ```
    /// # use resp::OwnedValue;
    /// let reply = OwnedValue::SimpleError(b"ERR no".to_vec());
    /// assert_eq!(reply.as_error(), Some(&b"ERR no"[..]));
    /// ```
    pub fn as_error(&self) -> Option<&[u8]> {
        self.scalar()?.as_error()
    }

    /// Whether it is a null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value of the first pair of a map whose key is this text. Searches the pairs one by one.
    ///
    /// ```
    /// # use resp::OwnedValue;
    /// let map = OwnedValue::Map(vec![("proto".into(), 3.into())]);
    /// assert_eq!(map.get("proto").and_then(OwnedValue::as_i64), Some(3));
    /// assert_eq!(map.get("role"), None);
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Self> {
        let key = Some(key.as_ref());
        self.as_map()?.iter().find(|(candidate, _)| candidate.as_bytes() == key).map(|(_, value)| value)
    }

    /// An element of an array, set or push, counted from 0.
    pub fn at(&self, index: usize) -> Option<&Self> {
        self.as_array().or_else(|| self.as_push())?.get(index)
    }

    /// The same as a borrowed value, unless it is an aggregate or the missing end of one.
    pub(crate) fn scalar(&self) -> Option<Value<'_>> {
        Some(match self {
            Self::SimpleString(text) => Value::SimpleString(text),
            Self::SimpleError(text) => Value::SimpleError(text),
            Self::BulkString(text) => Value::BulkString(text),
            Self::BlobError(text) => Value::BlobError(text),
            Self::VerbatimString { format, text } => Value::VerbatimString { format: *format, text },
            Self::BigNumber(digits) => Value::BigNumber(digits),
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Double(double) => Value::Double(*double),
            Self::Boolean(boolean) => Value::Boolean(*boolean),
            Self::Null => Value::Null,
            Self::TruncatedError(text) => Value::TruncatedError(text),
            Self::Skipped { len } => Value::Skipped { len: *len },
            Self::Array(_) | Self::Set(_) | Self::Push(_) | Self::Map(_) | Self::NotKept { .. } => {
                return None;
            }
        })
    }
}
