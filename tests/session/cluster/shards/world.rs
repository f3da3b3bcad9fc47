//! A naive cluster, and the expectations of the subscribers of its sharded channels.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use realtime::backend::{Action, Connected, LinkError};
use realtime::model::{Command, Event, LinkId, State, Topic};

use super::super::SEED;
use super::SHARDED;
use crate::client::{Client, Resp, subscribe, topic};
use crate::sink::Said;

/// Channels, and the hash slot of each.
pub(super) const CHANNELS: [(&str, u16); 4] = [("a", 15_495), ("b", 3_300), ("c", 7_365), ("{c}2", 7_365)];
/// Nodes by position: three masters, and a replica of the last of them.
pub(super) const NODES: usize = 4;

#[derive(Debug, Clone)]
pub(super) enum Act {
    Subscribe(usize),
    Unsubscribe(usize),
    Publish(usize),
    /// A channel's slot goes to this master.
    Move(usize, usize),
    /// A node answers the oldest command on a link.
    Answer(usize),
    /// A link that is up is lost.
    Lose(usize),
    /// A link falls silent: nothing comes or goes any more.
    Stall(usize),
    /// A node is down: its links are lost, and none is made.
    Down(usize),
    Up(usize),
    Wait(u8),
}

/// A link as its server sees it.
pub(super) struct Peer {
    pub(super) node: usize,
    asked: VecDeque<String>,
    subscribed: BTreeSet<usize>,
    is_stalled: bool,
}

/// The expectations of a channel's subscriber.
#[derive(Default)]
pub(super) struct Wish {
    is_wanted: bool,
    /// When the first confirmation was reported.
    since: Option<Instant>,
    /// Numbers that were published after that and did not come, with the time of each.
    pub(super) missing: BTreeMap<u32, Instant>,
    came: BTreeSet<u32>,
    /// A gap was reported and no `ready` yet: the gap lasts until then.
    is_in_gap: bool,
}

pub(super) struct World {
    client: Client,
    resp: Resp,
    pub(super) links: BTreeMap<u8, Peer>,
    /// The master of each channel's slot.
    owners: BTreeMap<u16, usize>,
    down: [bool; NODES],
    knows_slots: bool,
    pub(super) wishes: [Wish; CHANNELS.len()],
    published: u32,
}

impl World {
    pub(super) fn new(resp: Resp, knows_slots: bool) -> Self {
        let client = Client::with_seed("redis://n0:7000", &[], SEED);
        let owners = CHANNELS.iter().enumerate().map(|(n, (_, slot))| (*slot, n.min(2))).collect();
        let (links, wishes) = (BTreeMap::new(), Default::default());
        let mut world =
            Self { client, resp, links, owners, down: [false; NODES], knows_slots, wishes, published: 0 };
        world.follow();
        world.settle();
        world
    }

    /// Whether a node receives messages published on a channel.
    fn serves(&self, node: usize, channel: usize) -> bool {
        let owner = self.owners[&CHANNELS[channel].1];
        owner == node || owner == NODES - 2 && node == NODES - 1
    }

    /// Carries out the session's wishes, and takes its bytes and events.
    fn follow(&mut self) {
        self.client.driver.drive();
        loop {
            match self.client.action() {
                None => break,
                Some(Action::Close(LinkId(link))) => {
                    self.links.remove(&link);
                    self.client.bytes(link);
                }
                Some(Action::Connect { link: LinkId(link), endpoint, .. }) => {
                    self.links.remove(&link);
                    self.client.bytes(link);
                    let name = endpoint.to_string();
                    let node = usize::from(name.as_bytes()[1] - b'0');
                    if self.down[node] {
                        self.client.lost(link, LinkError::Eof);
                    } else {
                        let (asked, subscribed) = (VecDeque::new(), BTreeSet::new());
                        self.links.insert(link, Peer { node, asked, subscribed, is_stalled: false });
                        self.client.driver.connected(LinkId(link), Connected::default());
                        self.client.driver.drive();
                    }
                }
                Some(other) => panic!("{other:?}"),
            }
        }
        for (&link, peer) in &mut self.links {
            peer.asked.extend(self.client.commands(link));
        }
        self.listen();
        for (channel, (name, _)) in CHANNELS.iter().enumerate() {
            let on =
                self.links.values().filter(|it| !it.is_stalled && it.subscribed.contains(&channel)).count();
            assert!(on <= 1, "{name} is subscribed on {on} links");
        }
    }

    /// The client's events.
    fn listen(&mut self) {
        let now = self.client.driver.now;
        for said in self.client.said() {
            match said {
                Said::Message { slot, payload, .. } => {
                    let (wish, number) =
                        (&mut self.wishes[slot as usize], payload.parse().expect("a number"));
                    assert!(wish.came.insert(number), "{number} came twice");
                    wish.missing.remove(&number);
                }
                Said::Event(Event::Subscribed(Topic { name, .. })) => {
                    let channel = CHANNELS.iter().position(|(known, _)| known.as_bytes() == &*name).unwrap();
                    self.wishes[channel].since = Some(now);
                }
                Said::Event(Event::Gap { lasted, topics, .. }) => {
                    for (wish, (name, _)) in self.wishes.iter_mut().zip(CHANNELS) {
                        if topics.as_ref().is_none_or(|topics| topics.contains(&topic(SHARDED, name))) {
                            wish.missing.retain(|_, at| now.duration_since(*at) > lasted);
                            wish.is_in_gap = true;
                        }
                    }
                }
                Said::Event(Event::Ready(_)) => {
                    self.wishes.iter_mut().for_each(|wish| wish.is_in_gap = false);
                }
                _ => {}
            }
        }
    }

    /// The node at the other end answers the first command on a link. Returns false if there is none.
    fn answer(&mut self, link: u8) -> bool {
        let Some(peer) = self.links.get_mut(&link).filter(|peer| !peer.is_stalled) else { return false };
        let (node, Some(command)) = (peer.node, peer.asked.pop_front()) else { return false };
        let words: Vec<_> = command.split(' ').collect();
        let push = if self.resp == Resp::Two { '*' } else { '>' };
        let answer = match words[..] {
            ["HELLO", ..] if self.resp == Resp::Two => "-ERR unknown command 'HELLO'\r\n".to_owned(),
            ["HELLO", ..] => "%2\r\n+mode\r\n+cluster\r\n+role\r\n+master\r\n".to_owned(),
            ["CLIENT", ..] => "+OK\r\n".to_owned(),
            ["INFO", ..] => {
                let info = format!("redis_mode:cluster\r\nrun_id:r{node}\r\n");
                format!("${}\r\n{info}\r\n", info.len())
            }
            ["ROLE"] => "*1\r\n$6\r\nmaster\r\n".to_owned(),
            ["PING"] => "+PONG\r\n".to_owned(),
            ["PING", echo] => format!("${}\r\n{echo}\r\n", echo.len()),
            ["CLUSTER", "SLOTS"] if !self.knows_slots => "-NOPERM no\r\n".to_owned(),
            ["CLUSTER", "SLOTS"] => self.slots(),
            ["CLUSTER", "INFO"] => {
                let info = format!("cluster_state:ok\r\ncluster_current_epoch:{:?}\r\n", self.owners);
                format!("${}\r\n{info}\r\n", info.len())
            }
            [command @ ("SSUBSCRIBE" | "SUNSUBSCRIBE"), ref names @ ..] => {
                let channel = |name: &str| CHANNELS.iter().position(|(known, _)| *known == name).unwrap();
                let (slot, first) = (CHANNELS[channel(names[0])].1, channel(names[0]));
                assert!(names.iter().all(|name| CHANNELS[channel(name)].1 == slot), "CROSSSLOT {command}");
                let peer = self.links.get_mut(&link).unwrap();
                for name in names.iter().map(|name| channel(name)) {
                    let owner = self.owners[&slot];
                    if owner == node || owner == NODES - 2 && node == NODES - 1 {
                        match command {
                            "SSUBSCRIBE" => peer.subscribed.insert(name),
                            _ => peer.subscribed.remove(&name),
                        };
                    }
                }
                if self.serves(node, first) {
                    let what = command.to_ascii_lowercase();
                    let of = |name: &&str| {
                        format!("{push}3\r\n${}\r\n{what}\r\n${}\r\n{name}\r\n:1\r\n", what.len(), name.len())
                    };
                    names.iter().map(of).collect()
                } else {
                    let owner = self.owners[&slot];
                    format!("-MOVED {slot} n{owner}:700{owner}\r\n")
                }
            }
            _ => panic!("{command}"),
        };
        self.client.server(link, answer.as_bytes());
        self.follow();
        true
    }

    fn slots(&self) -> String {
        let ranges = self.owners.iter().map(|(slot, owner)| {
            let node = |n: usize| format!("*2\r\n$2\r\nn{n}\r\n:700{n}\r\n");
            let replica = if *owner == NODES - 2 { node(NODES - 1) } else { String::new() };
            format!(
                "*{}\r\n:{slot}\r\n:{slot}\r\n{}{replica}",
                3 + usize::from(!replica.is_empty()),
                node(*owner)
            )
        });
        format!("*{}\r\n{}", self.owners.len(), ranges.collect::<String>())
    }

    fn publish(&mut self, channel: usize) {
        self.published += 1;
        let (number, now) = (self.published, self.client.driver.now);
        // With its node and the replicas down no node accepts it.
        if (0..NODES).all(|node| self.down[node] || !self.serves(node, channel)) {
            return;
        }
        let wish = &mut self.wishes[channel];
        if wish.is_wanted && wish.since.is_some() && !wish.is_in_gap {
            wish.missing.insert(number, now);
        }
        let push = if self.resp == Resp::Two { '*' } else { '>' };
        let (name, text) = (CHANNELS[channel].0, number.to_string());
        let bytes = format!(
            "{push}3\r\n$8\r\nsmessage\r\n${}\r\n{name}\r\n${}\r\n{text}\r\n",
            name.len(),
            text.len()
        );
        for link in self.hearers(channel) {
            self.client.server(link, bytes.as_bytes());
        }
        self.follow();
    }

    /// Links on which a channel is heard.
    pub(super) fn hearers(&self, channel: usize) -> Vec<u8> {
        let hears = |peer: &Peer| !peer.is_stalled && peer.subscribed.contains(&channel);
        self.links.iter().filter(|(_, peer)| hears(peer)).map(|(link, _)| *link).collect()
    }

    fn move_slot(&mut self, channel: usize, to: usize) {
        let slot = CHANNELS[channel].1;
        self.owners.insert(slot, to);
        let push = if self.resp == Resp::Two { '*' } else { '>' };
        for (channel, (name, _)) in CHANNELS.iter().enumerate().filter(|(_, (_, its))| *its == slot) {
            for link in self.links.keys().copied().collect::<Vec<_>>() {
                let node = self.links[&link].node;
                let is_served = self.serves(node, channel);
                let Some(peer) = self.links.get_mut(&link) else { continue };
                if !is_served && peer.subscribed.remove(&channel) && !peer.is_stalled {
                    let ended =
                        format!("{push}3\r\n$12\r\nsunsubscribe\r\n${}\r\n{name}\r\n:0\r\n", name.len());
                    self.client.server(link, ended.as_bytes());
                    self.follow();
                }
            }
        }
    }

    fn lose(&mut self, link: u8) {
        if self.links.remove(&link).is_some() {
            self.client.bytes(link);
            self.client.lost(link, LinkError::Eof);
            self.follow();
        }
    }

    pub(super) fn act(&mut self, act: &Act) {
        let link =
            |n: &usize| self.links.keys().nth(n % self.links.len().max(1)).copied().unwrap_or_default();
        match act {
            Act::Subscribe(channel) => {
                let wish = &mut self.wishes[*channel];
                if !std::mem::replace(&mut wish.is_wanted, true) {
                    *wish = Wish { is_wanted: true, ..Wish::default() };
                }
                let slot = u32::try_from(*channel).unwrap();
                self.client.command(subscribe(SHARDED, CHANNELS[*channel].0, slot));
            }
            Act::Unsubscribe(channel) => {
                self.wishes[*channel] = Wish::default();
                self.client.command(Command::Unsubscribe(topic(SHARDED, CHANNELS[*channel].0)));
            }
            Act::Publish(channel) => self.publish(*channel),
            Act::Move(channel, node) => self.move_slot(*channel, *node),
            Act::Answer(n) => drop(self.answer(link(n))),
            Act::Lose(n) => self.lose(link(n)),
            Act::Stall(n) => {
                let link = link(n);
                self.links.get_mut(&link).into_iter().for_each(|peer| peer.is_stalled = true);
            }
            Act::Down(node) => {
                self.down[*node] = true;
                let links: Vec<_> =
                    self.links.iter().filter(|(_, it)| it.node == *node).map(|it| *it.0).collect();
                links.into_iter().for_each(|link| self.lose(link));
            }
            Act::Up(node) => self.down[*node] = false,
            Act::Wait(tenths) => self.client.advance(f64::from(*tenths) / 10.0),
        }
        self.follow();
    }

    /// Answers everything.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            let links: Vec<_> = self.links.keys().copied().collect();
            if !links.into_iter().any(|link| self.answer(link)) {
                return;
            }
        }
        panic!("there is always more to answer");
    }

    /// The faults end: all wanted channels are heard again, and missed messages were reported.
    pub(super) fn heal(mut self) {
        self.down = [false; NODES];
        for _ in 0..300 {
            self.settle();
            self.client.advance(0.5);
            self.follow();
        }
        self.settle();
        assert_eq!(self.client.counters.state(), State::Ready);
        for (channel, (name, _)) in CHANNELS.iter().enumerate() {
            let on: Vec<_> = self.hearers(channel);
            let wish = &self.wishes[channel];
            assert_eq!(on.len(), usize::from(wish.is_wanted), "{name} is subscribed on {on:?}");
            assert!(on.iter().all(|link| self.serves(self.links[link].node, channel)), "{name} is elsewhere");
            assert_eq!(wish.since.is_some(), wish.is_wanted, "{name}");
            assert!(wish.missing.is_empty(), "{name}: missing, and in no gap: {:?}", wish.missing);
            self.publish(channel);
            assert!(self.wishes[channel].missing.is_empty(), "{name} is not heard");
        }
        let wanted = self.wishes.iter().filter(|wish| wish.is_wanted).count();
        assert_eq!(self.client.confirmed(), wanted as u64);
        assert!(self.links.len() <= 2 + NODES * 2, "one link for each node and kind");
    }
}
