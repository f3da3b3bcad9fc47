//! A small blocking client, with which a script talks to its server without the module.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use resp::{Decoder, Encoder};

use crate::value::Value;

/// How long the server may be silent before it counts as dead. Making a message of 64 MiB takes half a second on an idle
/// machine, ten times as long on a busy one.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs one command on a new connection, after `login` if that is not empty.
///
/// # Errors
///
/// No connection, no answer, an answer that is not RESP, or the server's own error.
pub(super) fn command(port: u16, login: &[&[u8]], words: &[&[u8]]) -> Result<Value, String> {
    let mut connection = Connection::open(port, PATIENCE)?;
    if !login.is_empty() {
        connection.ask(login).map_err(Failure::into_words)?;
    }
    connection.ask(words).map_err(Failure::into_words)
}

/// Why a command has no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server's own error. The connection can be used further.
    Refused(String),
    /// No answer, or no RESP. The connection cannot be used any more.
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
    server: SocketAddr,
    patience: Duration,
    decoder: Decoder,
}

impl Connection {
    pub(super) fn open(port: u16, patience: Duration) -> Result<Self, String> {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let open = || {
            let stream = TcpStream::connect_timeout(&server, patience)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            Ok(stream)
        };
        match open() {
            Ok(stream) => Ok(Self { stream, server, patience, decoder: Decoder::new() }),
            Err(error) => Err(failure(server, patience, "accept a connection", &error)),
        }
    }

    pub(super) fn ask(&mut self, words: &[&[u8]]) -> Result<Value, Failure> {
        let mut request = Vec::new();
        Encoder::new(&mut request).command(words);
        let name = words.first().map(|name| name.escape_ascii().to_string()).unwrap_or_default();
        let (server, patience) = (self.server, self.patience);
        let failed = |did: &str, error: &io::Error| {
            Failure::Broken(failure(server, patience, &format!("{did} {name}"), error))
        };
        self.stream.write_all(&request).map_err(|error| failed("read", &error))?;
        let mut buffer = [0; 4096];
        loop {
            let count = match self.stream.read(&mut buffer) {
                Ok(0) => {
                    return Err(Failure::Broken(format!(
                        "{server} closed the connection instead of answering {name}"
                    )));
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("answer", &error)),
            };
            let mut input = &buffer[..count];
            let frame = self.decoder.feed(&mut input).map_err(|error| Failure::Broken(error.to_string()))?;
            if let Some(frame) = frame {
                return convert(frame.value()).map_err(Failure::Refused);
            }
        }
    }
}

/// What the server failed to do, and why. The system's word for a timeout is EAGAIN, which says nothing.
fn failure(server: SocketAddr, patience: Duration, what: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!(
                "{server} did not {what} within {} s: it hangs, or the machine is too busy",
                patience.as_secs_f64()
            )
        }
        _ => format!("{server} did not {what}: {error}"),
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

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, time::Duration};

    use super::{Connection, Failure, PATIENCE};

    #[test]
    fn a_server_that_does_not_answer_is_named_with_what_it_was_asked() {
        // The system accepts on its behalf.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let mut connection = Connection::open(address.port(), PATIENCE).unwrap();
        connection.patience = Duration::from_millis(1);
        connection.stream.set_read_timeout(Some(connection.patience)).unwrap();
        assert_eq!(
            connection.ask(&[b"CONFIG", b"SET"]).map_err(Failure::into_words).unwrap_err(),
            format!("{address} did not answer CONFIG within 0.001 s: it hangs, or the machine is too busy")
        );
    }
}
