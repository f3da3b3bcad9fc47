//! A real cluster of six nodes: commands go to the node that has their keys, even when slots move and nodes
//! die. Each command is answered once, and the counters in the cluster show how often it ran.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod accounts;
mod nodes;
mod toy;

use std::time::{Duration, Instant};

use accounts::Cli;
use nodes::{MASTERS, Node, agree_on_epoch, cluster, notice_the_dead, part};
use real_redis::RealRedis;
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{
    Args, Command as Order, Error, Event, ReplyTo, Request, RequestKind, RequestSlot, State, Ticket, Value,
};
use toy::{Client, Game, Seen, eventually};

/// Three masters, then a replica of each.
struct Cluster(Vec<Node>);

impl Cluster {
    fn start() -> Self {
        Self(cluster(MASTERS))
    }

    /// Kills a node, and makes the others notice it soon.
    fn kill(&mut self, node: usize) {
        self.0[node].server.kill();
        notice_the_dead(self.0.iter_mut().filter(|node| node.is_alive()));
    }

    fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{}", self.0[0].server.port())
    }

    /// A key in a hash slot of this master.
    fn key_of(&mut self, master: usize) -> (String, usize) {
        let cli = &mut self.0[0].cli;
        (0..)
            .find_map(|n| {
                let key = format!("{{{n}}}");
                let slot = cli.say(&format!("CLUSTER KEYSLOT {key}"))[1..].parse().expect("a number");
                part(master).contains(&slot).then_some((key, slot))
            })
            .expect("a key")
    }

    /// The count under a key, from the node that has it.
    fn count(&mut self, key: &str) -> usize {
        let alive = self.0.iter_mut().filter(|node| node.is_alive());
        alive
            .map(|node| node.cli.try_say(&format!("GET {key}")).expect("an answer"))
            .find(|answer| !answer.starts_with('-'))
            .map(|count| count.trim_end().parse().unwrap_or(0))
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
    fn new(cluster: &mut Cluster, protocol: u8) -> Self {
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
    fn check(mut self, cluster: &mut Cluster) -> Vec<(String, usize, usize)> {
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
    let mut cluster = Cluster::start();
    for protocol in [3, 2] {
        let mut world = World::new(&mut cluster, protocol);
        let (key, slot) = cluster.key_of(1);
        for (node, (key, ..)) in cluster.0.iter_mut().zip(&world.counts) {
            node.cli.say(&format!("DEL {key}"));
        }
        world.converse(1, 50);
        // Moves it like redis-cli --cluster reshard, and back.
        for (from, to) in [(1, 2), (2, 1)] {
            agree_on_epoch(cluster.0.iter_mut());
            let [from_id, to_id] = [from, to].map(|n| cluster.0[n].id.clone());
            cluster.0[to].cli.say(&format!("CLUSTER SETSLOT {slot} IMPORTING {from_id}"));
            cluster.0[from].cli.say(&format!("CLUSTER SETSLOT {slot} MIGRATING {to_id}"));
            world.converse(1, 50);
            let port = cluster.0[to].server.port();
            cluster.0[from].cli.say(&format!("MIGRATE 127.0.0.1 {port} {key} 0 5000"));
            // The key is at the target already, the slot is not: ASK.
            world.converse(1, 50);
            for node in [to, from] {
                cluster.0[node].cli.say(&format!("CLUSTER SETSLOT {slot} NODE {to_id}"));
            }
            world.converse(1, 50);
        }
        let counts = world.check(&mut cluster);
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
        let mut world = World::new(&mut cluster, protocol);
        (0..MASTERS).for_each(|n| world.converse(n, 50));
        // Writes that the replica has not received are lost with its master, which is not the client's fault.
        eventually("all answers", || {
            world.read();
            (world.pending() == 0).then_some(())
        });
        let key = world.counts[killed].0.clone();
        let count = cluster.count(&key);
        eventually("the replica", || {
            let mut replica = Cli::new(cluster.0[MASTERS + killed].server.port());
            replica.say("READONLY");
            (replica.say(&format!("GET {key}")).trim_end() == count.to_string()).then_some(())
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
        world.check(&mut cluster);
    }
}

#[test]
fn keys_of_several_slots_are_refused_and_those_of_one_are_a_transaction() {
    if !is_expected() {
        return;
    }
    let mut cluster = Cluster::start();
    let mut world = World::new(&mut cluster, 3);
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
