//! Several addresses, with real servers: a master and its replica that swap their roles, a master that dies, and a cluster whose
//! nodes die. Messages go on being published, past the client and by it: each is received or lies in a `gap` that was told, and
//! each command has one answer.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod toy;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use real_redis::{HeldPort, RealRedis};
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::Command as Order;
use realtime::model::{Event, ReplyTo, RequestSlot, State, SubscriptionSlot, Topic, TopicKind};
use toy::{Client, Game, Seen, eventually};

const CHANNEL: SubscriptionSlot = SubscriptionSlot::new(1, 0);
const ANSWER: RequestSlot = RequestSlot::new(2, 0);
/// What lies between the worker's telling and our reading, on a busy machine: a gap is taken to begin so much earlier.
const READ_LATE: Duration = Duration::from_secs(1);

/// A connection on which commands are typed.
struct Cli(BufReader<TcpStream>);

impl Cli {
    fn new(port: u16) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).expect("a server")))
    }

    /// The answer, unless the server is gone.
    fn try_say(&mut self, command: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|&n| n > 0)?;
        let Some(length) = line.strip_prefix('$') else { return Some(line.trim_end().to_owned()) };
        let mut text = vec![0; length.trim_end().parse::<usize>().ok()? + 2];
        self.0.read_exact(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    fn say(&mut self, command: &str) -> String {
        let answer = self.try_say(command).expect("an answer");
        assert!(!answer.starts_with('-'), "{command}: {answer}");
        answer
    }
}

/// A client, who publishes, and what became of it.
struct World {
    game: Game,
    client: Client,
    /// When each number was published past the client, by number.
    published: Vec<Instant>,
    received: HashSet<usize>,
    /// From when to when.
    gaps: Vec<(Instant, Option<Instant>)>,
    requests: usize,
    answers: usize,
    /// Where the client said that it is, each time that it was ready.
    ready: Vec<String>,
}

impl World {
    fn new(url: &str, protocol: u8) -> Self {
        let number = OptionValue::Number;
        let pairs = [("protocol", f64::from(protocol)), ("ping_interval", 0.2), ("reconnect_max", 0.2)];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), number(value))).to_vec();
        let backend = configure(Options { url: Some(url.to_owned()), pairs, ..Options::default() });
        let mut game = Game::start();
        let client = game.open(&*backend.expect("good options"));
        let topic = Topic { kind: TopicKind::Channel, name: b"chat".as_slice().into() };
        game.command(&client, Order::Subscribe { topic, slot: CHANNEL });
        let (published, received, gaps, ready) = (Vec::new(), HashSet::new(), Vec::new(), Vec::new());
        let mut world = Self { game, client, published, received, gaps, requests: 0, answers: 0, ready };
        eventually("ready", || {
            world.read();
            (!world.ready.is_empty()).then_some(())
        });
        world
    }

    /// The address at which the client is ready at present.
    fn present(&mut self) -> String {
        eventually("ready", || {
            self.read();
            let state = self.client.counters.state();
            self.client.counters.address().filter(|_| state == State::Ready)
        })
        .into()
    }

    /// Reads what has come.
    fn read(&mut self) {
        while let Some(seen) = self.client.next() {
            match seen {
                Seen::Message(_, text) => {
                    let number = String::from_utf8(text).unwrap().parse().expect("a number");
                    assert!(self.received.insert(number), "{number} came twice");
                }
                // What was published until the `ready` that follows may be missing, too.
                Seen::Event(Event::Gap { lasted, .. }) => {
                    self.gaps.push((Instant::now() - lasted - READ_LATE, None));
                }
                Seen::Event(Event::Ready(ready)) => {
                    self.gaps.iter_mut().for_each(|(_, to)| *to = to.or(Some(Instant::now())));
                    self.ready.push(ready.address.expect("it knows").into());
                }
                Seen::Answer(..) => self.answers += 1,
                Seen::Event(_) => {}
            }
        }
    }

    /// Publishes a number past the client, which publishes something itself.
    fn publish(&mut self, at: &mut Cli) {
        let (now, number) = (Instant::now(), self.published.len());
        if at.try_say(&format!("PUBLISH chat {number}")).is_some_and(|answer| answer.starts_with(':')) {
            self.published.push(now);
        }
        // While there is no connection, they wait.
        if self.requests - self.answers < 1000 {
            self.game.publish(&self.client, "own", b"x", ReplyTo::Callback(ANSWER));
            self.requests += 1;
        }
        self.read();
    }

    /// Publishes at this server until the client has heard a hundred numbers more.
    fn converse(&mut self, at: &mut Cli) {
        let enough = self.received.len() + 100;
        eventually("messages", || {
            self.publish(at);
            (self.received.len() >= enough).then_some(())
        });
    }

    /// Whether a gap tells that this number may be missing.
    fn is_told(&self, number: usize) -> bool {
        let at = self.published[number];
        self.gaps.iter().any(|(from, to)| *from <= at && to.is_none_or(|to| at <= to))
    }

    /// Everything is accounted for.
    fn check(mut self) {
        // The last message is behind all others.
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

fn expected(least: (u32, u32)) -> bool {
    let is_old = real_redis::version().is_ok_and(|version| version < least);
    if !real_redis::is_expected() || is_old {
        eprintln!("left out: no redis-server of {}.{} or newer", least.0, least.1);
        return false;
    }
    true
}

fn address(server: &RealRedis) -> String {
    format!("127.0.0.1:{}", server.port())
}

/// The second one follows the first.
fn master_and_replica() -> [RealRedis; 2] {
    // A master waits for more replicas by default before it sends its data.
    let builder = RealRedis::builder().configuration("repl-diskless-sync-delay 0");
    let [master, replica] = [(); 2].map(|()| builder.start().expect("a redis-server"));
    follow(&mut Cli::new(replica.port()), master.port());
    [master, replica]
}

/// Waits until this server is a replica of that one, and up to date.
fn follow(replica: &mut Cli, master: u16) {
    replica.say(&format!("SLAVEOF 127.0.0.1 {master}"));
    eventually("the link to the master", || {
        replica.say("INFO replication").contains("master_link_status:up").then_some(())
    });
}

fn protocols() -> &'static [u8] {
    if real_redis::version().is_ok_and(|version| version < (6, 0)) { &[2] } else { &[2, 3] }
}

#[test]
fn swapped_roles_are_followed() {
    if !expected((2, 8)) {
        return;
    }
    for &protocol in protocols() {
        let servers = master_and_replica();
        let [mut first, mut second] = [0, 1].map(|n| Cli::new(servers[n].port()));
        let addresses = [0, 1].map(|n| address(&servers[n]));
        let mut world = World::new(&format!("redis://{}", addresses.join(",")), protocol);
        assert_eq!(world.present(), addresses[0], "the second is a replica");
        world.converse(&mut first);
        // There is no master for a moment, and clients of the old one hear nothing until it follows the new one.
        first.say(&format!("SLAVEOF 127.0.0.1 {}", servers[1].port()));
        world.publish(&mut first);
        second.say("SLAVEOF NO ONE");
        world.converse(&mut second);
        eventually("the new master", || {
            world.publish(&mut second);
            (world.client.counters.state() == State::Ready && world.present() == addresses[1]).then_some(())
        });
        world.converse(&mut second);
        if real_redis::version().is_ok_and(|version| version >= (6, 2)) {
            // And back, as an owner does it.
            follow(&mut first, servers[1].port());
            second.say("FAILOVER");
            eventually("a master", || first.say("INFO replication").contains("role:master").then_some(()));
            eventually("the old master", || {
                world.publish(&mut first);
                (world.client.counters.state() == State::Ready && world.present() == addresses[0])
                    .then_some(())
            });
            world.converse(&mut first);
        }
        world.check();
    }
}

#[test]
fn a_dead_master_is_left_for_the_one_that_was_promoted() {
    if !expected((2, 8)) {
        return;
    }
    for &protocol in protocols() {
        let mut servers = master_and_replica();
        let [mut first, mut second] = [0, 1].map(|n| Cli::new(servers[n].port()));
        let addresses = [0, 1].map(|n| address(&servers[n]));
        let mut world = World::new(&format!("redis://{}", addresses.join(",")), protocol);
        world.converse(&mut first);
        servers[0].kill();
        world.publish(&mut first);
        second.say("SLAVEOF NO ONE");
        world.converse(&mut second);
        assert_eq!(world.present(), addresses[1]);
        world.check();
    }
}

/// Three masters that know each other, each with the port of its bus.
fn cluster() -> Vec<(RealRedis, HeldPort)> {
    let nodes: Vec<_> = (0..3)
        .map(|_| {
            let bus = HeldPort::new().expect("a port");
            let lines =
                format!("cluster-enabled yes\ncluster-port {}\ncluster-node-timeout 60000", bus.number());
            (RealRedis::builder().configuration(lines).start().expect("a redis-server"), bus)
        })
        .collect();
    for (n, (node, _)) in nodes.iter().enumerate() {
        let mut cli = Cli::new(node.port());
        for (other, bus) in nodes.iter().filter(|(other, _)| other.port() != node.port()) {
            cli.say(&format!("CLUSTER MEET 127.0.0.1 {} {}", other.port(), bus.number()));
        }
        cli.say(&format!("CLUSTER ADDSLOTSRANGE {} {}", n * 5462, (n * 5462 + 5461).min(16_383)));
    }
    for (node, _) in &nodes {
        let mut cli = Cli::new(node.port());
        eventually("a cluster", || {
            let info = cli.say("CLUSTER INFO");
            let is_whole = info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3");
            (is_whole && info.contains("cluster_size:3")).then_some(())
        });
    }
    nodes
}

#[test]
fn of_a_cluster_any_node_may_die() {
    // `cluster-port` came with 7.0.
    if !expected((7, 0)) {
        return;
    }
    for &protocol in protocols() {
        let mut nodes = cluster();
        let mut world = World::new(&nodes[0].0.url(), protocol);
        // The one that the options name dies, and then the one that it told of.
        for _ in 0..2 {
            let present = world.present();
            let (used, other) = {
                let position = |is_present: bool| {
                    let alive = |(node, _): &(RealRedis, _)| {
                        node.process().is_some() && (address(node) == present) == is_present
                    };
                    nodes.iter().position(alive).expect("a node")
                };
                (position(true), position(false))
            };
            let mut publisher = Cli::new(nodes[other].0.port());
            world.converse(&mut publisher);
            nodes[used].0.kill();
            world.converse(&mut publisher);
        }
        // The last one is back where it was.
        let last = world.present();
        nodes.iter_mut().for_each(|(node, _)| node.start().expect("a redis-server"));
        let position = nodes.iter().position(|(node, _)| address(node) == last).expect("a node");
        world.converse(&mut Cli::new(nodes[position].0.port()));
        world.check();
    }
}
