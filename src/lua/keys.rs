//! Keeps the strings of repeated keys.
//!
//! In a list of objects most have the same keys. To make a string, Lua hashes its bytes and searches all strings.
//! Copying a value within the stack takes a tenth of that, so a few keys stay on the stack.

use std::ffi::c_int;

use super::raw::Lua;
use crate::json::{Node, Span, Tape};

/// How many keys stay on the stack: a power of two.
const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 5;
/// How much of the stack they take.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a small constant")]
pub(super) const SLOTS: c_int = PLACES as c_int;

/// Whether a tape is long enough to have repeated keys.
pub(super) fn are_worthwhile(tape: &Tape) -> bool {
    tape.nodes().len() >= 64
}

/// After this many misses in a row, keys are no longer looked for: a table by players' ids has each key only once.
const MOST_MISSES: u32 = 64;

/// How many bytes of a key are compared at once.
const WORD: usize = size_of::<u64>();

/// A key that is on the stack.
#[derive(Debug, Clone, Copy)]
struct Key {
    /// Its first bytes, at the end of the word.
    word: u64,
    /// Where it is in the text.
    start: usize,
    len: usize,
}

impl Key {
    /// No key is this long.
    const NONE: Self = Self { word: 0, start: 0, len: usize::MAX };
}

/// The keys on the stack. A key's first bytes choose its place.
#[derive(Debug)]
pub(super) struct Keys {
    /// The height of the stack below them.
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
        // SAFETY: the caller upholds the contract. The places are filled with nil.
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
    /// See [`Lua`]. Tape and text are the same each time, and the reserved places are still on the stack.
    #[inline]
    pub(super) unsafe fn push(&mut self, lua: Lua, tape: &Tape, node: Node, text: &[u8]) {
        let Node::Plain(span) = node else {
            // SAFETY: the caller upholds the contract.
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
        // SAFETY: the caller upholds the contract. The place is taken once its string is there.
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
    // Nothing is shifted out for an empty key. That is harmless: no other key has its length.
    u64::from_le_bytes(bytes).wrapping_shl(8 * (WORD - len.min(WORD)) as u32)
}

/// The place for a word. It depends on all bytes.
fn place_of(word: u64) -> usize {
    // Multiplies by 2^64 over the golden ratio: the upper bits of the product depend on all bits of the word.
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - PLACE_BITS)) as usize
}
