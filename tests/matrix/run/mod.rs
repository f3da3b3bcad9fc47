//! One conversation with its cuts: the client's actions, step by step, until it has recovered.

mod script;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fault_proxy::{Connection, Course, FaultProxy, Faults};
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{Event, State, Topic, TopicKind, Value};
use tls_proxy::TlsProxy;

use crate::game::{Game, Handle, Seen};
use crate::outside::{Outside, Published};
use crate::server::PASSWORD;

use script::topics;
pub use script::{Asked, Sent, TOPICS};

/// Ten times as long as a run takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// One in so many cuts is followed by connections that forward the client's bytes in pieces of this size, with these
/// pauses.
const SLOW_EVERY: u64 = 16;
const SLOW_PIECE: usize = 40;
const SLOW_PAUSE: Duration = Duration::from_millis(1);
/// Connections of a client at most.
const LINKS: usize = 2;
/// Messages from outside while the client is away, at most, and the time between two: a slow link takes that long to be
/// restored.
const MEANWHILE: usize = 60;
const MEANWHILE_EVERY: Duration = Duration::from_millis(1);
/// Rounds of messages after the last cut, at most. Each further one has a reason in the log.
const ROUNDS: usize = 20;

/// Which of a client's links a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// RESP3: everything.
    Only,
    /// RESP2: requests, or subscriptions.
    Commands,
    Subscriber,
}

/// One cut of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The connection's number, in the order in which the proxy accepted them.
    pub connection: usize,
    pub role: Role,
    /// From the client to the server, or the other way.
    pub up: bool,
    /// After so many bytes.
    pub at: u64,
    pub how: fault_proxy::Cut,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Script(usize),
    /// The cuts are made, or the script is over: until the client has noticed.
    Settling,
    /// A round of messages, one to each topic; payloads that have yet to come.
    Round,
    Closing,
    Over,
}

pub struct Run {
    pub cuts: Vec<Cut>,
    prefix: String,
    topics: Vec<Topic>,
    proxy: FaultProxy,
    tls: Option<Arc<TlsProxy>>,
    client: Handle,
    outside: Option<Outside>,
    deadline: Instant,
    phase: Phase,
    /// Messages that the present round, or the script's present step, waits for.
    awaited: Vec<(usize, Vec<u8>)>,
    rounds: usize,
    /// Where in the log the present round began, and its PING.
    round_start: usize,
    round_ping: usize,
    serial: usize,
    meanwhile: usize,
    meanwhile_due: Instant,
    subscribed: [bool; TOPICS],
    pub log: Vec<Seen>,
    pub asked: Vec<Asked>,
    pub sent: Vec<Sent>,
    pub published: Vec<Published>,
    pub connections: Vec<Connection>,
    /// Bytes that had passed on each connection when the client was ready last.
    pub at_ready: Vec<(u64, u64)>,
    pub stuck: Option<String>,
    /// How many cuts were made.
    pub made: usize,
}

/// A separate address for this run, on Linux, where all of 127.0.0.0/8 is this machine: the ports of ten thousand
/// runs would hardly be free again in time, and clients of other servers do not connect here by mistake.
fn address(number: usize) -> Ipv4Addr {
    if cfg!(target_os = "linux") {
        let [.., high, low] = number.to_be_bytes();
        let [.., process] = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, 64 | process & 63, high, low)
    } else {
        Ipv4Addr::LOCALHOST
    }
}

impl Run {
    pub fn start(
        game: &mut Game,
        number: usize,
        setup: &Setup<'_>,
        cuts: Vec<Cut>,
        outside: Outside,
    ) -> Self {
        let proxy = FaultProxy::start_at(address(number), setup.door()).expect("a proxy");
        let recorded = Faults { record: true, ..Faults::default() };
        let connections = cuts.iter().map(|cut| cut.connection + 1).max().unwrap_or(0);
        let mut faults = vec![recorded.clone(); connections];
        for cut in &cuts {
            let course = Course { cut_at: Some(cut.at), cut: cut.how, ..Course::default() };
            let faults = &mut faults[cut.connection];
            *(if cut.up { &mut faults.up } else { &mut faults.down }) = course;
        }
        // Some reconnect slowly: messages fall between the SUBSCRIBE and the PSUBSCRIBE, and a gap reported late
        // would come after them.
        if let [cut] = cuts[..]
            && cut.at.is_multiple_of(SLOW_EVERY)
        {
            let up = Course { piece: SLOW_PIECE, pause: SLOW_PAUSE, ..Course::default() };
            faults.extend(vec![Faults { up, ..recorded.clone() }; LINKS]);
        }
        proxy.faults(recorded);
        proxy.next(faults);

        let pairs = [
            ("protocol", OptionValue::Number(f64::from(setup.protocol))),
            ("name", OptionValue::String(b"m".to_vec())),
            ("reconnect_min", OptionValue::Number(0.001)),
            ("reconnect_max", OptionValue::Number(0.002)),
            ("connect_timeout", OptionValue::Number(PATIENCE.as_secs_f64())),
            // Only the PINGs of the conversation, so that its length is always the same.
            ("ping_interval", OptionValue::Number(PATIENCE.as_secs_f64())),
        ];
        let mut pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut scheme = "redis";
        if let Some(tls) = &setup.tls {
            scheme = "rediss";
            // Separate settings, so that its first handshake is a full one and later ones resume a session.
            let authority = format!("# {number}\n{}", tls.authority());
            pairs.push(("tls_ca".into(), OptionValue::String(authority.into())));
            pairs.push(("tls_name".into(), OptionValue::String(b"localhost".to_vec())));
        }
        let url = format!("{scheme}://:{PASSWORD}@{}", proxy.address());
        let backend =
            configure(Options { url: Some(url), pairs, ..Options::default() }).expect("good options");

        let prefix = format!("{number:05x}");
        let topics = topics(&prefix);
        let mut outside = outside;
        outside.watch(&format!("{prefix}.*"));
        let client = game.open(number, &*backend);
        for (number, topic) in topics.iter().enumerate() {
            game.subscribe(&client, number, topic.clone());
        }
        let mut run = Self {
            cuts,
            prefix,
            topics,
            proxy,
            tls: setup.tls.clone(),
            client,
            outside: Some(outside),
            deadline: Instant::now() + PATIENCE,
            phase: Phase::Script(0),
            awaited: Vec::new(),
            rounds: 0,
            round_start: 0,
            round_ping: 0,
            serial: 0,
            meanwhile: 0,
            meanwhile_due: Instant::now(),
            subscribed: [false; TOPICS],
            log: Vec::new(),
            asked: Vec::new(),
            sent: Vec::new(),
            published: Vec::new(),
            connections: Vec::new(),
            at_ready: Vec::new(),
            stuck: None,
            made: 0,
        };
        // After a Subscribe, so that it must be received.
        run.publish(game, 5);
        run
    }

    /// The topics that a message on this channel is for.
    pub fn audience(&self, channel: &[u8]) -> Vec<usize> {
        let is_for = |topic: &Topic| match topic.kind {
            TopicKind::Channel | TopicKind::ShardedChannel => *topic.name == *channel,
            TopicKind::Pattern => fake_redis::matches(&topic.name, channel),
        };
        (0..TOPICS).filter(|&number| is_for(&self.topics[number])).collect()
    }

    pub fn topic(&self, name: &[u8]) -> Option<usize> {
        self.topics.iter().position(|topic| *topic.name == *name)
    }

    /// A callback was called.
    pub fn see(&mut self, seen: Seen) {
        match &seen {
            Seen::Message(topic, payload) => {
                self.awaited.retain(|(t, p)| (t, p) != (topic, payload));
            }
            Seen::Event(Event::Subscribed(topic)) => {
                if let Some(number) = self.topic(&topic.name) {
                    self.subscribed[number] = true;
                }
            }
            Seen::Event(Event::Ready(_)) => {
                let passed = |connection: Connection| (connection.passed_up, connection.passed_down);
                self.at_ready = self.proxy.connections().into_iter().map(passed).collect();
            }
            _ => {}
        }
        self.log.push(seen);
    }

    fn answers(&self) -> usize {
        self.log.iter().filter(|seen| matches!(seen, Seen::Answer(..))).count()
    }

    /// Continues; returns whether the run is over.
    pub fn poll(&mut self, game: &mut Game) -> bool {
        if Instant::now() > self.deadline {
            self.stuck = Some(format!("{:?}, waiting for {:?}", self.phase, self.awaited));
            game.disconnect(&self.client);
            self.connections = self.recorded();
            return true;
        }
        let (made, noticed) = self.proxy.cuts();
        self.made = made;
        match self.phase {
            Phase::Script(step) => {
                // Until something is cut, each step waits for the results of the last one.
                let is_quiet = self.awaited.is_empty()
                    && self.answers() == self.asked.len()
                    && self.subscribed.iter().all(|&told| told);
                if made == 0 && !is_quiet {
                    return false;
                }
                self.step(game, step);
            }
            Phase::Settling => {
                let now = Instant::now();
                let away = made > 0 && self.client.counters.state() != State::Ready;
                if away && self.meanwhile < MEANWHILE && self.meanwhile_due <= now {
                    self.meanwhile += 1;
                    self.meanwhile_due = now + MEANWHILE_EVERY;
                    self.publish_outside(self.meanwhile % TOPICS);
                }
                if noticed == made && self.client.counters.state() == State::Ready && self.told_ready() {
                    self.round(game);
                }
            }
            Phase::Round => {
                let (answered, fine) = self.round_answer();
                let lost = self.log[self.round_start..]
                    .iter()
                    .any(|seen| matches!(seen, Seen::Event(Event::Gap { .. } | Event::Down { .. })));
                if lost || answered && !fine || made > noticed {
                    self.awaited.clear();
                    self.phase = Phase::Settling;
                    if self.rounds == ROUNDS {
                        self.stuck = Some("the client never stays ready".to_owned());
                        return true;
                    }
                } else if fine && self.awaited.is_empty() && self.answers() == self.asked.len() {
                    game.disconnect(&self.client);
                    self.phase = Phase::Closing;
                }
            }
            Phase::Closing if game.is_over(&self.client) => {
                let own = self.sent.len();
                if let Some(outside) = &mut self.outside {
                    self.published = outside.published(&format!("{}.*", self.prefix), own);
                }
                self.connections = self.recorded();
                self.phase = Phase::Over;
            }
            Phase::Closing | Phase::Over => {}
        }
        self.phase == Phase::Over
    }

    /// The bytes on the connections: for TLS the plaintext that the server read, and that of the records that reached
    /// the client.
    fn recorded(&self) -> Vec<Connection> {
        let mut connections = self.proxy.connections();
        if let Some(tls) = &self.tls {
            for one in &mut connections {
                let text = one.seen_as.and_then(|client| tls.take(client)).unwrap_or_default();
                (one.down, one.up) = (text.down(one.passed_down), text.up);
            }
        }
        connections
    }

    /// Whether the client's last reported state is ready.
    fn told_ready(&self) -> bool {
        let states = self.log.iter().rev().find_map(|seen| match seen {
            Seen::Event(Event::Ready(_)) => Some(true),
            Seen::Event(Event::Down { .. }) => Some(false),
            _ => None,
        });
        states == Some(true)
    }

    fn round_answer(&self) -> (bool, bool) {
        let answer = self.log.iter().find_map(|seen| match seen {
            Seen::Answer(number, result) if *number == self.round_ping => Some(result),
            _ => None,
        });
        (answer.is_some(), matches!(answer, Some(Ok(Value::Double(_)))))
    }

    /// Returns the part that the next run can use.
    pub fn take_outside(&mut self) -> Option<Outside> {
        self.outside.take().filter(|_| self.stuck.is_none())
    }
}

/// Shared by all runs of a matrix.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    pub name: &'a str,
    pub protocol: u8,
    pub server: SocketAddr,
    pub tls: Option<Arc<TlsProxy>>,
    /// One in so many cuts is made.
    pub every: usize,
}

impl Setup<'_> {
    /// Where the client's connections lead to.
    fn door(&self) -> SocketAddr {
        self.tls.as_ref().map_or(self.server, |tls| (Ipv4Addr::LOCALHOST, tls.port()).into())
    }

    /// How many bytes one conversation may be shorter or longer than another one: by numbers of few or more digits, over TLS by
    /// signatures, too, and because answers come in one record or in several.
    pub fn slack(&self) -> u64 {
        if self.tls.is_some() { 600 } else { 48 }
    }
}
