//! Bodies of blobs, and the pieces of streamed strings.

use super::machine::{State, Streamed, VERBATIM_PREFIX};
use super::{Cursor, Decoder};
use crate::tape::{Kind, Node};
use crate::{DecodeError, ErrorKind};

impl Decoder {
    pub(super) fn begin_body(&mut self, cursor: &mut Cursor<'_>, len: u64) {
        self.token.text_at = self.kept_at(cursor);
        self.token.line_len = len;
        if len > self.limits.skip_blobs_over {
            self.carry_over(cursor);
            self.token.skipping = true;
        }
        self.state = match (self.token.tag, len) {
            (b'=', _) => State::Format(0),
            (_, 0) => State::BodyCr,
            _ => State::Body(len),
        };
    }

    pub(super) fn format(&mut self, cursor: &mut Cursor<'_>, byte: u8, seen: u8) -> Result<(), DecodeError> {
        let seen = seen + 1;
        if u64::from(seen) == VERBATIM_PREFIX && byte != b':' {
            return Err(self.error(cursor, ErrorKind::BadVerbatim));
        }
        cursor.pos += 1;
        self.reply.skipped += u64::from(self.token.skipping);
        self.state = State::Format(seen);
        if u64::from(seen) == VERBATIM_PREFIX {
            let left = self.token.line_len - VERBATIM_PREFIX;
            self.state = State::Body(left);
            if left == 0 {
                self.end_body(cursor);
            }
        }
        Ok(())
    }

    pub(super) fn body(&mut self, cursor: &mut Cursor<'_>, end: usize, left: u64) {
        let here = end - cursor.pos;
        let taken = usize::try_from(left).map_or(here, |left| left.min(here));
        cursor.pos += taken;
        if self.token.skipping {
            self.reply.skipped += taken as u64;
        }
        let left = left - taken as u64;
        self.state = State::Body(left);
        if left == 0 {
            self.end_body(cursor);
        }
    }

    /// At the last byte of a body.
    pub(super) fn end_body(&mut self, cursor: &mut Cursor<'_>) {
        if self.token.skipping {
            cursor.kept_from = cursor.pos;
        } else if self.token.tag == b';' {
            self.carry_over(cursor);
        }
        self.state = State::BodyCr;
    }

    pub(super) fn body_done(&mut self, cursor: &mut Cursor<'_>) -> bool {
        self.state = State::Value;
        let kind = match self.token.tag {
            b'$' => Kind::BulkString,
            b'!' => Kind::BlobError,
            b'=' => Kind::Verbatim,
            _ => {
                cursor.kept_from = cursor.pos;
                self.state = State::Chunk;
                return false;
            }
        };
        let len = self.token.line_len;
        self.reply.scalar(if self.token.skipping {
            Node::skipped(len)
        } else {
            Node { len, ..Node::text(kind, self.token.text_at, 0) }
        })
    }

    /// Begins a piece of a streamed string, or ends the string; true if that completed the frame.
    pub(super) fn begin_chunk(&mut self, cursor: &mut Cursor<'_>, len: u64) -> bool {
        cursor.kept_from = cursor.pos;
        let Streamed { text_at, len: earlier, .. } = self.streamed;
        if len == 0 {
            let mut node = if self.streamed.skipped {
                Node::skipped(earlier)
            } else {
                Node { len: earlier, ..Node::text(Kind::BulkString, text_at, 0) }
            };
            node.flags |= Node::STREAMED;
            return self.reply.scalar(node);
        }
        self.streamed.len += len;
        if self.streamed.len > self.limits.skip_blobs_over {
            self.streamed.skipped = true;
            if !self.reply.truncated {
                self.reply.carry.truncate(text_at);
            }
        }
        self.token.skipping = self.streamed.skipped;
        self.state = State::Body(len);
        false
    }

    /// Whether the bytes being read belong to the frame's text, or to headers that may stay between it.
    pub(super) fn is_keeping(&self) -> bool {
        match self.state {
            State::Body(_) | State::Format(_) | State::Text | State::BigNumber(_) => !self.token.skipping,
            State::Chunk => false,
            State::Length(_) | State::Cr | State::Lf | State::BodyCr | State::BodyLf => {
                self.token.tag != b';'
            }
            _ => true,
        }
    }

    /// Whether the bytes being read are those of a blob or line that is not kept.
    pub(super) fn is_skipping(&self) -> bool {
        let skips =
            matches!(self.state, State::Body(_) | State::Format(_) | State::Text | State::BigNumber(_));
        skips && self.token.skipping
    }
}
