//! A blocking client of a few lines, for a script to speak to its server past the module.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use resp::{Decoder, Encoder};

use crate::value::Value;

/// How long an answer may take before the server counts as dead.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs one command on a connection of its own, after `login` if that is not empty.
///
/// # Errors
///
/// No connection, no answer, no RESP, or the server's own error.
pub(super) fn command(port: u16, login: &[&[u8]], words: &[&[u8]]) -> Result<Value, String> {
    let mut connection = Connection::open(port).map_err(|error| format!("127.0.0.1:{port}: {error}"))?;
    if !login.is_empty() {
        connection.ask(login)?;
    }
    connection.ask(words)
}

struct Connection {
    stream: TcpStream,
    decoder: Decoder,
}

impl Connection {
    fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, decoder: Decoder::new() })
    }

    fn ask(&mut self, words: &[&[u8]]) -> Result<Value, String> {
        let mut request = Vec::new();
        Encoder::new(&mut request).command(words.iter().copied());
        self.stream.write_all(&request).map_err(|error| error.to_string())?;
        let mut buffer = [0; 4096];
        loop {
            let count = self.stream.read(&mut buffer).map_err(|error| error.to_string())?;
            if count == 0 {
                return Err("the server closed the connection".to_owned());
            }
            let mut input = &buffer[..count];
            let frame = self.decoder.decode(&mut input).map_err(|error| error.to_string())?;
            if let Some(frame) = frame {
                return convert(frame.value());
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
