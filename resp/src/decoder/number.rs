//! Integers and doubles, a byte at a time.

use alloc::string::String;
use core::fmt::Write;

use crate::ErrorKind;

/// An integer after its `:`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Integer {
    negative: bool,
    signed: bool,
    digits: bool,
    value: i64,
}

impl Integer {
    /// Takes one byte of the line that is neither CR nor LF.
    pub(super) fn push(&mut self, byte: u8) -> Result<(), ErrorKind> {
        match byte {
            b'+' | b'-' if !self.signed && !self.digits => {
                self.signed = true;
                self.negative = byte == b'-';
            }
            b'0'..=b'9' => {
                let digit = i64::from(byte - b'0');
                let signed = if self.negative { -digit } else { digit };
                let value = self.value.checked_mul(10).and_then(|value| value.checked_add(signed));
                self.value = value.ok_or(ErrorKind::BadInteger)?;
                self.digits = true;
            }
            _ => return Err(ErrorKind::BadInteger),
        }
        Ok(())
    }

    /// The value, at the CR.
    pub(super) fn end(&self) -> Result<i64, ErrorKind> {
        if self.digits { Ok(self.value) } else { Err(ErrorKind::BadInteger) }
    }
}

/// A big number after its `(`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BigNumber {
    begun: bool,
    digits: bool,
}

impl BigNumber {
    /// Takes one byte of the line that is neither CR nor LF.
    pub(super) fn push(&mut self, byte: u8) -> Result<(), ErrorKind> {
        match byte {
            b'+' | b'-' if !self.begun => {}
            b'0'..=b'9' => self.digits = true,
            _ => return Err(ErrorKind::BadBigNumber),
        }
        self.begun = true;
        Ok(())
    }

    /// Checks that it is complete, at the CR.
    pub(super) fn end(&self) -> Result<(), ErrorKind> {
        if self.digits { Ok(()) } else { Err(ErrorKind::BadBigNumber) }
    }
}

/// How many significant digits of a double are kept. No decimal needs more than 767 to be distinguished from the
/// middle between two neighbouring doubles; of the digits after these, it only matters whether all are zero.
const SIGNIFICANT_DIGITS: usize = 800;
/// A decimal `0.d…` times ten to a power above this is infinite, whatever its digits.
const MAX_EXPONENT: i64 = 309;
/// Beyond this, an exponent counts as infinite; far enough from both ends of `i64` that one digit more and sums stay
/// exact.
const EXPONENT_CEILING: i64 = 1 << 59;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Start,
    Plus,
    Minus,
    Whole,
    Point,
    Fraction,
    E,
    ExponentSign,
    Exponent,
    /// The remaining letters of `inf`.
    Infinity(&'static [u8]),
    /// The remaining letters of `nan` or `NAN`.
    Nan(&'static [u8]),
    /// The parenthesis of `nan(…)`, and whether it is closed.
    NanPayload(bool),
}

/// A double after its `,`. Its digits are collected in a normal form of bounded length, so that neither memory nor
/// the number of trial conversions depends on the length of the line.
#[derive(Debug, Default)]
pub(super) struct Double {
    part: Part,
    negative: bool,
    /// Significant digits, the first of them not zero.
    digits: String,
    /// A digit after those that are kept is not zero.
    sticky: bool,
    /// The value is `0.digits` times ten to this power and to the exponent.
    scale: i64,
    exponent: i64,
    exponent_negative: bool,
    /// Memory for the text that is converted.
    text: String,
}

impl Double {
    /// Prepares for the next double.
    pub(super) fn restart(&mut self) {
        self.part = Part::Start;
        self.negative = false;
        self.digits.clear();
        self.sticky = false;
        self.scale = 0;
        self.exponent = 0;
        self.exponent_negative = false;
    }

    /// Takes one byte of the line that is neither CR nor LF.
    ///
    /// The words are the specification's, and for NaN also those that the printf family writes.
    pub(super) fn push(&mut self, byte: u8) -> Result<(), ErrorKind> {
        self.part = match (self.part, byte) {
            (Part::Start | Part::Plus | Part::Minus | Part::Whole, b'0'..=b'9') => {
                self.digit(byte);
                self.scale += i64::from(!self.digits.is_empty());
                Part::Whole
            }
            (Part::Point | Part::Fraction, b'0'..=b'9') => {
                self.digit(byte);
                self.scale -= i64::from(self.digits.is_empty());
                Part::Fraction
            }
            (Part::E | Part::ExponentSign | Part::Exponent, b'0'..=b'9') => {
                let exponent = (self.exponent * 10 + i64::from(byte - b'0')).min(EXPONENT_CEILING);
                let news = self.part == Part::E || exponent != self.exponent;
                self.exponent = exponent;
                if !self.exponent_negative && news {
                    self.check_range()?;
                }
                Part::Exponent
            }
            (Part::Start, b'+') => Part::Plus,
            (Part::Start, b'-') => {
                self.negative = true;
                Part::Minus
            }
            (Part::Whole, b'.') => Part::Point,
            (Part::Whole | Part::Fraction, b'e' | b'E') => Part::E,
            (Part::E, b'-') => {
                self.exponent_negative = true;
                Part::ExponentSign
            }
            (Part::E, b'+') => {
                self.check_range()?;
                Part::ExponentSign
            }
            (Part::Start | Part::Minus, b'i') => Part::Infinity(b"nf"),
            (Part::Start | Part::Minus, b'n') => Part::Nan(b"an"),
            (Part::Start | Part::Minus, b'N') => Part::Nan(b"AN"),
            (Part::Infinity([next, rest @ ..]), _) if byte == *next => Part::Infinity(rest),
            (Part::Nan([next, rest @ ..]), _) if byte == *next => Part::Nan(rest),
            (Part::Nan([]), b'(') => Part::NanPayload(false),
            (Part::NanPayload(false), b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_') => {
                Part::NanPayload(false)
            }
            (Part::NanPayload(false), b')') => Part::NanPayload(true),
            _ => return Err(ErrorKind::BadDouble),
        };
        Ok(())
    }

    /// The value, at the CR: the double nearest to the decimal.
    pub(super) fn end(&mut self) -> Result<f64, ErrorKind> {
        let value = match self.part {
            Part::Whole | Part::Fraction | Part::Exponent => {
                self.check_range()?;
                self.magnitude()?
            }
            Part::Infinity([]) => f64::INFINITY,
            Part::Nan([]) | Part::NanPayload(true) => f64::NAN,
            _ => return Err(ErrorKind::BadDouble),
        };
        Ok(if self.negative { -value } else { value })
    }

    fn digit(&mut self, byte: u8) {
        if self.digits.len() == SIGNIFICANT_DIGITS {
            self.sticky |= byte != b'0';
        } else if byte != b'0' || !self.digits.is_empty() {
            self.digits.push(char::from(byte));
        }
    }

    fn power(&self) -> i64 {
        if self.exponent_negative { self.scale - self.exponent } else { self.scale + self.exponent }
    }

    /// An error if the number is too large, and will be for any further digits of its exponent.
    fn check_range(&mut self) -> Result<(), ErrorKind> {
        if self.digits.is_empty() || self.power() < MAX_EXPONENT {
            return Ok(());
        }
        if self.power() > MAX_EXPONENT || self.magnitude()?.is_infinite() {
            return Err(ErrorKind::BadDouble);
        }
        Ok(())
    }

    fn magnitude(&mut self) -> Result<f64, ErrorKind> {
        if self.digits.is_empty() {
            return Ok(0.0);
        }
        self.text.clear();
        self.text.push_str("0.");
        self.text.push_str(&self.digits);
        self.text.push_str(if self.sticky { "1e" } else { "e" });
        // Writing to a string can't fail, and the text is a number; an error would be ours, not the peer's.
        write!(self.text, "{}", self.power()).map_err(|_| ErrorKind::BadDouble)?;
        self.text.parse().map_err(|_| ErrorKind::BadDouble)
    }
}
