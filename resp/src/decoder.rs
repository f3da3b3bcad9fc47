//! Bytes in, frames out.

use crate::error::DecodeError;
use crate::frame::Frame;
use crate::limits::Limits;
use crate::line::Fault;
use crate::parser::{Parser, Step};

/// What the decoder's buffers keep for the next frame, in bytes. A larger one is given back behind its frame.
const RETAIN: usize = 64 * 1024;

/// How much of the input is taken over at once for a frame that was cut; what proves to belong to the next frame goes
/// back.
const TAKE: usize = 4096;

/// How much unwanted input may gather before it is taken out of the buffer.
const GARBAGE: usize = 4096;

/// Reads RESP2 and RESP3.
///
/// Feed it whatever arrived, in pieces of any size. It consumes everything: a frame that is wholly inside of the input is
/// borrowed from it, and the first part of a frame that is cut is kept until the rest comes.
///
/// ```
/// use resp::{Decoder, Value};
///
/// let mut decoder = Decoder::new();
/// for mut piece in [&b"+OK\r\n$5\r\nhel"[..], b"lo\r\n"] {
///     while let Some(frame) = decoder.decode(&mut piece)? {
///         match frame.value() {
///             Value::SimpleString(text) => assert_eq!(text, b"OK"),
///             Value::BulkString(bytes) => assert_eq!(bytes, b"hello"),
///             other => panic!("{other:?}"),
///         }
///     }
/// }
/// # Ok::<(), resp::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    parser: Parser,
    /// The first part of a frame that was cut.
    carry: Vec<u8>,
    /// Whether the present frame is in there.
    carried: bool,
    /// Bytes of a body that still have to go by.
    skip: u64,
    /// Where the present frame begins.
    base: u64,
    /// What to clean up behind the frame that was handed out last.
    behind: Behind,
    failed: Option<DecodeError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Nothing,
    Frame,
    Push,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with the default [`Limits`].
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A decoder with limits of your own.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            parser: Parser::new(limits),
            carry: Vec::new(),
            carried: false,
            skip: 0,
            base: 0,
            behind: Behind::Nothing,
            failed: None,
        }
    }

    /// Reads on in `input`, which is moved forward past what was consumed.
    ///
    /// A frame: call again, there may be more in the rest of the input. `None`: the input is used up, and the next frame
    /// is incomplete or has not begun.
    ///
    /// # Errors
    ///
    /// Malformed input, or input beyond a hard limit. The stream has lost its thread then: every later call returns the
    /// same error, until [`Decoder::reset`].
    #[inline]
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'s>>, DecodeError> {
        if self.behind != Behind::Nothing {
            self.clean_up();
        }
        if self.carried || self.failed.is_some() {
            return self.decode_carried(input, Step::More);
        }
        let buffer: &'i [u8] = input;
        let mut step = self.parser.advance(buffer);
        loop {
            match step {
                Ok(Step::Frame) => {
                    let end = self.parser.at;
                    *input = &buffer[end..];
                    self.behind = Behind::Frame;
                    return Ok(Some(self.frame(buffer)));
                }
                Ok(Step::Push) => {
                    let end = self.parser.at;
                    *input = &buffer[end..];
                    self.carry.extend_from_slice(&buffer[..end]);
                    self.carried = true;
                    self.behind = Behind::Push;
                    return Ok(Some(self.frame(buffer)));
                }
                Ok(Step::More) => {
                    *input = &buffer[buffer.len()..];
                    if !self.parser.is_idle() {
                        self.carry.extend_from_slice(buffer);
                        self.carried = true;
                        self.take_garbage();
                    }
                    return Ok(None);
                }
                Ok(Step::Skip(len)) => {
                    let rest = (buffer.len() - self.parser.at) as u64;
                    if len > rest {
                        self.carry.extend_from_slice(&buffer[..self.parser.at]);
                        self.carried = true;
                        self.skip = len - rest;
                        self.parser.skipped(0, len);
                        *input = &buffer[buffer.len()..];
                        return Ok(None);
                    }
                    // Not more than the rest of a slice.
                    self.parser.skipped(usize::try_from(len).unwrap_or(usize::MAX), 0);
                    step = self.parser.advance(buffer);
                }
                Ok(Step::Compact) => {
                    if self.parser.keeps_stream() {
                        let end = self.parser.at;
                        self.carry.extend_from_slice(&buffer[..end]);
                        self.carried = true;
                        *input = &buffer[end..];
                        return self.decode_carried(input, Step::Compact);
                    }
                    step = match self.parser.chunks(|_, _, _| {}) {
                        Step::More => self.parser.advance(buffer),
                        step => Ok(step),
                    };
                }
                Err(fault) => return Err(self.fail(fault)),
            }
        }
    }

    /// Goes on with a frame whose first part is in the carry.
    #[cold]
    fn decode_carried<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
        first: Step,
    ) -> Result<Option<Frame<'s>>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let whole: &'i [u8] = input;
        let mut step = Ok(first);
        loop {
            match step {
                Ok(Step::Frame) => {
                    *input = self.give_back(whole, input.len());
                    self.behind = Behind::Frame;
                    return Ok(Some(self.frame_carried()));
                }
                Ok(Step::Push) => {
                    *input = self.give_back(whole, input.len());
                    self.behind = Behind::Push;
                    return Ok(Some(self.frame_carried()));
                }
                Ok(Step::More) => {
                    self.take_garbage();
                    if self.skip > 0 {
                        let n = input.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                        *input = &input[n..];
                        self.skip -= n as u64;
                    }
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let n = self.parser.wanted(self.carry.len()).unwrap_or(TAKE).min(input.len());
                    self.carry.extend_from_slice(&input[..n]);
                    *input = &input[n..];
                    step = self.parser.advance(&self.carry);
                }
                Ok(Step::Skip(len)) => {
                    *input = self.give_back(whole, input.len());
                    self.parser.skipped(0, len);
                    self.skip = len;
                    step = Ok(Step::More);
                }
                Ok(Step::Compact) => {
                    let carry = &mut self.carry;
                    step = match self.parser.chunks(|from, len, to| carry.copy_within(from..from + len, to)) {
                        Step::More => self.parser.advance(&self.carry),
                        step => Ok(step),
                    };
                }
                Err(fault) => return Err(self.fail(fault)),
            }
        }
    }

    /// The rest of the input, with what was taken over and lies behind the parser's position put back.
    fn give_back<'i>(&mut self, whole: &'i [u8], left: usize) -> &'i [u8] {
        let surplus = self.carry.len() - self.parser.at;
        self.carry.truncate(self.parser.at);
        // What lies in the carry unread was taken from this very input.
        &whole[whole.len() - left - surplus..]
    }

    /// Where the outermost unfinished frame began, in bytes since the decoder was made or reset; `None` between frames.
    ///
    /// ```
    /// let mut decoder = resp::Decoder::new();
    /// let mut input: &[u8] = b":1\r\n$5\r\nhel";
    /// while decoder.decode(&mut input)?.is_some() {}
    /// assert_eq!(decoder.frame_start(), Some(4));
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    pub fn frame_start(&self) -> Option<u64> {
        (self.carried && self.behind != Behind::Frame).then_some(self.base)
    }

    /// Bytes that the decoder holds for an unfinished frame.
    pub fn buffered(&self) -> usize {
        if self.behind == Behind::Frame { 0 } else { self.carry.len() }
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.parser.limits
    }

    /// Sets other limits, for what is read from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.parser.limits = limits;
    }

    /// Forgets an unfinished frame and any error. The next byte begins a frame, at offset 0.
    pub fn reset(&mut self) {
        *self = Self::with_limits(self.parser.limits);
    }

    fn frame<'s, 'i: 's>(&'s self, data: &'i [u8]) -> Frame<'s> {
        Frame {
            nodes: &self.parser.nodes,
            data,
            first: self.parser.first(),
            truncated: self.parser.is_truncated(),
        }
    }

    fn frame_carried(&self) -> Frame<'_> {
        self.frame(&self.carry)
    }

    /// Takes out of the carry what is understood and not wanted.
    fn take_garbage(&mut self) {
        if let Some((from, to)) = self.parser.garbage()
            && to - from >= GARBAGE
        {
            self.carry.drain(from..to);
            self.parser.cut(to - from);
        }
    }

    #[inline]
    fn clean_up(&mut self) {
        match std::mem::replace(&mut self.behind, Behind::Nothing) {
            Behind::Nothing => {}
            Behind::Frame => {
                self.base += self.parser.at as u64 + self.parser.removed;
                self.parser.reset(RETAIN);
                if self.carried {
                    self.carried = false;
                    self.carry.clear();
                    if self.carry.capacity() > RETAIN {
                        self.carry = Vec::new();
                    }
                }
            }
            Behind::Push => {
                if let Some(mark) = self.parser.leave_push() {
                    self.carry.truncate(mark.at);
                }
            }
        }
    }

    #[cold]
    fn fail(&mut self, fault: Fault) -> DecodeError {
        let offset = self.base + self.parser.removed + fault.at as u64;
        let error = DecodeError { kind: fault.kind, offset };
        self.failed = Some(error);
        error
    }
}
