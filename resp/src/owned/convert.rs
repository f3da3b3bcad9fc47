//! Conversions between owned values and Rust's own types.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::{Element, Frame, OwnedValue, Value};

impl From<Frame<'_>> for OwnedValue {
    fn from(frame: Frame<'_>) -> Self {
        frame.into_owned()
    }
}

impl From<Element<'_>> for OwnedValue {
    fn from(element: Element<'_>) -> Self {
        element.into_owned()
    }
}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> Self {
        value.into_owned()
    }
}

/// A bulk string.
impl From<&[u8]> for OwnedValue {
    fn from(bytes: &[u8]) -> Self {
        Self::BulkString(bytes.to_vec())
    }
}

/// A bulk string.
impl<const N: usize> From<&[u8; N]> for OwnedValue {
    fn from(bytes: &[u8; N]) -> Self {
        Self::BulkString(bytes.to_vec())
    }
}

/// A bulk string.
impl From<Vec<u8>> for OwnedValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self::BulkString(bytes)
    }
}

/// A bulk string.
impl From<&str> for OwnedValue {
    fn from(text: &str) -> Self {
        Self::BulkString(text.as_bytes().to_vec())
    }
}

/// A bulk string.
impl From<String> for OwnedValue {
    fn from(text: String) -> Self {
        Self::BulkString(text.into_bytes())
    }
}

impl From<i64> for OwnedValue {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<i32> for OwnedValue {
    fn from(integer: i32) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<u32> for OwnedValue {
    fn from(integer: u32) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<f64> for OwnedValue {
    fn from(double: f64) -> Self {
        Self::Double(double)
    }
}

impl From<bool> for OwnedValue {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

/// A null for `None`.
impl<T: Into<Self>> From<Option<T>> for OwnedValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<Vec<OwnedValue>> for OwnedValue {
    fn from(items: Vec<OwnedValue>) -> Self {
        Self::Array(items)
    }
}

impl From<Vec<(OwnedValue, OwnedValue)>> for OwnedValue {
    fn from(pairs: Vec<(OwnedValue, OwnedValue)>) -> Self {
        Self::Map(pairs)
    }
}

/// An array.
impl<T: Into<OwnedValue>> FromIterator<T> for OwnedValue {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

/// A value that does not have the requested type.
///
/// ```
/// use resp::{OwnedValue, WrongType};
///
/// let error: WrongType = i64::try_from(OwnedValue::from("many")).expect_err("a string");
/// assert_eq!(error.to_string(), "expected an integer, got BulkString(\"many\")");
/// assert_eq!(error.value, OwnedValue::from("many"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrongType {
    /// The requested type, with its article.
    pub expected: &'static str,
    /// The value.
    pub value: OwnedValue,
}

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {:?}", self.expected, self.value)
    }
}

impl core::error::Error for WrongType {}

/// An integer.
impl TryFrom<OwnedValue> for i64 {
    type Error = WrongType;

    fn try_from(value: OwnedValue) -> Result<Self, WrongType> {
        value.as_i64().ok_or(WrongType { expected: "an integer", value })
    }
}

/// A double.
impl TryFrom<OwnedValue> for f64 {
    type Error = WrongType;

    fn try_from(value: OwnedValue) -> Result<Self, WrongType> {
        value.as_f64().ok_or(WrongType { expected: "a double", value })
    }
}

/// A boolean.
impl TryFrom<OwnedValue> for bool {
    type Error = WrongType;

    fn try_from(value: OwnedValue) -> Result<Self, WrongType> {
        value.as_bool().ok_or(WrongType { expected: "a boolean", value })
    }
}

/// The bytes of a simple string, bulk string or verbatim string, without a copy.
impl TryFrom<OwnedValue> for Vec<u8> {
    type Error = WrongType;

    fn try_from(value: OwnedValue) -> Result<Self, WrongType> {
        match value {
            OwnedValue::SimpleString(text)
            | OwnedValue::BulkString(text)
            | OwnedValue::VerbatimString { text, .. } => Ok(text),
            value => Err(WrongType { expected: "a string", value }),
        }
    }
}

/// The text of a simple string, bulk string or verbatim string that is UTF-8, without a copy.
impl TryFrom<OwnedValue> for String {
    type Error = WrongType;

    fn try_from(value: OwnedValue) -> Result<Self, WrongType> {
        let expected = "a string of UTF-8";
        if value.as_str().is_none() {
            return Err(WrongType { expected, value });
        }
        let bytes = Vec::try_from(value)?;
        Self::from_utf8(bytes).map_err(|error| WrongType { expected, value: error.into_bytes().into() })
    }
}

/// The elements of an array, set or push.
impl TryFrom<OwnedValue> for Vec<OwnedValue> {
    type Error = WrongType;

    fn try_from(value: OwnedValue) -> Result<Self, WrongType> {
        match value {
            OwnedValue::Array(items) | OwnedValue::Set(items) | OwnedValue::Push(items) => Ok(items),
            value => Err(WrongType { expected: "an array, a set or a push", value }),
        }
    }
}

/// The pairs of a map.
impl TryFrom<OwnedValue> for Vec<(OwnedValue, OwnedValue)> {
    type Error = WrongType;

    fn try_from(value: OwnedValue) -> Result<Self, WrongType> {
        match value {
            OwnedValue::Map(pairs) => Ok(pairs),
            value => Err(WrongType { expected: "a map", value }),
        }
    }
}
