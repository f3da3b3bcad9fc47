//! The codec, as tokio-util drives it.
#![cfg(feature = "codec")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

use std::io;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use resp::codec::{Codec, CodecError};
use resp::{ErrorKind, Limits, OwnedValue};
use tokio_util::codec::{FramedRead, FramedWrite};

/// What is read of a stream that ends after these bytes, in pieces of this size.
fn read(input: &[u8], piece: usize, codec: Codec) -> (Vec<OwnedValue>, Option<CodecError>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut stream = FramedRead::new(Pieces { input, piece }, codec);
        let mut values = Vec::new();
        while let Some(value) = stream.next().await {
            match value {
                Ok(value) => values.push(value),
                Err(error) => return (values, Some(error)),
            }
        }
        (values, None)
    })
}

/// Gives so many bytes at a time.
struct Pieces<'a> {
    input: &'a [u8],
    piece: usize,
}

impl tokio::io::AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        let count = self.piece.min(self.input.len()).min(buffer.remaining());
        let (piece, rest) = self.input.split_at(count);
        buffer.put_slice(piece);
        self.input = rest;
        std::task::Poll::Ready(Ok(()))
    }
}

const STREAM: &[u8] = b"+OK\r\n*2\r\n:1\r\n>1\r\n+news\r\n$?\r\n;3\r\nhel\r\n;2\r\nlo\r\n;0\r\n_\r\n";

fn values() -> Vec<OwnedValue> {
    vec![
        OwnedValue::SimpleString(b"OK".to_vec()),
        OwnedValue::Push(vec![OwnedValue::SimpleString(b"news".to_vec())]),
        OwnedValue::Array(vec![1.into(), "hello".into()]),
        OwnedValue::Null,
    ]
}

#[test]
fn any_pieces_give_the_same_values() {
    for piece in 1..=STREAM.len() {
        let (found, error) = read(STREAM, piece, Codec::default());
        assert!(error.is_none(), "{error:?} in pieces of {piece}");
        assert_eq!(found, values(), "in pieces of {piece}");
    }
}

/// Every place at which a stream can be cut: between frames it ends, inside of one it is an error.
#[test]
fn a_cut_stream_is_an_error() {
    let (between, starts) = ([0, 5, STREAM.len() - 3, STREAM.len()], [0, 5, STREAM.len() - 3]);
    for end in 0..=STREAM.len() {
        for piece in [1, 7, 1000] {
            match read(&STREAM[..end], piece, Codec::default()).1 {
                None => assert!(between.contains(&end), "cut at {end}"),
                Some(CodecError::Cut { offset }) => {
                    assert!(!between.contains(&end), "cut at {end}");
                    let start = starts.iter().rev().find(|&&start| start <= end);
                    assert_eq!(Some(&usize::try_from(offset).expect("small")), start, "cut at {end}");
                }
                Some(error) => panic!("{error} when cut at {end}"),
            }
        }
    }
    let error = read(b":1\r\n$5\r\nhel", 3, Codec::default()).1.expect("it is cut");
    assert_eq!(error.to_string(), "the stream ended in the middle of the frame that began at byte 4");
}

/// Other than a decoder of tokio-util's own, or httparse: what it was given of an unfinished frame it has, so that a caller who gives it
/// again, because no value came, has given it twice.
#[test]
fn no_byte_is_given_twice() {
    use tokio_util::codec::Decoder;

    let mut codec = Codec::default();
    let mut buffer = BytesMut::from(&b":1\r\n$5\r\nhel"[..]);
    assert_eq!(codec.decode(&mut buffer).expect("valid"), Some(OwnedValue::Integer(1)));
    assert_eq!(buffer, "$5\r\nhel", "a value leaves what follows it");
    assert_eq!(codec.decode(&mut buffer).expect("valid"), None);
    assert!(buffer.is_empty(), "no value leaves nothing");
    buffer.extend_from_slice(b"lo\r\n");
    assert_eq!(codec.decode(&mut buffer).expect("valid"), Some(OwnedValue::from("hello")));

    let given_again = [&b"$5\r\nhel"[..], b"$5\r\nhello\r\n"];
    let mut codec = Codec::default();
    let values = given_again.map(|input| codec.decode(&mut BytesMut::from(input)).expect("valid as it is"));
    assert_eq!(values, [None, Some(OwnedValue::from("hel$5"))]);
}

#[test]
fn malformed_input_is_an_error_after_what_came_before() {
    let (found, error) = read(b":1\r\n$x\r\n", 2, Codec::default());
    assert_eq!(found, [OwnedValue::Integer(1)]);
    let Some(CodecError::Decode(error)) = error else { panic!("{error:?}") };
    assert_eq!((error.kind, error.offset), (ErrorKind::BadLength, 5));
    let (_, error) = read(b"*1\r\n*1\r\n:1\r\n", 99, Codec::with_limits(Limits::new().with_depth(1)));
    assert!(matches!(error, Some(CodecError::Decode(error)) if error.kind == ErrorKind::DepthLimit));
}

/// As decoders of tokio-util do: a failed read ends the stream with the error of the reader.
#[test]
fn an_error_of_the_reader_is_passed_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let error = runtime.block_on(async {
        let (client, server) = tokio::io::duplex(8);
        drop(server);
        let mut sink = FramedWrite::new(client, Codec::default());
        sink.send(["PING"]).await.expect_err("nobody reads")
    });
    assert!(matches!(error, CodecError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe));
}

#[test]
fn commands_and_values_are_written() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let written = runtime.block_on(async {
        let mut sink = FramedWrite::new(Vec::new(), Codec::default());
        sink.send(("SET", "k", 5)).await.expect("a Vec takes it");
        sink.send(["GET", "k"]).await.expect("a Vec takes it");
        sink.send(OwnedValue::from(1)).await.expect("a Vec takes it");
        let refused = sink.send(OwnedValue::SimpleString(b"a\nb".to_vec())).await;
        assert!(matches!(refused, Err(CodecError::Encode(_))));
        sink.into_inner()
    });
    let expected = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n5\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n:1\r\n";
    assert_eq!(written.escape_ascii().to_string(), expected.escape_ascii().to_string());
}
