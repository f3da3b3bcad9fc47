//! What a server answers to the statements of one request.

use super::server_error::ServerError;
use super::types;
use super::wire::Parts;
use crate::model::{Rows, Value};

/// The answer to one request, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// The types of the present statement's columns.
    types: Vec<u32>,
    /// The present statement's rows.
    rows: Rows,
    /// The statements that are complete.
    complete: Vec<Rows>,
    /// About how many bytes all rows hold on to.
    bytes: usize,
    /// The rows were more than allowed, and are thrown away.
    pub(super) is_too_large: bool,
    /// The first error.
    pub(super) error: Option<ServerError>,
}

impl Reply {
    /// Reads a `RowDescription`. `None`: it is not one.
    pub(super) fn describe(&mut self, body: &[u8], max_bytes: usize) -> Option<()> {
        let mut parts = Parts(body);
        let count = parts.u16()?;
        (self.rows, self.types) = (Rows::default(), Vec::new());
        for _ in 0..count {
            let name = parts.text()?;
            // The table, the column in it; the type; its size, its modifier, the format.
            parts.bytes(6)?;
            self.types.push(u32::from_be_bytes(*parts.bytes(4)?.first_chunk()?));
            parts.bytes(8)?;
            self.rows.columns.push(name.into());
            self.count(size_of::<Box<[u8]>>() + name.len(), max_bytes);
        }
        Some(())
    }

    /// Reads a `DataRow`. `None`: it is not one, or not of these columns.
    pub(super) fn row(&mut self, body: &[u8], max_bytes: usize) -> Option<()> {
        if self.types.is_empty() {
            // Nobody asked for the columns: it is the answer to a publish.
            return Some(());
        }
        let mut parts = Parts(body);
        if usize::from(parts.u16()?) != self.types.len() {
            return None;
        }
        self.count(body.len() + self.types.len() * size_of::<Value>(), max_bytes);
        if self.is_too_large {
            return Some(());
        }
        for &oid in &self.types {
            let value = parts.value()?.map_or(Value::Null, |text| types::value(oid, text));
            self.rows.values.push(value);
        }
        Some(())
    }

    /// A row was too large to be kept.
    pub(super) fn skip_row(&mut self) {
        self.count(usize::MAX, 0);
    }

    fn count(&mut self, bytes: usize, max_bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > max_bytes {
            self.is_too_large = true;
            self.rows.values = Vec::new();
            self.complete.iter_mut().for_each(|rows| rows.values = Vec::new());
        }
    }

    /// A statement is complete. Its tag, such as `INSERT 0 1`, ends with the number of rows.
    pub(super) fn complete(&mut self, tag: &[u8]) {
        let number = tag.rsplit(|&byte| byte == b' ').next().and_then(|word| std::str::from_utf8(word).ok());
        let mut rows = std::mem::take(&mut self.rows);
        rows.affected = number.and_then(|word| word.parse().ok());
        self.types.clear();
        self.complete.push(rows);
    }

    /// How many statements are complete.
    pub(super) fn count_complete(&self) -> usize {
        self.complete.len()
    }

    /// The rows of the first statement that was complete.
    pub(super) fn into_one(self) -> Value {
        Value::Rows(Box::new(self.complete.into_iter().next().unwrap_or_default()))
    }

    /// The rows of the statements between BEGIN and COMMIT.
    pub(super) fn into_transaction(mut self) -> Value {
        self.complete.pop();
        Value::Array(self.complete.into_iter().skip(1).map(|rows| Value::Rows(Box::new(rows))).collect())
    }
}
