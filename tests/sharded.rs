//! Sharded channels on a real cluster: hash slots move under a publisher, one and many, and a shard loses its master. Each message
//! is received or lies in a `gap` that names its channel, and none comes twice.
//!
//! `SHARDED_CHANNELS` says how many channels are subscribed while thousands of slots move.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod accounts;
mod nodes;
mod toy;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nodes::{MASTERS, Node, agree_on_epoch, cluster, notice_the_dead, part};
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{Command, Error, Event, State, SubscriptionSlot, Topic, TopicKind};
use toy::{Client, Game, Seen, eventually};

const SHARDED: TopicKind = TopicKind::ShardedChannel;
/// Commands that are typed without waiting for their answers.
const PIPELINED: usize = 256;
/// The time between the worker's report and our reading, on a busy machine: a gap is assumed to begin that much earlier.
const READ_LATE: Duration = Duration::from_secs(1);

/// A client with sharded subscriptions, and an account of the published messages.
struct World {
    /// `None`: killed.
    nodes: Vec<Option<Node>>,
    game: Game,
    client: Client,
    channels: Vec<Channel>,
    gaps: Vec<Gap>,
    refused: Vec<Error>,
    /// All reports from before this moment were read.
    read_until: Instant,
}

struct Channel {
    name: String,
    slot: u16,
    /// The node that has it, as far as the publisher knows.
    at: usize,
    /// Between which moments each number was published, by number.
    published: Vec<(Instant, Instant)>,
    received: HashSet<usize>,
}

/// The time in which messages may be missing, and their channels.
struct Gap {
    from: Instant,
    to: Option<Instant>,
    names: Option<Vec<String>>,
}

impl World {
    /// A client of this node, subscribed to so many channels, each in a different slot, which receives all of them.
    fn new(protocol: u8, node: usize, count: usize) -> Self {
        let mut slots = HashSet::new();
        let mut world = Self::subscribed(protocol, node, count, |slot| slots.insert(slot));
        world.hear_all(10);
        world
    }

    /// A client of this node that has subscribed to so many channels, all of them in slots that `takes` accepts.
    fn subscribed(protocol: u8, node: usize, count: usize, mut takes: impl FnMut(u16) -> bool) -> Self {
        let mut nodes = cluster(1);
        let cli = &mut nodes[0].cli;
        let channels: Vec<_> = (0..)
            .map(|n| format!("channel-{n}"))
            .filter_map(|name| {
                let answer = cli.say(&format!("CLUSTER KEYSLOT {name}"));
                let slot: u16 = answer[1..].trim_end().parse().expect("a number");
                let at = (0..MASTERS).find(|&n| part(n).contains(&slot.into())).expect("a master");
                let (published, received) = (Vec::new(), HashSet::new());
                takes(slot).then_some(Channel { name, slot, at, published, received })
            })
            .take(count)
            .collect();
        let text = |text: &str| OptionValue::String(text.into());
        let pairs = [("protocol", OptionValue::Number(protocol.into())), ("overflow", text("pause"))];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value)).into();
        let url = Some(nodes[node].server.url());
        let backend = configure(Options { url, pairs, ..Options::default() }).expect("good options");
        let mut game = Game::start();
        let client = game.open(&*backend);
        for (n, channel) in channels.iter().enumerate() {
            let topic = Topic { kind: SHARDED, name: channel.name.as_bytes().into() };
            let slot = SubscriptionSlot::new(u32::try_from(n).expect("few"), 0);
            game.command(&client, Command::Subscribe { topic, slot });
        }
        let nodes = nodes.into_iter().map(Some).collect();
        let read_until = Instant::now();
        Self { nodes, game, client, channels, gaps: Vec::new(), refused: Vec::new(), read_until }
    }

    fn node(&mut self, n: usize) -> &mut Node {
        self.nodes[n].as_mut().expect("a node that lives")
    }

    fn read(&mut self) {
        let begun = Instant::now();
        while let Some(seen) = self.client.next() {
            match seen {
                Seen::Message(slot, text) => {
                    let channel = &mut self.channels[usize::try_from(slot.index).expect("few")];
                    let number = String::from_utf8(text).unwrap().parse().expect("a number");
                    assert!(channel.received.insert(number), "{number} came twice on {}", channel.name);
                }
                Seen::Event(Event::Gap { lasted, topics, .. }) => {
                    let name = |topic: &Topic| String::from_utf8_lossy(&topic.name).into_owned();
                    let names = topics.map(|topics| topics.iter().map(name).collect());
                    // It was reported after the last read.
                    let from = self.read_until.checked_sub(lasted + READ_LATE).expect("not so long ago");
                    self.gaps.push(Gap { from, to: None, names });
                }
                Seen::Event(Event::Ready(_)) => {
                    self.gaps.iter_mut().for_each(|gap| gap.to = gap.to.or(Some(Instant::now())));
                }
                Seen::Event(Event::SubscribeFailed { error, .. }) => self.refused.push(error),
                other => drop(other),
            }
        }
        self.read_until = begun;
    }

    /// Publishes a number on each channel.
    fn publish(&mut self) {
        let all: Vec<_> = (0..self.channels.len()).collect();
        self.publish_on(&all);
    }

    /// Publishes a number on each of these channels, at the node of its slot. If no node accepts it, it counts as not
    /// published.
    fn publish_on(&mut self, channels: &[usize]) {
        for channels in channels.chunks(PIPELINED) {
            for at in 0..self.nodes.len() {
                let here: Vec<_> = channels.iter().filter(|&&n| self.channels[n].at == at).collect();
                let commands: Vec<_> = here
                    .iter()
                    .map(|&&n| {
                        format!("SPUBLISH {} {}", self.channels[n].name, self.channels[n].published.len())
                    })
                    .collect();
                let now = Instant::now();
                let node = self.nodes[at].as_mut();
                let answers = node.map_or(Vec::new(), |node| node.cli.try_say_all(&commands));
                let answers = answers.into_iter().map(Some).chain(std::iter::repeat(None));
                for (&n, answer) in here.into_iter().zip(answers) {
                    self.published(n, at, now, answer.as_deref());
                }
            }
            self.read();
        }
    }

    /// The answer to a publish on a channel at this node.
    fn published(&mut self, channel: usize, at: usize, now: Instant, answer: Option<&str>) {
        self.channels[channel].at = match answer {
            Some(answer) if answer.starts_with(':') => {
                self.channels[channel].published.push((now, Instant::now()));
                at
            }
            Some(answer) if answer.starts_with("-MOVED") => {
                let port = answer.trim_end().rsplit_once(':').expect("an address").1;
                let port: u16 = port.parse().expect("a port");
                let is_it = |node: &Option<Node>| node.as_ref().is_some_and(|it| it.server.port() == port);
                self.nodes.iter().position(is_it).unwrap_or((at + 1) % (MASTERS + 1))
            }
            // The node is dead or has no cluster: ask the next one.
            _ => (at + 1) % (MASTERS + 1),
        };
    }

    /// Publishes until the client has received so many more numbers on each channel.
    fn hear_all(&mut self, more: usize) {
        let enough: Vec<_> = self.channels.iter().map(|channel| channel.received.len() + more).collect();
        eventually("messages on all channels", || {
            let has_enough = |n: usize| self.channels[n].received.len() >= enough[n];
            let others: Vec<_> = (0..enough.len()).filter(|&n| !has_enough(n)).collect();
            self.publish_on(&others);
            others.is_empty().then_some(())
        });
    }

    /// Moves hash slots as `redis-cli --cluster reshard` does.
    fn migrate(&mut self, slots: &[u16], from: usize, to: usize) {
        let ids = [from, to].map(|n| self.node(n).id.clone());
        agree_on_epoch(self.nodes.iter_mut().flatten());
        for (at, words) in [
            (to, format!("IMPORTING {}", ids[0])),
            (from, format!("MIGRATING {}", ids[1])),
            (to, format!("NODE {}", ids[1])),
            (from, format!("NODE {}", ids[1])),
        ] {
            let commands: Vec<_> =
                slots.iter().map(|slot| format!("CLUSTER SETSLOT {slot} {words}")).collect();
            let answers = self.node(at).cli.try_say_all(&commands);
            let is_done = answers.len() == slots.len() && answers.iter().all(|it| it.starts_with("+OK"));
            assert!(is_done, "{answers:?}");
        }
    }

    /// Each missing message is in a reported gap.
    fn account(&mut self) {
        assert_eq!(self.client.counters.state(), State::Ready);
        for channel in &self.channels {
            // The last ones may be on their way.
            let arrived = channel.received.iter().max().copied().unwrap_or_default();
            for number in (0..arrived).filter(|number| !channel.received.contains(number)) {
                let (begun, done) = channel.published[number];
                let told = self.gaps.iter().any(|gap| {
                    let is_named = gap.names.as_ref().is_none_or(|names| names.contains(&channel.name));
                    is_named && gap.from <= done && gap.to.is_none_or(|to| begun <= to)
                });
                // Gaps before the first confirmation are not reported.
                let first = channel.received.iter().min().copied().unwrap_or_default();
                assert!(told || number < first, "{number} on {} is missing and in no gap", channel.name);
            }
        }
    }

    /// How many channels the client has confirmed.
    fn confirmed(&self) -> u64 {
        self.client.counters.confirmed.load(Ordering::Relaxed)
    }

    fn end(mut self) {
        assert!(self.game.shutdown(Duration::from_secs(60)));
    }
}

/// Sharded channels and `cluster-port` came with 7.0.
fn is_left_out() -> bool {
    let left_out = !real_redis::is_expected() || real_redis::version().is_ok_and(|version| version < (7, 0));
    if left_out {
        eprintln!("left out: no redis-server of 7.0 or newer");
    }
    left_out
}

#[test]
fn while_hash_slots_move_each_message_is_received_or_in_a_gap_that_names_the_channel() {
    if is_left_out() {
        return;
    }
    for protocol in [2, 3] {
        let mut world = World::new(protocol, 1, 200);
        let at = world.channels.iter().position(|channel| channel.at == 0).expect("one of the first node");
        let slot = world.channels[at].slot;
        world.migrate(&[slot], 0, 1);
        world.hear_all(10);
        assert!(
            world.gaps.iter().all(|gap| gap
                .names
                .as_ref()
                .is_some_and(|names| *names == [world.channels[at].name.clone()])),
            "one channel, and no other"
        );
        world.migrate(&[slot], 1, 0);
        world.hear_all(10);
        // Many at a time.
        let first: Vec<_> = (0..world.channels.len()).filter(|&n| world.channels[n].at == 0).collect();
        for &channel in &first {
            world.migrate(&[world.channels[channel].slot], 0, 2);
            if channel % 8 == 0 {
                world.publish();
            }
        }
        world.hear_all(10);
        world.account();
        assert!(!world.gaps.is_empty(), "RESP{protocol}: no gap was told");
        assert_eq!(world.confirmed(), 200, "RESP{protocol}");
        world.end();
    }
}

/// Far more channels than slots: each SSUBSCRIBE has names of one slot, or the nodes would refuse it with CROSSSLOT.
#[test]
fn while_thousands_of_hash_slots_move_any_number_of_channels_goes_along() {
    if is_left_out() {
        return;
    }
    let count = std::env::var("SHARDED_CHANNELS").map_or(20_000, |count| count.parse().expect("a number"));
    let mut world = World::subscribed(3, 1, count, |_| true);
    eventually("confirmations", || {
        world.read();
        (world.confirmed() == count as u64).then_some(())
    });
    assert_eq!(world.refused, []);
    world.hear_all(1);
    // Not all slots of the node: a master that loses its last one becomes a replica, perhaps before SETSLOT is
    // answered.
    let moved: Vec<u16> = (0..5000).collect();
    for (n, slots) in moved.chunks(64).enumerate() {
        world.migrate(slots, 0, 2);
        let some: Vec<_> = (n..count).step_by(97).collect();
        world.publish_on(&some);
    }
    world.hear_all(1);
    world.account();
    assert_eq!(world.confirmed(), count as u64);
    let names = world.gaps.iter().map(|gap| gap.names.as_ref().expect("no link was lost"));
    let missed: HashSet<_> = names.flatten().collect();
    let has_moved = |channel: &&Channel| moved.contains(&channel.slot);
    let concerned: HashSet<_> =
        world.channels.iter().filter(has_moved).map(|channel| &channel.name).collect();
    assert_eq!(missed, concerned, "each channel of a slot that moved has its gap, and no other");
    world.end();
}

#[test]
fn when_a_shard_loses_its_master_its_channels_go_on_at_the_replica() {
    if is_left_out() {
        return;
    }
    // The client's own node is another one, or the one that dies.
    for (protocol, node) in [(3, 1), (2, 0)] {
        let mut world = World::new(protocol, node, 30);
        drop(world.nodes[0].take());
        notice_the_dead(world.nodes.iter_mut().flatten());
        world.hear_all(10);
        eventually("a client that is ready", || {
            world.publish();
            (world.client.counters.state() == State::Ready).then_some(())
        });
        world.hear_all(10);
        world.account();
        assert!(!world.gaps.is_empty(), "RESP{protocol}: no gap was told");
        if node == 1 {
            let of_first = |name: &String| {
                world.channels.iter().any(|it| it.name == *name && part(0).contains(&it.slot.into()))
            };
            let names = world.gaps.iter().map(|gap| gap.names.as_ref().expect("the client's link stays"));
            assert!(names.flatten().all(of_first), "RESP{protocol}: others lost nothing");
        }
        world.end();
    }
}
