//! Lines: everything that ends in CRLF, read a byte at a time so that it can stop and go on anywhere.
//!
//! This is the careful path. It decides what is valid; the parser's short cuts only ever accept less.

use memchr::memchr2;

use crate::error::ErrorKind;
use crate::limits::Limits;

/// What a finished line says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Line {
    /// Bytes from the first one behind the type byte; the end is where the CR stands.
    Text {
        end: usize,
    },
    Integer(i64),
    Double(f64),
    Boolean(bool),
    /// `_`, `$-1`, `*-1`
    Null,
    /// A length or count.
    Length(u64),
    /// `?`
    Streamed,
    /// `.`
    End,
}

/// What is wrong, and at which byte of the buffer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) at: usize,
}

/// A line that is being read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineReader {
    /// The type byte.
    pub(crate) kind: u8,
    /// Where the type byte stands in the buffer.
    pub(crate) start: usize,
    /// The next byte to look at.
    pub(crate) scan: usize,
    step: Step,
    negative: bool,
    /// Integer: its value so far, always on the negative side, which reaches one further. Length: itself.
    value: i128,
    /// Double: whether its digits so far are not all zero; exponent: whether it has digits other than zero.
    significant: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Start,
    AfterSign,
    AfterPlus,
    Digits,
    Point,
    Fraction,
    Exponent,
    ExponentSign {
        negative: bool,
    },
    ExponentDigits {
        negative: bool,
        significant: bool,
    },
    /// How many letters of `inf` were seen.
    Inf(u8),
    /// How many letters of `nan`, or of `NAN`.
    Nan(u8, bool),
    NanOpen,
    /// Nothing but the line's end may follow.
    Done,
    /// `$-` or `*-`: a 1 must follow.
    MinusOne,
    /// `-1` was read.
    NullDone,
    StreamedDone,
    AfterCr,
}

impl LineReader {
    /// A line whose type byte stands at `start`.
    pub(crate) fn new(kind: u8, start: usize) -> Self {
        Self {
            kind,
            start,
            scan: start + 1,
            step: Step::Start,
            negative: false,
            value: 0,
            significant: false,
        }
    }

    /// Reads on. `None` if the buffer ends before the line does; the position then is the buffer's end.
    pub(crate) fn read(&mut self, buffer: &[u8], limits: &Limits) -> Result<Option<Line>, Fault> {
        if matches!(self.kind, b'+' | b'-') && self.step != Step::AfterCr {
            self.read_text(buffer, limits)?;
        }
        while let Some(&byte) = buffer.get(self.scan) {
            if self.step == Step::AfterCr {
                if byte != b'\n' {
                    return Err(self.fault(ErrorKind::BadLineEnd));
                }
                self.scan += 1;
                return Ok(Some(self.finish(buffer)));
            }
            if byte == b'\r' {
                self.check_end(buffer)?;
                self.step = match self.step {
                    // The null and streamed forms must be told apart behind the CR still.
                    Step::NullDone | Step::StreamedDone => {
                        self.value = if self.step == Step::NullDone { NULL } else { STREAMED };
                        Step::AfterCr
                    }
                    _ => Step::AfterCr,
                };
                self.scan += 1;
                continue;
            }
            if byte == b'\n' {
                return Err(self.fault(ErrorKind::BadLineEnd));
            }
            if (self.scan - self.start) as u64 > limits.line {
                return Err(Fault { kind: ErrorKind::LineLimit, at: self.start });
            }
            self.step = match self.kind {
                b':' => self.integer(byte)?,
                b',' => self.double(byte, buffer)?,
                b'(' => self.big_number(byte)?,
                b'#' => self.boolean(byte)?,
                b'_' => return Err(self.fault(ErrorKind::BadNull)),
                b'.' => return Err(self.fault(ErrorKind::UnexpectedEnd)),
                _ => self.length(byte, limits)?,
            };
            self.scan += 1;
        }
        Ok(None)
    }

    fn fault(&self, kind: ErrorKind) -> Fault {
        Fault { kind, at: self.scan }
    }

    /// Any bytes but CR and LF.
    fn read_text(&mut self, buffer: &[u8], limits: &Limits) -> Result<(), Fault> {
        let rest = buffer.get(self.scan..).unwrap_or_default();
        let stop = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        if (self.scan + stop - self.start - 1) as u64 > limits.line {
            return Err(Fault { kind: ErrorKind::LineLimit, at: self.start });
        }
        self.scan += stop;
        self.step = Step::Done;
        Ok(())
    }

    fn integer(&mut self, byte: u8) -> Result<Step, Fault> {
        match (self.step, byte) {
            (Step::Start, b'+') => Ok(Step::AfterSign),
            (Step::Start, b'-') => {
                self.negative = true;
                Ok(Step::AfterSign)
            }
            (Step::Start | Step::AfterSign | Step::Digits, b'0'..=b'9') => {
                self.value = self.value * 10 + i128::from(byte - b'0');
                let most = if self.negative { -i128::from(i64::MIN) } else { i128::from(i64::MAX) };
                if self.value > most {
                    return Err(self.fault(ErrorKind::BadInteger));
                }
                Ok(Step::Digits)
            }
            _ => Err(self.fault(ErrorKind::BadInteger)),
        }
    }

    fn big_number(&mut self, byte: u8) -> Result<Step, Fault> {
        match (self.step, byte) {
            (Step::Start, b'+' | b'-') => Ok(Step::AfterSign),
            (Step::Start | Step::AfterSign | Step::Digits, b'0'..=b'9') => Ok(Step::Digits),
            _ => Err(self.fault(ErrorKind::BadBigNumber)),
        }
    }

    fn boolean(&mut self, byte: u8) -> Result<Step, Fault> {
        match (self.step, byte) {
            (Step::Start, b't' | b'f') => {
                self.value = i128::from(byte == b't');
                Ok(Step::Done)
            }
            _ => Err(self.fault(ErrorKind::BadBoolean)),
        }
    }

    fn length(&mut self, byte: u8, limits: &Limits) -> Result<Step, Fault> {
        let most = match self.kind {
            b'$' | b'!' | b'=' | b';' => limits.blob,
            b'%' | b'|' => limits.aggregate / 2,
            _ => limits.aggregate,
        };
        match (self.step, byte) {
            (Step::Start, b'-') if matches!(self.kind, b'$' | b'*') => Ok(Step::MinusOne),
            (Step::MinusOne, b'1') => Ok(Step::NullDone),
            (Step::Start, b'?') if matches!(self.kind, b'$' | b'*' | b'~' | b'%') => Ok(Step::StreamedDone),
            (Step::Start | Step::Digits, b'0'..=b'9') => {
                self.value = self.value * 10 + i128::from(byte - b'0');
                if self.value > i128::from(most) {
                    let kind = match self.kind {
                        b'$' | b'!' | b'=' | b';' => ErrorKind::BlobLimit,
                        _ => ErrorKind::AggregateLimit,
                    };
                    return Err(Fault { kind, at: self.start });
                }
                Ok(Step::Digits)
            }
            _ => Err(self.fault(ErrorKind::BadLength)),
        }
    }

    fn double(&mut self, byte: u8, buffer: &[u8]) -> Result<Step, Fault> {
        let step = match (self.step, byte) {
            (Step::Start, b'+') => Step::AfterPlus,
            (Step::Start, b'-') => Step::AfterSign,
            (Step::Start | Step::AfterSign | Step::AfterPlus | Step::Digits, b'0'..=b'9') => {
                self.significant |= byte != b'0';
                Step::Digits
            }
            (Step::Digits, b'.') => Step::Point,
            (Step::Point | Step::Fraction, b'0'..=b'9') => {
                self.significant |= byte != b'0';
                Step::Fraction
            }
            (Step::Digits | Step::Fraction, b'e' | b'E') => Step::Exponent,
            (Step::Exponent, b'+' | b'-') => Step::ExponentSign { negative: byte == b'-' },
            (Step::Exponent, b'0'..=b'9') => self.exponent(byte, false, false, buffer)?,
            (Step::ExponentSign { negative }, b'0'..=b'9') => self.exponent(byte, negative, false, buffer)?,
            (Step::ExponentDigits { negative, significant }, b'0'..=b'9') => {
                self.exponent(byte, negative, significant, buffer)?
            }
            (Step::Start | Step::AfterSign, b'i') => Step::Inf(1),
            (Step::Inf(1), b'n') => Step::Inf(2),
            (Step::Inf(2), b'f') => Step::Done,
            (Step::Start | Step::AfterSign, b'n' | b'N') => Step::Nan(1, byte == b'N'),
            (Step::Nan(1, false), b'a') | (Step::Nan(2, false), b'n') => self.nan(false),
            (Step::Nan(1, true), b'A') | (Step::Nan(2, true), b'N') => self.nan(true),
            (Step::Nan(3, _), b'(') => Step::NanOpen,
            (Step::NanOpen, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_') => Step::NanOpen,
            (Step::NanOpen, b')') => Step::Done,
            _ => return Err(self.fault(ErrorKind::BadDouble)),
        };
        Ok(step)
    }

    fn nan(&self, upper: bool) -> Step {
        match self.step {
            Step::Nan(letters, _) => Step::Nan(letters + 1, upper),
            step => step,
        }
    }

    /// A digit of the exponent. A positive exponent only grows, so that a number that is too large already cannot
    /// become valid; a handful of digits get there, so the trial costs linear time.
    fn exponent(&self, byte: u8, negative: bool, significant: bool, buffer: &[u8]) -> Result<Step, Fault> {
        let significant = significant || byte != b'0';
        if significant && !negative && self.significant {
            let text = buffer.get(self.start + 1..=self.scan).unwrap_or_default();
            if !parse_double(text).is_some_and(f64::is_finite) {
                return Err(self.fault(ErrorKind::BadDouble));
            }
        }
        Ok(Step::ExponentDigits { negative, significant })
    }

    /// Whether the line may end here, at a CR.
    fn check_end(&self, buffer: &[u8]) -> Result<(), Fault> {
        let complete = match self.kind {
            b':' | b'(' => self.step == Step::Digits,
            b',' => match self.step {
                Step::Digits | Step::Fraction | Step::ExponentDigits { .. } => {
                    let text = buffer.get(self.start + 1..self.scan).unwrap_or_default();
                    parse_double(text).is_some_and(f64::is_finite)
                }
                Step::Nan(3, _) | Step::Done => true,
                _ => false,
            },
            b'#' => self.step == Step::Done,
            b'_' | b'.' | b'+' | b'-' => true,
            // A verbatim string has three bytes and a colon at least.
            b'=' => self.step == Step::Digits && self.value >= 4,
            _ => matches!(self.step, Step::Digits | Step::NullDone | Step::StreamedDone),
        };
        if complete {
            return Ok(());
        }
        Err(self.fault(match self.kind {
            b':' => ErrorKind::BadInteger,
            b'(' => ErrorKind::BadBigNumber,
            b',' => ErrorKind::BadDouble,
            b'#' => ErrorKind::BadBoolean,
            b'=' if self.step == Step::Digits => ErrorKind::BadVerbatim,
            _ => ErrorKind::BadLength,
        }))
    }

    fn finish(&self, buffer: &[u8]) -> Line {
        let end = self.scan - 2;
        match self.kind {
            b'+' | b'-' | b'(' => Line::Text { end },
            b':' => {
                let value = if self.negative { -self.value } else { self.value };
                // Checked digit by digit.
                Line::Integer(i64::try_from(value).unwrap_or(i64::MAX))
            }
            b',' => {
                let text = buffer.get(self.start + 1..end).unwrap_or_default();
                Line::Double(parse_double(text).unwrap_or(f64::NAN))
            }
            b'#' => Line::Boolean(self.value != 0),
            b'_' => Line::Null,
            b'.' => Line::End,
            _ => match self.value {
                NULL => Line::Null,
                STREAMED => Line::Streamed,
                // Checked digit by digit against a limit of 64 bits.
                length => Line::Length(u64::try_from(length).unwrap_or(u64::MAX)),
            },
        }
    }
}

const NULL: i128 = -1;
const STREAMED: i128 = -2;

/// The value of a text that the grammar has accepted so far.
fn parse_double(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    match text.strip_prefix('-').unwrap_or(text).as_bytes().first()? {
        b'n' | b'N' => Some(f64::NAN),
        // The standard library rounds correctly and once.
        _ => text.parse().ok(),
    }
}
