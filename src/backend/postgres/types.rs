//! Converts texts of PostgreSQL's types to values. Types are known by their number (OID); other types stay text.

use crate::model::Value;

/// How to convert a type's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `t` or `f`.
    Boolean,
    /// A whole number of up to 64 bits.
    Integer,
    /// A floating-point number.
    Double,
    /// Bytes, as hexadecimal digits or with escapes.
    Bytes,
    /// Stays text: numeric, dates, JSON, identifiers, and all unknown types.
    Text,
}

/// The most dimensions of an array.
const MAX_DEPTH: usize = 6;

/// The kind of a type or of its elements, and whether it is an array.
pub(super) fn kind_of(oid: u32) -> (Kind, bool) {
    // From `SELECT oid, typname, typarray FROM pg_type`: every server has the same numbers.
    match oid {
        16 => (Kind::Boolean, false),
        1000 => (Kind::Boolean, true),
        // int8, int2, int4, oid
        20 | 21 | 23 | 26 => (Kind::Integer, false),
        1016 | 1005 | 1007 | 1028 => (Kind::Integer, true),
        // float4, float8
        700 | 701 => (Kind::Double, false),
        1021 | 1022 => (Kind::Double, true),
        17 => (Kind::Bytes, false),
        1001 => (Kind::Bytes, true),
        // text, varchar, bpchar, name, numeric, uuid, json, jsonb, date, time, timestamp, timestamptz
        1009 | 1015 | 1014 | 1003 | 1231 | 2951 | 199 | 3807 | 1182 | 1183 | 1115 | 1185 => {
            (Kind::Text, true)
        }
        _ => (Kind::Text, false),
    }
}

/// Converts a text of this type. A text that is invalid for the type stays as it is.
pub(super) fn value(oid: u32, text: &[u8]) -> Value {
    match kind_of(oid) {
        (kind, false) => scalar(kind, text),
        (kind, true) => array(kind, text).unwrap_or_else(|| Value::String(text.into())),
    }
}

/// An upper bound for the number of values in an array's text; zero for other types.
pub(super) fn elements(oid: u32, text: &[u8]) -> usize {
    let (_, is_array) = kind_of(oid);
    if is_array { text.iter().filter(|byte| matches!(byte, b'{' | b',')).count() } else { 0 }
}

fn scalar(kind: Kind, text: &[u8]) -> Value {
    let utf8 = || std::str::from_utf8(text).ok();
    let value = match kind {
        Kind::Boolean if text == b"t" || text == b"f" => Some(Value::Boolean(text == b"t")),
        Kind::Integer => utf8().and_then(|text| text.parse().ok()).map(Value::Integer),
        // Rust parses "Infinity", "-Infinity" and "NaN" as PostgreSQL writes them.
        Kind::Double => utf8().and_then(|text| text.parse().ok()).map(Value::Double),
        Kind::Bytes => bytes(text).map(|bytes| Value::String(bytes.into())),
        Kind::Boolean | Kind::Text => None,
    };
    value.unwrap_or_else(|| Value::String(text.into()))
}

/// The bytes of a bytea: `\x` and digits, or, with `bytea_output = escape`, raw bytes with `\\` and `\ooo` for some.
fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8, radix| char::from(byte).to_digit(radix).and_then(|digit| u8::try_from(digit).ok());
    if let Some(digits) = text.strip_prefix(b"\\x") {
        let pairs = digits.chunks(2);
        return pairs.map(|pair| Some(digit(pair[0], 16)? << 4 | digit(*pair.get(1)?, 16)?)).collect();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
        } else if let Some(after) = rest.strip_prefix(b"\\") {
            bytes.push(b'\\');
            rest = after;
        } else {
            let (octal, after) = rest.split_first_chunk::<3>()?;
            let [a, b, c] = octal.map(|byte| digit(byte, 8));
            bytes.push(a?.checked_mul(64)? + b? * 8 + c?);
            rest = after;
        }
    }
    Some(bytes)
}

/// The elements of an array: `{1,NULL,"a \"b\"",{2,3}}`, perhaps with its bounds before: `[0:1]={…}`.
fn array(kind: Kind, text: &[u8]) -> Option<Value> {
    let text = match text.first()? {
        b'[' => &text[text.iter().position(|&byte| byte == b'=')? + 1..],
        _ => text,
    };
    let mut rest = text;
    let value = list(kind, &mut rest, MAX_DEPTH)?;
    rest.is_empty().then_some(value)
}

fn list(kind: Kind, rest: &mut &[u8], depth: usize) -> Option<Value> {
    *rest = rest.strip_prefix(b"{")?;
    let mut items = Vec::new();
    if let Some(after) = rest.strip_prefix(b"}") {
        *rest = after;
        return Some(Value::Array(items));
    }
    loop {
        items.push(match rest.first()? {
            b'{' => list(kind, rest, depth.checked_sub(1)?)?,
            b'"' => scalar(kind, &quoted(rest)?),
            _ => {
                let end = rest.iter().position(|byte| matches!(byte, b',' | b'}'))?;
                let (text, after) = rest.split_at(end);
                *rest = after;
                if text.eq_ignore_ascii_case(b"NULL") { Value::Null } else { scalar(kind, text) }
            }
        });
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        match byte {
            b',' => {}
            b'}' => return Some(Value::Array(items)),
            _ => return None,
        }
    }
}

/// A text in double quotes, in which a backslash escapes the next byte.
fn quoted(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let (mut text, mut at) = (Vec::new(), 1);
    loop {
        match *rest.get(at)? {
            b'"' => {
                *rest = &rest[at + 1..];
                return Some(text);
            }
            b'\\' => {
                text.push(*rest.get(at + 1)?);
                at += 2;
            }
            byte => {
                text.push(byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &[u8]) -> Value {
        Value::String(text.into())
    }

    #[test]
    fn each_type_has_its_value() {
        let list = Value::Array;
        let one_to_three = || vec![Value::Integer(1), Value::Null, Value::Integer(3)];
        let table: &[(u32, &[u8], Value)] = &[
            (16, b"t", Value::Boolean(true)),
            (16, b"f", Value::Boolean(false)),
            (23, b"-7", Value::Integer(-7)),
            (20, b"9223372036854775807", Value::Integer(i64::MAX)),
            (26, b"4294967295", Value::Integer(4_294_967_295)),
            (701, b"1.5e300", Value::Double(1.5e300)),
            (701, b"-Infinity", Value::Double(f64::NEG_INFINITY)),
            (1700, b"12345678901234567890.10", text(b"12345678901234567890.10")),
            (1184, b"2026-01-02 03:04:05.6+00", text(b"2026-01-02 03:04:05.6+00")),
            (3802, b"{\"a\": 1}", text(b"{\"a\": 1}")),
            (17, b"\\x00ff41", text(b"\0\xffA")),
            (17, b"a\\\\b\\000\\377", text(b"a\\b\0\xff")),
            (17, b"\\x0", text(b"\\x0")),
            (17, b"\\777", text(b"\\777")),
            (25, b"t", text(b"t")),
            (99_999, b"mood", text(b"mood")),
            (1007, b"{1,NULL,3}", list(one_to_three())),
            (1007, b"[0:2]={1,NULL,3}", list(one_to_three())),
            (1007, b"{}", list(vec![])),
            (1007, b"{{1,NULL,3},{}}", list(vec![list(one_to_three()), list(vec![])])),
            (
                1009,
                br#"{a,"NULL","b,\"c\\",NULL}"#,
                list(vec![text(b"a"), text(b"NULL"), text(b"b,\"c\\"), Value::Null]),
            ),
            (1001, br#"{"\\x41"}"#, list(vec![text(b"A")])),
            // No server writes these.
            (1007, b"{1,", text(b"{1,")),
            (1007, b"{1}2", text(b"{1}2")),
            (1007, b"{{{{{{{{1}}}}}}}}", text(b"{{{{{{{{1}}}}}}}}")),
            (1009, b"{\"a", text(b"{\"a")),
            (1009, b"", text(b"")),
            (23, b"x", text(b"x")),
        ];
        for (oid, bytes, expected) in table {
            assert_eq!(&value(*oid, bytes), expected, "{oid}: {}", bytes.escape_ascii());
        }
    }
}
