//! Numbers: reads texts to doubles, and writes doubles as text.

use std::io::Write;
use std::str;

use super::refusal::Refusal;
use super::tape::{Node, Span};

/// Up to 2^53, every whole number is exact in a double.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
const MAX_EXACT_TEXT: &[u8] = b"9007199254740992";

/// The powers of ten that are exact in a double.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Any number of this many digits is below 2^53.
const EXACT_DIGITS: usize = 15;

/// Exponents of this size and more are refused, as in LuaJIT's `tonumber`.
const MAX_EXPONENT: usize = 1 << 20;

/// Why no number was read.
#[derive(Debug)]
pub(super) enum NoNumber {
    /// The text is not a number.
    OtherText,
    /// A double cannot hold the number.
    OutOfRange,
}

/// The longest number, in bytes. A number is read in one piece, and four megabytes of digits stopped the game for
/// eight milliseconds.
pub(super) const MAX_BYTES: usize = 16 << 10;

/// Counts the digits from `at` on, and appends them to a number that may wrap around. Stops at one more than
/// [`read_short`] takes.
#[inline]
fn digits(text: &[u8], at: usize, number: &mut i64) -> usize {
    let mut count = 0;
    for &byte in text.get(at..).unwrap_or_default().iter().take(EXACT_DIGITS + 1) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        *number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        count += 1;
    }
    count
}

/// The number at `at`, and the position after it, if it has no exponent and few digits, as most numbers do.
/// Anything may follow: `1.` is a 1 and then a point.
// It returns no node: moving one through memory costs as much as reading the digits.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "fifteen digits are exact")]
pub(super) fn read_short(text: &[u8], at: usize) -> Option<(f64, usize)> {
    let is_negative = text.get(at) == Some(&b'-');
    let first = at + usize::from(is_negative);
    let mut mantissa = 0;
    let whole = digits(text, first, &mut mantissa);
    if whole == 0 || whole > EXACT_DIGITS || (whole > 1 && text[first] == b'0') {
        return None;
    }
    let mut end = first + whole;
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        fraction = digits(text, end + 1, &mut mantissa);
        if fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction > EXACT_DIGITS || matches!(text.get(end), Some(b'e' | b'E')) {
        return None;
    }
    // Both are exact, so the quotient is rounded only once, to the double nearest to the text.
    let value = mantissa as f64 / POWERS[fraction];
    Some((if is_negative { -value } else { value }, end))
}

/// The end of the digits that begin at `at`.
fn end_of_digits(text: &[u8], at: usize) -> usize {
    at + text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// A number of any form at `at`, and the position after it.
#[cold]
pub(super) fn read(text: &[u8], at: usize) -> Result<(Node, usize), NoNumber> {
    let text = &text[..text.len().min(at + MAX_BYTES + 1)];
    let first = at + usize::from(text.get(at) == Some(&b'-'));
    let mut end = end_of_digits(text, first);
    if end == first || (end - first > 1 && text[first] == b'0') {
        return Err(NoNumber::OtherText);
    }
    if text.get(end) == Some(&b'.') {
        let fraction = end_of_digits(text, end + 1);
        if fraction > end + 1 {
            end = fraction;
        }
    }
    let mut exponent = 0;
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let mut digit = end + 1 + sign;
        while let Some(byte @ b'0'..=b'9') = text.get(digit) {
            exponent = (exponent * 10 + usize::from(byte - b'0')).min(MAX_EXPONENT);
            digit += 1;
        }
        if digit > end + 1 + sign {
            end = digit;
        }
    }
    let number = &text[at..end];
    if number.len() > MAX_BYTES {
        return Err(NoNumber::OutOfRange);
    }
    let value = str::from_utf8(number).ok().and_then(|number| number.parse::<f64>().ok());
    match value {
        Some(value) if value.is_finite() && exponent < MAX_EXPONENT => {
            let is_exact =
                value.abs() < MAX_EXACT || number.strip_prefix(b"-").unwrap_or(number) == MAX_EXACT_TEXT;
            Ok((if is_exact { Node::Number(value) } else { Node::Plain(Span::new(at, end)) }, end))
        }
        _ => Err(NoNumber::OutOfRange),
    }
}

/// Smaller numbers are written with an exponent, as by C's `%g`.
const MIN_PLAIN: f64 = 1e-4;

/// Room for the longest text: a sign, seventeen digits, a point and an exponent.
const CAPACITY: usize = 32;

/// Appends the shortest text that reads back as the same number, in the form of C's `%g`.
///
/// # Errors
///
/// JSON cannot express it, or it is a whole number beyond 2^53.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole, positive and within 2^53"
)]
pub(super) fn push(number: f64, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let magnitude = number.abs();
    if magnitude <= MAX_EXACT && magnitude.trunc() == magnitude {
        if number < 0.0 {
            out.push(b'-');
        }
        push_whole(magnitude as u64, out);
        return Ok(());
    }
    if number.is_nan() {
        return Err(Refusal::NotANumber);
    }
    if number.is_infinite() {
        return Err(Refusal::Infinite);
    }
    if magnitude > MAX_EXACT {
        return Err(Refusal::Inexact);
    }
    push_fraction(number, out);
    Ok(())
}

fn push_whole(mut number: u64, out: &mut Vec<u8>) {
    let mut buffer = [0; 16];
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&buffer[at..]);
}

fn push_fraction(number: f64, out: &mut Vec<u8>) {
    let (mut buffer, mut even) = ([0; CAPACITY], [0; CAPACITY]);
    let text = write_fraction(number, None, &mut buffer);
    let text = even_of_two(number, text, &mut even).unwrap_or(text);
    match text {
        // An exponent has at least two digits.
        [mantissa @ .., b'e', b'-', digit] => {
            out.extend_from_slice(mantissa);
            out.extend([b'e', b'-', b'0', *digit]);
        }
        _ => out.extend_from_slice(text),
    }
}

fn write_fraction(number: f64, decimals: Option<usize>, buffer: &mut [u8; CAPACITY]) -> &[u8] {
    let mut rest = &mut buffer[..];
    let written = match (number.abs() < MIN_PLAIN, decimals) {
        (true, None) => write!(rest, "{number:e}"),
        (true, Some(decimals)) => write!(rest, "{number:.decimals$e}"),
        (false, None) => write!(rest, "{number}"),
        (false, Some(decimals)) => write!(rest, "{number:.decimals$}"),
    };
    debug_assert!(written.is_ok(), "the longest text of a double fits");
    let length = CAPACITY - rest.len();
    &buffer[..length]
}

/// For a number halfway between two shortest texts, the one with the even last digit, as C, JavaScript and Python
/// write it. The standard library takes the other one.
fn even_of_two<'a>(number: f64, text: &[u8], buffer: &'a mut [u8; CAPACITY]) -> Option<&'a [u8]> {
    // Two texts can be equally near only if they have all digits of a double, or all but one.
    if text.len() <= EXACT_DIGITS {
        return None;
    }
    let mantissa = text.iter().position(|&byte| byte == b'e').map_or(text, |end| &text[..end]);
    let (last, before) = mantissa.split_last()?;
    let point = before.iter().rposition(|&byte| byte == b'.')?;
    if last % 2 == 0 {
        return None;
    }
    let even = write_fraction(number, Some(before.len() - point), buffer);
    // The doubles below a power of two are closer together than those above: there the other text may read back as a
    // neighbour.
    let is_power_of_two = number.to_bits().trailing_zeros() >= f64::MANTISSA_DIGITS - 1;
    let is_own = || str::from_utf8(even).ok().and_then(|text| text.parse().ok()) == Some(number);
    (!is_power_of_two || is_own()).then_some(even)
}
