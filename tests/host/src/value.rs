//! Values that pass between Lua and native functions.

use crate::ffi::{Call, EntryPoint};

/// A Lua value, of the kinds that native functions use.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Nil,
    Boolean(bool),
    Number(f64),
    Text(Vec<u8>),
    List(Vec<Value>),
    /// A table with named fields; only ever a result.
    Map(Vec<(&'static str, Value)>),
    /// A module's entry point, to be called from Lua.
    Function(EntryPoint),
    /// An argument of a kind that no native accepts.
    Other,
}

/// A function that the prelude can call. An error becomes a Lua error of the caller.
pub(crate) type Native = fn(&Call<'_>) -> Result<Value, String>;

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Nil
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<usize> for Value {
    /// Counts; exact up to 2^53.
    #[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
    fn from(value: usize) -> Self {
        Self::Number(value as f64)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.as_bytes().to_vec())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value.into_bytes())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Self::List(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

impl Value {
    /// A whole number, 0 or more.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole and small"
    )]
    pub(crate) fn as_count(&self) -> Option<usize> {
        match *self {
            Self::Number(number)
                if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) =>
            {
                Some(number as usize)
            }
            _ => None,
        }
    }
}

impl Call<'_> {
    /// The `index`th argument (from 0), or nil.
    pub(crate) fn value(&self, index: usize) -> &Value {
        self.arguments.get(index).unwrap_or(&Value::Nil)
    }

    /// # Errors
    ///
    /// The argument is not a string.
    pub(crate) fn bytes(&self, index: usize) -> Result<&[u8], String> {
        match self.value(index) {
            Value::Text(text) => Ok(text),
            _ => Err(format!("bad argument #{} (string expected)", index + 1)),
        }
    }

    /// # Errors
    ///
    /// The argument is not a string, or not UTF-8.
    pub(crate) fn text(&self, index: usize) -> Result<&str, String> {
        std::str::from_utf8(self.bytes(index)?)
            .map_err(|_| format!("bad argument #{} (UTF-8 expected)", index + 1))
    }

    /// # Errors
    ///
    /// The argument is not a whole number, or is negative.
    pub(crate) fn count(&self, index: usize) -> Result<usize, String> {
        self.value(index)
            .as_count()
            .ok_or_else(|| format!("bad argument #{} (a whole number, 0 or more, expected)", index + 1))
    }

    /// Truth in Lua: everything except nil and false.
    pub(crate) fn truth(&self, index: usize) -> bool {
        !matches!(self.value(index), Value::Nil | Value::Boolean(false))
    }
}
