//! Why a value cannot be written as JSON.

use super::MAX_DEPTH;

/// Why a value cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A number is NaN.
    #[error("NaN has no form in JSON")]
    NotANumber,
    /// A number is infinite.
    #[error("infinity has no form in JSON")]
    Infinite,
    /// A whole number is too large to be exact in a double.
    #[error("an integer beyond 2^53 is not exact: send a SteamID64 as a string")]
    Inexact,
    /// More than [`MAX_DEPTH`] nested tables.
    #[error("more than {MAX_DEPTH} nested tables, or a table that contains itself")]
    TooDeep,
    /// The text would be longer than this.
    #[error("more than {0} bytes of JSON")]
    TooLong(usize),
    /// The value has more elements than this.
    #[error("more than {0} elements")]
    TooManyElements(usize),
}

impl Refusal {
    /// Whether it is about the whole value, rather than the part written last.
    pub fn is_of_the_whole(self) -> bool {
        matches!(self, Self::TooLong(_) | Self::TooManyElements(_))
    }
}
