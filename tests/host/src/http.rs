//! The game's `HTTP`: a request on a thread of its own, whose answer the main thread takes at a tick.
//!
//! Only `http://`: the host has no TLS and follows no redirections. Use a local web server, or a proxy before another
//! one.

use std::{
    cell::Cell,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

/// A server that takes longer for any step has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer, so that a server cannot fill the memory.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    /// A host's name or address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The request line, the headers and the body, as they are sent.
    pub(crate) bytes: Vec<u8>,
}

/// The response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The lines of the headers.
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// An answer with the number of its request.
pub(crate) type Answer = (usize, Result<Response, String>);

/// All requests of a run.
#[derive(Debug)]
pub(crate) struct Http {
    tell: Sender<Answer>,
    answers: Receiver<Answer>,
    last: Cell<usize>,
}

impl Default for Http {
    fn default() -> Self {
        let (tell, answers) = mpsc::channel();
        Self { tell, answers, last: Cell::new(0) }
    }
}

impl Http {
    /// Begins a request; its number.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(crate) fn start(&self, request: Request) -> io::Result<usize> {
        let number = self.last.get() + 1;
        self.last.set(number);
        let tell = self.tell.clone();
        thread::Builder::new().name("http".to_owned()).spawn(move || {
            let answer = ask(&request).map_err(|error| error.to_string());
            // If the receiver is gone, the run is over.
            let _sent = tell.send((number, answer));
        })?;
        Ok(number)
    }

    /// An answer that has come.
    pub(crate) fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}

fn ask(request: &Request) -> io::Result<Response> {
    let mut last = io::Error::other("the name has no address");
    for address in (request.host.as_str(), request.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.write_all(&request.bytes)?;
                let mut bytes = Vec::new();
                stream.take(MOST_BYTES).read_to_end(&mut bytes)?;
                return parse(&bytes).ok_or_else(|| io::Error::other("no answer in HTTP"));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// An answer after which the server has closed the connection.
fn parse(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, mut body) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]);
    let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    let status = words.next()?.parse().ok()?;
    let value = |name: &str| {
        headers
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    if value("transfer-encoding").is_some_and(|(_, value)| value.trim().eq_ignore_ascii_case("chunked")) {
        return Some(Response { status, headers: headers.to_owned(), body: chunks(body)? });
    }
    if let Some((_, length)) = value("content-length") {
        // A shorter body is an answer that was cut.
        body = body.get(..length.trim().parse().ok()?)?;
    }
    Some(Response { status, headers: headers.to_owned(), body: body.to_vec() })
}

/// A body in chunks, each after its length in hexadecimal digits.
fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let length = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        for (text, status, body) in [
            ("HTTP/1.1 200 OK\r\n\r\nall", 200, Some("all")),
            ("HTTP/1.0 404\r\ncontent-LENGTH: 2\r\n\r\nab and more", 404, Some("ab")),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
                200,
                Some("abc0123456789"),
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ncut", 0, None),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ncut", 0, None),
            ("SSH-2.0-OpenSSH\r\n\r\n", 0, None),
            ("HTTP/1.1 200 OK\r\n", 0, None),
        ] {
            let found = parse(text.as_bytes()).map(|answer| (answer.status, answer.body));
            assert_eq!(found, body.map(|body| (status, body.as_bytes().to_vec())), "{text}");
        }
    }
}
