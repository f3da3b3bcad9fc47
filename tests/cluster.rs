//! A real cluster of six nodes: commands go to the node that has their keys, even when slots move and nodes
//! die. Each command is answered once, and the counters in the cluster show how often it ran.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod toy;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use real_redis::{HeldPort, RealRedis};
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{
    Args, Command as Order, Error, Event, ReplyTo, Request, RequestKind, RequestSlot, State, Ticket, Value,
};
use toy::{Client, Game, Seen, eventually};

const SLOTS: usize = 16_384;
const MASTERS: usize = 3;
/// Milliseconds of silence after which a replica replaces a master: longer than any stall on a busy machine, and
/// short enough for a test to wait after a kill.
const NODE_TIMEOUT: u32 = 60_000;
const SHORT_NODE_TIMEOUT: u32 = 4000;

/// A connection on which commands are typed.
struct Cli(BufReader<TcpStream>);

impl Cli {
    fn new(node: &Node) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", node.server.port())).expect("a server")))
    }

    /// The answer: a line, or a text.
    fn ask(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).expect("a server");
        let mut line = String::new();
        self.0.read_line(&mut line).expect("an answer");
        let Some(length) = line.strip_prefix('$') else { return line.trim_end().to_owned() };
        let Ok(length) = length.trim_end().parse::<usize>() else { return String::new() };
        let mut text = vec![0; length + 2];
        self.0.read_exact(&mut text).expect("an answer");
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }

    fn say(&mut self, command: &str) -> String {
        let answer = self.ask(command);
        assert!(!answer.starts_with('-'), "{command}: {answer}");
        answer
    }
}

struct Node {
    server: RealRedis,
    bus: HeldPort,
    id: String,
}

/// Three masters, then a replica of each.
struct Cluster(Vec<Node>);

impl Cluster {
    fn start() -> Self {
        let nodes = (0..2 * MASTERS).map(|_| {
            let bus = HeldPort::new().expect("a port");
            let lines = format!(
                "cluster-enabled yes\ncluster-port {}\ncluster-node-timeout {NODE_TIMEOUT}\nrepl-diskless-sync-delay 0",
                bus.number()
            );
            let server = RealRedis::builder().configuration(lines).start().expect("a redis-server");
            let mut node = Node { server, bus, id: String::new() };
            node.id = Cli::new(&node).say("CLUSTER MYID");
            node
        });
        let cluster = Self(nodes.collect());
        let nodes = &cluster.0;
        for (n, node) in nodes[..MASTERS].iter().enumerate() {
            let [first, next] = [n, n + 1].map(|n| n * SLOTS / MASTERS);
            Cli::new(node).say(&format!("CLUSTER ADDSLOTSRANGE {first} {}", next - 1));
        }
        for node in nodes {
            let mut cli = Cli::new(node);
            for other in nodes.iter().filter(|other| other.id != node.id) {
                cli.say(&format!("CLUSTER MEET 127.0.0.1 {} {}", other.server.port(), other.bus.number()));
            }
        }
        cluster.agree();
        for (replica, master) in nodes[MASTERS..].iter().zip(nodes) {
            eventually("a known master", || {
                let answer = Cli::new(replica).ask(&format!("CLUSTER REPLICATE {}", master.id));
                (answer == "+OK").then_some(())
            });
        }
        for replica in &nodes[MASTERS..] {
            eventually("a replica that follows", || {
                let info = Cli::new(replica).say("INFO replication");
                info.contains("master_link_status:up").then_some(())
            });
        }
        // Every node knows each replica, because only a known one can replace its master.
        for node in nodes {
            eventually("known replicas", || {
                let slaves = Cli::new(node).say("CLUSTER NODES").matches("slave").count();
                (slaves == MASTERS).then_some(())
            });
        }
        cluster
    }

    /// Waits until all nodes agree that the cluster is complete.
    fn agree(&self) {
        for node in &self.0 {
            let mut cli = Cli::new(node);
            eventually("a cluster", || {
                let info = cli.say("CLUSTER INFO");
                let known = format!("cluster_known_nodes:{}", 2 * MASTERS);
                let is_whole = info.contains("cluster_state:ok") && info.contains(&known);
                (is_whole && info.contains("cluster_slots_assigned:16384")).then_some(())
            });
        }
    }

    /// Kills a node, and makes the others notice it soon.
    fn kill(&mut self, node: usize) {
        self.0[node].server.kill();
        for other in self.0.iter().filter(|other| other.server.process().is_some()) {
            Cli::new(other).say(&format!("CONFIG SET cluster-node-timeout {SHORT_NODE_TIMEOUT}"));
        }
    }

    fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{}", self.0[0].server.port())
    }

    /// A key in a hash slot of this master.
    fn key_of(&self, master: usize) -> (String, usize) {
        let mut cli = Cli::new(&self.0[0]);
        let range = master * SLOTS / MASTERS..(master + 1) * SLOTS / MASTERS;
        (0..)
            .find_map(|n| {
                let key = format!("{{{n}}}");
                let slot = cli.say(&format!("CLUSTER KEYSLOT {key}"))[1..].parse().expect("a number");
                range.contains(&slot).then_some((key, slot))
            })
            .expect("a key")
    }

    /// The count under a key, from the node that has it.
    fn count(&self, key: &str) -> usize {
        let alive = self.0.iter().filter(|node| node.server.process().is_some());
        alive
            .map(|node| Cli::new(node).ask(&format!("GET {key}")))
            .find(|answer| !answer.starts_with('-'))
            .map(|count| count.parse().unwrap_or(0))
            .expect("a node that has it")
    }
}

/// A client that increments counters, and its answers.
struct World {
    game: Game,
    client: Client,
    asked: u32,
    answered: Vec<bool>,
    /// By key: how many counts were answered, and how many more may have been made.
    counts: Vec<(String, usize, usize)>,
    /// The key that each request increments.
    keys: Vec<usize>,
    downs: Vec<Error>,
}

impl World {
    fn new(cluster: &Cluster, protocol: u8) -> Self {
        let number = OptionValue::Number;
        let pairs = [
            ("protocol", f64::from(protocol)),
            // A stalled node must not seem dead, or the requests to it would count as lost.
            ("ping_timeout", 60.0),
            ("reconnect_max", 0.2),
        ];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), number(value))).to_vec();
        let backend = configure(Options { url: Some(cluster.url()), pairs, ..Options::default() });
        let mut game = Game::start();
        let client = game.open(&*backend.expect("good options"));
        let counts = (0..MASTERS).map(|master| (cluster.key_of(master).0, 0, 0)).collect();
        let mut world = Self {
            game,
            client,
            asked: 0,
            answered: Vec::new(),
            counts,
            keys: Vec::new(),
            downs: Vec::new(),
        };
        eventually("ready", || {
            world.read();
            (world.client.counters.state() == State::Ready).then_some(())
        });
        world
    }

    fn request(&mut self, kind: RequestKind) -> u32 {
        let id = self.asked;
        self.asked += 1;
        self.answered.push(false);
        let ticket = Ticket { to: ReplyTo::Callback(RequestSlot::new(id, 0)), bytes: 0 };
        let deadline = Instant::now() + Duration::from_secs(60);
        self.game.command(&self.client, Order::Request(Request { ticket, deadline, kind }));
        id
    }

    /// Increments each key.
    fn count(&mut self) {
        if self.pending() > 500 {
            return self.read();
        }
        for n in 0..self.counts.len() {
            let args: Args = ["INCR", &self.counts[n].0].iter().collect();
            self.keys.resize(self.asked as usize, usize::MAX);
            self.keys.push(n);
            self.request(RequestKind::Command(args));
        }
        self.read();
    }

    fn pending(&self) -> usize {
        self.answered.iter().filter(|answered| !**answered).count()
    }

    fn note(&mut self, id: u32, result: Result<Value, Error>) {
        assert!(!std::mem::replace(&mut self.answered[id as usize], true), "{id} was answered twice");
        let Some(&n) = self.keys.get(id as usize).filter(|&&n| n < self.counts.len()) else { return };
        let (key, done, maybe) = &mut self.counts[n];
        match result {
            // No other client counts, and a slot keeps its order, so each count is one more than the last, except for
            // increments that may have been made.
            Ok(Value::Integer(count)) => {
                *done += 1;
                let count = usize::try_from(count).expect("a count");
                assert!((*done..=*done + *maybe).contains(&count), "{key}: {count} after {done} and {maybe}");
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) if error.sent => *maybe += 1,
            Err(error) => panic!("{key}: {error}"),
        }
    }

    fn read(&mut self) {
        while let Some(seen) = self.client.next() {
            match seen {
                Seen::Answer(slot, result) => self.note(slot.index, result),
                Seen::Event(Event::Down { error, .. }) => self.downs.push(error),
                Seen::Event(_) | Seen::Message(..) => {}
            }
        }
    }

    /// Counts until so many more answers for this key have come.
    fn converse(&mut self, n: usize, more: usize) {
        let enough = self.counts[n].1 + more;
        eventually("answers", || {
            self.count();
            (self.counts[n].1 >= enough).then_some(())
        });
    }

    /// Everything is accounted for.
    fn check(mut self, cluster: &Cluster) -> Vec<(String, usize, usize)> {
        eventually("all answers", || {
            self.read();
            (self.pending() == 0).then_some(())
        });
        for (key, done, maybe) in &self.counts {
            let count = cluster.count(key);
            assert!((*done..=done + maybe).contains(&count), "{key}: {count}, {done} answered, {maybe} open");
        }
        assert!(self.game.shutdown(Duration::from_secs(60)));
        self.counts
    }
}

fn is_expected() -> bool {
    // `cluster-port` came with 7.0.
    let is_old = real_redis::version().is_ok_and(|version| version < (7, 0));
    if !real_redis::is_expected() || is_old {
        eprintln!("left out: no redis-server of 7.0 or newer");
        return false;
    }
    true
}

#[test]
fn a_slot_is_moved_under_its_commands() {
    if !is_expected() {
        return;
    }
    let cluster = Cluster::start();
    for protocol in [3, 2] {
        let mut world = World::new(&cluster, protocol);
        let ((key, slot), from, to) = (cluster.key_of(1), &cluster.0[1], &cluster.0[2]);
        for (node, (key, ..)) in cluster.0.iter().zip(&world.counts) {
            Cli::new(node).say(&format!("DEL {key}"));
        }
        world.converse(1, 50);
        // Moves it like redis-cli --cluster reshard, and back.
        for (from, to) in [(from, to), (to, from)] {
            let [mut source, mut target] = [from, to].map(Cli::new);
            target.say(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", from.id));
            source.say(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", to.id));
            world.converse(1, 50);
            source.say(&format!("MIGRATE 127.0.0.1 {} {key} 0 5000", to.server.port()));
            // The key is at the target already, the slot is not: ASK.
            world.converse(1, 50);
            for node in [to, from] {
                Cli::new(node).say(&format!("CLUSTER SETSLOT {slot} NODE {}", to.id));
            }
            world.converse(1, 50);
        }
        let counts = world.check(&cluster);
        assert!(counts.iter().all(|(_, _, maybe)| *maybe == 0), "nothing was lost: {counts:?}");
    }
}

#[test]
fn a_killed_master_is_replaced_by_its_replica() {
    if !is_expected() {
        return;
    }
    for (protocol, killed) in [(3, 1), (2, 0)] {
        let mut cluster = Cluster::start();
        let mut world = World::new(&cluster, protocol);
        (0..MASTERS).for_each(|n| world.converse(n, 50));
        // Writes that the replica has not received are lost with its master, which is not the client's fault.
        eventually("all answers", || {
            world.read();
            (world.pending() == 0).then_some(())
        });
        let key = world.counts[killed].0.clone();
        let count = cluster.count(&key);
        eventually("the replica", || {
            let mut replica = Cli::new(&cluster.0[MASTERS + killed]);
            replica.say("READONLY");
            (replica.say(&format!("GET {key}")) == count.to_string()).then_some(())
        });
        cluster.kill(killed);
        let other = (killed + 1) % MASTERS;
        world.converse(other, 200);
        world.converse(killed, 50);
        assert_eq!(
            world.downs.is_empty(),
            killed != 0,
            "a node of commands alone is no loss: {:?}",
            world.downs
        );
        world.check(&cluster);
    }
}

#[test]
fn keys_of_several_slots_are_refused_and_those_of_one_are_a_transaction() {
    if !is_expected() {
        return;
    }
    let cluster = Cluster::start();
    let mut world = World::new(&cluster, 3);
    let keys: Vec<_> = world.counts.iter().map(|(key, ..)| key.clone()).collect();
    let args = |words: &[&str]| words.iter().collect::<Args>();
    let mut answer = |kind: RequestKind| {
        let id = world.request(kind);
        eventually("an answer", || match world.client.next() {
            Some(Seen::Answer(slot, result)) if slot.index == id => Some(result),
            _ => None,
        })
    };
    let error = answer(RequestKind::Command(args(&["DEL", &keys[0], &keys[1]]))).expect_err("two slots");
    assert_eq!((error.code.as_str(), error.sent), ("CROSSSLOT", false));
    // If the first word is not a key, the server reports it.
    let sort = args(&["SORT", &keys[0], "STORE", &keys[1]]);
    let error = answer(RequestKind::Command(sort)).expect_err("two slots");
    assert!(error.code.as_str() == "CROSSSLOT" && error.message.contains("braces"), "{error}");
    for key in &keys {
        let commands = [["SET", key, "1"].as_slice(), &["INCR", key], &["PUBLISH", "chat", "x"]].map(args);
        let result = answer(RequestKind::Transaction(commands.into())).expect("one slot");
        assert!(matches!(&result, Value::Array(replies) if replies[1] == Value::Integer(2)), "{result:?}");
    }
    let single = RealRedis::builder().start().expect("a redis-server");
    let url = Some(single.url().replace("redis://", "redis-cluster://"));
    let backend = configure(Options { url, ..Options::default() }).expect("good options");
    let mut client = world.game.open(&*backend);
    let error = eventually("a refusal", || match client.next() {
        Some(Seen::Event(Event::Down { error, .. })) => Some(error),
        _ => None,
    });
    assert!(error.message.starts_with("the server is not a node of a cluster"), "{error}");
}
