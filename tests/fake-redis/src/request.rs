//! Requests of clients: arrays of bulk strings.

use resp::{DecodeError, Decoder, ErrorKind, Limits, Value};

/// A command's name and arguments.
pub(crate) type Request = Vec<Vec<u8>>;

/// Limits before a client is authenticated (`PROTO_..._UNAUTH` in Redis's networking.c).
const UNAUTHENTICATED_ARGUMENTS: u64 = 10;
const UNAUTHENTICATED_BYTES: u64 = 16 * 1024;
/// Limits afterwards: `INT_MAX` and `proto-max-bulk-len`.
const ARGUMENTS: u64 = i32::MAX as u64;
const BYTES: u64 = 512 << 20;

/// Reads requests, in pieces of any size. Inline commands are not understood.
#[derive(Debug)]
pub(crate) struct Requests {
    decoder: Decoder,
    /// Bytes since the start, and the end of the current request's first line among them, once it is known.
    offset: u64,
    header_read: bool,
}

/// Not a request: the text of the error to answer with, before the connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProtocolError(pub(crate) String);

impl Requests {
    pub(crate) fn new() -> Requests {
        Requests { decoder: Decoder::new(), offset: 0, header_read: false }
    }

    /// The next whole request. `None`: the input is used up.
    pub(crate) fn next(
        &mut self,
        input: &mut &[u8],
        authenticated: bool,
    ) -> Result<Option<Request>, ProtocolError> {
        self.decoder.set_limits(limits(authenticated));
        loop {
            let piece = *input;
            let mut rest = piece;
            let outcome = match self.decoder.feed(&mut rest) {
                Ok(Some(frame)) => Ok(Some(request(frame.value(), frame.root().attributes().is_empty())?)),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(Some(request)) => {
                    self.offset += (piece.len() - rest.len()) as u64;
                    self.header_read = false;
                    *input = rest;
                    // As in Redis, an empty array is no request and gets no answer.
                    if !request.is_empty() {
                        return Ok(Some(request));
                    }
                }
                Ok(None) => {
                    self.offset += piece.len() as u64;
                    self.header_read |= piece.contains(&b'\n');
                    *input = &[];
                    return Ok(None);
                }
                Err(error) => return Err(self.explain(error, piece, authenticated)),
            }
        }
    }

    /// Redis's words for a malformed request.
    fn explain(&self, error: DecodeError, piece: &[u8], authenticated: bool) -> ProtocolError {
        let seen = usize::try_from(error.offset.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let in_header = !self.header_read && !piece.iter().take(seen).any(|byte| *byte == b'\n');
        let what = if in_header { "multibulk" } else { "bulk" };
        let text = match error.kind {
            ErrorKind::AggregateLimit | ErrorKind::BlobLimit if !authenticated => {
                format!("unauthenticated {what} length")
            }
            ErrorKind::AggregateLimit | ErrorKind::BlobLimit | ErrorKind::BadLength => {
                format!("invalid {what} length")
            }
            ErrorKind::UnknownType(_) if in_header => NO_INLINE_COMMANDS.to_owned(),
            ErrorKind::UnknownType(byte) => expected_bulk(byte),
            ErrorKind::DepthLimit => expected_bulk(b'*'),
            // Redis doesn't check the bytes after a bulk string; here a client that gets them wrong gets an error.
            kind => kind.to_string(),
        };
        ProtocolError(format!("ERR Protocol error: {text}"))
    }
}

const NO_INLINE_COMMANDS: &str = "expected '*', this server takes no inline commands";

fn expected_bulk(byte: u8) -> String {
    format!("expected '$', got '{}'", byte.escape_ascii())
}

fn limits(authenticated: bool) -> Limits {
    let (aggregate, blob) =
        if authenticated { (ARGUMENTS, BYTES) } else { (UNAUTHENTICATED_ARGUMENTS, UNAUTHENTICATED_BYTES) };
    Limits::new().with_depth(1).with_aggregate(aggregate).with_elements(aggregate + 1).with_blob(blob)
}

fn request(value: Value<'_>, plain: bool) -> Result<Request, ProtocolError> {
    let arguments = match value {
        Value::Array(arguments) if plain => arguments,
        Value::Null => return Ok(Vec::new()),
        _ => return Err(ProtocolError(format!("ERR Protocol error: {NO_INLINE_COMMANDS}"))),
    };
    arguments
        .map(|argument| match argument.value() {
            Value::BulkString(bytes) if argument.attributes().is_empty() => Ok(bytes.to_vec()),
            // `$-1`: a request contains no nulls.
            Value::Null => Err(ProtocolError("ERR Protocol error: invalid bulk length".to_owned())),
            other => Err(ProtocolError(format!("ERR Protocol error: {}", expected_bulk(type_byte(&other))))),
        })
        .collect()
}

/// The byte that announces a value of this type.
fn type_byte(value: &Value<'_>) -> u8 {
    match value {
        Value::SimpleString(_) => b'+',
        Value::SimpleError(_) => b'-',
        Value::Integer(_) => b':',
        Value::BulkString(_) | Value::Skipped { .. } => b'$',
        Value::BlobError(_) => b'!',
        Value::VerbatimString { .. } => b'=',
        Value::BigNumber(_) => b'(',
        Value::Double(_) => b',',
        Value::Boolean(_) => b'#',
        Value::Array(_) => b'*',
        Value::Set(_) => b'~',
        Value::Push(_) => b'>',
        Value::Map(_) => b'%',
        _ => b'?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of `bytes`, given whole or byte by byte: the requests, then the error if there is one.
    fn read(bytes: &[u8], authenticated: bool, piece: usize) -> (Vec<Request>, Option<String>) {
        let mut requests = Requests::new();
        let mut found = Vec::new();
        for mut input in bytes.chunks(piece) {
            loop {
                match requests.next(&mut input, authenticated) {
                    Ok(Some(request)) => found.push(request),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error.0)),
                }
            }
        }
        (found, None)
    }

    #[test]
    fn requests_come_out_whole_whatever_the_pieces() {
        let bytes = b"*1\r\n$4\r\nPING\r\n*0\r\n*-1\r\n*2\r\n$4\r\nECHO\r\n$3\r\n\0\r\n\r\n";
        let expected = vec![vec![b"PING".to_vec()], vec![b"ECHO".to_vec(), b"\0\r\n".to_vec()]];
        for piece in [1, 2, 3, 7, bytes.len()] {
            assert_eq!(read(bytes, true, piece), (expected.clone(), None));
        }
    }

    #[test]
    fn malformed_requests_are_refused_in_the_words_of_redis() {
        for (bytes, text) in [
            (b"*x\r\n".as_slice(), "invalid multibulk length"),
            (b"*99999999999999999999\r\n", "invalid multibulk length"),
            (b"*+1\r\n", "invalid multibulk length"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$x\r\n", "invalid bulk length"),
            (b"*1\r\n$536870913\r\n", "invalid bulk length"),
            (b"*1\r\n+PING\r\n", "expected '$', got '+'"),
            (b"*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'"),
            (b"*1\r\n?\r\n", "expected '$', got '?'"),
            (b"*1\r\n$4\r\nPINGxx", "a blob without its line end"),
            (b"PING\r\n", NO_INLINE_COMMANDS),
            (b"+PING\r\n", NO_INLINE_COMMANDS),
        ] {
            for piece in [1, bytes.len()] {
                let expected = Some(format!("ERR Protocol error: {text}"));
                assert_eq!(read(bytes, true, piece), (Vec::new(), expected), "{}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn a_client_that_is_not_authenticated_may_send_little() {
        let long =
            |n: usize| [format!("*1\r\n${n}\r\n").into_bytes(), vec![b'x'; n], b"\r\n".to_vec()].concat();
        let many = |n: usize| [format!("*{n}\r\n"), "$1\r\nx\r\n".repeat(n)].concat().into_bytes();
        let refused = |bytes: &[u8]| read(bytes, false, bytes.len()).1;
        assert_eq!(refused(&many(10)), None);
        assert_eq!(refused(&many(11)).unwrap(), "ERR Protocol error: unauthenticated multibulk length");
        assert_eq!(refused(&long(16384)), None);
        assert_eq!(refused(&long(16385)).unwrap(), "ERR Protocol error: unauthenticated bulk length");
        assert_eq!(read(&many(11), true, 5).1, None);
        assert_eq!(read(&long(16385), true, 4096).1, None);
    }
}
