//! A server's answer, owned, in terms that any backend can use.

use super::Error;

/// Up to here every whole number has a double of its own: 2^53.
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
    /// A sequence; also what a server calls a set.
    Array(Vec<Value>),
    /// Pairs in the server's order, none dropped.
    Map(Vec<(Value, Value)>),
    /// An error inside an answer, as a transaction's commands can have.
    Error(Box<Error>),
}
