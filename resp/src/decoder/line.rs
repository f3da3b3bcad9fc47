//! Lines: their content, their limits, and what they ask for once they are complete.

use memchr::memchr2;

use super::machine::{CR, LF, Length, Line, State, Step, Streamed, VERBATIM_PREFIX, line_break_or};
use super::{Cursor, Decoder};
use crate::tape::{Kind, Node};
use crate::{DecodeError, ErrorKind};

impl Decoder {
    /// Takes a byte of a line, which `pushed` has judged.
    pub(super) fn content(
        &mut self,
        cursor: &mut Cursor<'_>,
        byte: u8,
        pushed: Result<(), ErrorKind>,
    ) -> Result<(), DecodeError> {
        pushed.map_err(|kind| self.error(cursor, line_break_or(byte, kind)))?;
        if self.token.line_len >= self.limits.line {
            return Err(DecodeError { kind: ErrorKind::LineLimit, offset: self.token.start });
        }
        self.token.line_len += 1;
        cursor.pos += 1;
        Ok(())
    }

    pub(super) fn text(&mut self, cursor: &mut Cursor<'_>, end: usize) -> Step {
        let rest = &cursor.input[cursor.pos..end];
        let found = memchr2(CR, LF, rest);
        let len = found.unwrap_or(rest.len());
        if len as u64 > self.limits.line - self.token.line_len {
            return Err(DecodeError { kind: ErrorKind::LineLimit, offset: self.token.start });
        }
        self.token.line_len += len as u64;
        cursor.pos += len;
        match found {
            None => Ok(false),
            Some(at) if rest[at] == CR => self.end_line(cursor, Line::Text),
            Some(_) => Err(self.error(cursor, ErrorKind::BadLineEnd)),
        }
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

    /// Checks a length as far as it is read. Further digits only make it longer.
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
        Err(DecodeError { kind, offset: self.token.start })
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

    /// Does what a complete line asks for.
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
            Line::End => Ok(self.reply.close_streamed()),
            Line::Length(len) => match self.token.tag {
                b'$' | b'!' | b'=' => {
                    self.begin_body(cursor, len);
                    Ok(false)
                }
                b';' => Ok(self.begin_chunk(cursor, len)),
                _ => self.open(len, 0),
            },
            Line::NoLength if self.token.tag == b'$' => {
                self.carry_over(cursor);
                self.streamed = Streamed { text_at: self.kept_at(cursor), ..Streamed::default() };
                self.state = State::Chunk;
                Ok(false)
            }
            Line::NoLength => self.open(0, Node::STREAMED),
        }
    }

    pub(super) fn open(&mut self, len: u64, flags: u8) -> Step {
        let elements = self.elements(len);
        self.add_elements(elements, self.token.start)?;
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
