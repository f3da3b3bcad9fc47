//! The server's side of a client's links: its output, as literal bytes, and how that is cut into reads.

use super::{Client, Resp};

/// How the server's bytes are cut into reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reads {
    /// As the test gives them.
    Whole,
    /// One byte at a time.
    Bytes,
    /// With one cut, at this byte of all that the server ever sends.
    CutAt(usize),
}

impl Client {
    /// Makes the command link and answers its handshake.
    pub(crate) fn handshake(&mut self, resp: Resp) {
        self.connected(0);
        self.hello(resp);
    }

    /// Answers the handshake of the command link, whichever version it begins with. Returns its first command.
    pub(crate) fn hello(&mut self, resp: Resp) -> String {
        self.welcome(resp, b"+PONG\r\n")
    }

    /// The same with this answer to the handshake's PING.
    pub(crate) fn welcome(&mut self, resp: Resp, ping: &[u8]) -> String {
        let first = self.commands(0);
        let (introduction, answers) = match resp {
            Resp::Three => {
                assert_eq!(first[0].split(' ').next(), Some("HELLO"));
                self.server(0, HELLO3);
                (&INTRODUCTION[..], WELCOME)
            }
            Resp::Two => {
                if first[0].starts_with("HELLO") {
                    self.server(0, b"-ERR unknown command 'HELLO'\r\n");
                }
                (&OLD_INTRODUCTION[..], OLD_WELCOME)
            }
        };
        if first[0].starts_with("HELLO") {
            assert_eq!(self.commands(0), introduction);
        }
        let before_ping = answers.strip_suffix(b"+PONG\r\n").expect("PING is the last");
        self.server(0, &[before_ping, ping].concat());
        self.subscriber = u8::from(resp == Resp::Two);
        first.into_iter().next().unwrap_or_default()
    }

    /// Makes the subscriber link, if it is a separate one.
    pub(crate) fn subscriber_up(&mut self) {
        if self.subscriber == 1 {
            self.connected(1);
            assert_eq!(self.commands(1), INTRODUCTION);
            self.server(1, WELCOME);
        }
    }

    /// Makes the link of the subscriptions once more, when its time has come, and answers its handshake.
    pub(crate) fn subscriber_back(&mut self, resp: Resp) {
        self.reconnect(self.subscriber);
        match resp {
            Resp::Three => drop(self.hello(resp)),
            Resp::Two => {
                self.commands(1);
                self.server(1, WELCOME);
            }
        }
    }

    /// The server sends bytes.
    pub(crate) fn server(&mut self, link: u8, bytes: &[u8]) {
        let start = self.sent_by_server;
        self.sent_by_server += bytes.len();
        match self.reads {
            Reads::Whole => self.read(link, bytes),
            Reads::Bytes => bytes.chunks(1).for_each(|byte| self.read(link, byte)),
            Reads::CutAt(at) if (start..self.sent_by_server).contains(&at) => {
                let (head, tail) = bytes.split_at(at - start);
                self.read(link, head);
                self.read(link, tail);
            }
            Reads::CutAt(_) => self.read(link, bytes),
        }
    }

    /// The server sends bytes on the link of the subscriptions: `>` stands for a push, in the form of the protocol.
    pub(crate) fn push(&mut self, bytes: &str) {
        let kind = if self.subscriber == 1 { "*" } else { ">" };
        let link = self.subscriber;
        self.server(link, bytes.replace('>', kind).as_bytes());
    }

    /// The confirmation of a subscription.
    pub(crate) fn confirm(&mut self, what: &str, name: &str) {
        self.push(&format!(">3\r\n${}\r\n{what}\r\n${}\r\n{name}\r\n:1\r\n", what.len(), name.len()));
    }

    /// The answer to the fence with this number.
    pub(crate) fn fence(&mut self, number: u64) {
        let token = format!("realtime:{number}");
        let (link, len) = (self.subscriber, token.len());
        let reply = match link {
            1 => format!("*2\r\n$4\r\npong\r\n${len}\r\n{token}\r\n"),
            _ => format!("${len}\r\n{token}\r\n"),
        };
        self.server(link, reply.as_bytes());
    }

    /// A message on the link of the subscriptions.
    pub(crate) fn message(&mut self, channel: &str, payload: &str) {
        self.push(&format!(
            ">3\r\n$7\r\nmessage\r\n${}\r\n{channel}\r\n${}\r\n{payload}\r\n",
            channel.len(),
            payload.len()
        ));
    }
}

/// Runs a conversation with the server's bytes whole, byte by byte, and cut once at each of them.
pub(crate) fn every_cut(conversation: impl Fn(&mut Client), make: impl Fn() -> Client) {
    let run = |reads| {
        let mut client = make();
        client.reads = reads;
        conversation(&mut client);
        client.sent_by_server
    };
    let total = run(Reads::Whole);
    run(Reads::Bytes);
    for at in 0..total {
        run(Reads::CutAt(at));
    }
}

/// Redis 7's answer to HELLO 3.
pub(crate) const HELLO3: &[u8] = b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n\
    $2\r\nid\r\n:42\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";

pub(crate) const SETINFO: [&str; 2] =
    ["CLIENT SETINFO LIB-NAME realtime", concat!("CLIENT SETINFO LIB-VER ", env!("CARGO_PKG_VERSION"))];

/// A client's commands after its login: under RESP3, and on RESP2's link of the subscriptions.
pub(crate) const INTRODUCTION: [&str; 4] = [SETINFO[0], SETINFO[1], "INFO server", "PING"];
/// The server's answer.
pub(crate) const WELCOME: &[u8] =
    b"+OK\r\n+OK\r\n$47\r\n# Server\r\nredis_version:5.0.14\r\nrun_id:5f0c1e\r\n\r\n+PONG\r\n";

/// The same on RESP2's link of the commands.
pub(crate) const OLD_INTRODUCTION: [&str; 5] = [SETINFO[0], SETINFO[1], "INFO server", "ROLE", "PING"];
pub(crate) const OLD_WELCOME: &[u8] =
    b"+OK\r\n+OK\r\n$47\r\n# Server\r\nredis_version:5.0.14\r\nrun_id:5f0c1e\r\n\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n\
    +PONG\r\n";

/// ROLE's answer on a master.
pub(crate) const MASTER: &[u8] = b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";

/// The answer to a command that checks for life on an idle link of the commands, if this is one: the question for the
/// role, or PING.
pub(crate) fn life(command: &str) -> Option<&'static [u8]> {
    match command {
        "HELLO 3" => Some(HELLO3),
        "ROLE" => Some(MASTER),
        "PING" => Some(b"+PONG\r\n"),
        "CLUSTER INFO" => Some(b"$43\r\ncluster_state:ok\r\ncluster_current_epoch:6\r\n\r\n"),
        _ => None,
    }
}

/// The question for life on the link of the commands.
pub(crate) fn question(resp: Resp) -> &'static str {
    if resp == Resp::Three { "HELLO 3" } else { "ROLE" }
}
