//! Arguments as numbers.

use crate::failure::Failure;

/// A whole number in Redis's form: no plus sign, no leading zeros, no spaces.
pub(super) fn integer(bytes: &[u8]) -> Result<i64, Failure> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let canonical = bytes == b"0" || matches!(digits.first(), Some(b'1'..=b'9'));
    let text = str::from_utf8(bytes).ok().filter(|_| canonical);
    text.and_then(|text| text.parse().ok()).ok_or(Failure::NOT_AN_INTEGER)
}

/// A number that may have a fraction, or be infinite.
pub(super) fn float(bytes: &[u8]) -> Result<f64, Failure> {
    let text = str::from_utf8(bytes).map_err(|_| Failure::NOT_A_FLOAT)?;
    text.parse().ok().filter(|number: &f64| !number.is_nan()).ok_or(Failure::NOT_A_FLOAT)
}

/// The elements from `start` to `stop`, both included, as Redis counts: negative numbers from the end.
pub(super) fn range(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let len_signed = i64::try_from(len).unwrap_or(i64::MAX);
    let place = |index: i64| if index < 0 { index.saturating_add(len_signed) } else { index };
    let from = usize::try_from(place(start).max(0)).unwrap_or(len);
    let to = usize::try_from(place(stop).saturating_add(1).max(0)).unwrap_or(len).min(len);
    from.min(to)..to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_from_either_end() {
        for (start, stop, expected) in [
            (0, -1, 0..4),
            (1, 2, 1..3),
            (-2, -1, 2..4),
            (-9, 9, 0..4),
            (3, 1, 2..2),
            (9, 12, 4..4),
            (i64::MIN, i64::MAX, 0..4),
        ] {
            assert_eq!(range(start, stop, 4), expected, "{start} {stop}");
        }
    }

    #[test]
    fn integers_have_one_spelling() {
        for (text, number) in [("0", 0), ("-1", -1), ("9223372036854775807", i64::MAX)] {
            assert_eq!(integer(text.as_bytes()), Ok(number));
        }
        for text in ["", "-", "+1", " 1", "1 ", "01", "-0", "1.0", "9223372036854775808", "x"] {
            assert_eq!(integer(text.as_bytes()), Err(Failure::NOT_AN_INTEGER), "{text}");
        }
    }
}
