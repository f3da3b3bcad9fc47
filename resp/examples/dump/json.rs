//! Frames as JSON, one object a line. Nothing here recurses, so nesting costs no stack.

use std::fmt::Write;

use resp::{Element, Frame, Items, Pairs, Value};

/// A part that is still to be written.
enum Work<'a> {
    Text(&'static str),
    Element(Element<'a>),
    Items { items: Items<'a>, first: bool },
    Pairs { pairs: Pairs<'a>, first: bool },
}

/// One JSON object, without a line end.
pub(crate) fn frame(frame: &Frame<'_>) -> String {
    let mut out = String::new();
    let mut work = vec![Work::Element(frame.root())];
    while let Some(next) = work.pop() {
        match next {
            Work::Text(text) => out.push_str(text),
            Work::Element(element) => element_begins(&mut out, &mut work, element),
            Work::Items { mut items, first } => {
                if let Some(item) = items.next() {
                    out.push_str(if first { "" } else { "," });
                    work.push(Work::Items { items, first: false });
                    work.push(Work::Element(item));
                }
            }
            Work::Pairs { mut pairs, first } => {
                if let Some((key, value)) = pairs.next() {
                    out.push_str(if first { "[" } else { ",[" });
                    work.push(Work::Pairs { pairs, first: false });
                    work.push(Work::Text("]"));
                    work.push(Work::Element(value));
                    work.push(Work::Text(","));
                    work.push(Work::Element(key));
                }
            }
        }
    }
    out
}

fn element_begins<'a>(out: &mut String, work: &mut Vec<Work<'a>>, element: Element<'a>) {
    let value = element.value();
    out.push_str("{\"type\":\"");
    out.push_str(name(&value));
    out.push('"');
    work.push(Work::Text("}"));
    let attributes = element.attributes();
    if !attributes.is_empty() {
        work.push(Work::Text("]"));
        work.push(Work::Pairs { pairs: attributes, first: true });
        work.push(Work::Text(",\"attributes\":["));
    }
    if element.is_streamed() {
        work.push(Work::Text(",\"streamed\":true"));
    }
    if let Value::VerbatimString { format, .. } = value {
        out.push_str(",\"format\":");
        string(out, &format);
    }
    if matches!(value, Value::Null) {
        return;
    }
    out.push_str(",\"value\":");
    match value {
        Value::SimpleString(bytes)
        | Value::SimpleError(bytes)
        | Value::BulkString(bytes)
        | Value::BlobError(bytes)
        | Value::BigNumber(bytes)
        | Value::VerbatimString { text: bytes, .. } => string(out, bytes),
        Value::Integer(n) => out.push_str(&n.to_string()),
        Value::Double(n) => double(out, n),
        Value::Boolean(b) => out.push_str(if b { "true" } else { "false" }),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            out.push('[');
            work.push(Work::Text("]"));
            work.push(Work::Items { items, first: true });
        }
        Value::Map(pairs) => {
            out.push('[');
            work.push(Work::Text("]"));
            work.push(Work::Pairs { pairs, first: true });
        }
        // `Null` has no value; nothing is skipped unless limits ask for it.
        _ => out.push_str("null"),
    }
}

fn name(value: &Value<'_>) -> &'static str {
    match value {
        Value::SimpleString(_) => "simple_string",
        Value::SimpleError(_) => "simple_error",
        Value::Integer(_) => "integer",
        Value::BulkString(_) => "bulk_string",
        Value::BlobError(_) => "blob_error",
        Value::VerbatimString { .. } => "verbatim_string",
        Value::BigNumber(_) => "big_number",
        Value::Double(_) => "double",
        Value::Boolean(_) => "boolean",
        Value::Null => "null",
        Value::Array(_) => "array",
        Value::Set(_) => "set",
        Value::Push(_) => "push",
        Value::Map(_) => "map",
        _ => "skipped",
    }
}

fn double(out: &mut String, number: f64) {
    let text = if number.is_nan() {
        "\"nan\"".to_owned()
    } else if number.is_infinite() {
        (if number > 0.0 { "\"inf\"" } else { "\"-inf\"" }).to_owned()
    } else {
        // The shortest text that reads back the same, as a JSON number.
        format!("{number:?}")
    };
    out.push_str(&text);
}

/// A JSON string, or an object with the bytes in hexadecimal if they are not UTF-8.
fn string(out: &mut String, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        out.push_str("{\"hex\":\"");
        for byte in bytes {
            let _ = write!(out, "{byte:02x}");
        }
        out.push_str("\"}");
        return;
    };
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
