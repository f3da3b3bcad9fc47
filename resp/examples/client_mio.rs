//! A client on mio: one command, and messages as they come, without blocking on the socket.
//!
//! ```sh
//! cargo run -p realtime-resp --example client_mio -- 127.0.0.1:6379
//! ```

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use resp::{Arguments, Decoder, Encoder, Frame};

pub(crate) struct Client {
    poll: Poll,
    stream: TcpStream,
    decoder: Decoder,
    /// Encoded commands; the first bytes may be sent already.
    out: Vec<u8>,
    sent: usize,
}

impl Client {
    /// Begins to connect. `hello` is sent first: `("HELLO", 3)`, or with a login `("HELLO", 3, "AUTH", user, password)`.
    pub(crate) fn connect(server: SocketAddr, hello: impl Arguments) -> io::Result<Self> {
        let (poll, mut stream) = (Poll::new()?, TcpStream::connect(server)?);
        poll.registry().register(&mut stream, Token(0), Interest::READABLE | Interest::WRITABLE)?;
        let mut client = Self { poll, stream, decoder: Decoder::new(), out: Vec::new(), sent: 0 };
        client.queue(hello);
        Ok(client)
    }

    /// Adds a command to those that are sent when the socket accepts them.
    pub(crate) fn queue(&mut self, command: impl Arguments) {
        Encoder::new(&mut self.out).command(command);
    }

    /// Waits until something happens and handles it. Replies and pushes go to `on_frame`, whose error ends it. Errors of
    /// the server are replies, too.
    pub(crate) fn turn(
        &mut self,
        timeout: Duration,
        on_frame: &mut dyn FnMut(Frame<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        // Readiness is reported once, so both continue until the socket would block.
        self.write()?;
        let mut events = Events::with_capacity(8);
        match self.poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        self.write()?;
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if would_block(&error) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let mut input = &buffer[..read];
            while let Some(frame) = self.decoder.feed(&mut input).map_err(io::Error::other)? {
                on_frame(frame)?;
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if would_block(&error) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }
}

/// Also true before the connection is made.
fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

fn main() -> io::Result<()> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:6379".to_owned());
    run(&server)
}

pub(crate) fn run(server: &str) -> io::Result<()> {
    let mut client = Client::connect(server.parse().map_err(io::Error::other)?, ("HELLO", 3))?;
    client.queue(("SUBSCRIBE", "example:channel"));
    client.queue(("PUBLISH", "example:channel", "hello"));
    let mut heard = false;
    while !heard {
        client.turn(Duration::from_secs(5), &mut |frame| {
            println!("{frame:?}");
            // A refused HELLO or SUBSCRIBE: no message will come.
            if let Some(error) = frame.value().as_error() {
                return Err(io::Error::other(String::from_utf8_lossy(error)));
            }
            heard |= frame.value().at(2).is_some_and(|payload| payload.as_bytes() == Some(b"hello"));
            Ok(())
        })?;
    }
    Ok(())
}
