//! Records a real redis-server's answers to this module's handshakes, subscriptions, messages and errors.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

/// A server has sent everything after this time without output.
const QUIET: Duration = Duration::from_millis(150);
const STARTUP: Duration = Duration::from_secs(60);

type Conversation = (&'static str, &'static [&'static str]);

/// The commands on one connection, while another one publishes. Words are separated by spaces.
const CONVERSATIONS: &[Conversation] = &[
    (
        "resp3-pubsub",
        &[
            "HELLO 3 SETNAME ttt-1",
            "CLIENT SETINFO LIB-NAME realtime",
            "CLIENT SETINFO LIB-VER 0.1.0",
            "SUBSCRIBE a b chat",
            "PING realtime:1",
            "PSUBSCRIBE news.*",
            "PING realtime:2",
            "PUBLISH chat hello",
            "UNSUBSCRIBE a",
            "PUNSUBSCRIBE news.*",
            "UNSUBSCRIBE",
        ],
    ),
    (
        "resp2-subscriber",
        &[
            "SUBSCRIBE a chat",
            "PING realtime:1",
            "PSUBSCRIBE news.*",
            "PING",
            "GET a",
            "UNSUBSCRIBE",
            "PUNSUBSCRIBE",
            "PING x",
        ],
    ),
    (
        "resp2-commands",
        &[
            "PING",
            "SET key value",
            "GET key",
            "GET none",
            "INCR n",
            "PUBLISH chat x",
            "LRANGE none 0 -1",
            "HGETALL none",
            "MULTI",
            "INCR n",
            "GET key",
            "EXEC",
        ],
    ),
    (
        "resp3-values",
        &[
            "HELLO 3",
            "DEBUG PROTOCOL attrib",
            "DEBUG PROTOCOL map",
            "DEBUG PROTOCOL set",
            "DEBUG PROTOCOL double",
            "DEBUG PROTOCOL bignum",
            "DEBUG PROTOCOL null",
            "DEBUG PROTOCOL true",
            "DEBUG PROTOCOL verbatim",
            "DEBUG PROTOCOL push",
            "DEBUG PROTOCOL array",
            "DEBUG PROTOCOL integer",
            "COMMAND INFO get",
        ],
    ),
    (
        "errors",
        &[
            "HELLO 4",
            "NONSENSE a b",
            "GET",
            "AUTH wrong",
            "HELLO 3 AUTH nobody wrong",
            "LPUSH key x",
            "INCR key",
            "EXEC",
            "EVAL return 1 0",
            "SELECT 99",
            "MULTI",
            "NONSENSE",
            "EXEC",
        ],
    ),
    ("interrupted", &["HELLO 3", "SUBSCRIBE chat", "MULTI", "PUBLISH chat inside", "INCR n", "EXEC"]),
];

/// A server, ended with this value.
struct Server {
    child: Child,
    folder: std::path::PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; nothing depends on it any more.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Every conversation's name and the bytes that the server sent in it.
pub(crate) fn record() -> Vec<(String, Vec<u8>)> {
    CONVERSATIONS.iter().map(|(name, words)| (format!("{name}.resp"), converse(words))).collect()
}

fn converse(commands: &[&str]) -> Vec<u8> {
    let folder = env::temp_dir().join(format!("realtime-seeds-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder for the server");
    let socket = folder.join("socket");
    let child = Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--enable-debug-command", "yes", "--unixsocket"])
        .arg(&socket)
        .arg("--dir")
        .arg(&folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server runs");
    let server = Server { child, folder };
    let mut client = connect(&socket);
    let mut publisher = connect(&socket);
    let mut heard = Vec::new();
    for command in commands {
        let words: Vec<_> = command.split(' ').collect();
        send(&mut client, &words);
        heard.extend(listen(&mut client));
        send(&mut publisher, &["PUBLISH", "chat", "hello\r\n\0"]);
        send(&mut publisher, &["PUBLISH", "news.today", ""]);
        listen(&mut publisher);
        heard.extend(listen(&mut client));
    }
    drop(server);
    heard
}

fn connect(socket: &Path) -> UnixStream {
    let deadline = Instant::now() + STARTUP;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => {
                stream.set_read_timeout(Some(QUIET)).expect("a timeout");
                return stream;
            }
            Err(error) => assert!(Instant::now() < deadline, "redis-server: {error}"),
        }
        thread::yield_now();
    }
}

fn send(stream: &mut UnixStream, words: &[&str]) {
    let mut bytes = Vec::new();
    resp::Encoder::new(&mut bytes).command(words);
    stream.write_all(&bytes).expect("redis-server listens");
}

/// Reads until nothing more comes.
fn listen(stream: &mut UnixStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return heard,
            Ok(n) => heard.extend_from_slice(&buffer[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return heard;
            }
            Err(error) => panic!("redis-server hung up: {error}"),
        }
    }
}
