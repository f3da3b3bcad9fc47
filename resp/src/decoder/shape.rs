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
//! Frames that follow each other often have strings of the same lengths, too. After many of these the next
//! frame is only compared: its first bytes, and the headers at the same positions as in the last frame. So no
//! position depends on a length that was just loaded; waiting for that would take most of the time. A push of
//! 64 bytes takes 99 instructions instead of 171, and 6 ns instead of 10. Frames of many lengths take 13
//! instructions more, and no measurable time: they are counted without a branch, because with one, messages
//! of 1,000 channels took 15 % longer.
//!
//! Nothing is reported from here: a frame that is cut, or beyond a limit, or of another shape, is left to the other
//! paths, from its first byte on.

use alloc::vec::Vec;

use super::digits::CRLF;
use super::fast::{Bounds, long_length, short_length};
use crate::tape::{Kind, Node, index};

/// Bytes that are compared at once.
const OPENING: usize = size_of::<u64>();
/// The most nodes of a shape. A frame with more takes so long to read that a shape would save little.
const NODES: usize = 64;
/// Learning a shape takes as long as reading a frame. While none fits, only one frame in this many is learned.
const PATIENCE: u32 = 16;
/// After so many frames of the same lengths the next one is expected to have them, too. With a lower number
/// the guess would often be wrong where lengths differ, and a wrong guess takes as long as reading a frame. A
/// build with assertions needs fewer frames, so that tests and fuzzers reach this path.
const STEADY: u32 = if cfg!(debug_assertions) { 2 } else { 64 };
/// The most strings after the opening on that path: as many as a pattern's message has.
const STEADY_STRINGS: usize = 3;

/// The first bytes of a frame that is an aggregate of bulk strings, and its tape.
#[derive(Debug)]
pub(super) struct Shape {
    /// Without the bits that differ between frames.
    opening: u64,
    /// The bits that are compared.
    mask: u64,
    /// The strings after the opening: where the CRLF before the first one is, and its node.
    end_at: usize,
    first_string: usize,
    nodes: Vec<Node>,
    /// Frames of other shapes so far.
    missed: u32,
    /// Frames in a row whose strings had the lengths of the frame before it.
    steady: u32,
    /// If there were more than [enough](STEADY): how long the frame is, and the headers of its strings.
    end: usize,
    headers: [Header; STEADY_STRINGS],
}

/// A string's header, and the CRLF before it.
#[derive(Clone, Copy, Debug)]
struct Header {
    at: usize,
    word: u64,
    mask: u64,
}

impl Header {
    const NONE: Self = Self { at: 0, word: 0, mask: 0 };
}

impl Shape {
    /// No frame has this shape: a bit outside of the mask is never set.
    pub(super) const fn new() -> Self {
        Self {
            opening: 1,
            mask: 0,
            end_at: 0,
            first_string: 0,
            nodes: Vec::new(),
            missed: 0,
            steady: 0,
            end: 0,
            headers: [Header::NONE; STEADY_STRINGS],
        }
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
    ///
    /// One load gets the CRLF after a string and the header of the next one. Even the shortest string has
    /// enough bytes for that load.
    #[inline(never)]
    pub(super) fn read(&mut self, input: &[u8], bounds: &Bounds) -> Option<usize> {
        let input = bounds.window(input);
        if self.steady > STEADY {
            if let Some(end) = self.read_steady(input) {
                return Some(end);
            }
        }
        // While it is being overwritten, the tape is neither that of the last frame nor that of this one.
        let steady = core::mem::replace(&mut self.steady, 0);
        let mut same = true;
        let mut rest = input.get(self.end_at..)?;
        for node in self.nodes.get_mut(self.first_string..)? {
            let word = u64::from_le_bytes(*rest.first_chunk()?);
            let (len, header) = match short_length(word) {
                Some(short) => short,
                None => long_length(rest.strip_prefix(b"\r\n")?)?,
            };
            rest = rest.get(2 + header..)?;
            same &= node.len == len as u64;
            (node.bits, node.len) = ((input.len() - rest.len()) as u64, len as u64);
            if node.len > bounds.blob {
                return None;
            }
            rest = rest.get(len..)?;
        }
        if u16::from_le_bytes(*rest.first_chunk()?) != CRLF {
            return None;
        }
        let end = input.len() - rest.len() + 2;
        // Without a branch: with several lengths it would often be predicted wrongly.
        self.steady = (steady + 1) & 0_u32.wrapping_sub(u32::from(same));
        if self.steady > STEADY {
            self.expect(&input[..end]);
        }
        Some(end)
    }

    /// The same for a frame whose strings have the lengths of the last frame's: then the tape is right
    /// already. No position depends on a length that was just loaded, so the processor need not wait for a
    /// length to find the next string.
    #[inline(always)]
    fn read_steady(&self, input: &[u8]) -> Option<usize> {
        let frame = input.get(..self.end)?;
        for header in &self.headers {
            let word = u64::from_le_bytes(*frame.get(header.at..)?.first_chunk()?);
            if word & header.mask != header.word {
                return None;
            }
        }
        (u16::from_le_bytes(*frame.last_chunk()?) == CRLF).then_some(self.end)
    }

    /// Expects the lengths of this frame, whose tape is in `nodes`.
    #[cold]
    fn expect(&mut self, frame: &[u8]) {
        let strings = self.nodes.get(self.first_string..).unwrap_or_default();
        self.headers = [Header::NONE; STEADY_STRINGS];
        self.end = frame.len();
        self.steady = STEADY + 1;
        let mut at = self.end_at;
        for (place, string) in strings.iter().enumerate() {
            // CRLF, `$` and CRLF are five bytes, and a short length has one to three digits.
            let size = index(string.bits) - at;
            let (Some(header), Some(bytes), 6..=8) =
                (self.headers.get_mut(place), frame.get(at..).and_then(|rest| rest.first_chunk()), size)
            else {
                self.steady = 0;
                return;
            };
            let mask = u64::MAX >> (8 * (8 - size));
            *header = Header { at, word: u64::from_le_bytes(*bytes) & mask, mask };
            at = index(string.bits) + index(string.len);
        }
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
        // Between the `$` and the text there are only digits and a CRLF.
        let Some(header_at) = frame[..text_at].iter().rposition(|&byte| byte == b'$') else { return };
        let (compared, end_at, first_string) = if text_at <= OPENING {
            (text_at, text_at + index(first.len), 2)
        } else if header_at <= OPENING {
            (header_at, header_at - 2, 1)
        } else {
            return;
        };
        let mask = u64::MAX >> (8 * (OPENING - compared));
        *self = Self {
            opening: u64::from_le_bytes(*bytes) & mask,
            mask,
            end_at,
            first_string,
            nodes: core::mem::take(&mut self.nodes),
            missed: self.missed,
            ..Self::new()
        };
        self.nodes.clear();
        self.nodes.extend_from_slice(nodes);
    }
}
