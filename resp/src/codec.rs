//! A codec for [tokio-util](https://docs.rs/tokio-util): [`Codec`]. Needs the feature `codec`.

use std::fmt;
use std::io;

use bytes::{Buf, BytesMut};

use crate::{Arguments, DecodeError, Decoder, EncodeError, Encoder, Limits, OwnedValue};

/// Reads replies and pushes as [`OwnedValue`]s, and writes commands.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use futures_util::{SinkExt, StreamExt};
/// use resp::OwnedValue;
/// use resp::codec::Codec;
/// use tokio_util::codec::Framed;
///
/// # let (stream, mut server) = tokio::io::duplex(64);
/// # tokio::io::AsyncWriteExt::write_all(&mut server, b":1\r\n").await?;
/// // `stream` is a TcpStream, for instance.
/// let mut connection = Framed::new(stream, Codec::default());
/// connection.send(("EXPIRE", "key", 60)).await?;
/// assert_eq!(connection.next().await.transpose()?, Some(OwnedValue::Integer(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `send` writes at once. To send several commands in one write, `feed` them and flush once. The sink takes
/// commands as well as values, so a call of `flush` must name one of these types; either will do:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use futures_util::SinkExt;
/// use resp::OwnedValue;
/// use resp::codec::Codec;
/// use tokio_util::codec::FramedWrite;
///
/// let mut sink = FramedWrite::new(Vec::new(), Codec::default());
/// sink.feed(("SET", "key", 5)).await?;
/// sink.feed(["GET", "key"]).await?;
/// SinkExt::<OwnedValue>::flush(&mut sink).await?;
/// assert!(sink.get_ref().ends_with(b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"));
/// # Ok::<(), resp::codec::CodecError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A server writes [`OwnedValue`]s with the same codec. If the stream ends in the middle of a frame, that is an
/// [error](CodecError::Cut), not an end. Like every decoder of this crate, it keeps the bytes of an unfinished frame
/// itself: after a call that returns `None`, the buffer that it was given is empty. After a call that returns a
/// value, it holds what follows that value.
#[derive(Debug, Default)]
pub struct Codec {
    decoder: Decoder,
}

impl Codec {
    /// A codec with limits of your own.
    pub fn with_limits(limits: Limits) -> Self {
        Self { decoder: Decoder::with_limits(limits) }
    }
}

impl tokio_util::codec::Decoder for Codec {
    type Item = OwnedValue;
    type Error = CodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<OwnedValue>, CodecError> {
        let mut input = &buffer[..];
        let value = self.decoder.feed(&mut input)?.map(|frame| frame.into_owned());
        let taken = buffer.len() - input.len();
        buffer.advance(taken);
        Ok(value)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<OwnedValue>, CodecError> {
        match (self.decode(buffer)?, self.decoder.frame_start()) {
            (None, Some(offset)) => Err(CodecError::Cut { offset }),
            (value, _) => Ok(value),
        }
    }
}

/// Writes a command.
impl<A: Arguments> tokio_util::codec::Encoder<A> for Codec {
    type Error = CodecError;

    fn encode(&mut self, command: A, buffer: &mut BytesMut) -> Result<(), CodecError> {
        Encoder::new(buffer).command(command);
        Ok(())
    }
}

/// Writes a value.
impl tokio_util::codec::Encoder<OwnedValue> for Codec {
    type Error = CodecError;

    fn encode(&mut self, value: OwnedValue, buffer: &mut BytesMut) -> Result<(), CodecError> {
        Encoder::new(buffer).value(&value)?;
        Ok(())
    }
}

/// Why a connection with a [`Codec`] failed.
///
/// ```
/// use resp::codec::CodecError;
/// use resp::ErrorKind;
///
/// /// Whether another try may do better.
/// fn is_worth_a_retry(error: &CodecError) -> bool {
///     match error {
///         CodecError::Io(_) | CodecError::Cut { .. } => true,
///         CodecError::Decode(error) => {
///             match error.kind {
///                 ErrorKind::UnknownType(_) => eprintln!("the server does not speak RESP: {error}"),
///                 _ => eprintln!("the reply is wrong, or beyond a limit: {error}"),
///             }
///             false
///         }
///         CodecError::Encode(_) | _ => false,
///     }
/// }
/// assert!(is_worth_a_retry(&CodecError::Cut { offset: 0 }));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CodecError {
    /// Reading or writing failed.
    Io(io::Error),
    /// The peer sent bytes that no valid peer sends, or more than the limits allow.
    Decode(DecodeError),
    /// A value cannot be written, and no part of it was.
    Encode(EncodeError),
    /// The stream ended in the middle of a frame.
    Cut {
        /// Where the frame began, counted in bytes from the beginning of the stream.
        offset: u64,
    },
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Decode(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Cut { offset } => {
                write!(f, "the stream ended in the middle of the frame that began at byte {offset}")
            }
        }
    }
}

impl std::error::Error for CodecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::Decode(_) | Self::Encode(_) | Self::Cut { .. } => None,
        }
    }
}

impl From<io::Error> for CodecError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<DecodeError> for CodecError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<EncodeError> for CodecError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}
