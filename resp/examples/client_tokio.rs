//! A client on tokio: pipelining, timeouts, pushes.
//!
//! ```sh
//! cargo run -p realtime-resp --example client_tokio --features codec -- 127.0.0.1:6379
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use resp::codec::{Codec, CodecError};
use resp::{Arguments, OwnedValue};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio_util::codec::Framed;

pub(crate) struct Client {
    connection: Framed<TcpStream, Codec>,
    /// Replies and pushes that came while the other kind was awaited.
    replies: VecDeque<OwnedValue>,
    pushes: VecDeque<OwnedValue>,
}

impl Client {
    /// Connects and sends `hello`: `("HELLO", 3)`, or with a login `("HELLO", 3, "AUTH", user, password)`.
    pub(crate) async fn connect(
        server: impl ToSocketAddrs,
        hello: impl Arguments,
    ) -> Result<Self, CodecError> {
        let connection = Framed::new(TcpStream::connect(server).await?, Codec::default());
        let mut client = Self { connection, replies: VecDeque::new(), pushes: VecDeque::new() };
        client.queue(hello).await?;
        accepted(&client.reply().await?)?;
        Ok(client)
    }

    /// Adds a command to the pipeline. It is sent before the next reply or push is awaited.
    pub(crate) async fn queue(&mut self, command: impl Arguments) -> Result<(), CodecError> {
        self.connection.feed(command).await
    }

    /// Subscribes, when no other reply is awaited. A confirmation is a push and a refusal is a reply, so the reply to a
    /// PING shows which of them came.
    pub(crate) async fn subscribe(&mut self, channel: &str) -> Result<(), CodecError> {
        self.queue(["SUBSCRIBE", channel]).await?;
        self.queue(["PING"]).await?;
        let first = self.reply().await?;
        if first.as_error().is_some() {
            self.reply().await?; // to PING
        }
        accepted(&first)
    }

    /// The next reply, in the order of the commands. An error of the server is a reply, too.
    pub(crate) async fn reply(&mut self) -> Result<OwnedValue, CodecError> {
        self.next(false).await
    }

    /// The next push, for example a message.
    pub(crate) async fn push(&mut self) -> Result<OwnedValue, CodecError> {
        self.next(true).await
    }

    /// Cancel-safe: if a timeout drops it while it waits, nothing is lost. The late reply is then the next one, so drop the
    /// client or await that reply first.
    async fn next(&mut self, is_push: bool) -> Result<OwnedValue, CodecError> {
        SinkExt::<OwnedValue>::flush(&mut self.connection).await?;
        loop {
            let queue = if is_push { &mut self.pushes } else { &mut self.replies };
            if let Some(value) = queue.pop_front() {
                return Ok(value);
            }
            let end = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            let value = self.connection.next().await.ok_or_else(end)??;
            let queue = if value.as_push().is_some() { &mut self.pushes } else { &mut self.replies };
            queue.push_back(value);
        }
    }
}

/// Fails with what the server says, if it refused.
fn accepted(reply: &OwnedValue) -> Result<(), CodecError> {
    match reply.as_error() {
        Some(error) => Err(std::io::Error::other(String::from_utf8_lossy(error)).into()),
        None => Ok(()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:6379".to_owned());
    run(&server).await
}

pub(crate) async fn run(server: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut client = Client::connect(server, ("HELLO", 3)).await?;
    client.queue(("SET", "example:key", 5)).await?;
    client.queue(("INCRBY", "example:key", 2)).await?;
    println!("{}, {}", client.reply().await?, client.reply().await?);
    client.subscribe("example:channel").await?;
    println!("{}", client.push().await?);
    client.queue(("PUBLISH", "example:channel", "hello")).await?;
    println!("{}", tokio::time::timeout(Duration::from_secs(5), client.push()).await??);
    println!("{} heard it", client.reply().await?);
    Ok(())
}
