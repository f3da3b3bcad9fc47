//! A blocking client: pipelining, timeouts, pushes.
//!
//! ```sh
//! cargo run -p realtime-resp --example client_blocking -- 127.0.0.1:6379
//! ```

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use resp::{Arguments, Decoder, Encoder, OwnedValue};

pub(crate) struct Client {
    stream: TcpStream,
    decoder: Decoder,
    /// Commands that are not sent yet.
    out: Vec<u8>,
    /// Replies and pushes that were read while the other kind was awaited.
    replies: VecDeque<OwnedValue>,
    pushes: VecDeque<OwnedValue>,
}

impl Client {
    /// Connects and sends `hello`: `("HELLO", 3)`, or with a login `("HELLO", 3, "AUTH", user, password)`.
    ///
    /// `timeout` is for each read and each write. After a timeout drop the client: its next reply would be the late one.
    pub(crate) fn connect(
        server: impl ToSocketAddrs,
        timeout: Duration,
        hello: impl Arguments,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let (out, replies, pushes) = (Vec::new(), VecDeque::new(), VecDeque::new());
        let mut client = Self { stream, decoder: Decoder::new(), out, replies, pushes };
        accepted(&client.command(hello)?)?;
        Ok(client)
    }

    /// Adds a command to the pipeline. It is sent before the next reply is read.
    pub(crate) fn queue(&mut self, command: impl Arguments) {
        Encoder::new(&mut self.out).command(command);
    }

    /// Sends a command and waits for its reply.
    pub(crate) fn command(&mut self, command: impl Arguments) -> io::Result<OwnedValue> {
        self.queue(command);
        self.reply()
    }

    /// Subscribes, when no other reply is awaited. A confirmation is a push and a refusal is a reply, so the reply to a
    /// PING shows which of them came.
    pub(crate) fn subscribe(&mut self, channel: &str) -> io::Result<()> {
        self.queue(["SUBSCRIBE", channel]);
        self.queue(["PING"]);
        let first = self.reply()?;
        if first.as_error().is_some() {
            self.reply()?; // to PING
        }
        accepted(&first)
    }

    /// The next reply, in the order of the commands. An error of the server is a reply, too.
    pub(crate) fn reply(&mut self) -> io::Result<OwnedValue> {
        self.wait_for(|client| client.replies.pop_front())
    }

    /// The next push, for example a message.
    pub(crate) fn push(&mut self) -> io::Result<OwnedValue> {
        self.wait_for(|client| client.pushes.pop_front())
    }

    fn wait_for(&mut self, take: fn(&mut Self) -> Option<OwnedValue>) -> io::Result<OwnedValue> {
        self.stream.write_all(&self.out)?;
        self.out.clear();
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(value) = take(self) {
                return Ok(value);
            }
            let read = match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let mut input = &buffer[..read];
            while let Some(frame) = self.decoder.feed(&mut input).map_err(io::Error::other)? {
                let is_push = frame.root().as_push().is_some();
                let queue = if is_push { &mut self.pushes } else { &mut self.replies };
                queue.push_back(frame.into_owned());
            }
        }
    }
}

/// Fails with what the server says, if it refused.
fn accepted(reply: &OwnedValue) -> io::Result<()> {
    match reply.as_error() {
        Some(error) => Err(io::Error::other(String::from_utf8_lossy(error))),
        None => Ok(()),
    }
}

fn main() -> io::Result<()> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:6379".to_owned());
    run(&server)
}

pub(crate) fn run(server: &str) -> io::Result<()> {
    let mut client = Client::connect(server, Duration::from_secs(5), ("HELLO", 3))?;
    client.queue(("SET", "example:key", 5));
    client.queue(("INCRBY", "example:key", 2));
    println!("{}, {}", client.reply()?, client.reply()?);
    client.subscribe("example:channel")?;
    println!("{}", client.push()?);
    client.queue(("PUBLISH", "example:channel", "hello"));
    println!("{}", client.push()?);
    println!("{} heard it", client.reply()?);
    Ok(())
}
