//! The state machine: resumable at any byte, never reading one twice.

use memchr::memchr2;

use super::number::{BigNumber, Integer};
use super::reply::{MAX_ELEMENTS, Mark};
use super::{Cursor, Decoder};
use crate::tape::{Kind, Node};
use crate::{DecodeError, ErrorKind};

const CR: u8 = b'\r';
const LF: u8 = b'\n';
/// Three bytes and a colon.
const VERBATIM_PREFIX: u64 = 4;

/// What the next byte belongs to.
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
    /// The CR behind a header whose contents can't go on.
    Cr,
    /// The LF behind a line's CR.
    Lf,
    /// The format of a verbatim string, this many bytes of it read.
    Format(u8),
    /// Bytes of a blob that are left.
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

/// What a line amounts to, once its CR is read.
#[derive(Clone, Copy, Debug)]
enum Line {
    Text,
    Scalar(Kind, u64),
    Length(u64),
    NoLength,
    Null,
    End,
}

/// The header being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// Its type byte.
    tag: u8,
    /// Offset of the type byte.
    start: u64,
    /// Bytes of the line so far.
    line_len: u64,
    line: Line,
    /// Where the text begins among the frame's kept bytes.
    text_at: usize,
    /// The body is not kept.
    skipping: bool,
}

impl Default for Token {
    fn default() -> Self {
        Self { tag: 0, start: 0, line_len: 0, line: Line::End, text_at: 0, skipping: false }
    }
}

/// The streamed string being put together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Streamed {
    text_at: usize,
    len: u64,
    skipped: bool,
}

type Step = Result<bool, DecodeError>;

impl Decoder {
    /// Reads on, at least one byte and none at or behind `end`; true if that completed the frame.
    pub(super) fn step(&mut self, cursor: &mut Cursor<'_>, end: usize) -> Step {
        let byte = cursor.input[cursor.pos];
        match self.state {
            State::Value => return self.begin_value(cursor, byte),
            State::Text => return self.text(cursor, end),
            State::Integer(mut integer) => {
                if byte == CR {
                    let value = integer.end().map_err(|kind| self.error(cursor, kind))?;
                    return self.end_line(cursor, Line::Scalar(Kind::Integer, value.cast_unsigned()));
                }
                self.content(cursor, byte, integer.push(byte))?;
                self.state = State::Integer(integer);
            }
            State::BigNumber(mut number) => {
                if byte == CR {
                    number.end().map_err(|kind| self.error(cursor, kind))?;
                    return self.end_line(cursor, Line::Text);
                }
                self.content(cursor, byte, number.push(byte))?;
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

    fn begin_value(&mut self, cursor: &mut Cursor<'_>, byte: u8) -> Step {
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
                    self.interrupt(cursor);
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

    fn begin_header(&mut self, cursor: &mut Cursor<'_>, tag: u8, state: State) {
        if self.reply.nodes.len() >= self.fast.nodes && !self.reply.truncated {
            self.truncate(cursor);
        }
        self.token = Token { tag, start: self.offset_at(cursor), ..Token::default() };
        cursor.pos += 1;
        self.token.text_at = self.kept_at(cursor);
        self.state = state;
    }

    /// Checks that an attribute may begin here, and marks the beginning of its run.
    fn begin_attribute(&mut self, cursor: &Cursor<'_>) -> Result<(), DecodeError> {
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
    fn begin_end(&self, cursor: &Cursor<'_>) -> Result<(), DecodeError> {
        let top = self.reply.top;
        let kind = if !top.is(Node::STREAMED) {
            ErrorKind::UnexpectedEnd
        } else if self.reply.pending.is_some() {
            ErrorKind::DanglingAttribute
        } else if top.kind == Kind::Map && !top.count.is_multiple_of(2) {
            ErrorKind::OddMap
        } else {
            return Ok(());
        };
        Err(self.error(cursor, kind))
    }

    /// Counts the value that begins here, if it is an element of a streamed aggregate.
    fn count_streamed(&mut self, cursor: &Cursor<'_>) -> Result<(), DecodeError> {
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
    fn add_elements(&mut self, count: u64, header: u64) -> Result<(), DecodeError> {
        self.check_elements(count, header)?;
        self.reply.elements += count;
        Ok(())
    }

    fn check_elements(&self, count: u64, header: u64) -> Result<(), DecodeError> {
        if count > self.limits.elements.min(MAX_ELEMENTS).saturating_sub(self.reply.elements) {
            return Err(DecodeError { kind: ErrorKind::ElementsLimit, offset: header });
        }
        Ok(())
    }

    fn check_depth(&self, header: u64) -> Result<(), DecodeError> {
        if self.reply.stack.len() >= self.limits.depth {
            return Err(DecodeError { kind: ErrorKind::DepthLimit, offset: header });
        }
        Ok(())
    }

    /// Lays the reply aside for the push that begins in its middle.
    fn interrupt(&mut self, cursor: &mut Cursor<'_>) {
        self.carry_over(cursor);
        self.reply.wire = self.wire(cursor);
        cursor.frame_from = cursor.pos;
        std::mem::swap(&mut self.reply, &mut self.outer);
        self.interrupted = true;
        self.reply.restart(self.offset_at(cursor));
        if let Some(mark) = self.outer.pending.take()
            && !self.outer.truncated
        {
            self.outer.move_attributes(&mark, &mut self.reply);
        }
    }

    /// Takes a byte of a line, which `pushed` has judged.
    fn content(
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

    fn text(&mut self, cursor: &mut Cursor<'_>, end: usize) -> Step {
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

    fn length(&mut self, cursor: &mut Cursor<'_>, byte: u8, length: Length) -> Step {
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

    fn digit(&mut self, cursor: &mut Cursor<'_>, byte: u8, value: u64) -> Result<(), DecodeError> {
        self.content(cursor, byte, Ok(()))?;
        let value = value.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
        self.check_length(cursor, value)?;
        self.state = State::Length(Length::Digits(value));
        Ok(())
    }

    /// Checks a length as far as it is read. Further digits only make it longer.
    fn check_length(&self, cursor: &Cursor<'_>, value: u64) -> Result<(), DecodeError> {
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
    fn elements(&self, count: u64) -> u64 {
        if matches!(self.token.tag, b'%' | b'|') { count.saturating_mul(2) } else { count }
    }

    fn end_line(&mut self, cursor: &mut Cursor<'_>, line: Line) -> Step {
        cursor.pos += 1;
        self.token.line = line;
        self.state = State::Lf;
        Ok(false)
    }

    /// Does what a complete line asks for.
    fn line_done(&mut self, cursor: &mut Cursor<'_>) -> Step {
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

    fn open(&mut self, len: u64, flags: u8) -> Step {
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

    fn begin_body(&mut self, cursor: &mut Cursor<'_>, len: u64) {
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

    fn format(&mut self, cursor: &mut Cursor<'_>, byte: u8, seen: u8) -> Result<(), DecodeError> {
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

    fn body(&mut self, cursor: &mut Cursor<'_>, end: usize, left: u64) {
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
    fn end_body(&mut self, cursor: &mut Cursor<'_>) {
        if self.token.skipping {
            cursor.kept_from = cursor.pos;
        } else if self.token.tag == b';' {
            self.carry_over(cursor);
        }
        self.state = State::BodyCr;
    }

    fn body_done(&mut self, cursor: &mut Cursor<'_>) -> bool {
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
    fn begin_chunk(&mut self, cursor: &mut Cursor<'_>, len: u64) -> bool {
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
            State::Body(_) | State::Format(_) => !self.token.skipping,
            State::Chunk => false,
            State::Length(_) | State::Cr | State::Lf | State::BodyCr | State::BodyLf => {
                self.token.tag != b';'
            }
            _ => true,
        }
    }

    /// Whether the bytes being read are a blob's that is not kept.
    pub(super) fn is_skipping(&self) -> bool {
        matches!(self.state, State::Body(_) | State::Format(_)) && self.token.skipping
    }

    /// Offset of the header being read.
    pub(super) fn header_start(&self, cursor: &Cursor<'_>) -> u64 {
        match self.state {
            State::Value | State::Chunk => self.offset_at(cursor),
            _ => self.token.start,
        }
    }

    fn expect(
        &self,
        cursor: &Cursor<'_>,
        byte: u8,
        expected: u8,
        kind: ErrorKind,
    ) -> Result<(), DecodeError> {
        if byte == expected { Ok(()) } else { Err(self.error(cursor, kind)) }
    }

    /// What a header is whose line goes on where it must end.
    fn malformed(&self) -> ErrorKind {
        match self.token.tag {
            b'#' => ErrorKind::BadBoolean,
            b'.' => ErrorKind::UnexpectedEnd,
            _ => ErrorKind::BadLength,
        }
    }

    fn error(&self, cursor: &Cursor<'_>, kind: ErrorKind) -> DecodeError {
        DecodeError { kind, offset: self.offset_at(cursor) }
    }
}

/// A bare LF is wrong in any line, whatever else the line must hold.
fn line_break_or(byte: u8, kind: ErrorKind) -> ErrorKind {
    if byte == LF { ErrorKind::BadLineEnd } else { kind }
}
