//! Numbers of few digits, for the fast path: one that it cannot read whole is left to the state machine.

/// The end of a line, as a little-endian number.
pub(super) const CRLF: u16 = u16::from_le_bytes(*b"\r\n");
/// The most digits of a length or count on the fast path, so that no arithmetic can overflow.
const MOST_DIGITS: usize = 9;

#[inline(always)]
pub(super) fn digit(byte: u8) -> Option<usize> {
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then_some(usize::from(digit))
}

/// A decimal number without a sign, and how many bytes it takes with its CRLF.
#[inline]
pub(super) fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (at, &byte) in bytes.iter().take(MOST_DIGITS + 1).enumerate() {
        match digit(byte) {
            Some(digit) => value = value * 10 + digit as u64,
            None => return (at > 0 && ends_line(bytes, at)).then_some((value, at + 2)),
        }
    }
    None
}

/// Ten to the power of each number of digits that can follow the point. All are exact.
const POWERS: [f64; DOUBLE_DIGITS] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];
/// A whole number of this many digits is exact in a double.
const DOUBLE_DIGITS: usize = 15;

/// A double of few digits without an exponent, and how many bytes it takes with its CRLF. Both numbers of the
/// division are exact, so its result is the double nearest to the text (Clinger, "How to read floating point numbers
/// accurately", 1990).
#[inline]
pub(super) fn short_double(bytes: &[u8]) -> Option<(f64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let text = &bytes[usize::from(negative)..];
    let (mut digits, mut value, mut before_point) = (0, 0_u64, None);
    for (at, &byte) in text.iter().take(DOUBLE_DIGITS + 2).enumerate() {
        match digit(byte) {
            Some(digit) if digits < DOUBLE_DIGITS => {
                value = value * 10 + digit as u64;
                digits += 1;
            }
            None if byte == b'.' && before_point.is_none() && digits > 0 => before_point = Some(digits),
            None if byte == b'\r' => {
                let behind_point = digits - before_point.unwrap_or(digits);
                let is_whole = digits > 0 && (before_point.is_none() || behind_point > 0);
                if !is_whole || !ends_line(text, at) {
                    return None;
                }
                #[expect(clippy::cast_precision_loss, reason = "no more digits than a double holds")]
                let magnitude = value as f64 / POWERS[behind_point];
                let value = if negative { -magnitude } else { magnitude };
                return Some((value, usize::from(negative) + at + 2));
            }
            _ => return None,
        }
    }
    None
}

/// A number of two to six digits that begins a word, and how many bytes it takes with its CRLF. All digits are
/// converted at once, because the position of the next value does not wait for that.
#[inline(always)]
pub(super) fn short_number(word: u64) -> Option<(u64, usize)> {
    let digits = (2..=6).find(|digits| (word >> (8 * digits)) & 0xffff == u64::from(CRLF))?;
    // Moves the digits to the highest bytes; the bytes below them are zero.
    let ones = (word ^ u64::from_le_bytes(*b"00000000")) << (64 - 8 * digits);
    // A byte above 9 carries into its highest bit.
    if (ones.wrapping_add(0x7676_7676_7676_7676) | ones) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let tens = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let hundreds = (tens * 100 + (tens >> 16)) & 0x0000_ffff_0000_ffff;
    let value = (hundreds * 10_000 + (hundreds >> 32)) & 0xffff_ffff;
    Some((value, digits + 2))
}

/// Any other integer of the fast path.
#[inline(never)]
pub(super) fn long_integer(bytes: &[u8]) -> Option<(u64, usize)> {
    match *bytes {
        [b'-', ref digits @ ..] => number(digits).map(|(value, size)| (value.wrapping_neg(), 1 + size)),
        _ => number(bytes),
    }
}

#[inline]
pub(super) fn ends_line(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n"))
}
