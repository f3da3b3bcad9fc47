//! The server's side of a session's links: the commands that it got, and its answers, right or wrong.

use std::collections::VecDeque;

use realtime::model::TopicKind;
use resp::{Decoder, Encoder, Value};

use super::act::Reply;
use super::name;
use crate::client::push;

/// Longer than [`super::SMALL_MESSAGE`].
const LARGE: usize = 1000;

/// The server's side of one link.
#[derive(Debug, Default)]
pub(super) struct Peer {
    decoder: Decoder,
    commands: VecDeque<Vec<Vec<u8>>>,
    resp3: bool,
    subscriptions: usize,
    in_transaction: Option<usize>,
    /// How often it was asked for its role.
    roles: usize,
    /// The server sent something else than whole answers to its commands.
    pub(super) out_of_step: bool,
}

impl Peer {
    /// The session wrote these bytes. Whatever its input, it speaks RESP.
    pub(super) fn written(&mut self, mut bytes: &[u8]) {
        loop {
            match self.decoder.feed(&mut bytes) {
                Ok(None) => return,
                Ok(Some(frame)) => {
                    let Value::Array(words) = frame.value() else { panic!("not a command: {frame:?}") };
                    let words: Vec<_> = words
                        .map(|word| match word.value() {
                            Value::BulkString(word) => word.to_vec(),
                            other => panic!("a command with {other:?} in it"),
                        })
                        .collect();
                    assert!(words.first().is_some_and(|name| !name.is_empty()), "a command without a name");
                    self.commands.push_back(words);
                }
                Err(error) => panic!("the session wrote what is not RESP: {error}"),
            }
        }
    }

    /// How many commands wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.commands.len()
    }

    /// The next command's answer, such as it is.
    pub(super) fn answer(&mut self, how: Reply, old_server: bool) -> Vec<u8> {
        let Some(words) = self.commands.pop_front() else { return Vec::new() };
        let mut out = Vec::new();
        match how {
            Reply::Proper => self.proper(&words, old_server, &mut out),
            Reply::Described => {
                out.extend(b"|1\r\n+ttl\r\n:1\r\n");
                self.proper(&words, old_server, &mut out);
            }
            Reply::BehindMessage => {
                self.message(TopicKind::Channel, 0, 1, &mut out);
                self.proper(&words, old_server, &mut out);
            }
            Reply::NoPermission => out.extend(b"-NOPERM no permission\r\n"),
            Reply::Echo => {
                out.extend(b"-ERR unknown command, with args beginning with:");
                for word in &words {
                    out.extend(b" '");
                    out.extend(word.iter().filter(|byte| !b"\r\n".contains(byte)));
                    out.push(b'\'');
                }
                out.extend(b"\r\n");
            }
            Reply::Loading => out.extend(b"-LOADING Redis is loading the dataset in memory\r\n"),
            Reply::Moved => out.extend(b"-MOVED 1 10.0.0.2:6379\r\n"),
            Reply::Null => out.extend(if self.resp3 { &b"_\r\n"[..] } else { b"$-1\r\n" }),
            Reply::Integer => out.extend(b":1\r\n"),
            Reply::Interrupted => {
                out.extend(b"*2\r\n:1\r\n");
                self.message(TopicKind::Channel, 0, 1, &mut out);
                out.extend(b":2\r\n");
            }
            Reply::Streamed => {
                Encoder::new(&mut out).streamed_string().chunk(b"ab").chunk(b"c").end_chunks();
            }
            Reply::Large => {
                Encoder::new(&mut out).bulk_string(&[b'x'; LARGE]);
            }
            Reply::Half => {
                if let Some((kind, [first, ..])) = words.split_first().filter(|_| is_wish(&words)) {
                    self.confirm(&kind.to_ascii_lowercase(), first, &mut out);
                }
                out.extend(b"-NOPERM no permission for the rest\r\n");
            }
            Reply::Silence => {}
        }
        out
    }

    /// Every third time that a connection asks for the role, it has changed.
    fn is_replica(&mut self) -> bool {
        self.roles += 1;
        self.roles % 6 > 2
    }

    fn proper(&mut self, words: &[Vec<u8>], old_server: bool, out: &mut Vec<u8>) {
        let upper = words[0].to_ascii_uppercase();
        let argument = words.get(1).map(Vec::as_slice);
        if is_wish(words) {
            for name in &words[1..] {
                self.confirm(&upper.to_ascii_lowercase(), name, out);
            }
            return;
        }
        let mut encoder = Encoder::new(out);
        match &upper[..] {
            b"HELLO" if old_server => out.extend(b"-ERR unknown command 'HELLO'\r\n"),
            b"HELLO" => {
                self.resp3 = argument == Some(b"3");
                encoder.map(3);
                for (key, value) in [(b"server", b"redis"), (b"versio", b"7.0.1")] {
                    encoder.bulk_string(key).bulk_string(value);
                }
                encoder.bulk_string(b"role").bulk_string(if self.is_replica() {
                    b"replica"
                } else {
                    b"master"
                });
            }
            b"ROLE" => {
                encoder.array(1).bulk_string(if self.is_replica() { b"slave" } else { b"master" });
            }
            b"PING" if !self.resp3 && self.subscriptions > 0 => {
                encoder.array(2).bulk_string(b"pong").bulk_string(argument.unwrap_or_default());
            }
            b"PING" => match argument {
                Some(echo) => {
                    encoder.bulk_string(echo);
                }
                None => out.extend(b"+PONG\r\n"),
            },
            b"MULTI" => {
                self.in_transaction = Some(0);
                out.extend(b"+OK\r\n");
            }
            b"EXEC" => {
                let count = self.in_transaction.take().unwrap_or(0);
                encoder.array(count);
                for _ in 0..count {
                    encoder.integer(1);
                }
            }
            _ if self.in_transaction.is_some() => {
                self.in_transaction = self.in_transaction.map(|count| count + 1);
                out.extend(b"+QUEUED\r\n");
            }
            b"PUBLISH" => {
                encoder.integer(1);
            }
            b"INFO" => {
                encoder.bulk_string(b"# Server\r\nredis_version:5.0.14\r\n");
            }
            b"GET" => {
                encoder.bulk_string(b"value");
            }
            _ => out.extend(b"+OK\r\n"),
        }
    }

    /// A message, in the form of the link's protocol.
    pub(super) fn message(&self, kind: TopicKind, number: u8, size: u8, out: &mut Vec<u8>) {
        let mut encoder = self.push(if kind == TopicKind::Pattern { 4 } else { 3 }, out);
        match kind {
            TopicKind::Channel => encoder.bulk_string(b"message"),
            TopicKind::Pattern => encoder.bulk_string(b"pmessage").bulk_string(name(number)),
            TopicKind::ShardedChannel => encoder.bulk_string(b"smessage"),
        };
        encoder.bulk_string(name(number)).bulk_string(&vec![b'm'; size.into()]);
    }

    /// A confirmation.
    pub(super) fn confirm(&mut self, kind: &[u8], name: &[u8], out: &mut Vec<u8>) {
        let ends = kind.ends_with(b"unsubscribe");
        self.subscriptions =
            if ends { self.subscriptions.saturating_sub(1) } else { self.subscriptions.saturating_add(1) };
        let count = i64::try_from(self.subscriptions).unwrap_or(i64::MAX);
        self.push(3, out).bulk_string(kind).bulk_string(name).integer(count);
    }

    fn push<'a>(&self, count: usize, out: &'a mut Vec<u8>) -> Encoder<'a> {
        push(self.resp3, count, out)
    }
}

/// Whether a command is answered by confirmations.
fn is_wish(words: &[Vec<u8>]) -> bool {
    let subscribe = words[0].to_ascii_lowercase().ends_with(b"subscribe");
    subscribe && words.len() > 1
}
