//! JSON: reads a text into a tape of its values, and writes values as text. No Lua, no I/O, no unsafe code.
//!
//! A [`Decoder`] reads a text once, from front to back, and fills a [`Tape`]: one [`Node`] for each value and each
//! key, in order, in one allocation. A table's node has the number of its elements, so a reader can create the table
//! at its final size. Reading can pause after any number of bytes. Nothing here is recursive, so no text can exhaust
//! the call stack.
//!
//! An [`Encoder`] takes value after value, and checks each limit as it goes.
//!
//! ```
//! use realtime::json::{Decoder, Limits, Node};
//!
//! let text = br#"{"text": "hello", "at": [1, 2.5]}"#;
//! let mut decoder = Decoder::new(Limits::default());
//! while !decoder.read(text, 16)? {} // sixteen bytes at a time
//!
//! let tape = decoder.into_tape();
//! assert!(matches!(tape.nodes()[0], Node::Object(object) if object.len() == 2));
//! assert_eq!(tape.string(tape.nodes()[1], text), Some(&b"text"[..]));
//! assert_eq!(tape.nodes()[5], Node::Number(1.0));
//! # Ok::<(), realtime::json::Error>(())
//! ```
//!
//! The differences from RFC 8259, all for Lua's sake:
//!
//! - Strings are bytes. They need not be UTF-8, and a lone surrogate becomes the three bytes that UTF-8's scheme
//!   gives it.
//! - A number beyond 2^53 is the string of its digits, because a double would lose some of them.
//! - A UTF-8 byte order mark before the text is skipped.
//! - At most [`MAX_DEPTH`] tables are nested, exponents are bounded as in LuaJIT's `tonumber`, numbers must be finite
//!   and have at most 16 KiB of text.

mod decoder;
mod encoder;
mod error;
mod number;
mod refusal;
mod state;
mod string;
mod tape;
mod watched;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::{Error, Expected, Hint, Mistake};
pub use refusal::Refusal;
pub use tape::{Node, Span, Table, Tape};

/// How deep tables can be nested.
pub const MAX_DEPTH: usize = 64;

/// How many elements a table counts for, because creating one takes longer than reading a number or a short string.
const TABLE_ELEMENTS: usize = 4;

/// The limits of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Elements: every value counts as one, but a table as four. Keys do not count.
    pub elements: usize,
}

/// 4 MiB, like the default for the longest message, and a million elements.
impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4 << 20, elements: 1_000_000 }
    }
}
