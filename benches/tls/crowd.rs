//! How a hundred links that are made at once affect the messages of another client on the same worker.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fake_redis::FakeRedis;
use realtime::backend::{Backend, OptionValue, Options, configure};
use realtime::model::{Command, State};
use tls_proxy::TlsProxy;

use crate::toy::{Client, Game, Seen};

const LINKS: usize = 100;
const ROUNDS: usize = 15;
/// Between two messages.
const EVERY: Duration = Duration::from_micros(200);
/// How long the stream runs in a round without links.
const ALONE: Duration = Duration::from_millis(100);

/// Publishes, and reads the messages that a client of the worker gets.
struct Stream {
    began: Instant,
    due: Instant,
    publisher: TcpStream,
    client: Client,
    sent: u64,
    heard: u64,
}

impl Stream {
    fn start(game: &mut Game, server: &FakeRedis) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
        let publisher = TcpStream::connect(address).expect("a server");
        publisher.set_nodelay(true).expect("a socket");
        publisher.set_nonblocking(true).expect("a socket");
        let mut client = game.open(&*backend(&server.url(), &[]));
        game.subscribe(&client, "stream", 1);
        client.wait_ready();
        let began = Instant::now();
        Self { began, due: began, publisher, client, sent: 0, heard: 0 }
    }

    /// Runs for a moment. Returns the latency of a message, if one came.
    fn turn(&mut self) -> Duration {
        let now = Instant::now();
        if self.due <= now {
            self.due = now + EVERY;
            let nanos = now.duration_since(self.began).as_nanos().to_string();
            let command = format!("*3\r\n$7\r\nPUBLISH\r\n$6\r\nstream\r\n${}\r\n{nanos}\r\n", nanos.len());
            // The server's answers are not needed.
            while matches!(self.publisher.read(&mut [0; 4096]), Ok(n) if n > 0) {}
            self.publisher.write_all(command.as_bytes()).expect("a server");
            self.sent += 1;
        }
        let mut longest = Duration::ZERO;
        while let Some(seen) = self.client.next() {
            if let Seen::Message(_, nanos) = seen {
                let sent = std::str::from_utf8(&nanos).unwrap().parse().expect("a number");
                self.heard += 1;
                longest = longest.max(self.began.elapsed().saturating_sub(Duration::from_nanos(sent)));
            }
        }
        longest
    }

    /// The longest latency of a message until `over`, and until all have come.
    fn run(&mut self, mut over: impl FnMut() -> bool) -> Duration {
        let mut longest = Duration::ZERO;
        while !over() || self.heard < self.sent {
            longest = longest.max(self.turn());
        }
        longest
    }
}

fn backend(url: &str, pairs: &[(&str, &str)]) -> Arc<dyn Backend> {
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), OptionValue::String((*value).into())));
    configure(Options { url: Some(url.into()), pairs: pairs.collect(), ..Options::default() }).unwrap()
}

/// Prints the longest latency of a message: alone, and while a hundred links are made, plain ones and with full
/// handshakes.
pub(crate) fn crowd() {
    let server = FakeRedis::builder().start().expect("a server");
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
    let tls = on_spare_time(move || TlsProxy::start(target).expect("a proxy"));
    let mut game = Game::start();
    let mut stream = Stream::start(&mut game, &server);
    let (mut alone, mut plain, mut secured) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let until = Instant::now() + ALONE;
        alone.push(stream.run(|| Instant::now() >= until));
        let url = server.url();
        plain.push(links(&mut game, &mut stream, &*backend(&url, &[])));
        // Settings for this round only: there is no session to resume.
        let authority = format!("# {round}\n{}", tls.authority());
        let url = format!("rediss://127.0.0.1:{}", tls.port());
        secured.push(links(&mut game, &mut stream, &*backend(&url, &[("tls_ca", &authority)])));
    }
    let median = |mut all: Vec<Duration>| {
        all.sort_unstable();
        all[all.len() / 2].as_secs_f64() * 1e6
    };
    println!("= stream_alone {:.0}", median(alone));
    println!("= stream_beside_plain {:.0}", median(plain));
    println!("= stream_beside_tls {:.0}", median(secured));
}

/// Makes the links, and returns the longest latency of a message until all are up.
fn links(game: &mut Game, stream: &mut Stream, backend: &dyn Backend) -> Duration {
    let clients: Vec<_> = (0..LINKS).map(|_| game.open(backend)).collect();
    let longest = stream.run(|| clients.iter().all(|client| client.counters.state() == State::Ready));
    for client in &clients {
        game.command(client, Command::Disconnect { deadline: Instant::now() });
    }
    stream.run(|| clients.iter().all(|client| client.counters.state() == State::Closed));
    longest
}

/// Lets the threads that are started in there run only when no other needs the processor, as far as the system
/// allows: the server's side of the handshakes is another machine's work.
fn on_spare_time<T: Send>(start: impl FnOnce() -> T + Send) -> T {
    let start = || {
        #[cfg(target_os = "linux")]
        // SAFETY: it takes numbers, and changes the priority of this thread and of those that it starts.
        unsafe {
            libc::setpriority(libc::PRIO_PROCESS, 0, 19);
        }
        start()
    };
    std::thread::scope(|scope| scope.spawn(start).join()).expect("no panic")
}
