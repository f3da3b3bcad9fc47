//! `Debug` for frames. One level is shown: what is inside of inner aggregates is not, so that depth costs no stack.

use std::fmt;

use crate::{Element, Frame, Items, Pairs, Value};

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root().fmt(f)
    }
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => {
                let mut list = f.debug_list();
                for item in items {
                    list.entry(&item.value());
                }
                list.finish()
            }
            Value::Map(pairs) => {
                let mut map = f.debug_map();
                for (key, value) in pairs {
                    map.entry(&key.value(), &value.value());
                }
                map.finish()
            }
            value => value.fmt(f),
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SimpleString(text) => write!(f, "SimpleString(\"{}\")", text.escape_ascii()),
            Self::SimpleError(text) => write!(f, "SimpleError(\"{}\")", text.escape_ascii()),
            Self::TruncatedError(text) => write!(f, "TruncatedError(\"{}\")", text.escape_ascii()),
            Self::Integer(n) => write!(f, "Integer({n})"),
            Self::BulkString(bytes) => write!(f, "BulkString(\"{}\")", bytes.escape_ascii()),
            Self::BlobError(bytes) => write!(f, "BlobError(\"{}\")", bytes.escape_ascii()),
            Self::VerbatimString { format, text } => {
                write!(f, "VerbatimString({}, \"{}\")", format.escape_ascii(), text.escape_ascii())
            }
            Self::BigNumber(digits) => write!(f, "BigNumber({})", digits.escape_ascii()),
            Self::Double(n) => write!(f, "Double({n})"),
            Self::Boolean(b) => write!(f, "Boolean({b})"),
            Self::Null => f.write_str("Null"),
            Self::Array(items) => write!(f, "Array({} elements)", items.len()),
            Self::Set(items) => write!(f, "Set({} elements)", items.len()),
            Self::Push(items) => write!(f, "Push({} elements)", items.len()),
            Self::Map(pairs) => write!(f, "Map({} pairs)", pairs.len()),
            Self::Skipped { len } => write!(f, "Skipped({len} bytes)"),
        }
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone().map(|element| element.value())).finish()
    }
}

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone().map(|(key, value)| (key.value(), value.value()))).finish()
    }
}
