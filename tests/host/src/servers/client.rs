//! A blocking client of a few lines, for a script to speak to its server past the module.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use resp::{Decoder, Encoder};

use crate::value::Value;

/// How long the server may be silent before it counts as dead. Making a message of 64 MiB takes half a second on an idle
/// machine, ten times as long on a busy one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs one command on a connection of its own, after `login` if that is not empty.
///
/// # Errors
///
/// No connection, no answer, no RESP, or the server's own error.
pub(super) fn command(port: u16, login: &[&[u8]], words: &[&[u8]]) -> Result<Value, String> {
    let mut connection = Connection::open(port, PATIENCE)?;
    if !login.is_empty() {
        connection.ask(login)?;
    }
    connection.ask(words)
}

struct Connection {
    stream: TcpStream,
    server: SocketAddr,
    patience: Duration,
    decoder: Decoder,
}

impl Connection {
    fn open(port: u16, patience: Duration) -> Result<Self, String> {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let open = || {
            let stream = TcpStream::connect_timeout(&server, patience)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            Ok(stream)
        };
        match open() {
            Ok(stream) => Ok(Self { stream, server, patience, decoder: Decoder::new() }),
            Err(error) => Err(failure(server, patience, "accept a connection", &error)),
        }
    }

    fn ask(&mut self, words: &[&[u8]]) -> Result<Value, String> {
        let mut request = Vec::new();
        Encoder::new(&mut request).command(words.iter().copied());
        let name = words.first().map(|name| name.escape_ascii().to_string()).unwrap_or_default();
        let (server, patience) = (self.server, self.patience);
        let failed =
            |did: &str, error: &io::Error| failure(server, patience, &format!("{did} {name}"), error);
        self.stream.write_all(&request).map_err(|error| failed("read", &error))?;
        let mut buffer = [0; 4096];
        loop {
            let count = match self.stream.read(&mut buffer) {
                Ok(0) => return Err(format!("{server} closed the connection instead of answering {name}")),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("answer", &error)),
            };
            let mut input = &buffer[..count];
            let frame = self.decoder.decode(&mut input).map_err(|error| error.to_string())?;
            if let Some(frame) = frame {
                return convert(frame.value());
            }
        }
    }
}

/// What the server did not do, and why. The system's own word for a timeout is EAGAIN, which says nothing.
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

    use super::{Connection, PATIENCE};

    #[test]
    fn a_server_that_does_not_answer_is_named_with_what_it_was_asked() {
        // The system accepts for it.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let mut connection = Connection::open(address.port(), PATIENCE).unwrap();
        connection.patience = Duration::from_millis(1);
        connection.stream.set_read_timeout(Some(connection.patience)).unwrap();
        assert_eq!(
            connection.ask(&[b"CONFIG", b"SET"]).unwrap_err(),
            format!("{address} did not answer CONFIG within 0.001 s: it hangs, or the machine is too busy")
        );
    }
}
