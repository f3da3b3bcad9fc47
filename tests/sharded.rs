//! A sharded channel on a real cluster: its hash slot moves to another node and back, while somebody goes on publishing where the
//! slot is. Each message is received or lies in a `gap` that names the channel.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod toy;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use real_redis::{HeldPort, RealRedis};
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{Command, Event, State, SubscriptionSlot, Topic, TopicKind};
use toy::{Client, Game, Seen, eventually};

/// Which hash slot `chat` is in. No other one moves.
const SLOT: u16 = 14_028;
const SUBSCRIPTION: SubscriptionSlot = SubscriptionSlot::new(1, 0);
/// What lies between the worker's telling and our reading, on a busy machine: a gap is taken to begin so much earlier.
const READ_LATE: Duration = Duration::from_secs(1);

/// A node, and a connection to it on which commands are typed.
struct Node {
    server: RealRedis,
    bus: HeldPort,
    cli: BufReader<TcpStream>,
    id: String,
}

impl Node {
    fn start() -> Self {
        let bus = HeldPort::new().expect("a port");
        let lines = format!("cluster-enabled yes\ncluster-port {}\ncluster-node-timeout 60000", bus.number());
        let server = RealRedis::builder().configuration(lines).start().expect("a redis-server");
        let cli = BufReader::new(TcpStream::connect(("127.0.0.1", server.port())).expect("a server"));
        let mut node = Self { server, bus, cli, id: String::new() };
        node.id = node.say("CLUSTER MYID").trim_end().to_owned();
        node
    }

    fn say(&mut self, command: &str) -> String {
        self.cli.get_mut().write_all(format!("{command}\r\n").as_bytes()).expect("a connection");
        let mut line = String::new();
        self.cli.read_line(&mut line).expect("an answer");
        let Some(length) = line.strip_prefix('$') else { return line.trim_end().to_owned() };
        let mut text = vec![0; length.trim_end().parse::<usize>().expect("a length") + 2];
        self.cli.read_exact(&mut text).expect("an answer");
        String::from_utf8_lossy(&text).into_owned()
    }

    fn order(&mut self, command: &str) {
        assert_eq!(self.say(command), "+OK", "{command}");
    }
}

/// Two masters that know each other; the first one has the slot.
fn cluster() -> [Node; 2] {
    let mut nodes = [(); 2].map(|()| Node::start());
    nodes[0].order("CLUSTER ADDSLOTSRANGE 8192 16383");
    nodes[1].order("CLUSTER ADDSLOTSRANGE 0 8191");
    let (port, bus) = (nodes[1].server.port(), nodes[1].bus.number());
    nodes[0].order(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
    for node in &mut nodes {
        eventually("a cluster", || {
            let info = node.say("CLUSTER INFO");
            (info.contains("cluster_state:ok") && info.contains("cluster_size:2")).then_some(())
        });
    }
    nodes
}

/// Moves the slot as `redis-cli --cluster reshard` does.
fn migrate(nodes: &mut [Node; 2], from: usize, to: usize) {
    let ids = [nodes[from].id.clone(), nodes[to].id.clone()];
    nodes[to].order(&format!("CLUSTER SETSLOT {SLOT} IMPORTING {}", ids[0]));
    nodes[from].order(&format!("CLUSTER SETSLOT {SLOT} MIGRATING {}", ids[1]));
    for node in [to, from] {
        nodes[node].order(&format!("CLUSTER SETSLOT {SLOT} NODE {}", ids[1]));
    }
}

/// A client with a sharded subscription, and what became of what was published.
struct World {
    nodes: [Node; 2],
    /// Where the publisher believes the slot to be.
    at: usize,
    game: Game,
    client: Client,
    /// When each number was published, by number.
    published: Vec<Instant>,
    received: HashSet<usize>,
    /// From when to when.
    gaps: Vec<(Instant, Option<Instant>)>,
}

impl World {
    fn new(nodes: [Node; 2], protocol: u8) -> Self {
        let pairs = vec![("protocol".to_owned(), OptionValue::Number(protocol.into()))];
        let url = Some(nodes[0].server.url());
        let backend = configure(Options { url, pairs, ..Options::default() }).expect("good options");
        let mut game = Game::start();
        let client = game.open(&*backend);
        let topic = Topic { kind: TopicKind::ShardedChannel, name: b"chat".as_slice().into() };
        game.command(&client, Command::Subscribe { topic, slot: SUBSCRIPTION });
        let (published, received, gaps) = (Vec::new(), HashSet::new(), Vec::new());
        Self { nodes, at: 0, game, client, published, received, gaps }
    }

    fn read(&mut self) {
        while let Some(seen) = self.client.next() {
            match seen {
                Seen::Message(_, text) => {
                    let number = String::from_utf8(text).unwrap().parse().expect("a number");
                    assert!(self.received.insert(number), "{number} came twice");
                }
                Seen::Event(Event::Gap { lasted, topics, .. }) => {
                    let topics = topics.expect("a gap of some topics: the connection stays");
                    assert!(topics.iter().any(|topic| topic.kind == TopicKind::ShardedChannel), "{topics:?}");
                    self.gaps.push((Instant::now() - lasted - READ_LATE, None));
                }
                Seen::Event(Event::Ready(_)) => {
                    self.gaps.iter_mut().for_each(|(_, to)| *to = to.or(Some(Instant::now())));
                }
                Seen::Event(Event::SubscribeFailed { error, .. }) => {
                    assert_eq!(error.code.as_str(), "MOVED", "{error}");
                }
                other => drop(other),
            }
        }
    }

    /// Publishes a number where the slot is.
    fn publish(&mut self) {
        let (now, number) = (Instant::now(), self.published.len());
        let answer = self.nodes[self.at].say(&format!("SPUBLISH chat {number}"));
        if answer.starts_with("-MOVED") {
            self.at ^= 1;
        } else {
            assert!(answer.starts_with(':'), "{answer}");
            self.published.push(now);
        }
        self.read();
    }

    /// Publishes until the client has heard a hundred numbers more.
    fn converse(&mut self) {
        let enough = self.received.len() + 100;
        eventually("messages", || {
            self.publish();
            (self.received.len() >= enough).then_some(())
        });
    }
}

#[test]
fn while_a_hash_slot_moves_each_message_is_received_or_in_a_gap_that_names_the_channel() {
    // Sharded channels and `cluster-port` came with 7.0.
    if !real_redis::is_expected() || real_redis::version().is_ok_and(|version| version < (7, 0)) {
        return eprintln!("left out: no redis-server of 7.0 or newer");
    }
    for protocol in [2, 3] {
        let mut world = World::new(cluster(), protocol);
        world.converse();
        migrate(&mut world.nodes, 0, 1);
        // What is published meanwhile is published at the other node.
        let before = world.published.len();
        eventually("messages that miss the client's node", || {
            world.publish();
            (world.at == 1 && world.published.len() > before + 100).then_some(())
        });
        migrate(&mut world.nodes, 1, 0);
        world.converse();
        assert_eq!(world.client.counters.state(), State::Ready);
        let missing: Vec<_> =
            (0..world.published.len()).filter(|number| !world.received.contains(number)).collect();
        // The last ones may be on their way.
        let arrived = world.received.iter().max().copied().unwrap_or_default();
        for number in missing.into_iter().filter(|number| *number < arrived) {
            let at = world.published[number];
            let told = world.gaps.iter().any(|(from, to)| *from <= at && to.is_none_or(|to| at <= to));
            assert!(told, "RESP{protocol}: {number} is missing and in no gap: {:?}", world.gaps);
        }
        assert!(!world.gaps.is_empty(), "RESP{protocol}: no gap was told");
        assert!(world.game.shutdown(Duration::from_secs(60)));
    }
}
