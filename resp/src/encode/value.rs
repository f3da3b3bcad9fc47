//! Encodes owned values.

use super::{Buffer, EncodeError, Encoder};
use crate::OwnedValue;

impl<B: Buffer> Encoder<'_, B> {
    /// A value with its whole content. A null is written as RESP3's null.
    ///
    /// ```
    /// use resp::{Encoder, OwnedValue};
    ///
    /// let mut out = Vec::new();
    /// Encoder::new(&mut out).value(&OwnedValue::Array(vec!["a".into(), 1.into()]))?;
    /// assert_eq!(out, b"*2\r\n$1\r\na\r\n:1\r\n");
    /// # Ok::<(), resp::EncodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A simple string or error has a line break in it, a big number other characters than digits, or a part was not
    /// kept when the value was read: it was skipped, or the frame was truncated. Then nothing was written.
    pub fn value(&mut self, value: &OwnedValue) -> Result<&mut Self, EncodeError> {
        let start = self.out.bytes().len();
        if let Err(error) = self.parts(value) {
            self.out.truncate(start);
            return Err(error);
        }
        Ok(self)
    }

    fn parts(&mut self, value: &OwnedValue) -> Result<(), EncodeError> {
        match value {
            OwnedValue::SimpleString(text) => drop(self.simple_string(text)?),
            OwnedValue::SimpleError(text) => drop(self.simple_error(text)?),
            OwnedValue::BulkString(bytes) => drop(self.bulk_string(bytes)),
            OwnedValue::BlobError(bytes) => drop(self.blob_error(bytes)),
            OwnedValue::VerbatimString { format, text } => drop(self.verbatim_string(*format, text)),
            OwnedValue::BigNumber(digits) => drop(self.big_number(digits)?),
            OwnedValue::Integer(integer) => drop(self.integer(*integer)),
            OwnedValue::Double(double) => drop(self.double(*double)),
            OwnedValue::Boolean(boolean) => drop(self.boolean(*boolean)),
            OwnedValue::Null => drop(self.null()),
            OwnedValue::Array(items) => self.array(items.len()).each(items)?,
            OwnedValue::Set(items) => self.set(items.len()).each(items)?,
            OwnedValue::Push(items) => self.push(items.len()).each(items)?,
            OwnedValue::Map(pairs) => {
                self.map(pairs.len());
                for (key, value) in pairs {
                    self.parts(key)?;
                    self.parts(value)?;
                }
            }
            OwnedValue::TruncatedError(_) | OwnedValue::Skipped { .. } | OwnedValue::NotKept { .. } => {
                return Err(EncodeError::NotKept);
            }
        }
        Ok(())
    }

    fn each(&mut self, items: &[OwnedValue]) -> Result<(), EncodeError> {
        items.iter().try_for_each(|item| self.parts(item))
    }
}
