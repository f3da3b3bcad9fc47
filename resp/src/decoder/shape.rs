//! Recognizes frames that look like an earlier one.
//!
//! Messages are aggregates of strings, and almost all of them begin with the same bytes: the type, the count, and the
//! header of the first string. The tape of an earlier frame is then also that of the next one, except for the
//! positions and the lengths of the strings that follow:
//!
//! ```text
//! learned from    > 3 ␍␊ $ 7 ␍␊ m e s s a g e ␍␊ $ 4 ␍␊ c h a t ␍␊ $ 2 ␍␊ h i ␍␊
//! compared        └───────────┘               └┘
//! read                                          └──────┘       └─────────┘   └┘
//! ```
//!
//! That saves checking each value's type, counting, and building nodes: a third of the instructions for a push of 64
//! bytes. Comparing the header of the channel, too, was tried. It saves 2 % of the instructions and no measurable
//! time, and costs a third of the whole if names differ in length.
//!
//! Nothing is reported from here: a frame that is cut, or beyond a limit, or of another shape, is left to the other
//! paths, from its first byte on.

use alloc::vec::Vec;

use super::fast::{Bounds, CRLF, bulk};
use crate::tape::{Kind, Node, index};

/// Bytes that are compared at once.
const OPENING: usize = size_of::<u64>();
/// The most nodes of a shape. Building that many takes so long that the rest does not matter.
const NODES: usize = 64;
/// Learning a shape takes as long as reading a frame. While none fits, only one frame in this many is learned.
const PATIENCE: u32 = 16;

/// The first bytes of a frame that is an aggregate of bulk strings, and its tape.
#[derive(Debug)]
pub(super) struct Shape {
    /// Without the bits that differ between frames.
    opening: u64,
    /// The bits that are compared.
    mask: u64,
    /// The strings after the opening: where the first one begins, and its node.
    strings_at: usize,
    first_string: usize,
    nodes: Vec<Node>,
    /// Frames of other shapes so far.
    missed: u32,
}

impl Shape {
    /// No frame has this shape: a bit outside of the mask is never set.
    pub(super) const fn new() -> Self {
        Self { opening: 1, mask: 0, strings_at: 0, first_string: 0, nodes: Vec::new(), missed: 0 }
    }

    /// The tape of the last frame that [was read](Self::read).
    #[inline]
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether the frame at the beginning of `input` may have this shape.
    #[inline(always)]
    pub(super) fn fits(&self, input: &[u8]) -> bool {
        match input.first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes) & self.mask == self.opening,
            None => false,
        }
    }

    /// The end of a frame that [may fit](Self::fits), if it does and is complete: then `nodes` is its tape.
    #[inline(never)]
    pub(super) fn read(&mut self, input: &[u8], bounds: &Bounds) -> Option<usize> {
        let input = bounds.window(input);
        let mut end = self.strings_at;
        if self.first_string > 1 && u16::from_le_bytes(*input.get(end - 2..)?.first_chunk()?) != CRLF {
            return None;
        }
        for node in self.nodes.get_mut(self.first_string..)? {
            let (string, behind) = bulk(input, end, 0, bounds)?;
            (node.bits, node.len) = (string.bits, string.len);
            end = behind;
        }
        Some(end)
    }

    /// Learns the shape of an aggregate that the fast path read, from its bytes and its tape, once enough frames had
    /// another one.
    #[inline]
    pub(super) fn missed(&mut self, frame: &[u8], nodes: &[Node]) {
        if matches!(nodes, [.., last] if last.kind == Kind::BulkString) {
            if self.missed % PATIENCE == 0 {
                self.learn(frame, nodes);
            }
            self.missed = self.missed.wrapping_add(1);
        }
    }

    #[cold]
    fn learn(&mut self, frame: &[u8], nodes: &[Node]) {
        let [_, first, others @ ..] = nodes else { return };
        let is_string = |node: &Node| node.kind == Kind::BulkString;
        let (Some(bytes), true) = (frame.first_chunk(), nodes.len() <= NODES) else { return };
        if !is_string(first) || !others.iter().all(is_string) {
            return;
        }
        let text_at = index(first.bits);
        // Only the digits of its length are between it and the text.
        let Some(header_at) = frame[..text_at].iter().rposition(|&byte| byte == b'$') else { return };
        let (compared, strings_at, first_string) = if text_at <= OPENING {
            (text_at, text_at + index(first.len) + 2, 2)
        } else if header_at <= OPENING {
            (header_at, header_at, 1)
        } else {
            return;
        };
        let mask = u64::MAX >> (8 * (OPENING - compared));
        *self = Self {
            opening: u64::from_le_bytes(*bytes) & mask,
            mask,
            strings_at,
            first_string,
            nodes: core::mem::take(&mut self.nodes),
            missed: self.missed,
        };
        self.nodes.clear();
        self.nodes.extend_from_slice(nodes);
    }
}
