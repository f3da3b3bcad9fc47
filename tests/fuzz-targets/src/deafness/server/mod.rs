//! A server with state: the subscriptions of each connection, its role, and what it refuses until when. It is two
//! hosts: at one address, so that a failover may move the address, or at one each.

mod answers;
mod truth;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use realtime::model::{Topic, TopicKind};
use resp::Decoder;

use super::act::Act;
use crate::client::LINKS;

/// Channels, patterns, of which each matches the channel of the same name, and a sharded channel.
const TOPICS: [(TopicKind, &[u8]); 6] = [
    (TopicKind::Channel, b"a"),
    (TopicKind::Channel, b"b"),
    (TopicKind::Channel, b"c"),
    (TopicKind::ShardedChannel, b"d"),
    (TopicKind::Pattern, b"a"),
    (TopicKind::Pattern, b"e"),
];
/// The hosts, if each has its own address.
pub(super) const HOSTS: [&str; 2] = ["one", "other"];
pub(super) const CHANNELS: [&[u8]; 5] = [b"a", b"b", b"c", b"d", b"e"];

/// Refusals. Some texts change each time.
const REFUSALS: [&str; 8] = [
    "BUSY Redis is busy running a script",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'",
    "CLUSTERDOWN The cluster is down",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "OOM command not allowed when used memory > 'maxmemory'",
    "ERR upstream failure, request ",
    "LOADING Redis is loading the dataset in memory",
    "NOPERM No permissions to access a channel, attempt ",
];

/// How servers and proxies answer HELLO 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hello {
    /// With a map, and RESP3 from then on.
    Three,
    /// With a map, and RESP2 from then on.
    MapThenTwo,
    /// With a flat list, and RESP2 from then on.
    ListThenTwo,
    /// With OK, and RESP2 from then on.
    OkThenTwo,
    /// With this error.
    Refused(&'static str),
}

const HELLOS: [Hello; 9] = [
    Hello::Three,
    Hello::Three,
    Hello::MapThenTwo,
    Hello::ListThenTwo,
    Hello::OkThenTwo,
    Hello::Refused("ERR unknown command 'HELLO'"),
    Hello::Refused("ERR this proxy speaks RESP2"),
    Hello::Refused("NOPROTO unsupported protocol version"),
    Hello::Refused("NOPERM this user has no permissions to run the 'hello' command"),
];

/// The topic with a number.
pub(super) fn topic(number: usize) -> Topic {
    let (kind, name) = TOPICS[number % TOPICS.len()];
    Topic { kind, name: name.into() }
}

/// A message to one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) topic: Topic,
    pub(super) number: u64,
}

/// The role of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Master,
    Replica {
        /// Messages published on the master reach it.
        linked: bool,
    },
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) role: Role,
    /// It serves no data during this time, and answers LOADING (or MASTERDOWN).
    pub(super) loading: Option<(Instant, Instant, bool)>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) host: usize,
    decoder: Decoder,
    inbox: VecDeque<Vec<Vec<u8>>>,
    outbox: VecDeque<(Instant, Vec<u8>)>,
    resp3: bool,
    pub(super) subscribed: HashSet<Topic>,
    /// Why each topic was refused last, if it was: NOPERM or not.
    pub(super) refused: HashMap<Topic, bool>,
    in_transaction: Option<usize>,
    /// Messages on their way.
    pub(super) sent: VecDeque<Sent>,
    /// Nothing arrives any more.
    pub(super) dead: bool,
    /// The server closed it.
    pub(super) closed: bool,
    /// The time at which it answered on this connection that it has no data to serve.
    said_unserved: Option<Instant>,
    /// When the server refused a probe of verify_delivery last, and whether with NOPERM.
    pub(super) probe_refused: Option<(Instant, bool)>,
    /// How HELLO is answered on it.
    hello: Hello,
}

pub(super) struct Server {
    pub(super) now: Instant,
    pub(super) connections: [Option<Connection>; LINKS],
    pub(super) hosts: [Host; 2],
    /// The host on which the other client publishes. The address leads to it, if there is one for both.
    pub(super) current: usize,
    /// Whether each host has its own address.
    several: bool,
    /// The host that each link is to lead to, if they have.
    wanted: [usize; LINKS],
    refuses: HashMap<Topic, (usize, Instant)>,
    refuses_ends: Option<(usize, Instant)>,
    refuses_probes: Option<(usize, Instant)>,
    pub(super) busy: Option<Instant>,
    /// Another node has the hash slots until then.
    moved: Option<Instant>,
    hello: Hello,
    pub(super) swallows: Option<Instant>,
    pub(super) frozen: Option<Instant>,
    pub(super) away: Option<(bool, Instant)>,
    refuses_exec: Option<Instant>,
    short_pong: bool,
    lag: Duration,
    /// Errors so far.
    errors: u64,
    /// Messages in flight on connections that were lost.
    pub(super) lost: VecDeque<Sent>,
    /// A connection with subscriptions was lost.
    pub(super) unsubscribed: bool,
}

fn until(end: Option<Instant>, now: Instant) -> bool {
    end.is_some_and(|end| now < end)
}

impl Server {
    pub(super) fn new(now: Instant, several: bool) -> Self {
        let host = |role| Host { role, loading: None };
        let other = if several { Role::Replica { linked: true } } else { Role::Master };
        Self {
            now,
            connections: [None, None],
            hosts: [host(Role::Master), host(other)],
            current: 0,
            several,
            wanted: [0; LINKS],
            refuses: HashMap::new(),
            refuses_ends: None,
            refuses_probes: None,
            busy: None,
            moved: None,
            hello: Hello::Three,
            swallows: None,
            frozen: None,
            away: None,
            refuses_exec: None,
            short_pong: false,
            lag: Duration::ZERO,
            errors: 0,
            lost: VecDeque::new(),
            unsubscribed: false,
        }
    }

    pub(super) fn act(&mut self, act: &Act) {
        let now = self.now;
        match *act {
            Act::Refuse(mask, error, time) => {
                for number in (0..TOPICS.len()).filter(|number| mask >> number & 1 == 1) {
                    self.refuses.insert(topic(number), (error % REFUSALS.len(), now + time));
                }
                if mask >> TOPICS.len() == 3 {
                    self.refuses_probes = Some((error % REFUSALS.len(), now + time));
                }
            }
            Act::RefuseEnds(error, time) => self.refuses_ends = Some((error % REFUSALS.len(), now + time)),
            Act::Busy(time) => self.busy = Some(now + time),
            Act::Load(master_down, time) => {
                let host = &mut self.hosts[self.current];
                host.loading = Some((now, now + time, master_down));
                if host.role == Role::Master {
                    self.close_all(self.current);
                }
            }
            // A server that runs a script takes no orders.
            Act::Demote { .. } | Act::Promote if self.is_busy() => {}
            Act::Demote { moves, linked } => {
                self.hosts[self.current].role = Role::Replica { linked };
                if moves {
                    self.current ^= 1;
                    self.promote();
                }
            }
            Act::Promote => {
                self.hosts[self.current ^ 1].role = Role::Replica { linked: true };
                self.promote();
            }
            Act::Hello(number) => self.hello = HELLOS[number % HELLOS.len()],
            Act::Swallow(time) => self.swallows = Some(now + time),
            Act::HangUp(mask) => {
                for (at, connection) in self.connections.iter_mut().enumerate() {
                    if let Some(connection) = connection.as_mut().filter(|_| mask >> at & 1 == 1) {
                        connection.closed = true;
                    }
                }
            }
            Act::Freeze(time) => self.frozen = Some(now + time),
            Act::Die => self.connections.iter_mut().flatten().for_each(|connection| connection.dead = true),
            Act::Away { hangs, time } => self.away = Some((hangs, now + time)),
            Act::RefuseExec(time) => self.refuses_exec = Some(now + time),
            Act::ShortPong(short) => self.short_pong = short,
            Act::Lag(lag) => self.lag = lag,
            // A server that stands still notifies nobody.
            Act::Move(time) if !self.is_frozen() => self.move_slots(now + time),
            _ => {}
        }
    }

    /// The current host becomes a master. It stops synchronizing.
    fn promote(&mut self) {
        let host = &mut self.hosts[self.current];
        (host.role, host.loading) = (Role::Master, host.loading.filter(|_| host.role == Role::Master));
    }

    fn close_all(&mut self, host: usize) {
        let connections = self.connections.iter_mut().flatten();
        connections
            .filter(|connection| connection.host == host)
            .for_each(|connection| connection.closed = true);
    }

    /// Everything is well from now on, but that the roles stay.
    pub(super) fn heal(&mut self) {
        self.refuses.clear();
        (self.refuses_ends, self.refuses_probes, self.busy, self.swallows, self.frozen) =
            (None, None, None, None, None);
        (self.away, self.refuses_exec, self.moved, self.lag) = (None, None, None, Duration::ZERO);
        self.hosts.iter_mut().for_each(|host| host.loading = None);
        if let Role::Replica { linked } = &mut self.hosts[self.current].role {
            *linked = true;
        }
    }

    /// When something ends or arrives next.
    pub(super) fn due(&self) -> Option<Instant> {
        let loading = self.hosts.iter().filter_map(|host| host.loading.map(|(_, end, _)| end));
        let refuses = self.refuses.values().map(|(_, end)| *end);
        let arrivals = self.connections.iter().flatten().filter(|connection| !connection.dead);
        let arrivals = arrivals.filter_map(|connection| connection.outbox.front().map(|(due, _)| *due));
        let ends = [self.busy, self.moved, self.swallows, self.frozen, self.away.map(|(_, end)| end)];
        let arrivals = arrivals.map(|due| self.frozen.map_or(due, |end| end.max(due)));
        loading
            .chain(refuses)
            .chain(arrivals)
            .chain(ends.into_iter().flatten())
            .filter(|due| *due > self.now)
            .min()
    }

    /// The host that a link leads to if it is made now.
    pub(super) fn wanted_host(&self, link: usize) -> usize {
        if self.several { self.wanted[link] } else { self.current }
    }

    /// A connection is made.
    pub(super) fn accept(&mut self, link: usize) {
        self.connections[link] = Some(Connection {
            host: self.wanted_host(link),
            decoder: Decoder::default(),
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            resp3: false,
            subscribed: HashSet::new(),
            refused: HashMap::new(),
            in_transaction: None,
            sent: VecDeque::new(),
            dead: false,
            closed: false,
            said_unserved: None,
            probe_refused: None,
            hello: self.hello,
        });
    }

    /// The bytes that have arrived on a link.
    pub(super) fn arrived(&mut self, link: usize) -> Option<Vec<u8>> {
        if self.is_frozen() {
            return None;
        }
        self.run(link);
        let connection = self.connections[link].as_mut().filter(|connection| !connection.dead)?;
        connection.outbox.front().filter(|(due, _)| *due <= self.now)?;
        connection.outbox.pop_front().map(|(_, bytes)| bytes)
    }

    /// The other client publishes on the master. Returns the matching topics that do not get it, of those that the
    /// client knows to be affected, if it `reads`.
    pub(super) fn publish(&mut self, channel: &[u8], number: u64, reads: bool) -> Vec<Topic> {
        if self.is_frozen() || self.is_busy() {
            return Vec::new();
        }
        let mut missed = Vec::new();
        for (kind, name) in TOPICS.into_iter().filter(|(_, name)| *name == channel) {
            let topic = Topic { kind, name: name.into() };
            let Some((link, host)) = self.subscriber(&topic) else {
                missed.push(topic);
                continue;
            };
            if !self.hears(host) {
                // A replica that synchronizes, and has reported that.
                let since = self.unserved_since(host);
                let said = |it: &Connection| it.host == host && it.said_unserved == since;
                if reads && since.is_some() && self.connections[0].as_ref().is_some_and(said) {
                    missed.push(topic);
                }
                continue;
            }
            if self.is_swallowing() {
                continue;
            }
            if let Some(connection) = &mut self.connections[link] {
                connection.message(&topic, number.to_string().as_bytes(), self.now + self.lag);
                connection.sent.push_back(Sent { topic, number });
            }
        }
        missed
    }

    /// Runs the commands that have come.
    fn run(&mut self, link: usize) {
        while let Some(connection) = &mut self.connections[link]
            && !connection.dead
            && let Some(words) = connection.inbox.pop_front()
        {
            let mut out = Vec::new();
            self.answer(link, &words, &mut out);
            let due = self.now + self.lag;
            if let Some(connection) = &mut self.connections[link] {
                connection.outbox.push_back((due, out));
            }
        }
    }

    fn error(&mut self, number: usize, out: &mut Vec<u8>) -> bool {
        self.errors += 1;
        let text = REFUSALS[number];
        let count = if text.ends_with(' ') { self.errors.to_string() } else { String::new() };
        out.extend(format!("-{text}{count}\r\n").into_bytes());
        text.starts_with("NOPERM")
    }
}
