//! The fast path: plain values whose header and body lie wholly inside the input and within every limit.
//!
//! It takes nearly everything that a server sends. Whatever it does not take is left to the state machine, from the same
//! byte on, so it never reports an error and never sees half a value. Lengths are read digit by digit behind branches:
//! they are predicted, so that the next header's place is known before the digits have been converted, which beats
//! converting eight digits at once.

use super::reply::{Level, MAX_ELEMENTS, node_number};
use super::{Cursor, Decoder};
use crate::Limits;
use crate::tape::{Kind, Node};

/// Lines up to this are looked for here. If the limit on lines is lower, nothing is.
const LINE: usize = 32;
/// Digits that any length or count of the fast path has at most, so that no arithmetic can overflow.
const MOST_DIGITS: usize = 9;

/// What the fast path may take without asking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// A frame is truncated at this many nodes: its tape would pass `Limits::skip_frames_over`.
    pub(super) nodes: usize,
    enabled: bool,
    blob: u64,
    aggregate: u64,
    elements: u64,
    depth: usize,
}

impl Bounds {
    pub(super) fn new(limits: &Limits) -> Self {
        let nodes = limits.skip_frames_over / size_of::<Node>() as u64;
        Self {
            nodes: usize::try_from(nodes).unwrap_or(usize::MAX),
            enabled: limits.line >= LINE as u64,
            blob: limits.blob.min(limits.skip_blobs_over),
            aggregate: limits.aggregate,
            elements: limits.elements.min(MAX_ELEMENTS).min(nodes),
            depth: limits.depth,
        }
    }
}

impl Decoder {
    /// Takes values as long as they are complete and plain; true if that completed the frame.
    #[inline]
    pub(super) fn fast_values(&mut self, cursor: &mut Cursor<'_>, end: usize) -> bool {
        let reply = &mut self.reply;
        if !self.fast.enabled
            || reply.truncated
            || reply.pending.is_some()
            || reply.elements > self.fast.elements
        {
            return false;
        }
        let window = &cursor.input[..end];
        // Where a byte of the input will stand among those of the frame. `kept_from` may be the larger one.
        let shift = reply.carry.len().wrapping_sub(cursor.kept_from);
        let mut pos = cursor.pos;
        let mut top = reply.top;
        let mut complete = false;
        while top.flags == 0 {
            let Some((&tag, rest)) = window[pos..].split_first() else { break };
            let (node, len) = match tag {
                b'$' => {
                    let Some((len, header)) = number(rest) else { break };
                    let start = pos + 1 + header;
                    let body_end = start + len;
                    if len as u64 > self.fast.blob || !ends_line(window, body_end) {
                        break;
                    }
                    (Node::text(Kind::BulkString, start.wrapping_add(shift), len), body_end + 2 - pos)
                }
                b':' => {
                    let negative = rest.first() == Some(&b'-');
                    let Some((value, len)) = number(&rest[usize::from(negative)..]) else { break };
                    let value = value as u64;
                    let bits = if negative { value.wrapping_neg() } else { value };
                    (Node::scalar(Kind::Integer, bits), 1 + usize::from(negative) + len)
                }
                b'+' | b'-' => {
                    let Some(len) = short_line(rest) else { break };
                    let kind = if tag == b'+' { Kind::SimpleString } else { Kind::SimpleError };
                    (Node::text(kind, (pos + 1).wrapping_add(shift), len), len + 3)
                }
                b'_' if rest.starts_with(b"\r\n") => (Node::scalar(Kind::Null, 0), 3),
                b'#' if rest.starts_with(b"t\r\n") => (Node::scalar(Kind::Boolean, 1), 4),
                b'#' if rest.starts_with(b"f\r\n") => (Node::scalar(Kind::Boolean, 0), 4),
                b'*' | b'>' | b'%' | b'~' => {
                    let Some((len, header)) = number(rest) else { break };
                    let (kind, each) = match tag {
                        b'*' => (Kind::Array, 1),
                        b'%' => (Kind::Map, 2),
                        b'~' => (Kind::Set, 1),
                        _ if reply.stack.is_empty() => (Kind::Push, 1),
                        _ => break,
                    };
                    let count = len as u64 * each;
                    let elements = reply.elements + count;
                    if count > self.fast.aggregate
                        || elements > self.fast.elements
                        || reply.stack.len() >= self.fast.depth
                    {
                        break;
                    }
                    reply.elements = elements;
                    if kind == Kind::Push {
                        reply.is_push = true;
                    }
                    let node = Node::aggregate(kind, len as u64, 0);
                    if count > 0 {
                        reply.stack.push(top);
                        // No more than `MAX_ELEMENTS`.
                        let count = u32::try_from(count).unwrap_or(u32::MAX);
                        top = Level { node: node_number(reply.nodes.len()), count, kind, flags: 0 };
                        reply.nodes.push(node);
                        pos += 1 + header;
                        continue;
                    }
                    (node, 1 + header)
                }
                _ => break,
            };
            reply.nodes.push(node);
            pos += len;
            top.count -= 1;
            if top.count == 0 {
                reply.top = top;
                complete = reply.filled();
                top = reply.top;
                if complete {
                    break;
                }
            }
        }
        reply.top = top;
        cursor.pos = pos;
        complete
    }
}

/// A decimal number without a sign, and how many bytes it takes with its CRLF.
#[inline]
fn number(bytes: &[u8]) -> Option<(usize, usize)> {
    let (&first, _) = bytes.split_first()?;
    let mut value = usize::from(first.wrapping_sub(b'0'));
    if value > 9 {
        return None;
    }
    let mut at = 1;
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        if byte == b'\r' {
            return (*bytes.get(at)? == b'\n').then_some((value, at + 1));
        }
        let digit = usize::from(byte.wrapping_sub(b'0'));
        if digit > 9 || at > MOST_DIGITS {
            return None;
        }
        value = value * 10 + digit;
    }
}

/// The length of a short line that ends in CRLF.
#[inline]
fn short_line(bytes: &[u8]) -> Option<usize> {
    let len = bytes.iter().take(LINE).position(|&byte| matches!(byte, b'\r' | b'\n'))?;
    ends_line(bytes, len).then_some(len)
}

#[inline]
fn ends_line(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n"))
}
