//! Keys of tables that come again, as strings that Lua has already.
//!
//! In a list of objects each has the keys of the one before it. To make a string of a key, Lua hashes its bytes and looks for them
//! among all strings; to copy a value within the stack takes a tenth of that. So a few keys stay on the stack.

use std::ffi::c_int;

use super::raw::Lua;
use crate::json::{Node, Tape};

/// How many keys stay there: a power of two.
const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 5;
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a small constant")]
const SLOTS: c_int = PLACES as c_int;

/// A tape of fewer nodes has few keys, and few of them twice.
const WORTHWHILE_NODES: usize = 64;

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
    /// What stands below them, and how many values are reserved.
    base: c_int,
    slots: c_int,
    places: [Key; PLACES],
    /// How many misses are left.
    misses: u32,
}

impl Keys {
    /// Reserves places on top of the stack, if the tape may have keys that come again.
    ///
    /// # Safety
    ///
    /// See [`Lua`].
    pub(super) unsafe fn reserve(lua: Lua, tape: &Tape) -> Self {
        // SAFETY: the caller keeps to the contract.
        let base = unsafe { lua.top() };
        let (slots, misses) =
            if tape.nodes().len() < WORTHWHILE_NODES { (0, 0) } else { (SLOTS, MOST_MISSES) };
        if slots > 0 {
            // SAFETY: as above. They are filled with nil.
            unsafe { lua.set_top(base + slots) };
        }
        Self { base, slots, places: [Key::NONE; PLACES], misses }
    }

    /// How many values were reserved.
    pub(super) fn slots(&self) -> c_int {
        self.slots
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
        let (start, len) = (span.start(), span.len());
        let rest = text.get(start..).unwrap_or_default();
        if self.misses > 0
            && let Some(word) = rest.first_chunk::<WORD>()
        {
            let unused = u64::BITS - 8 * len.min(WORD) as u32;
            let key = Key { word: u64::from_le_bytes(*word).wrapping_shl(unused), start, len };
            let place = place_of(key.word);
            let known = self.places[place];
            // SAFETY: as above. A place that is taken has its string on the stack.
            unsafe {
                if known.word == key.word
                    && known.len == len
                    && (len <= WORD || text[known.start..][..len] == rest[..len])
                {
                    self.misses = MOST_MISSES;
                    lua.push_copy(self.slot(place));
                } else {
                    self.miss(lua, key, place, text);
                }
            }
        } else {
            // SAFETY: as above.
            unsafe { lua.push_bytes(span.of(text)) };
        }
    }

    /// Pushes a key, and keeps it in its place.
    #[inline(never)]
    unsafe fn miss(&mut self, lua: Lua, key: Key, place: usize, text: &[u8]) {
        self.misses -= 1;
        // SAFETY: the caller keeps to the contract. The place is taken once its string is there.
        unsafe {
            lua.push_bytes(&text[key.start..][..key.len]);
            lua.push_copy(-1);
            lua.replace(self.slot(place));
        }
        self.places[place] = key;
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "one of a few places")]
    fn slot(&self, place: usize) -> c_int {
        self.base + 1 + place as c_int
    }
}

/// A place for these bytes, which depends on all of them.
#[expect(clippy::cast_possible_truncation, reason = "a few bits")]
fn place_of(word: u64) -> usize {
    // 2^64 by the golden ratio: its upper bits mix those of the factor.
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - PLACE_BITS)) as usize
}
