//! Numbers as text.

use std::io::Write;

use crate::model::MAX_EXACT;

/// The double that equals an integer, if there is exactly one.
#[expect(clippy::cast_precision_loss, reason = "within 2^53 nothing is lost")]
pub(super) fn exact(value: i64) -> Option<f64> {
    const MAX: u64 = 1 << f64::MANTISSA_DIGITS;
    (value.unsigned_abs() <= MAX).then_some(value as f64)
}

/// Longest text: a sign, seventeen digits, a point and an exponent.
const CAPACITY: usize = 32;

/// A number as it is sent: plain digits for a whole one, otherwise the shortest text that reads back the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct NumberText {
    buffer: [u8; CAPACITY],
    length: usize,
}

/// Why a number cannot be sent. Each text ends the sentence "number expected, got …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NumberError {
    #[error("NaN")]
    NotANumber,
    #[error("an infinite number")]
    Infinite,
    #[error("a whole number beyond 2^53, which Lua cannot hold exactly; a SteamID64 must be a string")]
    Inexact,
}

impl NumberText {
    /// The text of a number.
    ///
    /// # Errors
    ///
    /// It is not finite, or so large that its digits are not exact.
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    pub(super) fn new(number: f64) -> Result<Self, NumberError> {
        if number.is_nan() {
            return Err(NumberError::NotANumber);
        }
        if number.is_infinite() {
            return Err(NumberError::Infinite);
        }
        let mut buffer = [0; CAPACITY];
        let mut rest = &mut buffer[..];
        let written = if number.fract() == 0.0 {
            if number.abs() > MAX_EXACT {
                return Err(NumberError::Inexact);
            }
            write!(rest, "{}", number as i64)
        } else {
            // Debug gives the shortest text, with an exponent for a number so small that zeros would fill the line.
            write!(rest, "{number:?}")
        };
        debug_assert!(written.is_ok(), "the longest text of a double fits");
        let length = CAPACITY - rest.len();
        Ok(Self { buffer, length })
    }
}

impl AsRef<[u8]> for NumberText {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: f64) -> String {
        String::from_utf8(NumberText::new(number).unwrap().as_ref().to_vec()).unwrap()
    }

    #[test]
    fn whole_numbers_are_plain_digits_and_others_the_shortest_text() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-7.0, "-7"),
            (1e14, "100000000000000"),
            (1e15, "1000000000000000"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (-9_007_199_254_740_992.0, "-9007199254740992"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1.5, "1.5"),
            (-1234.5678, "-1234.5678"),
            (0.001, "0.001"),
            (1e-7, "1e-7"),
            (5e-324, "5e-324"),
            (-2.2250738585072014e-308, "-2.2250738585072014e-308"),
            (4_503_599_627_370_495.5, "4503599627370495.5"),
        ] {
            assert_eq!(text(number), expected, "{number:?}");
            assert_eq!(expected.parse::<f64>().unwrap(), number);
        }
    }

    #[test]
    fn what_has_no_exact_text_is_refused() {
        for (number, expected) in [
            (f64::NAN, NumberError::NotANumber),
            (f64::INFINITY, NumberError::Infinite),
            (f64::NEG_INFINITY, NumberError::Infinite),
            (9_007_199_254_740_994.0, NumberError::Inexact),
            (76_561_197_960_287_930.0, NumberError::Inexact),
            (-1e300, NumberError::Inexact),
        ] {
            assert_eq!(NumberText::new(number).unwrap_err(), expected, "{number:?}");
        }
    }
}
