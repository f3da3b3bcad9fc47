//! Another client on the same server, over a connection that is never cut: publishes, and records published messages.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use resp::{Decoder, Encoder, Value};

const PATIENCE: Duration = Duration::from_secs(60);

/// A message as the server passed it on: channel and payload.
pub type Published = (Vec<u8>, Vec<u8>);

pub struct Outside {
    stream: TcpStream,
    decoder: Decoder,
    unread: Vec<u8>,
}

enum Said {
    Message(Published),
    Other,
}

impl Outside {
    pub fn connect(address: SocketAddr, password: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let mut outside = Self { stream, decoder: Decoder::new(), unread: Vec::new() };
        outside.say(&[b"HELLO", b"3", b"AUTH", b"default", password.as_bytes()]);
        assert!(matches!(outside.hear(), Said::Other));
        outside
    }

    /// Records messages published on matching channels, from now on.
    pub fn watch(&mut self, pattern: &str) {
        self.say(&[b"PSUBSCRIBE", pattern.as_bytes()]);
        assert!(matches!(self.hear(), Said::Other));
    }

    pub fn publish(&mut self, channel: &str, payload: &str) {
        self.say(&[b"PUBLISH", channel.as_bytes(), payload.as_bytes()]);
    }

    /// All messages published since `watch`, in the server's order.
    pub fn published(&mut self, pattern: &str, own: usize) -> Vec<Published> {
        self.say(&[b"PUNSUBSCRIBE", pattern.as_bytes()]);
        let mut all = Vec::new();
        // The answers to this client's own publishes, and the confirmation.
        let mut others = own + 1;
        while others > 0 {
            match self.hear() {
                Said::Message(message) => all.push(message),
                Said::Other => others -= 1,
            }
        }
        all
    }

    fn say(&mut self, words: &[&[u8]]) {
        let mut bytes = Vec::new();
        Encoder::new(&mut bytes).command(words);
        self.stream.write_all(&bytes).expect("the server takes it");
    }

    fn hear(&mut self) -> Said {
        let mut buffer = [0; 4096];
        loop {
            let mut input = self.unread.as_slice();
            let frame = self.decoder.feed(&mut input).expect("the server speaks RESP");
            let said = frame.map(|frame| match frame.value() {
                Value::Push(mut items) => {
                    let mut next = || items.next().and_then(|item| item.value().as_bytes());
                    match (next(), next(), next(), next()) {
                        (Some(b"pmessage"), Some(_), Some(channel), Some(payload)) => {
                            Said::Message((channel.into(), payload.into()))
                        }
                        _ => Said::Other,
                    }
                }
                Value::SimpleError(text) => panic!("the server says {}", text.escape_ascii()),
                _ => Said::Other,
            });
            let left = input.len();
            self.unread.drain(..self.unread.len() - left);
            if let Some(said) = said {
                return said;
            }
            let n = self.stream.read(&mut buffer).expect("the server answers within a minute");
            assert!(n > 0, "the server hung up on a connection that nobody cut");
            self.unread.extend_from_slice(&buffer[..n]);
        }
    }
}
