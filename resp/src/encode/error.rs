//! Errors of the encoder.

use core::error::Error;
use core::fmt;

/// A value that cannot be written without breaking the frame around it. Nothing of it was written.
///
/// ```
/// use resp::{EncodeError, Encoder, OwnedValue};
///
/// let mut out = Vec::new();
/// let mut encoder = Encoder::new(&mut out);
/// assert_eq!(encoder.simple_string("a\nb").err(), Some(EncodeError::LineBreak { at: 1 }));
/// assert_eq!(encoder.big_number("12x").err(), Some(EncodeError::NotANumber { at: 2 }));
/// assert_eq!(encoder.value(&OwnedValue::Skipped { len: 9 }).err(), Some(EncodeError::NotKept));
/// assert_eq!(encoder.frame(|encoder| encoder.array(1).value(&OwnedValue::Array(vec![])).map(drop)).err(), None);
/// assert_eq!(encoder.frame(|_| Ok(())).err(), Some(EncodeError::WrongCount));
/// assert_eq!(out, b"*1\r\n*0\r\n");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A simple string or simple error with CR or LF in it.
    LineBreak {
        /// Position of the offending byte.
        at: usize,
    },
    /// A big number with other characters than an optional sign and digits.
    NotANumber {
        /// Position of the offending byte.
        at: usize,
    },
    /// Not one whole frame was written: nothing, only a part of one, or more than one.
    WrongCount,
    /// A value that was kept only in part when it was read.
    NotKept,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineBreak { at } => {
                let advice = "use a bulk string or blob error";
                write!(f, "a simple string or error must not contain CR or LF (byte {at}); {advice}")
            }
            Self::NotANumber { at } => {
                write!(f, "a big number must be an optional sign and digits (byte {at})")
            }
            Self::WrongCount => f.write_str(
                "the output is not one whole frame: it is empty, or an aggregate has fewer or more values than it announces",
            ),
            Self::NotKept => {
                f.write_str("a value that was skipped or truncated when it was read cannot be written")
            }
        }
    }
}

impl Error for EncodeError {}
