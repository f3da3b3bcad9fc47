//! serde: serializes replies to other formats, and deserializes values from them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_core::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_core::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::{Element, Frame, OwnedValue, Value};

/// Without attributes, like [`OwnedValue`].
impl Serialize for Frame<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// Without attributes, like [`OwnedValue`].
impl Serialize for Element<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// Like [`OwnedValue`].
impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Array(items) | Self::Set(items) | Self::Push(items) => {
                let mut items = items.clone();
                let mut sequence = serializer.serialize_seq(known(items.len(), items.size_hint()))?;
                items.by_ref().try_for_each(|item| sequence.serialize_element(&item))?;
                if items.is_empty() { sequence.end() } else { Err(not_kept(items.len())) }
            }
            Self::Map(pairs) => {
                let mut pairs = pairs.clone();
                let mut map = serializer.serialize_map(known(pairs.len(), pairs.size_hint()))?;
                pairs.by_ref().try_for_each(|(key, value)| map.serialize_entry(&key, &value))?;
                if pairs.is_empty() { map.end() } else { Err(not_kept(pairs.len())) }
            }
            scalar => serialize_scalar(scalar, serializer),
        }
    }
}

/// Text becomes a string if it is UTF-8 and bytes otherwise, arrays, sets and pushes become sequences, a null becomes
/// none. An error becomes its text, a big number its digits, and a value that was [skipped](OwnedValue::Skipped)
/// none.
///
/// It fails if the end of an aggregate was [not kept](OwnedValue::NotKept), because the rest would look complete.
///
/// Types that serde does not have are lost: the kind of string, and that a value was an error, a set or a push.
///
/// ```
/// use resp::OwnedValue;
///
/// let value = OwnedValue::Map(vec![("name".into(), "Alice".into()), ("points".into(), OwnedValue::Array(vec![3.into()]))]);
/// let json = serde_json::to_string(&value)?;
/// assert_eq!(json, r#"{"name":"Alice","points":[3]}"#);
/// assert_eq!(serde_json::from_str::<OwnedValue>(&json)?, value);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for OwnedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Array(items) | Self::Set(items) | Self::Push(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| sequence.serialize_element(item))?;
                sequence.end()
            }
            Self::Map(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                pairs.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Self::NotKept { count } => Err(not_kept(*count)),
            other => match other.scalar() {
                Some(scalar) => serialize_scalar(&scalar, serializer),
                None => serializer.serialize_none(),
            },
        }
    }
}

/// How many elements will follow, if none of them is missing.
fn known(announced: u64, (least, _): (usize, Option<usize>)) -> Option<usize> {
    usize::try_from(announced).ok().filter(|announced| *announced == least)
}

fn not_kept<E: Error>(count: u64) -> E {
    E::custom(format_args!("the frame was truncated: {count} elements or pairs were not kept"))
}

fn serialize_scalar<S: Serializer>(value: &Value<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Value::Integer(integer) => serializer.serialize_i64(*integer),
        Value::Double(double) => serializer.serialize_f64(*double),
        Value::Boolean(boolean) => serializer.serialize_bool(*boolean),
        Value::BigNumber(text) => serialize_text(text, serializer),
        value => match value.as_bytes().or_else(|| value.as_error()) {
            Some(text) => serialize_text(text, serializer),
            None => serializer.serialize_none(),
        },
    }
}

fn serialize_text<S: Serializer>(text: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match core::str::from_utf8(text) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => serializer.serialize_bytes(text),
    }
}

/// From a self-describing format, such as JSON: strings and bytes become bulk strings, sequences arrays. An unsigned
/// number beyond `i64` becomes a big number.
impl<'de> Deserialize<'de> for OwnedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OwnedValueVisitor)
    }
}

struct OwnedValueVisitor;

impl<'de> Visitor<'de> for OwnedValueVisitor {
    type Value = OwnedValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that RESP has")
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<OwnedValue, E> {
        Ok(boolean.into())
    }

    fn visit_i64<E>(self, integer: i64) -> Result<OwnedValue, E> {
        Ok(integer.into())
    }

    fn visit_u64<E>(self, integer: u64) -> Result<OwnedValue, E> {
        Ok(match i64::try_from(integer) {
            Ok(integer) => integer.into(),
            Err(_) => OwnedValue::BigNumber(integer.to_string().into_bytes()),
        })
    }

    fn visit_f64<E>(self, double: f64) -> Result<OwnedValue, E> {
        Ok(double.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<OwnedValue, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<OwnedValue, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<OwnedValue, E> {
        Ok(bytes.into())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<OwnedValue, E> {
        Ok(bytes.into())
    }

    fn visit_none<E>(self) -> Result<OwnedValue, E> {
        Ok(OwnedValue::Null)
    }

    fn visit_unit<E>(self) -> Result<OwnedValue, E> {
        Ok(OwnedValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedValue, D::Error> {
        OwnedValue::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedValue, D::Error> {
        OwnedValue::deserialize(deserializer)
    }

    // Lists grow as elements come, whatever length the format announces.
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<OwnedValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element::<OwnedValue>()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OwnedValue, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry::<OwnedValue, OwnedValue>()? {
            pairs.push(pair);
        }
        Ok(pairs.into())
    }
}
