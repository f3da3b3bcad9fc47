//! A client on real servers, which publishes there, with an account of every message: each is received or lies in a
//! reported `gap`, and each command has one answer.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use real_redis::RealRedis;
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::Command as Order;
use realtime::model::{Event, ReplyTo, RequestSlot, State, SubscriptionSlot, Topic, TopicKind};

use crate::toy::{Client, Game, Seen, eventually};

const CHANNEL: SubscriptionSlot = SubscriptionSlot::new(1, 0);
const ANSWER: RequestSlot = RequestSlot::new(2, 0);
/// The time between the worker's report and our reading, on a busy machine: a gap is assumed to begin that much earlier.
const READ_LATE: Duration = Duration::from_secs(1);
/// Between two messages. It leaves the processor to the servers: a Sentinel that gets none for two seconds does nothing for the
/// next thirty (TILT).
const PACE: Duration = Duration::from_millis(1);

/// A connection on which commands are typed.
pub struct Cli(BufReader<TcpStream>);

impl Cli {
    pub fn new(port: u16) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).expect("a server")))
    }

    /// The answer, unless the server is gone.
    pub fn try_say(&mut self, command: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|&n| n > 0)?;
        let Some(length) = line.strip_prefix('$') else { return Some(line.trim_end().to_owned()) };
        // A null has the length -1.
        let Ok(length) = length.trim_end().parse::<usize>() else { return Some(String::new()) };
        let mut text = vec![0; length + 2];
        self.0.read_exact(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// The answers, each a line, to commands that are typed at once. Fewer if the server goes away.
    pub fn try_say_all(&mut self, commands: &[String]) -> Vec<String> {
        let typed: String = commands.iter().map(|command| format!("{command}\r\n")).collect();
        if self.0.get_mut().write_all(typed.as_bytes()).is_err() {
            return Vec::new();
        }
        let answer = || {
            let mut line = String::new();
            self.0.read_line(&mut line).ok().filter(|&n| n > 0)?;
            Some(line)
        };
        std::iter::from_fn(answer).take(commands.len()).collect()
    }

    pub fn say(&mut self, command: &str) -> String {
        let answer = self.try_say(command).expect("an answer");
        assert!(!answer.starts_with('-'), "{command}: {answer}");
        answer
    }
}

/// A client that publishes, with its account.
pub struct World {
    pub game: Game,
    pub client: Client,
    /// Between which moments each number was published past the client, by number.
    pub published: Vec<(Instant, Instant)>,
    /// Until then all that had been told was read.
    pub read_until: Instant,
    pub received: HashSet<usize>,
    /// From when to when.
    pub gaps: Vec<(Instant, Option<Instant>)>,
    pub requests: usize,
    pub answers: usize,
    /// The address that the client reported, each time that it was ready.
    pub ready: Vec<String>,
}

impl World {
    pub fn new(url: &str, protocol: u8) -> Self {
        let number = OptionValue::Number;
        let pairs = [("protocol", f64::from(protocol)), ("ping_interval", 0.2), ("reconnect_max", 0.2)];
        Self::with(url, &pairs.map(|(key, value)| (key, number(value))))
    }

    pub fn with(url: &str, pairs: &[(&str, OptionValue)]) -> Self {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let backend = configure(Options { url: Some(url.to_owned()), pairs, ..Options::default() });
        let mut game = Game::start();
        let client = game.open(&*backend.expect("good options"));
        let topic = Topic { kind: TopicKind::Channel, name: b"chat".as_slice().into() };
        game.command(&client, Order::Subscribe { topic, slot: CHANNEL });
        let (published, received, gaps, ready) = (Vec::new(), HashSet::new(), Vec::new(), Vec::new());
        let read_until = Instant::now();
        let mut world =
            Self { game, client, published, read_until, received, gaps, requests: 0, answers: 0, ready };
        eventually("ready", || {
            world.read();
            (!world.ready.is_empty()).then_some(())
        });
        world
    }

    /// The address at which the client is ready at present.
    pub fn present(&mut self) -> String {
        eventually("ready", || {
            self.read();
            let state = self.client.counters.state();
            self.client.counters.address().filter(|_| state == State::Ready)
        })
        .into()
    }

    /// Reads everything that has come.
    pub fn read(&mut self) {
        let begun = Instant::now();
        while let Some(seen) = self.client.next() {
            match seen {
                Seen::Message(_, text) => {
                    let number = String::from_utf8(text).unwrap().parse().expect("a number");
                    assert!(self.received.insert(number), "{number} came twice");
                }
                // It was reported after the last look. Messages published until the `ready` that follows may be missing, too.
                Seen::Event(Event::Gap { lasted, .. }) => {
                    self.gaps.push((self.read_until - lasted - READ_LATE, None));
                }
                Seen::Event(Event::Ready(ready)) => {
                    self.gaps.iter_mut().for_each(|(_, to)| *to = to.or(Some(Instant::now())));
                    self.ready.push(ready.address.expect("it knows").into());
                }
                Seen::Answer(..) => self.answers += 1,
                Seen::Event(_) => {}
            }
        }
        self.read_until = begun;
    }

    /// Reads everything that has come, and yields the processor.
    pub fn look(&mut self) {
        self.read();
        std::thread::park_timeout(PACE);
    }

    /// Publishes a number past the client, which publishes something itself.
    pub fn publish(&mut self, at: &mut Cli) {
        let (now, number) = (Instant::now(), self.published.len());
        if at.try_say(&format!("PUBLISH chat {number}")).is_some_and(|answer| answer.starts_with(':')) {
            self.published.push((now, Instant::now()));
        }
        // While there is no connection, they wait.
        if self.requests - self.answers < 1000 {
            self.game.publish(&self.client, "own", b"x", ReplyTo::Callback(ANSWER));
            self.requests += 1;
        }
        self.look();
    }

    /// Publishes at this server until the client has received a hundred more numbers.
    pub fn converse(&mut self, at: &mut Cli) {
        let enough = self.received.len() + 100;
        eventually("messages", || {
            self.publish(at);
            (self.received.len() >= enough).then_some(())
        });
    }

    /// Whether a reported gap covers this number.
    fn is_told(&self, number: usize) -> bool {
        let (begun, done) = self.published[number];
        self.gaps.iter().any(|(from, to)| *from <= done && to.is_none_or(|to| begun <= to))
    }

    /// Everything is accounted for.
    pub fn check(mut self) {
        // The last message comes after all others.
        let last = self.published.len() - 1;
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            self.read();
            let is_there = self.received.contains(&last) || self.is_told(last);
            if self.answers == self.requests && is_there {
                break;
            }
            let Self { client, answers, requests, ready, .. } = &self;
            let (state, address) = (client.counters.state(), client.counters.address());
            assert!(
                Instant::now() < deadline,
                "{state:?} at {address:?} after {ready:?}: {answers} answers to {requests} requests, the last message: {is_there}"
            );
            std::thread::yield_now();
        }
        for number in 0..self.published.len() {
            let is_accounted_for = self.received.contains(&number) || self.is_told(number);
            assert!(is_accounted_for, "{number} is missing: {:?}", self.ready);
        }
        assert!(self.game.shutdown(Duration::from_secs(60)));
    }
}

pub fn expected(least: (u32, u32)) -> bool {
    let is_old = real_redis::version().is_ok_and(|version| version < least);
    if !real_redis::is_expected() || is_old {
        eprintln!("left out: no redis-server of {}.{} or newer", least.0, least.1);
        return false;
    }
    true
}

pub fn address(server: &RealRedis) -> String {
    format!("127.0.0.1:{}", server.port())
}

/// The second one follows the first.
pub fn master_and_replica() -> [RealRedis; 2] {
    // A master waits for more replicas by default before it sends its data.
    let builder = RealRedis::builder().configuration("repl-diskless-sync-delay 0");
    let [master, replica] = [(); 2].map(|()| builder.start().expect("a redis-server"));
    follow(&mut Cli::new(replica.port()), master.port());
    [master, replica]
}

/// Waits until this server is a replica of that one, and up to date.
pub fn follow(replica: &mut Cli, master: u16) {
    replica.say(&format!("SLAVEOF 127.0.0.1 {master}"));
    eventually("the link to the master", || {
        replica.say("INFO replication").contains("master_link_status:up").then_some(())
    });
}

pub fn protocols() -> &'static [u8] {
    if real_redis::version().is_ok_and(|version| version < (6, 0)) { &[2] } else { &[2, 3] }
}
