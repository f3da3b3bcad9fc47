//! The state machine: resumable at any byte, never reading one twice.

use super::number::{BigNumber, Integer};
use super::reply::{MAX_ELEMENTS, Mark};
use super::{Cursor, Decoder};
use crate::tape::{Kind, Node, bits_of};
use crate::{DecodeError, ErrorKind};

pub(super) const CR: u8 = b'\r';
pub(super) const LF: u8 = b'\n';
/// Three bytes and a colon.
pub(super) const VERBATIM_PREFIX: u64 = 4;

/// The part of the grammar that the next byte belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// A value, an attribute, or the end of a streamed aggregate.
    Value,
    /// The line of a `+` or a `-`.
    Text,
    Integer(Integer),
    BigNumber(BigNumber),
    /// The line of a `,`. Its state is in `Decoder::double`.
    Double,
    Boolean,
    Null,
    Length(Length),
    /// The CR of a header that is complete.
    Cr,
    /// The LF after a line's CR.
    Lf,
    /// The format of a verbatim string; this many bytes of it were read.
    Format(u8),
    /// The remaining bytes of a blob.
    Body(u64),
    BodyCr,
    BodyLf,
    /// The next piece of a streamed string.
    Chunk,
}

/// A length or count.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    Start,
    Digits(u64),
    Minus,
}

/// The content of a line, once its CR is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Line {
    Text,
    Scalar(Kind, u64),
    Length(u64),
    NoLength,
    Null,
    End,
    /// A line that was not kept.
    Skipped,
    /// An error line of which only this many bytes were kept.
    Head(usize),
}

/// The header being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// Its type byte.
    pub(super) tag: u8,
    /// Offset of the type byte.
    pub(super) start: u64,
    /// Bytes of the line so far.
    pub(super) line_len: u64,
    pub(super) line: Line,
    /// Where the text begins among the frame's kept bytes.
    pub(super) text_at: usize,
    /// The body, or the rest of the line, is not kept.
    pub(super) skipping: bool,
}

impl Default for Token {
    fn default() -> Self {
        Self { tag: 0, start: 0, line_len: 0, line: Line::End, text_at: 0, skipping: false }
    }
}

/// The streamed string that is being assembled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Streamed {
    /// Where its text begins among the frame's kept bytes.
    pub(super) text_at: usize,
    pub(super) len: u64,
    /// It is too long to be kept.
    pub(super) skipped: bool,
}

pub(super) type Step = Result<bool, DecodeError>;

impl Decoder {
    /// One step of the state machine, if no limit or threshold excludes the next byte.
    pub(super) fn step_within(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, DecodeError> {
        let end = self.window_end(cursor);
        if cursor.pos < end {
            self.step(cursor, end)
        } else if self.wire(cursor) >= self.limits.frame {
            Err(DecodeError::new(ErrorKind::FrameLimit, self.header_start(cursor)))
        } else {
            self.truncate(cursor);
            Ok(false)
        }
    }

    /// How far the input may be read before the frame passes a limit or a threshold.
    fn window_end(&self, cursor: &Cursor<'_>) -> usize {
        let wire = self.wire(cursor);
        let mut budget = self.limits.frame.saturating_sub(wire);
        if !self.reply.truncated && !self.is_skipping() {
            budget = budget.min(self.limits.skip_frames_over.saturating_sub(wire - self.reply.skipped));
        }
        usize::try_from(budget)
            .map_or(cursor.input.len(), |budget| cursor.pos.saturating_add(budget).min(cursor.input.len()))
    }

    /// Continues reading, but not beyond `end`; true if that completed the frame.
    fn step(&mut self, cursor: &mut Cursor<'_>, end: usize) -> Step {
        let byte = cursor.input[cursor.pos];
        match self.state {
            State::Value => return self.begin_value(cursor, byte),
            State::Text => return self.text(cursor, end),
            State::Integer(mut integer) => {
                if byte == CR {
                    let value = integer.end().map_err(|kind| self.error(cursor, kind))?;
                    return self.end_line(cursor, Line::Scalar(Kind::Integer, bits_of(value)));
                }
                self.content(cursor, byte, integer.push(byte))?;
                self.state = State::Integer(integer);
            }
            State::BigNumber(mut number) => {
                if byte == CR {
                    number.end().map_err(|kind| self.error(cursor, kind))?;
                    return self.end_text(cursor);
                }
                if self.token.line_len >= self.limits.skip_lines_over && !self.token.skipping {
                    self.skip_line(cursor);
                }
                self.content(cursor, byte, number.push(byte))?;
                self.reply.skipped += u64::from(self.token.skipping);
                self.state = State::BigNumber(number);
            }
            State::Double => {
                if byte == CR {
                    let value = self.double.end().map_err(|kind| self.error(cursor, kind))?;
                    return self.end_line(cursor, Line::Scalar(Kind::Double, value.to_bits()));
                }
                let pushed = self.double.push(byte);
                self.content(cursor, byte, pushed)?;
            }
            State::Boolean => {
                let known = matches!(byte, b't' | b'f').then_some(()).ok_or(ErrorKind::BadBoolean);
                self.content(cursor, byte, known)?;
                self.token.line = Line::Scalar(Kind::Boolean, u64::from(byte == b't'));
                self.state = State::Cr;
            }
            State::Null => {
                if byte != CR {
                    return Err(self.error(cursor, line_break_or(byte, ErrorKind::BadNull)));
                }
                return self.end_line(cursor, Line::Null);
            }
            State::Length(length) => return self.length(cursor, byte, length),
            State::Cr => {
                if byte != CR {
                    return Err(self.error(cursor, line_break_or(byte, self.malformed())));
                }
                return self.end_line(cursor, self.token.line);
            }
            State::Lf => {
                self.expect(cursor, byte, LF, ErrorKind::BadLineEnd)?;
                cursor.pos += 1;
                return self.line_done(cursor);
            }
            State::Format(seen) => self.format(cursor, byte, seen)?,
            State::Body(left) => self.body(cursor, end, left),
            State::BodyCr => {
                self.expect(cursor, byte, CR, ErrorKind::BadBlobEnd)?;
                cursor.pos += 1;
                self.state = State::BodyLf;
            }
            State::BodyLf => {
                self.expect(cursor, byte, LF, ErrorKind::BadBlobEnd)?;
                cursor.pos += 1;
                return Ok(self.body_done(cursor));
            }
            State::Chunk => {
                if byte != b';' {
                    return Err(self.error(cursor, ErrorKind::ExpectedChunk));
                }
                self.begin_header(cursor, byte, State::Length(Length::Start));
            }
        }
        Ok(false)
    }

    pub(super) fn begin_value(&mut self, cursor: &mut Cursor<'_>, byte: u8) -> Step {
        let state = match byte {
            b'+' | b'-' => State::Text,
            b':' => State::Integer(Integer::default()),
            b'(' => State::BigNumber(BigNumber::default()),
            b',' => {
                self.double.restart();
                State::Double
            }
            b'#' => State::Boolean,
            b'_' => State::Null,
            b'$' | b'!' | b'=' | b'*' => State::Length(Length::Start),
            b'~' | b'%' => {
                self.check_depth(self.offset_at(cursor))?;
                State::Length(Length::Start)
            }
            b'>' => {
                if self.reply.is_push {
                    return Err(self.error(cursor, ErrorKind::NestedPush));
                }
                if self.reply.is_nested() {
                    // The next step reads it as the beginning of a frame.
                    self.interrupt(cursor);
                    return Ok(false);
                }
                self.check_depth(self.offset_at(cursor))?;
                State::Length(Length::Start)
            }
            b'|' => {
                self.begin_attribute(cursor)?;
                self.begin_header(cursor, byte, State::Length(Length::Start));
                return Ok(false);
            }
            b'.' => {
                self.begin_end(cursor)?;
                self.begin_header(cursor, byte, State::Cr);
                return Ok(false);
            }
            b';' => return Err(self.error(cursor, ErrorKind::UnexpectedChunk)),
            byte => return Err(self.error(cursor, ErrorKind::UnknownType(byte))),
        };
        self.count_streamed(cursor)?;
        self.begin_header(cursor, byte, state);
        Ok(false)
    }

    pub(super) fn begin_header(&mut self, cursor: &mut Cursor<'_>, tag: u8, state: State) {
        if self.reply.nodes.len() >= self.fast.nodes && !self.reply.truncated {
            self.truncate(cursor);
        }
        self.token = Token { tag, start: self.offset_at(cursor), ..Token::default() };
        cursor.pos += 1;
        self.token.text_at = self.kept_at(cursor);
        self.state = state;
    }

    /// Checks that an attribute may begin here, and marks the beginning of its run.
    pub(super) fn begin_attribute(&mut self, cursor: &Cursor<'_>) -> Result<(), DecodeError> {
        self.check_depth(self.offset_at(cursor))?;
        let mark = Mark {
            node: self.reply.nodes.len(),
            kept: self.kept_at(cursor),
            wire: self.wire(cursor),
            skipped: self.reply.skipped,
            elements: self.reply.elements,
        };
        self.reply.pending.get_or_insert(mark);
        self.add_elements(1, self.offset_at(cursor))
    }

    /// Checks that the streamed aggregate at the top may end here.
    pub(super) fn begin_end(&self, cursor: &Cursor<'_>) -> Result<(), DecodeError> {
        let top = self.reply.top;
        let kind = if !top.is(Node::STREAMED) {
            ErrorKind::UnexpectedEnd
        } else if self.reply.pending.is_some() {
            ErrorKind::DanglingAttribute
        } else if top.kind == Kind::Map && top.count % 2 != 0 {
            ErrorKind::OddMap
        } else {
            return Ok(());
        };
        Err(self.error(cursor, kind))
    }

    /// Counts the value that begins here, if it is an element of a streamed aggregate.
    pub(super) fn count_streamed(&mut self, cursor: &Cursor<'_>) -> Result<(), DecodeError> {
        if !self.reply.top.is(Node::STREAMED) {
            return Ok(());
        }
        if u64::from(self.reply.top.count) >= self.limits.aggregate {
            return Err(self.error(cursor, ErrorKind::AggregateLimit));
        }
        self.reply.top.count += 1;
        self.add_elements(1, self.offset_at(cursor))
    }

    /// Counts elements of the frame.
    pub(super) fn add_elements(&mut self, count: u64, header: u64) -> Result<(), DecodeError> {
        self.check_elements(count, header)?;
        self.reply.elements += count;
        Ok(())
    }

    pub(super) fn check_elements(&self, count: u64, header: u64) -> Result<(), DecodeError> {
        if count > self.limits.elements.min(MAX_ELEMENTS).saturating_sub(self.reply.elements) {
            return Err(DecodeError::new(ErrorKind::ElementsLimit, header));
        }
        Ok(())
    }

    pub(super) fn check_depth(&self, header: u64) -> Result<(), DecodeError> {
        if self.reply.stack.len() >= self.limits.depth {
            return Err(DecodeError::new(ErrorKind::DepthLimit, header));
        }
        Ok(())
    }

    /// Sets the reply aside for the push that begins in its middle.
    pub(super) fn interrupt(&mut self, cursor: &mut Cursor<'_>) {
        self.carry_over(cursor);
        self.reply.wire = self.wire(cursor);
        cursor.frame_from = cursor.pos;
        core::mem::swap(&mut self.reply, &mut self.outer);
        self.interrupted = true;
        self.reply.restart(self.offset_at(cursor));
        match self.outer.pending.take() {
            Some(mark) if !self.outer.truncated => self.outer.move_attributes(&mark, &mut self.reply),
            _ => {}
        }
    }

    /// Offset of the header being read.
    pub(super) fn header_start(&self, cursor: &Cursor<'_>) -> u64 {
        match self.state {
            State::Value | State::Chunk => self.offset_at(cursor),
            _ => self.token.start,
        }
    }

    pub(super) fn expect(
        &self,
        cursor: &Cursor<'_>,
        byte: u8,
        expected: u8,
        kind: ErrorKind,
    ) -> Result<(), DecodeError> {
        if byte == expected { Ok(()) } else { Err(self.error(cursor, kind)) }
    }

    /// The error for a header whose line continues where it must end.
    pub(super) fn malformed(&self) -> ErrorKind {
        match self.token.tag {
            b'#' => ErrorKind::BadBoolean,
            b'.' => ErrorKind::UnexpectedEnd,
            _ => ErrorKind::BadLength,
        }
    }

    pub(super) fn error(&self, cursor: &Cursor<'_>, kind: ErrorKind) -> DecodeError {
        DecodeError::new(kind, self.offset_at(cursor))
    }
}

/// The error for this byte: a bare LF is wrong in any line, whatever else the line must contain.
pub(super) fn line_break_or(byte: u8, kind: ErrorKind) -> ErrorKind {
    if byte == LF { ErrorKind::BadLineEnd } else { kind }
}
