//! The whole state of the server, behind one lock. The event loop and the calls that drive it alternate.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use mio::Registry;

use crate::acl::Users;
use crate::commands::Command;
use crate::connection::{Connection, Ending};
use crate::failure::Failure;
use crate::faults::{Close, Faults, Health, Hello, Mode, Reaction, Role, Target};
use crate::hash_slots::HashSlots;
use crate::keyspace::Database;
use crate::pubsub::{Kind, PubSub};
use crate::reply::{Protocol, Reply};
use crate::request::Request;
use crate::sentinel::Watched;
use crate::socket::{Address, Door};

/// Databases, as in Redis by default.
pub(crate) const DATABASES: usize = 16;

/// The properties of a server.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) hello: Hello,
    pub(crate) health: Health,
    pub(crate) role: Role,
    pub(crate) mode: Mode,
    pub(crate) version: String,
    pub(crate) max_clients: usize,
    /// The number of unsent bytes at which a subscriber is disconnected.
    pub(crate) subscriber_buffer: usize,
    pub(crate) new_faults: Faults,
    pub(crate) log: bool,
    /// For the errors of commands that this server lacks.
    pub(crate) about_missing_commands: Option<String>,
}

/// A snapshot of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// As `CLIENT ID` reports it.
    pub id: u64,
    /// As `CLIENT SETNAME` set it; empty if it did not.
    pub name: String,
    /// The ACL user, once authenticated.
    pub user: Option<String>,
    /// Which version it speaks.
    pub protocol: Protocol,
    /// The selected database.
    pub db: usize,
    /// Its channels, in the order of the bytes.
    pub channels: Vec<Vec<u8>>,
    /// Its patterns, in the order of the bytes.
    pub patterns: Vec<Vec<u8>>,
    /// Its sharded channels, in the order of the bytes.
    pub sharded: Vec<Vec<u8>>,
    /// Bytes read from it.
    pub received: u64,
    /// Bytes written to it.
    pub sent: u64,
    /// Bytes that wait to be written to it.
    pub unsent: usize,
    /// Commands read from it.
    pub commands: u64,
}

/// The server's state at one moment, for tests to wait for and to read.
#[derive(Debug)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) users: Users,
    pub(crate) connections: Connections,
    pub(crate) pubsub: PubSub,
    pub(crate) databases: Vec<Database>,
    pub(crate) reactions: Vec<(String, Reaction)>,
    pub(crate) lasting_reactions: BTreeMap<String, Reaction>,
    /// Channels and patterns that nobody may subscribe to or unsubscribe from, and the error that says so.
    pub(crate) refused_topics: BTreeMap<Vec<u8>, Failure>,
    pub(crate) slots: HashSlots,
    pub(crate) watched: Watched,
    pub(crate) door: Door,
    pub(crate) address: Address,
    pub(crate) registry: Registry,
    pub(crate) started: Instant,
    pub(crate) quit: bool,
    /// Whether the event loop has been woken and not yet looked.
    pub(crate) woken: bool,
    accepted: u64,
    counts: HashMap<&'static str, u64>,
    log: BTreeMap<u64, Vec<Request>>,
}

/// Open connections by id, so in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Connections(pub(crate) BTreeMap<u64, Connection>);

impl Connections {
    /// The connection whose command runs.
    #[expect(
        clippy::expect_used,
        reason = "connections leave the map in State::settle only, never while a command runs"
    )]
    pub(crate) fn current(&mut self, id: u64) -> &mut Connection {
        self.0.get_mut(&id).expect("the connection whose command runs is in the map")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.0.values()
    }

    pub(crate) fn chosen<'c>(&'c mut self, target: &'c Target) -> impl Iterator<Item = &'c mut Connection> {
        self.0.values_mut().filter(move |connection| match target {
            Target::All => true,
            Target::Subscribers => connection.session.subscriptions() > 0,
            Target::Id(id) => connection.id == *id,
            Target::Name(name) => connection.session.name == name.as_bytes(),
        })
    }
}

/// Queries for tests.
impl State {
    /// The open connections, oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.connections.iter().map(ConnectionInfo::of).collect()
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.connections.0.len()
    }

    /// How many connections were ever accepted, including those that were rejected.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// How many connections have subscribed to the channel by its name; patterns don't count, as in `PUBSUB NUMSUB`.
    #[must_use]
    pub fn subscribers(&self, channel: impl AsRef<[u8]>) -> usize {
        self.pubsub.subscribers(channel.as_ref()).len()
    }

    /// How many connections have subscribed to the sharded channel.
    #[must_use]
    pub fn sharded_subscribers(&self, channel: impl AsRef<[u8]>) -> usize {
        self.pubsub.sharded_subscribers(channel.as_ref()).len()
    }

    /// How many connections have subscribed to exactly this pattern.
    #[must_use]
    pub fn pattern_subscribers(&self, pattern: impl AsRef<[u8]>) -> usize {
        self.pubsub.pattern_subscribers(pattern.as_ref()).len()
    }

    /// How often a command of this name (such as "publish" or "client|setname", in any case) was received, on all
    /// connections ever, whether it ran or was refused. Commands that this server does not know are not counted.
    #[must_use]
    pub fn received(&self, command: &str) -> u64 {
        self.counts.get(command.to_ascii_lowercase().as_str()).copied().unwrap_or(0)
    }

    /// The commands of a connection, open or not, if they are logged: see [`Builder::log`](crate::Builder::log).
    #[must_use]
    pub fn commands(&self, id: u64) -> &[Vec<Vec<u8>>] {
        self.log.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Whether the server accepts connections.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.door.is_open()
    }
}

impl ConnectionInfo {
    fn of(connection: &Connection) -> ConnectionInfo {
        let session = &connection.session;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        ConnectionInfo {
            id: connection.id,
            name: text(&session.name),
            user: session.authenticated.then(|| text(&session.user)),
            protocol: session.protocol,
            db: session.db,
            channels: session.channels.iter().cloned().collect(),
            patterns: session.patterns.iter().cloned().collect(),
            sharded: session.sharded.iter().cloned().collect(),
            received: connection.received,
            sent: connection.sent,
            unsent: connection.unsent(),
            commands: connection.commands,
        }
    }
}

impl State {
    pub(crate) fn new(
        settings: Settings,
        users: Users,
        door: Door,
        address: Address,
        registry: Registry,
    ) -> State {
        State {
            settings,
            users,
            connections: Connections::default(),
            pubsub: PubSub::default(),
            databases: (0..DATABASES).map(|_| Database::default()).collect(),
            reactions: Vec::new(),
            lasting_reactions: BTreeMap::new(),
            refused_topics: BTreeMap::new(),
            slots: HashSlots::default(),
            watched: Watched::default(),
            door,
            address,
            registry,
            started: Instant::now(),
            quit: false,
            woken: false,
            accepted: 0,
            counts: HashMap::new(),
            log: BTreeMap::new(),
        }
    }

    /// The id for a connection that was just accepted.
    pub(crate) fn count_accepted(&mut self) -> u64 {
        self.accepted += 1;
        self.accepted
    }

    /// Remembers that a command came.
    pub(crate) fn note(&mut self, id: u64, command: Option<&'static Command>, request: &Request) {
        if let Some(command) = command {
            *self.counts.entry(command.name()).or_default() += 1;
        }
        if self.settings.log {
            self.log.entry(id).or_default().push(request.clone());
        }
    }

    pub(crate) fn forget_log(&mut self) {
        self.log.clear();
    }

    /// The next reaction to this command.
    pub(crate) fn take_reaction(&mut self, command: &str) -> Option<Reaction> {
        match self.reactions.iter().position(|(name, _)| name == command) {
            Some(place) => Some(self.reactions.remove(place).1),
            None => self.lasting_reactions.get(command).cloned(),
        }
    }

    /// Sends a message to all subscribers; returns the number of deliveries.
    pub(crate) fn publish(&mut self, kind: Kind, channel: &[u8], payload: &[u8]) -> usize {
        let State { pubsub, connections, settings, .. } = self;
        let mut receivers = 0;
        let mut deliver = |subscribers: &[u64], words: &[&[u8]]| {
            // Encoded at most twice, once for each version, however many subscribers there are.
            let mut said: [Option<Vec<u8>>; 2] = [None, None];
            for id in subscribers {
                let Some(connection) = connections.0.get_mut(id) else { continue };
                receivers += 1;
                if !connection.faults.deliver {
                    continue;
                }
                let protocol = connection.session.protocol;
                let bytes = said[usize::from(protocol == Protocol::Resp3)].get_or_insert_with(|| {
                    let mut bytes = Vec::new();
                    let mut push = Reply::new(&mut bytes, protocol);
                    push.push(words.len());
                    words.iter().for_each(|word| push.bulk(word));
                    bytes
                });
                connection.fresh.extend_from_slice(bytes);
                if connection.unsent() > settings.subscriber_buffer {
                    // Bytes that the socket accepts do not count as unsent.
                    connection.flush(Instant::now());
                    if connection.unsent() > settings.subscriber_buffer {
                        connection.end(Ending::Now(Close::Fin));
                    }
                }
            }
        };
        if kind == Kind::Sharded {
            deliver(pubsub.sharded_subscribers(channel), &[b"smessage", channel, payload]);
            return receivers;
        }
        deliver(pubsub.subscribers(channel), &[b"message", channel, payload]);
        for (pattern, subscribers) in pubsub.matching(channel) {
            deliver(subscribers, &[b"pmessage", pattern, channel, payload]);
        }
        receivers
    }

    /// Ends the connections of users that were removed or lost one of their channels, as Redis does.
    pub(crate) fn drop_revoked(&mut self) {
        for connection in self.connections.0.values_mut() {
            let session = &connection.session;
            let keeps = self.users.find(&session.user).is_some_and(|user| {
                let mut channels = session.channels.iter().chain(&session.sharded);
                channels.all(|channel| user.may_use_channel(channel))
                    && session.patterns.iter().all(|pattern| user.may_use_pattern(pattern))
            });
            if !keeps {
                connection.end(Ending::Flushed);
            }
        }
    }

    /// Writes as much as possible and removes ended connections. Returns whether something is left to do at once, and
    /// when the next delayed bytes are due.
    pub(crate) fn settle(&mut self) -> (bool, Option<Instant>) {
        let now = Instant::now();
        let mut ended = Vec::new();
        let (mut busy, mut due) = (false, None::<Instant>);
        for connection in self.connections.0.values_mut() {
            connection.flush(now);
            if let Ending::Now(how) = connection.ending {
                ended.push((connection.id, how));
                continue;
            }
            busy |= connection.is_busy();
            due = due.into_iter().chain(connection.due()).min();
        }
        for (id, how) in ended {
            self.bury(id, how);
        }
        (busy, due)
    }

    fn bury(&mut self, id: u64, how: Close) {
        let Some(mut connection) = self.connections.0.remove(&id) else { return };
        for kind in Kind::ALL {
            for name in connection.session.names(kind).iter() {
                self.pubsub.remove(kind, name, id);
            }
        }
        connection.stream.close(how, &self.registry);
    }

    /// Ends every connection at once.
    pub(crate) fn bury_all(&mut self, how: Close) {
        let ids: Vec<u64> = self.connections.0.keys().copied().collect();
        ids.into_iter().for_each(|id| self.bury(id, how));
    }
}
