//! Replies, in the terms of RESP3, encoded for each protocol version.

use resp::Encoder;

use crate::failure::Failure;

/// The version that a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The version of every new connection.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

impl Protocol {
    /// 2 or 3.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}

/// Appends one reply to a connection's output, piece by piece.
pub(crate) struct Reply<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> Reply<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Reply<'a> {
        Reply { out, protocol }
    }

    fn encoder(&mut self) -> Encoder<'_> {
        Encoder::new(self.out)
    }

    fn resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    pub(crate) fn ok(&mut self) {
        self.simple("OK");
    }

    /// A status: a text of the server's own, without a line break.
    pub(crate) fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    pub(crate) fn error(&mut self, failure: &Failure) {
        self.line(b'-', failure.as_bytes());
    }

    /// The types whose text the server makes: they never contain a line break.
    fn line(&mut self, kind: u8, text: &[u8]) {
        debug_assert!(!text.contains(&b'\r') && !text.contains(&b'\n'));
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    pub(crate) fn integer(&mut self, number: i64) {
        self.encoder().integer(number);
    }

    pub(crate) fn count(&mut self, number: usize) {
        self.integer(i64::try_from(number).unwrap_or(i64::MAX));
    }

    pub(crate) fn bulk(&mut self, bytes: impl AsRef<[u8]>) {
        self.encoder().bulk_string(bytes.as_ref());
    }

    /// A bulk string, or null.
    pub(crate) fn bulk_or_null(&mut self, bytes: Option<impl AsRef<[u8]>>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    pub(crate) fn null(&mut self) {
        if self.resp3() {
            self.encoder().null();
        } else {
            self.encoder().null_bulk_string();
        }
    }

    /// A null where an array is usual, as for an `EXEC` that did not run.
    pub(crate) fn null_array(&mut self) {
        if self.resp3() {
            self.encoder().null();
        } else {
            self.encoder().null_array();
        }
    }

    pub(crate) fn array(&mut self, elements: usize) {
        self.encoder().array(elements);
    }

    pub(crate) fn set(&mut self, elements: usize) {
        if self.resp3() {
            self.encoder().set(elements);
        } else {
            self.array(elements);
        }
    }

    pub(crate) fn map(&mut self, pairs: usize) {
        if self.resp3() {
            self.encoder().map(pairs);
        } else {
            self.array(pairs * 2);
        }
    }

    /// A push; under RESP2 the same as an array.
    pub(crate) fn push(&mut self, elements: usize) {
        if self.resp3() {
            self.encoder().push(elements);
        } else {
            self.array(elements);
        }
    }

    /// Attributes. RESP2 has none: returns whether they may follow.
    #[must_use]
    pub(crate) fn attribute(&mut self, pairs: usize) -> bool {
        if self.resp3() {
            self.encoder().attribute(pairs);
        }
        self.resp3()
    }

    pub(crate) fn boolean(&mut self, boolean: bool) {
        if self.resp3() {
            self.encoder().boolean(boolean);
        } else {
            self.integer(boolean.into());
        }
    }

    /// A double, in the digits of Redis 7.0.
    pub(crate) fn double(&mut self, number: f64) {
        let text = double_text(number);
        if self.resp3() {
            self.line(b',', text.as_bytes());
        } else {
            self.bulk(text);
        }
    }

    /// A big number: digits of the server's own.
    pub(crate) fn big_number(&mut self, digits: &'static str) {
        if self.resp3() {
            self.line(b'(', digits.as_bytes());
        } else {
            self.bulk(digits);
        }
    }

    pub(crate) fn verbatim(&mut self, text: impl AsRef<[u8]>) {
        if self.resp3() {
            self.encoder().verbatim_string(*b"txt", text.as_ref());
        } else {
            self.bulk(text);
        }
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

/// Digits that C's `%.17g` writes.
const SIGNIFICANT: i32 = 17;
/// The exponents for which it writes no exponent.
const PLAIN: std::ops::Range<i32> = -4..SIGNIFICANT;

/// A double as C's `%.17g` writes it: seventeen significant digits, without zeros at the end.
pub(crate) fn double_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".into() } else { "-inf".into() };
    }
    // Rust's `e` notation rounds to the wanted digits and gives the exponent, which decides the notation.
    let scientific = format!("{number:.16e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let Ok(exponent) = exponent.parse::<i32>() else { return scientific };
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if PLAIN.contains(&exponent) {
        let decimals = usize::try_from(SIGNIFICANT - 1 - exponent).unwrap_or(0);
        trim(&format!("{number:.decimals$}"))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_have_the_digits_of_redis() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (0.1, "0.10000000000000001"),
            (100.0, "100"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e20, "1e+20"),
            (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (-2.5e-7, "-2.4999999999999999e-07"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(double_text(number), text);
        }
    }

    #[test]
    fn each_version_has_its_own_form() {
        let say = |protocol| {
            let mut out = Vec::new();
            let mut reply = Reply::new(&mut out, protocol);
            reply.null();
            reply.null_array();
            reply.map(1);
            reply.set(1);
            reply.push(1);
            reply.boolean(true);
            reply.double(0.5);
            reply.verbatim("hi");
            reply.big_number("12");
            out
        };
        assert_eq!(
            say(Protocol::Resp2),
            b"$-1\r\n*-1\r\n*2\r\n*1\r\n*1\r\n:1\r\n$3\r\n0.5\r\n$2\r\nhi\r\n$2\r\n12\r\n"
        );
        assert_eq!(
            say(Protocol::Resp3),
            b"_\r\n_\r\n%1\r\n~1\r\n>1\r\n#t\r\n,0.5\r\n=6\r\ntxt:hi\r\n(12\r\n"
        );
    }
}
