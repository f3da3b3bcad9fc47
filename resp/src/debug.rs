//! `Debug` for frames: the whole content, at any depth, without recursion.

use alloc::vec;
use core::fmt;

use crate::{Element, Frame, Items, Pairs, Value};

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, Work::Element(self.root()))
    }
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, Work::Element(*self))
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, Work::Value(self.clone()))
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, Work::Items(self.clone(), true))
    }
}

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, Work::Pairs(self.clone(), true))
    }
}

/// A part that is still to be written.
enum Work<'a> {
    Text(&'static str),
    Element(Element<'a>),
    Value(Value<'a>),
    /// The remaining elements, and whether none was written yet.
    Items(Items<'a>, bool),
    Pairs(Pairs<'a>, bool),
}

fn show(f: &mut fmt::Formatter<'_>, start: Work<'_>) -> fmt::Result {
    let mut work = vec![start];
    let mut depth = 0;
    while let Some(next) = work.pop() {
        match next {
            Work::Text(text) => f.write_str(text)?,
            Work::Element(element) => {
                work.push(Work::Value(element.value()));
                let attributes = element.attributes();
                if !attributes.is_empty() {
                    f.write_str("|")?;
                    work.push(Work::Text(" "));
                    work.push(Work::Pairs(attributes, true));
                }
            }
            Work::Value(Value::Array(items)) => work.push(Work::Items(items, true)),
            Work::Value(Value::Map(pairs)) => work.push(Work::Pairs(pairs, true)),
            Work::Value(Value::Set(items)) => {
                f.write_str("Set(")?;
                work.extend([Work::Text(")"), Work::Items(items, true)]);
            }
            Work::Value(Value::Push(items)) => {
                f.write_str("Push(")?;
                work.extend([Work::Text(")"), Work::Items(items, true)]);
            }
            Work::Value(value) => scalar(f, &value)?,
            Work::Items(mut items, first) => {
                depth += usize::from(first);
                match items.next() {
                    Some(item) => {
                        begin(f, "[", first, depth)?;
                        work.extend([Work::Items(items, false), Work::Element(item)]);
                    }
                    None => end(f, ["[", "]"], first, &mut depth, items.len())?,
                }
            }
            Work::Pairs(mut pairs, first) => {
                depth += usize::from(first);
                match pairs.next() {
                    Some((key, value)) => {
                        begin(f, "{", first, depth)?;
                        work.extend([Work::Pairs(pairs, false), Work::Element(value), Work::Text(": ")]);
                        work.push(Work::Element(key));
                    }
                    None => end(f, ["{", "}"], first, &mut depth, pairs.len())?,
                }
            }
        }
    }
    Ok(())
}

/// Writes the text before an element.
fn begin(f: &mut fmt::Formatter<'_>, open: &str, first: bool, depth: usize) -> fmt::Result {
    f.write_str(if first { open } else { "," })?;
    if f.alternate() { line(f, depth) } else { f.write_str(if first { "" } else { " " }) }
}

/// Writes the text after the last element. `missing` more were announced and not kept.
fn end(
    f: &mut fmt::Formatter<'_>,
    [open, close]: [&str; 2],
    first: bool,
    depth: &mut usize,
    missing: u64,
) -> fmt::Result {
    if missing > 0 {
        begin(f, open, first, *depth)?;
        write!(f, "{missing} not kept")?;
    } else if first {
        f.write_str(open)?;
    }
    *depth -= 1;
    if f.alternate() && (missing > 0 || !first) {
        f.write_str(",")?;
        line(f, *depth)?;
    }
    f.write_str(close)
}

fn line(f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
    f.write_str("\n")?;
    (0..depth).try_for_each(|_| f.write_str("    "))
}

/// A value that is not an aggregate.
pub(crate) fn scalar(f: &mut fmt::Formatter<'_>, value: &Value<'_>) -> fmt::Result {
    let name = value.kind_name();
    match value {
        Value::SimpleString(text)
        | Value::SimpleError(text)
        | Value::TruncatedError(text)
        | Value::BulkString(text)
        | Value::BlobError(text) => write!(f, "{name}(\"{}\")", text.escape_ascii()),
        Value::VerbatimString { format, text } => {
            write!(f, "{name}({}, \"{}\")", format.escape_ascii(), text.escape_ascii())
        }
        Value::BigNumber(digits) => write!(f, "{name}({})", digits.escape_ascii()),
        Value::Integer(n) => write!(f, "{name}({n})"),
        Value::Double(n) => write!(f, "{name}({n})"),
        Value::Boolean(b) => write!(f, "{name}({b})"),
        Value::Skipped { len } => write!(f, "{name}({len} bytes)"),
        Value::Null | Value::Array(_) | Value::Set(_) | Value::Push(_) | Value::Map(_) => f.write_str(name),
    }
}
