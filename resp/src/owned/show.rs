//! Formats, compares and hashes owned values.

use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem::discriminant;

use crate::OwnedValue;
use crate::debug::scalar;

/// The same as for a [`Value`](crate::Value).
impl fmt::Debug for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Set(items) | Self::Push(items) => {
                f.write_str(if matches!(self, Self::Set(_)) { "Set(" } else { "Push(" })?;
                f.debug_list().entries(items).finish()?;
                f.write_str(")")
            }
            Self::Map(pairs) => f.debug_map().entries(pairs.iter().map(|(key, value)| (key, value))).finish(),
            Self::NotKept { count } => write!(f, "{count} not kept"),
            other => other.scalar().map_or(Ok(()), |value| scalar(f, &value)),
        }
    }
}

/// For people: text as it is, with invalid UTF-8 replaced, `null`, `[1, two]`, `{name: Alice}`.
impl fmt::Display for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SimpleString(text)
            | Self::SimpleError(text)
            | Self::TruncatedError(text)
            | Self::BulkString(text)
            | Self::BlobError(text)
            | Self::BigNumber(text)
            | Self::VerbatimString { text, .. } => f.write_str(&String::from_utf8_lossy(text)),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Double(double) => write!(f, "{double}"),
            Self::Boolean(boolean) => write!(f, "{boolean}"),
            Self::Null => f.write_str("null"),
            Self::Skipped { len } => write!(f, "({len} bytes)"),
            Self::NotKept { count } => write!(f, "({count} not kept)"),
            Self::Array(items) | Self::Set(items) | Self::Push(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(pairs) => {
                f.write_str("{")?;
                for (at, (key, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl PartialEq for OwnedValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Array(a), Self::Array(b))
            | (Self::Set(a), Self::Set(b))
            | (Self::Push(a), Self::Push(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::NotKept { count: a }, Self::NotKept { count: b }) => a == b,
            _ => match (self.scalar(), other.scalar()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }
}

impl Eq for OwnedValue {}

impl Hash for OwnedValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
        match self {
            Self::SimpleString(text)
            | Self::SimpleError(text)
            | Self::TruncatedError(text)
            | Self::BulkString(text)
            | Self::BlobError(text)
            | Self::BigNumber(text) => text.hash(state),
            Self::VerbatimString { format, text } => (format, text).hash(state),
            Self::Integer(integer) => integer.hash(state),
            Self::Double(double) => hashed_bits(*double).hash(state),
            Self::Boolean(boolean) => boolean.hash(state),
            Self::Null => {}
            Self::Array(items) | Self::Set(items) | Self::Push(items) => items.hash(state),
            Self::Map(pairs) => pairs.hash(state),
            Self::Skipped { len: count } | Self::NotKept { count } => count.hash(state),
        }
    }
}

/// The same bits for doubles that are equal: for all NaNs, and for both zeros.
fn hashed_bits(double: f64) -> u64 {
    if double.is_nan() {
        f64::NAN.to_bits()
    } else if double == 0.0 {
        0
    } else {
        double.to_bits()
    }
}
