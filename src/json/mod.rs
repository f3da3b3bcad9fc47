//! JSON: a text to a tape of its values, and values to a text. Knows no Lua, does no I/O, and has no unsafe code.
//!
//! A [`Decoder`] reads a text once, from front to back, and makes a [`Tape`]: one [`Node`] for each value and each key, in
//! their order, in one allocation. A table's node says how many elements follow, so a reader can make the table at its final
//! size. Reading can stop after any number of bytes and go on later. Nothing here calls itself, so no text can use up the
//! call stack.
//!
//! An [`Encoder`] is fed value by value and checks each limit as it goes.
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
//! What differs from RFC 8259, each for a reason that Lua has:
//!
//! - Strings are bytes. They need not be UTF-8, and a surrogate without its partner becomes the three bytes that UTF-8 would
//!   have for it.
//! - A number beyond 2^53 is the string of its digits, because a double would lose some of them.
//! - A UTF-8 byte order mark before the text is skipped.
//! - At most [`MAX_DEPTH`] tables stand in each other, exponents are bounded as in LuaJIT's `tonumber`, numbers must be finite,
//!   and their texts have 16 KiB at most.

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

/// How many tables may stand in each other.
pub const MAX_DEPTH: usize = 64;

/// What a table counts for among the elements: making one takes longer than reading a number or a short string.
const TABLE_ELEMENTS: usize = 4;

/// What a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Elements: every value is one, a table counts as four, and keys are none.
    pub elements: usize,
}

/// 4 MiB, as the longest message has unless its client's options say otherwise, and a million elements.
impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4 << 20, elements: 1_000_000 }
    }
}
