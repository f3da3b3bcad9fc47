//! Answers in the terms of every backend.

use resp::{Element, Frame, Limits, Value as Resp};

use crate::model::{Code, Error, Value};

/// What a message may have beside its payload before its frame counts as too large: names and lengths.
const FRAME_OVERHEAD: u64 = 64 << 10;

/// The decoder's limits: what is larger than `max_message_bytes` streams by without being kept.
pub(super) fn limits(max_message_bytes: usize) -> Limits {
    let max = max_message_bytes as u64;
    Limits {
        skip_blobs_over: max,
        skip_frames_over: max.saturating_add(FRAME_OVERHEAD),
        // A message may be of any size that a server lets pass (proto-max-bulk-len can be raised): it is never held.
        blob: u64::MAX,
        frame: u64::MAX,
        ..Limits::default()
    }
}

/// A whole answer.
///
/// # Errors
///
/// The server's error, or `TOOLARGE`.
pub(super) fn reply(frame: &Frame<'_>) -> Result<Value, Error> {
    if frame.is_truncated() {
        return Err(too_large(None));
    }
    answer(frame.value())
}

/// The value of an answer, or of a part of one that stands for it.
///
/// # Errors
///
/// As above.
pub(super) fn answer(value: Resp<'_>) -> Result<Value, Error> {
    match value {
        Resp::SimpleError(text) | Resp::BlobError(text) => Err(server_error(text)),
        value => convert(value),
    }
}

/// As deep as the decoder's limit on depth, which bounds the recursion.
fn convert(value: Resp<'_>) -> Result<Value, Error> {
    Ok(match value {
        Resp::SimpleString(bytes)
        | Resp::BulkString(bytes)
        | Resp::BigNumber(bytes)
        | Resp::VerbatimString { text: bytes, .. } => Value::String(bytes.into()),
        Resp::SimpleError(text) | Resp::BlobError(text) => Value::Error(Box::new(server_error(text))),
        Resp::Integer(n) => Value::Integer(n),
        Resp::Double(n) => Value::Double(n),
        Resp::Boolean(b) => Value::Boolean(b),
        Resp::Null => Value::Null,
        Resp::Array(items) | Resp::Set(items) | Resp::Push(items) => {
            Value::Array(items.map(element).collect::<Result<_, _>>()?)
        }
        Resp::Map(pairs) => {
            let pairs = pairs.map(|(key, value)| Ok((element(key)?, element(value)?)));
            Value::Map(pairs.collect::<Result<_, Error>>()?)
        }
        Resp::Skipped { len } => return Err(too_large(Some(len))),
        other => {
            return Err(Error::sent(
                Code::Unsupported,
                format!("the server answered with an unknown type: {other:?}"),
            ));
        }
    })
}

fn element(element: Element<'_>) -> Result<Value, Error> {
    convert(element.value())
}

fn too_large(len: Option<u64>) -> Error {
    let what =
        len.map_or_else(|| "the answer".to_owned(), |len| format!("a string of {len} bytes in the answer"));
    Error::sent(
        Code::TooLarge,
        format!("{what} is larger than max_message_bytes allows; the command has run"),
    )
}

/// A server's error: its code is the first word, if it looks like one.
pub(super) fn server_error(text: &[u8]) -> Error {
    let end = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
    let (code, rest) = text.split_at(end);
    let is_code = code.first().is_some_and(u8::is_ascii_uppercase)
        && code.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_-".contains(b));
    let (code, message) = match std::str::from_utf8(code) {
        Ok(code) if is_code => (code, rest.trim_ascii_start()),
        _ => ("ERR", text),
    };
    Error::sent(Code::Server(code.into()), String::from_utf8_lossy(message).into_owned())
}
