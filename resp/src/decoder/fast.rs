//! The fast path: plain values whose header and body lie wholly inside the input and within every limit.
//!
//! It handles almost everything that a server sends. Anything else is left to the state machine, from the same byte
//! on, so it never reports an error and never sees half a value. There is a branch for each number of digits of a length:
//! it is predicted, so the position of the text is known before the digits have been converted, which is faster than
//! looking for the end of the digits.

use super::digits::{CRLF, digit, ends_line, long_integer, number, short_double, short_number};
use super::reply::{Level, MAX_ELEMENTS};
use super::{Cursor, Decoder};
use crate::Limits;
use crate::tape::{Kind, Node};

/// Lines up to this length are handled here. If a limit on lines is lower than this, no line is handled here.
const LINE: usize = 32;
/// The bytes of an integer, and of an array's header, of one digit. The digit is the second byte, and 0 here.
const SMALL_INTEGER: u32 = u32::from_le_bytes(*b":0\r\n");
const SMALL_ARRAY: u32 = u32::from_le_bytes(*b"*0\r\n");
/// The limits of the fast path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// A frame is truncated at this many nodes: its tape would pass `Limits::skip_frames_over`.
    pub(super) nodes: usize,
    /// Bytes of a frame.
    frame: u64,
    pub(super) blob: u64,
    aggregate: u64,
    elements: u64,
    depth: usize,
}

impl Bounds {
    pub(super) fn new(limits: &Limits) -> Self {
        // The root is kept in any case.
        let nodes = (limits.skip_frames_over / size_of::<Node>() as u64).max(1);
        // A line of the fast path is never too long, unless the limit excludes all of them.
        let line = limits.line.min(limits.skip_lines_over);
        let frame = if line < LINE as u64 { 0 } else { limits.frame.min(limits.skip_frames_over) };
        Self {
            nodes: usize::try_from(nodes).unwrap_or(usize::MAX),
            frame,
            blob: limits.blob.min(limits.skip_blobs_over),
            aggregate: limits.aggregate,
            elements: limits.elements.min(MAX_ELEMENTS).min(nodes),
            depth: limits.depth.min(limits.skip_depth_over),
        }
    }

    /// The part of the input that a frame at its beginning may use.
    #[inline(always)]
    pub(super) fn window<'i>(&self, input: &'i [u8]) -> &'i [u8] {
        match usize::try_from(self.frame) {
            Ok(most) if most < input.len() => &input[..most],
            _ => input,
        }
    }
}

impl Decoder {
    /// Reads a frame that is a plain value, or an aggregate of plain values, and lies wholly in `input`; returns its
    /// end. Otherwise it reads as much as it can, and returns the position at which the state machine has to
    /// continue.
    #[inline(never)]
    pub(super) fn flat_frame(&mut self, input: &[u8]) -> Result<usize, usize> {
        let window = self.fast.window(input);
        let nodes = &mut self.reply.nodes;
        nodes.clear();
        let (mut pos, mut left, kind, count) = match header(window, &self.fast, 1, true) {
            Some(Header { kind, len, count, size }) => {
                nodes.push(Node { span: count + 1, ..Node::aggregate(kind, len, 0) });
                (size, count, kind, count)
            }
            None => (0, 1, Kind::Null, 0),
        };
        while left > 0 {
            // Room is made elsewhere, so that the vector stays in registers.
            if nodes.len() == nodes.capacity() {
                break;
            }
            let Some((node, end)) = plain(window, pos, 0, &self.fast) else { break };
            nodes.push(node);
            pos = end;
            left -= 1;
        }
        if left == 0 {
            self.offset += pos as u64;
            if count > 0 {
                self.shape.missed(&window[..pos], nodes);
            }
            return Ok(pos);
        }
        self.reply.start = self.offset;
        if pos > 0 {
            self.reply.elements += u64::from(count);
            self.reply.is_push = kind == Kind::Push;
            self.reply.stack.push(Level::ROOT);
            self.reply.top = Level { node: 0, count: left, kind, flags: 0 };
        }
        Err(pos)
    }

    /// Reads a frame that is one plain value and lies wholly in `input`, to `single`; returns its end.
    #[inline(never)]
    pub(super) fn single_frame(&mut self, input: &[u8]) -> Option<usize> {
        let window = self.fast.window(input);
        let (node, end) = plain(window, 0, 0, &self.fast)?;
        self.single = node;
        self.offset += end as u64;
        Some(end)
    }

    /// Reads values as long as they are complete and plain; true if that completed the frame.
    #[inline]
    pub(super) fn fast_values(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let reply = &mut self.reply;
        if reply.truncated || reply.pending.is_some() || reply.elements > self.fast.elements {
            return false;
        }
        // Skipped bytes do not count towards a threshold, but counting them here only means that the state machine
        // takes over earlier.
        let wire = reply.wire + (cursor.pos - cursor.frame_from) as u64;
        let window = match usize::try_from(self.fast.frame.saturating_sub(wire)) {
            Ok(most) if most < cursor.input.len() - cursor.pos => &cursor.input[..cursor.pos + most],
            _ => cursor.input,
        };
        // The distance from a byte of the input to its place among the frame's bytes. It wraps around if
        // `kept_from` is larger.
        let shift = reply.carry.len().wrapping_sub(cursor.kept_from);
        let mut pos = cursor.pos;
        let mut complete = false;
        // An aggregate that ends can end an attribute around it, too. The value after an attribute is left to
        // the state machine.
        while !complete && reply.top.flags == 0 && reply.pending.is_none() {
            let Some(rest) = window.get(pos..) else { break };
            let Some(&tag) = rest.first() else { break };
            let value = if tag == b'$' { bulk(window, pos, shift, &self.fast) } else { None };
            if let Some((node, end)) = value {
                reply.nodes.push(node);
                pos = end;
                complete = reply.value_done();
                continue;
            }
            // A number or a count of one digit: one comparison checks the type byte and the line's end.
            if let Some(&[tag, digit, cr, lf]) = rest.first_chunk() {
                let line = u32::from_le_bytes([tag, b'0', cr, lf]);
                let digit = digit.wrapping_sub(b'0');
                if line == SMALL_INTEGER && digit <= 9 {
                    reply.nodes.push(Node::scalar(Kind::Integer, u64::from(digit)));
                    pos += 4;
                    complete = reply.value_done();
                    continue;
                }
                let elements = reply.elements + u64::from(digit);
                if line == SMALL_ARRAY
                    && digit <= 9
                    && u64::from(digit) <= self.fast.aggregate
                    && elements <= self.fast.elements
                    && reply.stack.len() < self.fast.depth
                {
                    reply.elements = elements;
                    let node = Node::aggregate(Kind::Array, u64::from(digit), 0);
                    complete = reply.open_plain(node, u32::from(digit));
                    pos += 4;
                    continue;
                }
            }
            if !matches!(tag, b'*' | b'%' | b'~' | b'>') {
                let Some((node, end)) = plain(window, pos, shift, &self.fast) else { break };
                reply.nodes.push(node);
                pos = end;
                complete = reply.value_done();
                continue;
            }
            let is_root = !reply.is_nested();
            let Some(header) = header(&window[pos..], &self.fast, reply.elements, is_root) else { break };
            if reply.stack.len() >= self.fast.depth {
                break;
            }
            reply.elements += u64::from(header.count);
            complete = reply.open_plain(Node::aggregate(header.kind, header.len, 0), header.count);
            pos += header.size;
        }
        cursor.pos = pos;
        complete
    }
}

/// Whether the frame at the beginning of `input` may be a single value.
#[inline(always)]
pub(super) fn is_single(input: &[u8]) -> bool {
    matches!(input, [b'$' | b':' | b'+' | b'-' | b'_' | b'#' | b',', ..])
}

/// The header of an aggregate.
struct Header {
    kind: Kind,
    /// Items, or pairs.
    len: u64,
    /// Elements.
    count: u32,
    /// Bytes of the header.
    size: usize,
}

/// The header of an aggregate, if a frame that has `elements` already can take it.
#[inline(always)]
fn header(bytes: &[u8], bounds: &Bounds, elements: u64, is_root: bool) -> Option<Header> {
    let (&tag, rest) = bytes.split_first()?;
    let (kind, each) = match tag {
        b'>' if is_root => (Kind::Push, 1),
        b'*' => (Kind::Array, 1),
        b'%' => (Kind::Map, 2),
        b'~' => (Kind::Set, 1),
        _ => return None,
    };
    let (len, digits) = match *rest {
        // Almost all have few elements.
        [len @ b'0'..=b'9', b'\r', b'\n', ..] => (u64::from(len - b'0'), 3),
        _ => number(rest)?,
    };
    let count = len * each;
    if count > bounds.aggregate || elements + count > bounds.elements || bounds.depth == 0 {
        return None;
    }
    Some(Header { kind, len, count: u32::try_from(count).ok()?, size: 1 + digits })
}

/// A value without elements, and its end. The positions of texts are moved by `shift`.
#[inline(always)]
fn plain(window: &[u8], pos: usize, shift: usize, bounds: &Bounds) -> Option<(Node, usize)> {
    let rest = window.get(pos..)?;
    match *rest {
        [b'$', first, ..] if first != b'-' => bulk(window, pos, shift, bounds),
        [b':', ..] => integer(&rest[1..]).map(|(node, size)| (node, pos + 1 + size)),
        // The most frequent of the others: 18 instructions fewer than `other`, which returns through memory.
        [b'+', b'O', b'K', b'\r', b'\n', ..] => {
            Some((Node::text(Kind::SimpleString, pos.wrapping_add(shift).wrapping_add(1), 2), pos + 5))
        }
        [b'_', b'\r', b'\n', ..] => Some((Node::scalar(Kind::Null, 0), pos + 3)),
        _ => other(rest, pos.wrapping_add(shift)).map(|(node, size)| (node, pos + size)),
    }
}

/// A bulk string, and its end. The positions of texts are moved by `shift`.
#[inline(always)]
pub(super) fn bulk(window: &[u8], pos: usize, shift: usize, bounds: &Bounds) -> Option<(Node, usize)> {
    // Even the empty string has this many bytes: `$0`, CRLF, CRLF.
    let &[b'$', a, b, c, d, e] = window.get(pos..)?.first_chunk()? else { return None };
    let (len, header) = if u16::from_le_bytes([b, c]) == CRLF {
        (digit(a)?, 4)
    } else if u16::from_le_bytes([c, d]) == CRLF {
        (digit(a)? * 10 + digit(b)?, 5)
    } else if u16::from_le_bytes([d, e]) == CRLF {
        (digit(a)? * 100 + digit(b)? * 10 + digit(c)?, 6)
    } else {
        long_length(&window[pos..])?
    };
    let start = pos + header;
    let end = start + len;
    let trailer = window.get(end..)?.first_chunk()?;
    if len as u64 > bounds.blob || u16::from_le_bytes(*trailer) != CRLF {
        return None;
    }
    Some((Node::text(Kind::BulkString, start.wrapping_add(shift), len), end + 2))
}

/// The length of a bulk string that has at most three digits, and the bytes of its header. The word has the CRLF of
/// the line before it, and the first six bytes of the string.
///
/// One comparison checks the type byte and both line ends.
#[inline(always)]
pub(super) fn short_length(word: u64) -> Option<(usize, usize)> {
    const ONE: u64 = u64::from_le_bytes(*b"\r\n$\0\r\n\0\0");
    const TWO: u64 = u64::from_le_bytes(*b"\r\n$\0\0\r\n\0");
    const THREE: u64 = u64::from_le_bytes(*b"\r\n$\0\0\0\r\n");
    let digit_at = |at: u32| digit((word >> (8 * at)).to_le_bytes()[0]);
    if word & 0x0000_ffff_00ff_ffff == ONE {
        Some((digit_at(3)?, 4))
    } else if word & 0x00ff_ff00_00ff_ffff == TWO {
        Some((digit_at(3)? * 10 + digit_at(4)?, 5))
    } else if word & 0xffff_0000_00ff_ffff == THREE {
        Some((digit_at(3)? * 100 + digit_at(4)? * 10 + digit_at(5)?, 6))
    } else {
        None
    }
}

/// The same for any number of digits of the fast path, from the bytes of the string.
#[inline(never)]
pub(super) fn long_length(string: &[u8]) -> Option<(usize, usize)> {
    let (&tag, rest) = string.split_first()?;
    if tag != b'$' {
        return None;
    }
    let (len, digits) = number(rest)?;
    // If the length exceeds the bytes at hand, the string is incomplete. The length may not even fit 32 bits.
    Some((usize::try_from(len).ok().filter(|&len| len < string.len())?, 1 + digits))
}

/// An integer after its type byte, and its size.
#[inline(always)]
fn integer(bytes: &[u8]) -> Option<(Node, usize)> {
    let (value, size) = match *bytes {
        // Many are flags and small counts.
        [digit @ b'0'..=b'9', b'\r', b'\n', ..] => (u64::from(digit - b'0'), 3),
        [a, b, c, d, e, f, g, h, ..] => match short_number(u64::from_le_bytes([a, b, c, d, e, f, g, h])) {
            Some(short) => short,
            None => long_integer(bytes)?,
        },
        _ => long_integer(bytes)?,
    };
    Some((Node::scalar(Kind::Integer, value), size))
}

/// A plain value that is neither a bulk string nor an integer, and its size. It is at `at`.
#[inline]
fn other(bytes: &[u8], at: usize) -> Option<(Node, usize)> {
    let (&tag, rest) = bytes.split_first()?;
    Some(match tag {
        b'+' | b'-' => {
            let len = short_line(rest)?;
            let kind = if tag == b'+' { Kind::SimpleString } else { Kind::SimpleError };
            (Node::text(kind, at.wrapping_add(1), len), len + 3)
        }
        b',' => {
            let (value, len) = short_double(rest)?;
            (Node::scalar(Kind::Double, value.to_bits()), 1 + len)
        }
        b'_' if rest.starts_with(b"\r\n") => (Node::scalar(Kind::Null, 0), 3),
        b'#' if rest.starts_with(b"t\r\n") => (Node::scalar(Kind::Boolean, 1), 4),
        b'#' if rest.starts_with(b"f\r\n") => (Node::scalar(Kind::Boolean, 0), 4),
        b'$' if rest.starts_with(b"-1\r\n") => (Node::scalar(Kind::Null, 0), 5),
        _ => return None,
    })
}

/// The length of a short line that ends in CRLF.
#[inline]
fn short_line(bytes: &[u8]) -> Option<usize> {
    let len = bytes.iter().take(LINE).position(|&byte| matches!(byte, b'\r' | b'\n'))?;
    ends_line(bytes, len).then_some(len)
}
