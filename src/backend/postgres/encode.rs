//! Encodes a client's messages. Each command ends with a Sync or is a simple query, so each is answered with one
//! `ReadyForQuery`, and a failed command does not affect the next.

use std::io;

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend::{self, BindError};

use crate::model::Args;

/// The prepared statement that publishes.
const NOTIFY: &str = "notify";
const NOTIFY_SQL: &str = "SELECT pg_catalog.pg_notify($1, $2)";

/// Encodes messages. The buffer is kept and reused, because each message is copied out of it.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    buffer: BytesMut,
}

/// The capacity that the buffer keeps.
const KEEP_BYTES: usize = 64 << 10;

impl Encoder {
    /// Appends what `write` encodes to `out`. It cannot fail: the call has checked names and texts for zeros, and
    /// there are fewer than 65,536 parameters.
    fn put(&mut self, out: &mut Vec<u8>, write: &mut dyn FnMut(&mut BytesMut) -> io::Result<()>) {
        self.buffer.clear();
        if write(&mut self.buffer).is_err() {
            debug_assert!(false, "an argument was let through that cannot be encoded");
            // Nothing is sent in its place. The Sync that follows is answered all the same.
            self.buffer.clear();
        }
        out.extend_from_slice(&self.buffer);
        if self.buffer.capacity() > KEEP_BYTES {
            self.buffer = BytesMut::new();
        }
    }

    /// Asks whether the server speaks TLS.
    pub(super) fn ssl_request(&mut self, out: &mut Vec<u8>) {
        self.put(out, &mut |buffer| {
            frontend::ssl_request(buffer);
            Ok(())
        });
    }

    /// Asks the server to cancel what the process with this key runs.
    pub(super) fn cancel(&mut self, out: &mut Vec<u8>, process: i32, secret: i32) {
        self.put(out, &mut |buffer| {
            frontend::cancel_request(process, secret, buffer);
            Ok(())
        });
    }

    /// The first message: user, database, and the formats of values.
    pub(super) fn startup(&mut self, out: &mut Vec<u8>, parameters: &[(&str, &str)]) {
        self.put(out, &mut |buffer| frontend::startup_message(parameters.iter().copied(), buffer));
    }

    /// A password or its hash.
    pub(super) fn password(&mut self, out: &mut Vec<u8>, password: &[u8]) {
        self.put(out, &mut |buffer| frontend::password_message(password, buffer));
    }

    /// The first message of a SCRAM login.
    pub(super) fn sasl_begin(&mut self, out: &mut Vec<u8>, mechanism: &str, data: &[u8]) {
        self.put(out, &mut |buffer| frontend::sasl_initial_response(mechanism, data, buffer));
    }

    /// The second message of a SCRAM login.
    pub(super) fn sasl_answer(&mut self, out: &mut Vec<u8>, data: &[u8]) {
        self.put(out, &mut |buffer| frontend::sasl_response(data, buffer));
    }

    /// Statements without parameters. They succeed together or not at all.
    pub(super) fn query(&mut self, out: &mut Vec<u8>, sql: &str) {
        self.put(out, &mut |buffer| frontend::query(sql, buffer));
    }

    /// A round trip.
    pub(super) fn sync(&mut self, out: &mut Vec<u8>) {
        self.put(out, &mut |buffer| {
            frontend::sync(buffer);
            Ok(())
        });
    }

    /// Publishes. `is_new`: the statement is not prepared yet. Every message is a transaction of its own, because
    /// PostgreSQL delivers two equal ones in a transaction only once.
    pub(super) fn notify(&mut self, out: &mut Vec<u8>, channel: &[u8], message: &[u8], is_new: bool) {
        self.put(out, &mut |buffer| {
            if is_new {
                // It exists already if an earlier publish prepared it and then failed.
                close(NOTIFY, buffer)?;
                parse(NOTIFY, NOTIFY_SQL, buffer)?;
            }
            bind(NOTIFY, &mut [Some(channel), Some(message)].into_iter(), buffer)?;
            execute(buffer)
        });
        self.sync(out);
    }

    /// Begins a transaction, or ends one.
    pub(super) fn transaction(&mut self, out: &mut Vec<u8>, word: &str) {
        self.put(out, &mut |buffer| {
            parse("", word, buffer)?;
            bind("", &mut std::iter::empty(), buffer)?;
            execute(buffer)
        });
    }

    /// Closes prepared statements. Other messages and a Sync must follow.
    pub(super) fn close(&mut self, out: &mut Vec<u8>, names: &[String]) {
        if !names.is_empty() {
            self.put(out, &mut |buffer| names.iter().try_for_each(|name| close(name, buffer)));
        }
    }

    /// A statement with its parameters. A Sync must follow. `text`: the statement is not prepared yet.
    pub(super) fn statement(&mut self, out: &mut Vec<u8>, name: &str, text: Option<&str>, args: &Args) {
        self.put(out, &mut |buffer| {
            if let Some(text) = text {
                parse(name, text, buffer)?;
            }
            bind(name, &mut args.iter().skip(1), buffer)?;
            frontend::describe(b'P', "", buffer)?;
            execute(buffer)
        });
    }
}

// The crate's functions are generic and would be compiled at each call: these are compiled once.

#[inline(never)]
fn close(statement: &str, buffer: &mut BytesMut) -> io::Result<()> {
    frontend::close(b'S', statement, buffer)
}

#[inline(never)]
fn parse(statement: &str, sql: &str, buffer: &mut BytesMut) -> io::Result<()> {
    frontend::parse(statement, sql, [], buffer)
}

#[inline(never)]
fn execute(buffer: &mut BytesMut) -> io::Result<()> {
    frontend::execute("", 0, buffer)
}

/// Parameters and results are sent as text.
#[inline(never)]
fn bind(
    statement: &str,
    values: &mut dyn Iterator<Item = Option<&[u8]>>,
    buffer: &mut BytesMut,
) -> io::Result<()> {
    let write = |value: Option<&[u8]>, buffer: &mut BytesMut| {
        let Some(bytes) = value else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    };
    frontend::bind("", statement, [], values, write, [], buffer).map_err(|error| match error {
        BindError::Conversion(error) => io::Error::other(error),
        BindError::Serialization(error) => error,
    })
}

/// A name, quoted for SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(encode: impl FnOnce(&mut Encoder, &mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        encode(&mut Encoder::default(), &mut out);
        out.escape_ascii().to_string()
    }

    #[test]
    fn messages_are_these_bytes() {
        let args: Args = {
            let mut args: Args = ["SELECT $1, $2", "7"].iter().collect();
            args.push_null();
            args
        };
        let bind = r"B\x00\x00\x00\x17\x00s1\x00\x00\x00\x00\x02\x00\x00\x00\x017\xff\xff\xff\xff\x00\x00";
        let run = r"D\x00\x00\x00\x06P\x00E\x00\x00\x00\t\x00\x00\x00\x00\x00";
        let parse = r"P\x00\x00\x00\x17s1\x00SELECT $1, $2\x00\x00\x00";
        let close = r"C\x00\x00\x00\x08Ss0\x00";
        let table = [
            (encoded(|it, out| it.ssl_request(out)), r"\x00\x00\x00\x08\x04\xd2\x16/".to_owned()),
            (
                encoded(|it, out| it.startup(out, &[("user", "bob")])),
                r"\x00\x00\x00\x12\x00\x03\x00\x00user\x00bob\x00\x00".to_owned(),
            ),
            (encoded(|it, out| it.sync(out)), r"S\x00\x00\x00\x04".to_owned()),
            (
                encoded(|it, out| it.query(out, "LISTEN \"a\"")),
                r#"Q\x00\x00\x00\x0fLISTEN \"a\"\x00"#.to_owned(),
            ),
            (encoded(|it, out| it.statement(out, "s1", None, &args)), format!("{bind}{run}")),
            (
                encoded(|it, out| {
                    it.close(out, &["s0".to_owned()]);
                    it.statement(out, "s1", Some("SELECT $1, $2"), &args);
                }),
                format!("{close}{parse}{bind}{run}"),
            ),
            (
                encoded(|it, out| it.notify(out, b"chat", b"hi", false)),
                concat!(
                    r"B\x00\x00\x00 \x00notify\x00\x00\x00\x00\x02\x00\x00\x00\x04chat\x00\x00\x00\x02hi\x00\x00",
                    r"E\x00\x00\x00\t\x00\x00\x00\x00\x00S\x00\x00\x00\x04"
                )
                .to_owned(),
            ),
        ];
        for (found, expected) in table {
            assert_eq!(found, expected);
        }
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
