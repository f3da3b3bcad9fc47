//! A client that only knows bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use fake_redis::{Address, FakeRedis};

use super::LIMIT;
use super::table::command;

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

pub struct Client {
    socket: Socket,
    /// Bytes that were received and not yet expected.
    heard: Vec<u8>,
}

impl Client {
    pub fn connect(server: &FakeRedis) -> Client {
        match server.address() {
            Address::Tcp(port) => Client::tcp(TcpStream::connect(("127.0.0.1", *port)).unwrap()),
            Address::Unix(path) => Client::unix(UnixStream::connect(path).unwrap()),
        }
    }

    pub fn tcp(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { socket: Socket::Tcp(stream), heard: Vec::new() }
    }

    pub fn unix(stream: UnixStream) -> Client {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Client { socket: Socket::Unix(stream), heard: Vec::new() }
    }

    /// Sends bytes; a server that has hung up does not get them.
    pub fn send(&mut self, bytes: &[u8]) {
        match self.try_send(bytes) {
            Err(error) if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                panic!("sending failed: {error}");
            }
            _ => {}
        }
    }

    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(stream) => stream.write_all(bytes),
            Socket::Unix(stream) => stream.write_all(bytes),
        }
    }

    pub fn say(&mut self, words: &str) {
        self.send(&command(words));
    }

    /// Sends words and expects bytes.
    pub fn ask(&mut self, words: &str, expected: &[u8]) {
        self.say(words);
        self.expect(expected, words);
    }

    /// Reads once. 0: the end.
    pub fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 64 * 1024];
        let n = match &mut self.socket {
            Socket::Tcp(stream) => stream.read(&mut buffer),
            Socket::Unix(stream) => stream.read(&mut buffer),
        };
        // The system's own word for a timeout is EAGAIN.
        let n = n.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                io::Error::new(error.kind(), "the server sent nothing more before the timeout")
            }
            _ => error,
        })?;
        self.heard.extend_from_slice(&buffer[..n]);
        Ok(n)
    }

    /// Takes the bytes that were received and not yet expected.
    pub fn take_heard(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.heard)
    }

    /// Everything until the end of the connection.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.read().unwrap() > 0 {}
        std::mem::take(&mut self.heard)
    }

    pub fn expect(&mut self, expected: &[u8], place: &str) {
        loop {
            match compare(expected, &self.heard) {
                Comparison::Same(n) => {
                    self.heard.drain(..n);
                    return;
                }
                Comparison::Different => break,
                Comparison::TooShort => {}
            }
            match self.read() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    eprintln!("{place}: {error}");
                    break;
                }
            }
        }
        panic!("{place}\nexpected: {}\nheard:    {}", expected.escape_ascii(), self.heard.escape_ascii());
    }

    /// Expects the end of the connection, without any bytes before it.
    pub fn expect_end(&mut self, place: &str) {
        let end = self.read();
        assert!(
            self.heard.is_empty() && (matches!(end, Ok(0)) || is_reset(&end)),
            "{place}\nexpected the end, heard: {} {end:?}",
            self.heard.escape_ascii()
        );
    }

    pub fn expect_reset(&mut self) {
        let end = self.read();
        assert!(is_reset(&end), "expected a reset: {end:?}");
    }

    pub fn say_hello_3(&mut self) {
        self.say("HELLO 3");
        let place = "HELLO 3";
        self.expect(b"%7\r\n", place);
        while !self.heard.ends_with(b"modules\r\n*0\r\n") {
            assert!(self.read().unwrap() > 0, "{place}");
        }
        self.heard.clear();
    }

    /// Sends one more command and expects only its answer.
    pub fn expect_nothing_more(mut self, place: &str) {
        let Ok(()) = self.try_send(&command("PING !")) else { return };
        let mut reply = Vec::new();
        while !reply.ends_with(b"$1\r\n!\r\n") {
            match self.read() {
                Ok(n) if n > 0 => {
                    reply.append(&mut self.heard);
                    assert!(
                        b"*2\r\n$4\r\npong\r\n$1\r\n!\r\n".starts_with(&reply)
                            || b"$1\r\n!\r\n".starts_with(&reply)
                            || b"-NOAUTH Authentication required.\r\n".starts_with(&reply)
                            || b"+QUEUED\r\n".starts_with(&reply),
                        "{place}: {}",
                        reply.escape_ascii()
                    );
                    if reply.starts_with(b"-NOAUTH") || reply.starts_with(b"+QUEUED") {
                        return;
                    }
                }
                // The table has the end already.
                _ => break,
            }
        }
    }
}

fn is_reset(outcome: &io::Result<usize>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[derive(Debug, PartialEq, Eq)]
enum Comparison {
    Same(usize),
    TooShort,
    Different,
}

/// Compares received bytes with a template in which `{number}` and `{any}` stand for parts that differ between
/// servers.
fn compare(mut template: &[u8], heard: &[u8]) -> Comparison {
    if !template.contains(&b'{') {
        return match template.len() {
            n if heard.starts_with(template) => Comparison::Same(n),
            _ if template.starts_with(heard) => Comparison::TooShort,
            _ => Comparison::Different,
        };
    }
    let mut at = 0;
    while !template.is_empty() {
        let (fits, rest): (fn(u8) -> bool, &[u8]) = if let Some(rest) = template.strip_prefix(b"{number}") {
            (|byte| byte.is_ascii_digit(), rest)
        } else if let Some(rest) = template.strip_prefix(b"{any}") {
            (|byte| byte != b'\r', rest)
        } else {
            match heard.get(at) {
                None => return Comparison::TooShort,
                Some(byte) if *byte == template[0] => {}
                Some(_) => return Comparison::Different,
            }
            at += 1;
            template = &template[1..];
            continue;
        };
        let run = heard[at..].iter().take_while(|byte| fits(**byte)).count();
        if at + run == heard.len() {
            return Comparison::TooShort;
        }
        at += run;
        template = rest;
    }
    Comparison::Same(at)
}
