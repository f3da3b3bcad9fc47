//! A server's answer to the statements of one request.

use super::server_error::ServerError;
use super::types;
use super::wire::Parts;
use crate::model::{Rows, Value};

/// The answer to one request, as far as it has arrived.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// The column types of the current statement.
    types: Vec<u32>,
    /// The rows of the current statement.
    rows: Rows,
    /// The results of the completed statements; empty if they are too large.
    complete: Vec<Rows>,
    /// The number of completed statements.
    completed: usize,
    /// The approximate memory of all rows, in bytes.
    bytes: usize,
    /// The rows are too large, and are discarded.
    pub(super) is_too_large: bool,
    /// The first error.
    pub(super) error: Option<ServerError>,
}

impl Reply {
    /// Reads a `RowDescription`. `None` if it is malformed.
    pub(super) fn describe(&mut self, body: &[u8], max_bytes: usize) -> Option<()> {
        let mut parts = Parts(body);
        let count = parts.u16()?;
        (self.rows, self.types) = (Rows::default(), Vec::new());
        for _ in 0..count {
            let name = parts.text()?;
            // The table, the column's number in it, the type, its size, its modifier, the format.
            parts.bytes(6)?;
            self.types.push(u32::from_be_bytes(*parts.bytes(4)?.first_chunk()?));
            parts.bytes(8)?;
            self.rows.columns.push(name.into());
            self.count(size_of::<Box<[u8]>>() + name.len(), max_bytes);
        }
        Some(())
    }

    /// Reads a `DataRow`. `None` if it is malformed or does not fit the columns.
    pub(super) fn row(&mut self, body: &[u8], max_bytes: usize) -> Option<()> {
        if self.types.is_empty() {
            // The columns were not requested: this answers a publish.
            return Some(());
        }
        let mut parts = Parts(body);
        if usize::from(parts.u16()?) != self.types.len() {
            return None;
        }
        self.count(body.len() + self.types.len() * size_of::<Value>(), max_bytes);
        for i in 0..self.types.len() {
            let (oid, text) = (self.types[i], parts.value()?);
            self.count(text.map_or(0, |text| types::elements(oid, text)) * size_of::<Value>(), max_bytes);
            if self.is_too_large {
                return Some(());
            }
            self.rows.values.push(text.map_or(Value::Null, |text| types::value(oid, text)));
        }
        Some(())
    }

    /// A row was too large to keep.
    pub(super) fn skip_row(&mut self) {
        self.count(usize::MAX, 0);
    }

    fn count(&mut self, bytes: usize, max_bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > max_bytes {
            self.is_too_large = true;
            self.rows.values = Vec::new();
            self.complete = Vec::new();
        }
    }

    /// Completes a statement. Its tag, such as `INSERT 0 1`, ends with the number of rows.
    pub(super) fn complete(&mut self, tag: &[u8], max_bytes: usize) {
        let number = tag.rsplit(|&byte| byte == b' ').next().and_then(|word| std::str::from_utf8(word).ok());
        let mut rows = std::mem::take(&mut self.rows);
        rows.affected = number.and_then(|word| word.parse().ok());
        self.types.clear();
        self.completed += 1;
        // A server may send any number of these.
        self.count(size_of::<Rows>(), max_bytes);
        if !self.is_too_large {
            self.complete.push(rows);
        }
    }

    /// The number of completed statements.
    pub(super) fn count_complete(&self) -> usize {
        self.completed
    }

    /// The rows of the first completed statement.
    pub(super) fn into_one(self) -> Value {
        Value::Rows(Box::new(self.complete.into_iter().next().unwrap_or_default()))
    }

    /// The rows of the statements between BEGIN and COMMIT.
    pub(super) fn into_transaction(mut self) -> Value {
        self.complete.pop();
        Value::Array(self.complete.into_iter().skip(1).map(|rows| Value::Rows(Box::new(rows))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 4096;
    /// One column: no name, int4[].
    const COLUMN: &[u8] = b"\0\x01\0\0\0\0\0\0\0\0\0\x03\xef\0\0\0\0\0\0\0\0";

    fn row(text: &[u8]) -> Vec<u8> {
        [b"\0\x01", &i32::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat()
    }

    #[test]
    fn statements_that_a_server_completes_without_end_are_not_kept() {
        let mut reply = Reply::default();
        reply.describe(COLUMN, MAX).unwrap();
        for n in 1..=1000 {
            reply.complete(b"SELECT 0", MAX);
            assert_eq!(reply.count_complete(), n, "which one fails is still known");
        }
        assert!(reply.is_too_large);
        assert_eq!((reply.complete.capacity(), reply.rows.values.capacity()), (0, 0));
    }

    #[test]
    fn elements_of_an_array_count_as_the_values_that_they_become() {
        let mut reply = Reply::default();
        reply.describe(COLUMN, MAX).unwrap();
        reply.row(&row(b"{1,2,3}"), MAX).unwrap();
        assert!(!reply.is_too_large && reply.rows.values.len() == 1);
        let many = [b"{", &b"1,".repeat(MAX / 4)[..], b"1}"].concat();
        reply.row(&row(&many), MAX).unwrap();
        assert!(reply.is_too_large && reply.rows.values.is_empty(), "{} bytes of text", many.len());
    }
}
