//! A blocking client of a few lines, for a script to speak to its server past the module.

use std::{
    fmt::Display,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use resp::{Decoder, Encoder};

use crate::value::Value;

/// How long an answer may take before the server counts as dead.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Runs one command on a connection of its own, after `login` if that is not empty.
///
/// # Errors
///
/// No connection, no answer, no RESP, or the server's own error.
pub(super) fn command(port: u16, login: &[&[u8]], words: &[&[u8]]) -> Result<Value, String> {
    let mut connection =
        Connection::open(port, PATIENCE).map_err(|error| format!("127.0.0.1:{port}: {error}"))?;
    if !login.is_empty() {
        connection.ask(login).map_err(Failure::into_words)?;
    }
    connection.ask(words).map_err(Failure::into_words)
}

/// Why a command has no result.
pub(super) enum Failure {
    /// The server's own error. The connection goes on.
    Refused(String),
    /// No answer, or no RESP. The connection is of no further use.
    Broken(String),
}

impl Failure {
    pub(super) fn into_words(self) -> String {
        match self {
            Self::Refused(words) | Self::Broken(words) => words,
        }
    }
}

pub(super) struct Connection {
    stream: TcpStream,
    decoder: Decoder,
}

impl Connection {
    pub(super) fn open(port: u16, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { stream, decoder: Decoder::new() })
    }

    pub(super) fn ask(&mut self, words: &[&[u8]]) -> Result<Value, Failure> {
        let mut request = Vec::new();
        Encoder::new(&mut request).command(words.iter().copied());
        let broken = |error: &dyn Display| Failure::Broken(error.to_string());
        self.stream.write_all(&request).map_err(|error| broken(&error))?;
        let mut buffer = [0; 4096];
        loop {
            let count = self.stream.read(&mut buffer).map_err(|error| broken(&error))?;
            if count == 0 {
                return Err(Failure::Broken("the server closed the connection".to_owned()));
            }
            let mut input = &buffer[..count];
            let frame = self.decoder.decode(&mut input).map_err(|error| broken(&error))?;
            if let Some(frame) = frame {
                return convert(frame.value()).map_err(Failure::Refused);
            }
        }
    }
}

fn convert(value: resp::Value<'_>) -> Result<Value, String> {
    Ok(match value {
        resp::Value::SimpleError(text) | resp::Value::BlobError(text) => {
            return Err(String::from_utf8_lossy(text).into_owned());
        }
        #[expect(clippy::cast_precision_loss, reason = "as the game's Lua has it")]
        resp::Value::Integer(number) => Value::Number(number as f64),
        resp::Value::Double(number) => Value::Number(number),
        resp::Value::Boolean(boolean) => boolean.into(),
        resp::Value::Array(items) | resp::Value::Set(items) | resp::Value::Push(items) => {
            Value::List(items.map(|item| convert(item.value())).collect::<Result<_, _>>()?)
        }
        other => other.as_bytes().map(<[u8]>::to_vec).into(),
    })
}
