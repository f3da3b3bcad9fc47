//! Keys of tables that come again, as strings that Lua has already.
//!
//! In a list of objects each has the keys of the one before it. To make a string of a key, Lua hashes its bytes and looks for them
//! among all strings; to copy a value within the stack takes a tenth of that. So a few keys stay on the stack.

use std::ffi::c_int;

use super::raw::Lua;
use crate::json::{Node, Span, Tape};

/// How many keys stay there: a power of two.
const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 5;
/// What they take of the stack.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a small constant")]
pub(super) const SLOTS: c_int = PLACES as c_int;

/// Whether a tape may have keys that come again. One of fewer nodes has few keys, and few of them twice.
pub(super) fn are_worthwhile(tape: &Tape) -> bool {
    tape.nodes().len() >= 64
}

/// After so many keys in a row that were none of those, more are no longer looked for: a table by players' ids has each key once.
const MOST_MISSES: u32 = 64;

/// So many bytes of a key are compared at once.
const WORD: usize = size_of::<u64>();

/// A key that stands on the stack.
#[derive(Debug, Clone, Copy)]
struct Key {
    /// Its first bytes, at the end of the word.
    word: u64,
    /// Where in the text it is.
    start: usize,
    len: usize,
}

impl Key {
    /// No text has so long a key.
    const NONE: Self = Self { word: 0, start: 0, len: usize::MAX };
}

/// The keys that stand on the stack, each in the place that its first bytes choose.
#[derive(Debug)]
pub(super) struct Keys {
    /// What stands below them.
    base: c_int,
    places: [Key; PLACES],
    /// How many misses are left.
    misses: u32,
}

impl Keys {
    /// Reserves places on top of the stack.
    ///
    /// # Safety
    ///
    /// See [`Lua`].
    pub(super) unsafe fn reserve(lua: Lua) -> Self {
        // SAFETY: the caller keeps to the contract. The places are filled with nil.
        unsafe {
            let base = lua.top();
            lua.set_top(base + SLOTS);
            Self { base, places: [Key::NONE; PLACES], misses: MOST_MISSES }
        }
    }

    /// Pushes a key of the tape.
    ///
    /// # Safety
    ///
    /// See [`Lua`]. Tape and text are the same each time, and what was reserved is still in its place on the stack.
    #[inline]
    pub(super) unsafe fn push(&mut self, lua: Lua, tape: &Tape, node: Node, text: &[u8]) {
        let Node::Plain(span) = node else {
            // SAFETY: the caller keeps to the contract.
            return unsafe { lua.push_bytes(tape.string(node, text).unwrap_or_default()) };
        };
        let word = text.get(span.start()..).and_then(<[u8]>::first_chunk::<WORD>);
        let Some(word) = word.filter(|_| self.misses > 0) else {
            // SAFETY: as above.
            return unsafe { lua.push_bytes(span.of(text)) };
        };
        let word = word_of(*word, span.len());
        let place = place_of(word);
        let known = &self.places[place];
        // SAFETY: as above. A place that is taken has its string on the stack.
        unsafe {
            if known.word == word
                && known.len == span.len()
                && (span.len() <= WORD || text[known.start..][..known.len] == *span.of(text))
            {
                self.misses = MOST_MISSES;
                lua.push_copy(self.slot(place));
            } else {
                self.miss(lua, word, place, span, text);
            }
        }
    }

    /// Pushes a key, and keeps it in its place.
    #[inline(never)]
    unsafe fn miss(&mut self, lua: Lua, word: u64, place: usize, span: Span, text: &[u8]) {
        self.misses -= 1;
        // SAFETY: the caller keeps to the contract. The place is taken once its string is there.
        unsafe {
            lua.push_bytes(span.of(text));
            lua.push_copy(-1);
            lua.replace(self.slot(place));
        }
        self.places[place] = Key { word, start: span.start(), len: span.len() };
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "one of a few places")]
    fn slot(&self, place: usize) -> c_int {
        self.base + 1 + place as c_int
    }
}

/// The first bytes of a key of this length, at the end of a word.
#[expect(clippy::cast_possible_truncation, reason = "eight at most")]
fn word_of(bytes: [u8; WORD], len: usize) -> u64 {
    // An empty key leaves them all, and does not matter: no other key has its length.
    u64::from_le_bytes(bytes).wrapping_shl(8 * (WORD - len.min(WORD)) as u32)
}

/// A place for these bytes, which depends on all of them.
fn place_of(word: u64) -> usize {
    // 2^64 by the golden ratio: its upper bits mix those of the factor.
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - PLACE_BITS)) as usize
}
