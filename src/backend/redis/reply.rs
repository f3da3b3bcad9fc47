//! Converts answers into the values that all backends share.

use resp::{Frame, Limits, Value as Resp};

use super::config::Config;
use super::protocol::MAX_NAME;
use super::texts::server_error;
use crate::model::{Code, Error, Value};

/// An answer, or the server's error.
pub(super) type Reply = Result<Value, Error>;

/// How deep the lists of an answer may nest. Converting an answer recurses that deep.
const MAX_DEPTH: usize = 128;

/// Deeper than any real answer: a script on Redis 7.0 reaches 7,995 levels and then says "reached lua stack limit".
/// Beyond it the connection is given up, because each open level takes memory.
const HARD_DEPTH: usize = 64 << 10;

/// The default limit of a string in Redis (proto-max-bulk-len). A line does not announce its length, so a peer whose
/// line never ends must be given up at some length.
const HARD_LINE: u64 = 512 << 20;

/// The decoder's limits: frames larger than `max_message_bytes`, or nested too deep, are parsed without being kept.
pub(super) fn limits(max_message_bytes: usize) -> Limits {
    let (max, name) = (max_message_bytes as u64, MAX_NAME as u64);
    Limits::new()
        .with_skip_blobs_over(max.max(name))
        // A script can answer with a status or an error of any length, and with lists nested as deep as it likes.
        .with_skip_lines_over(max.max(name))
        .with_line(HARD_LINE)
        .with_skip_depth_over(MAX_DEPTH)
        .with_depth(HARD_DEPTH)
        // A pattern's message has two names; the third share is for the rest of the frame.
        .with_skip_frames_over(max.saturating_add(3 * name))
        // A list may have any length that a server holds: its elements are counted, and the first ones kept.
        .with_aggregate(u64::MAX)
        .with_elements(u64::MAX)
        // A message may have any size that a server accepts (proto-max-bulk-len can be raised): it is never buffered.
        .with_blob(u64::MAX)
        .with_frame(u64::MAX)
}

/// A whole answer, of at most `max` bytes in all of its strings.
///
/// # Errors
///
/// The server's error, or `TOOLARGE`.
pub(super) fn reply(frame: &Frame<'_>, max: usize, config: &Config) -> Result<Value, Error> {
    if frame.is_truncated() {
        let text = format!(
            "the answer is larger than max_message_bytes, or has lists nested deeper than {MAX_DEPTH}; the command has run"
        );
        return Err(Error::sent(Code::TooLarge, text));
    }
    answer(frame.value(), max, config)
}

/// The value of an answer, or of an element of one.
///
/// # Errors
///
/// As above.
pub(super) fn answer(value: Resp<'_>, max: usize, config: &Config) -> Result<Value, Error> {
    match value {
        Resp::SimpleError(text) | Resp::TruncatedError(text) | Resp::BlobError(text) => {
            Err(server_error(text, config))
        }
        value => Converter { left: max, config }.convert(value),
    }
}

/// Converts the values of a frame to owned ones, up to [`MAX_DEPTH`], which bounds the recursion: deeper
/// frames are truncated, and truncated frames do not get here.
struct Converter<'a> {
    /// How many bytes the remaining strings may have.
    left: usize,
    config: &'a Config,
}

impl Converter<'_> {
    fn convert(&mut self, value: Resp<'_>) -> Result<Value, Error> {
        Ok(match value {
            Resp::SimpleString(bytes)
            | Resp::BulkString(bytes)
            | Resp::BigNumber(bytes)
            | Resp::VerbatimString { text: bytes, .. } => {
                self.left = self.left.checked_sub(bytes.len()).ok_or_else(too_large)?;
                Value::String(bytes.into())
            }
            Resp::SimpleError(text) | Resp::TruncatedError(text) | Resp::BlobError(text) => {
                Value::Error(Box::new(server_error(text, self.config)))
            }
            Resp::Integer(n) => Value::Integer(n),
            Resp::Double(n) => Value::Double(n),
            Resp::Boolean(b) => Value::Boolean(b),
            Resp::Null => Value::Null,
            Resp::Array(items) | Resp::Set(items) | Resp::Push(items) => {
                Value::Array(items.map(|item| self.convert(item.value())).collect::<Result<_, _>>()?)
            }
            Resp::Map(pairs) => {
                let pairs =
                    pairs.map(|(key, value)| Ok((self.convert(key.value())?, self.convert(value.value())?)));
                Value::Map(pairs.collect::<Result<_, Error>>()?)
            }
            Resp::Skipped { .. } => return Err(too_large()),
            // Everything that the decoder knows today is above.
            _ => {
                return Err(Error::sent(
                    Code::Unsupported,
                    "the server answered with a type that is not supported",
                ));
            }
        })
    }
}

fn too_large() -> Error {
    Error::sent(Code::TooLarge, "the answer is larger than max_message_bytes; the command has run")
}
