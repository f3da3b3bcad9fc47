//! Lines: their content, their limits, and the action for a complete line.

use memchr::memchr2;

use super::machine::{CR, LF, Length, Line, State, Step, Streamed, VERBATIM_PREFIX, line_break_or};
use super::{Cursor, Decoder};
use crate::tape::{Kind, Node};
use crate::{DecodeError, ErrorKind};

impl Decoder {
    /// Takes a byte of a line; `pushed` is the result for that byte.
    pub(super) fn content(
        &mut self,
        cursor: &mut Cursor<'_>,
        byte: u8,
        pushed: Result<(), ErrorKind>,
    ) -> Result<(), DecodeError> {
        pushed.map_err(|kind| self.error(cursor, line_break_or(byte, kind)))?;
        if self.token.line_len >= self.limits.line {
            return Err(DecodeError::new(ErrorKind::LineLimit, self.token.start));
        }
        self.token.line_len += 1;
        cursor.pos += 1;
        Ok(())
    }

    pub(super) fn text(&mut self, cursor: &mut Cursor<'_>, end: usize) -> Step {
        let rest = &cursor.input[cursor.pos..end];
        let most = if self.token.skipping {
            self.limits.line
        } else {
            self.limits.line.min(self.limits.skip_lines_over)
        };
        let room = most.saturating_sub(self.token.line_len);
        let window = usize::try_from(room).ok().and_then(|room| rest.get(..room)).unwrap_or(rest);
        let len = memchr2(CR, LF, window).unwrap_or(window.len());
        self.token.line_len += len as u64;
        if self.token.skipping {
            self.reply.skipped += len as u64;
        }
        cursor.pos += len;
        match rest.get(len) {
            None => Ok(false),
            Some(&CR) => self.end_text(cursor),
            Some(&LF) => Err(self.error(cursor, ErrorKind::BadLineEnd)),
            Some(_) if self.token.line_len >= self.limits.line => {
                Err(DecodeError::new(ErrorKind::LineLimit, self.token.start))
            }
            Some(_) => {
                self.skip_line(cursor);
                Ok(false)
            }
        }
    }

    /// Drops the line, including its bytes in the carry. The beginning of an error is kept, because
    /// its first word is its code.
    #[cold]
    pub(super) fn skip_line(&mut self, cursor: &mut Cursor<'_>) {
        self.token.skipping = true;
        if self.token.tag == b'-' || self.reply.truncated {
            self.carry_over(cursor);
            return;
        }
        self.reply.skipped += self.token.line_len;
        match self.token.text_at.checked_sub(self.reply.carry.len()) {
            Some(before) => {
                let header = &cursor.input[cursor.kept_from..cursor.kept_from + before];
                self.reply.keep(header, self.limits.skip_frames_over);
            }
            None => self.reply.carry.truncate(self.token.text_at),
        }
        cursor.kept_from = cursor.pos;
    }

    /// At the CR of a line that is text.
    pub(super) fn end_text(&mut self, cursor: &mut Cursor<'_>) -> Step {
        if !self.token.skipping {
            return self.end_line(cursor, Line::Text);
        }
        cursor.kept_from = cursor.pos;
        let line = if self.token.tag == b'-' && !self.reply.truncated {
            Line::Head(self.reply.carry.len() - self.token.text_at)
        } else {
            Line::Skipped
        };
        self.end_line(cursor, line)
    }

    pub(super) fn length(&mut self, cursor: &mut Cursor<'_>, byte: u8, length: Length) -> Step {
        let tag = self.token.tag;
        match (length, byte) {
            (Length::Start, b'0'..=b'9') => self.digit(cursor, byte, 0)?,
            (Length::Digits(value), b'0'..=b'9') => self.digit(cursor, byte, value)?,
            (Length::Digits(value), CR) => {
                if tag == b'=' && value < VERBATIM_PREFIX {
                    return Err(self.error(cursor, ErrorKind::BadVerbatim));
                }
                return self.end_line(cursor, Line::Length(value));
            }
            (Length::Start, b'-') if matches!(tag, b'$' | b'*') => {
                self.content(cursor, byte, Ok(()))?;
                self.state = State::Length(Length::Minus);
            }
            (Length::Minus, b'1') => {
                self.content(cursor, byte, Ok(()))?;
                self.token.line = Line::Null;
                self.state = State::Cr;
            }
            (Length::Start, b'?') if matches!(tag, b'$' | b'*' | b'~' | b'%') => {
                self.content(cursor, byte, Ok(()))?;
                if tag == b'*' {
                    self.check_depth(self.token.start)?;
                }
                self.token.line = Line::NoLength;
                self.state = State::Cr;
            }
            _ => return Err(self.error(cursor, line_break_or(byte, ErrorKind::BadLength))),
        }
        Ok(false)
    }

    pub(super) fn digit(&mut self, cursor: &mut Cursor<'_>, byte: u8, value: u64) -> Result<(), DecodeError> {
        self.content(cursor, byte, Ok(()))?;
        let value = value.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
        self.check_length(cursor, value)?;
        self.state = State::Length(Length::Digits(value));
        Ok(())
    }

    /// Checks a length as far as it was read. Further digits only make it longer.
    pub(super) fn check_length(&self, cursor: &Cursor<'_>, value: u64) -> Result<(), DecodeError> {
        let kind = match self.token.tag {
            tag @ (b'$' | b'!' | b'=' | b';') => {
                let earlier = if tag == b';' { self.streamed.len } else { 0 };
                // The header's CRLF, the body, and its CRLF.
                let least = self.wire(cursor).saturating_add(2).saturating_add(value).saturating_add(2);
                if value.saturating_add(earlier) > self.limits.blob {
                    ErrorKind::BlobLimit
                } else if (tag != b';' || value > 0) && least > self.limits.frame {
                    ErrorKind::FrameLimit
                } else {
                    return Ok(());
                }
            }
            tag => {
                if tag == b'*' {
                    self.check_depth(self.token.start)?;
                }
                let elements = self.elements(value);
                if elements > self.limits.aggregate {
                    ErrorKind::AggregateLimit
                } else {
                    return self.check_elements(elements, self.token.start);
                }
            }
        };
        Err(DecodeError::new(kind, self.token.start))
    }

    /// Elements of the aggregate being read, which declared this count.
    pub(super) fn elements(&self, count: u64) -> u64 {
        if matches!(self.token.tag, b'%' | b'|') { count.saturating_mul(2) } else { count }
    }

    pub(super) fn end_line(&mut self, cursor: &mut Cursor<'_>, line: Line) -> Step {
        cursor.pos += 1;
        self.token.line = line;
        self.state = State::Lf;
        Ok(false)
    }

    /// Acts on a complete line.
    pub(super) fn line_done(&mut self, cursor: &mut Cursor<'_>) -> Step {
        self.state = State::Value;
        match self.token.line {
            Line::Scalar(kind, bits) => Ok(self.reply.scalar(Node::scalar(kind, bits))),
            Line::Null => Ok(self.reply.scalar(Node::scalar(Kind::Null, 0))),
            Line::Text => {
                let kind = match self.token.tag {
                    b'+' => Kind::SimpleString,
                    b'-' => Kind::SimpleError,
                    _ => Kind::BigNumber,
                };
                let text = Node { len: self.token.line_len, ..Node::text(kind, self.token.text_at, 0) };
                Ok(self.reply.scalar(text))
            }
            Line::Skipped => Ok(self.reply.scalar(Node::skipped(self.token.line_len))),
            Line::Head(len) => {
                Ok(self.reply.scalar(Node::text(Kind::TruncatedError, self.token.text_at, len)))
            }
            Line::End => Ok(self.reply.close_streamed()),
            Line::Length(len) => match self.token.tag {
                b'$' | b'!' | b'=' => {
                    self.begin_body(cursor, len);
                    Ok(false)
                }
                b';' => Ok(self.begin_chunk(cursor, len)),
                _ => self.open(cursor, len, 0),
            },
            Line::NoLength if self.token.tag == b'$' => {
                self.carry_over(cursor);
                self.streamed = Streamed { text_at: self.kept_at(cursor), ..Streamed::default() };
                self.state = State::Chunk;
                Ok(false)
            }
            Line::NoLength => self.open(cursor, 0, Node::STREAMED),
        }
    }

    pub(super) fn open(&mut self, cursor: &mut Cursor<'_>, len: u64, flags: u8) -> Step {
        let elements = self.elements(len);
        self.add_elements(elements, self.token.start)?;
        if self.reply.stack.len() >= self.limits.skip_depth_over && !self.reply.truncated {
            self.truncate(cursor);
        }
        let (kind, flags) = match self.token.tag {
            b'*' => (Kind::Array, flags),
            b'~' => (Kind::Set, flags),
            b'>' => (Kind::Push, flags),
            b'%' => (Kind::Map, flags),
            _ => (Kind::Map, flags | Node::ATTRIBUTE),
        };
        // Within `u32`, as the limits are.
        let count = u32::try_from(elements).unwrap_or(u32::MAX);
        Ok(self.reply.open(Node::aggregate(kind, len, flags), count))
    }
}
