//! What lines look like, as regular expressions.

use regex::bytes::Regex;
use resp::ErrorKind;

/// What a complete line of each kind looks like.
pub(crate) struct Grammar {
    integer: Regex,
    double: Regex,
    big_number: Regex,
}

impl Grammar {
    pub(crate) fn new() -> Self {
        let regex = |text| Regex::new(text).expect("a regex");
        Self {
            integer: regex(r"^[+-]?[0-9]+$"),
            double: regex(
                r"^([+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|-?inf|-?(nan|NAN)(\([0-9A-Za-z_]*\))?)$",
            ),
            big_number: regex(r"^[+-]?[0-9]+$"),
        }
    }

    pub(super) fn integer(&self, text: &[u8]) -> Option<i64> {
        let text = self.integer.is_match(text).then(|| std::str::from_utf8(text).expect("digits"))?;
        text.parse().ok()
    }

    pub(super) fn double(&self, text: &[u8]) -> Option<f64> {
        let text = self.double.is_match(text).then(|| std::str::from_utf8(text).expect("ASCII"))?;
        if text.to_ascii_lowercase().contains("nan") {
            return Some(f64::NAN);
        }
        let number: f64 = text.parse().ok()?;
        (number.is_finite() || text.ends_with("inf")).then_some(number)
    }

    /// Whether `text` is a whole line of this kind.
    pub(super) fn complete(&self, kind: u8, text: &[u8]) -> bool {
        match kind {
            b'+' | b'-' => true,
            b':' => self.integer(text).is_some(),
            b',' => self.double(text).is_some(),
            b'(' => self.big_number.is_match(text),
            b'#' => text == b"t" || text == b"f",
            b'_' | b'.' => text.is_empty(),
            b'$' | b'*' if text == b"-1" || text == b"?" => true,
            b'~' | b'%' if text == b"?" => true,
            b'=' => digits(text).is_some_and(|n| n >= 4),
            _ => digits(text).is_some(),
        }
    }

    /// Whether some ending makes `text` a whole line of this kind.
    pub(super) fn possible(&self, kind: u8, text: &[u8]) -> bool {
        let endings = [
            "", "0", "1", "4", "9", "t", ".0", "e-99999", "E0", "-99999", "99999", "inf", "nf", "f", "nan",
            "an", "n", "NAN", "AN", "N", ")", "-1", "?",
        ];
        endings.iter().any(|ending| self.complete(kind, &[text, ending.as_bytes()].concat()))
    }
}

pub(super) fn digits(text: &[u8]) -> Option<u64> {
    let all = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    all.then(|| std::str::from_utf8(text).expect("digits"))?.parse().ok()
}

/// The error of a line that cannot go on, or end, where it does.
pub(super) fn kind_of_fault(kind: u8, text: &[u8], ended: bool) -> ErrorKind {
    match kind {
        b':' => ErrorKind::BadInteger,
        b',' => ErrorKind::BadDouble,
        b'(' => ErrorKind::BadBigNumber,
        b'#' => ErrorKind::BadBoolean,
        b'_' => ErrorKind::BadNull,
        b'.' => ErrorKind::UnexpectedEnd,
        b'=' if ended && digits(text).is_some() => ErrorKind::BadVerbatim,
        _ => ErrorKind::BadLength,
    }
}
