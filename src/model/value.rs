//! A server's answer, owned, in terms that any backend can use.

use super::Error;

/// The highest number up to which every whole number is exact in a double: 2^53.
pub const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A server's answer on its way to the main thread.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A floating-point number, infinities and NaN included.
    Double(f64),
    /// Any bytes: text, blobs, and numbers too large for the other variants.
    String(Box<[u8]>),
    /// A sequence, or a set of the server.
    Array(Vec<Value>),
    /// Pairs in the server's order, none dropped.
    Map(Vec<(Value, Value)>),
    /// An error inside an answer, as a transaction's commands can have.
    Error(Box<Error>),
    /// The answer to one statement on tables.
    Rows(Box<Rows>),
}

/// The answer to one statement on tables: rows by the names of their columns, and how many rows it affected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// The names of the columns, in their order.
    pub columns: Vec<Box<[u8]>>,
    /// The values, one row after the other. No value holds rows itself.
    pub values: Vec<Value>,
    /// How many rows were read or changed, if the server says so.
    pub affected: Option<u64>,
}

impl Rows {
    /// The rows, each with a value for each column.
    ///
    /// ```
    /// use realtime::model::{Rows, Value};
    ///
    /// let columns = vec![Box::from(*b"id"), Box::from(*b"name")];
    /// let values = vec![Value::Integer(1), Value::Null, Value::Integer(2), Value::Null];
    /// let rows = Rows { columns, values, affected: Some(2) };
    /// assert_eq!(rows.rows().len(), 2);
    /// ```
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[Value]> {
        self.values.chunks_exact(self.columns.len().max(1))
    }
}
