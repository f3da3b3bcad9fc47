//! A session, its clock, and the actions of both threads on it: links and commands.

mod server;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use realtime::backend::{Action, Connected, Endpoint, LinkError, OptionValue, Options, Start, configure};
use realtime::model::{
    Args, Command, Counters, Error, Event, LinkId, ReplyTo, Request, RequestKind, RequestSlot, State,
    SubscriptionSlot, Ticket, Topic, TopicKind,
};
use session_driver::{Driver, Peers};

use crate::sink::{Recorder, Said, text};

pub(crate) use server::{
    HELLO3, INTRODUCTION, MASTER, OLD_INTRODUCTION, OLD_WELCOME, Reads, SETINFO, WELCOME, every_cut, life,
    question,
};

pub(crate) struct Client {
    pub(crate) driver: Driver<Recorder, Record>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) reads: Reads,
    sent_by_server: usize,
    /// The link that carries subscriptions.
    pub(crate) subscriber: u8,
}

/// The session's wishes and output, until a test reads them.
#[derive(Default)]
pub(crate) struct Record {
    actions: VecDeque<Action>,
    /// By the number of the link.
    written: BTreeMap<u8, Vec<u8>>,
}

impl Peers for Record {
    fn written(&mut self, link: LinkId, _now: Instant, bytes: &[u8]) {
        self.written.entry(link.0).or_default().extend_from_slice(bytes);
    }

    fn wished(&mut self, action: Action) {
        self.actions.push_back(action);
    }
}

/// The version of the protocol that a conversation is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resp {
    Two,
    Three,
}

pub(crate) const BOTH: [Resp; 2] = [Resp::Two, Resp::Three];

impl Client {
    pub(crate) fn new(url: &str, pairs: &[(&str, OptionValue)]) -> Self {
        Self::with_seed(url, pairs, 7)
    }

    pub(crate) fn with_seed(url: &str, pairs: &[(&str, OptionValue)], seed: u64) -> Self {
        Self::from_origin("", url, pairs, seed)
    }

    pub(crate) fn from_origin(origin: &str, url: &str, pairs: &[(&str, OptionValue)], seed: u64) -> Self {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let (url, origin) = (Some(url.to_owned()), origin.to_owned());
        let backend = configure(Options { url, origin, pairs, ..Options::default() }).expect("valid options");
        let now = Instant::now();
        let counters = Arc::new(Counters::default());
        let session = backend.session(Start { now, seed, counters: Arc::clone(&counters) });
        let driver = Driver::new(session, now, Recorder::default(), Record::default());
        Self { driver, counters, reads: Reads::Whole, sent_by_server: 0, subscriber: 0 }
    }

    /// A client that is ready, without subscriptions.
    pub(crate) fn ready(resp: Resp, pairs: &[(&str, OptionValue)]) -> Self {
        let mut client = Self::new("redis://server", pairs);
        client.handshake(resp);
        client.expect_ready(true, resp);
        client
    }

    /// Ready, and subscribed to `chat` with slot 1; the events of that wait.
    pub(crate) fn subscribed(resp: Resp, pairs: &[(&str, OptionValue)]) -> Self {
        let mut client = Self::ready(resp, pairs);
        client.subscribe("chat", 1);
        client.subscriber_up();
        client.confirm("subscribe", "chat");
        client.fence(1);
        client
    }

    /// The session asks for this link and gets it.
    pub(crate) fn connected(&mut self, link: u8) {
        self.connected_as(link, Connected::default());
    }

    /// Like [`Client::connected`], with the details in `how`.
    pub(crate) fn connected_as(&mut self, link: u8, how: Connected) -> Option<SocketAddr> {
        let after = self.expect_connect(link);
        self.driver.connected(LinkId(link), how);
        self.driver.drive();
        after
    }

    /// The session asks for this link. Returns the peer after which other addresses are tried first.
    pub(crate) fn expect_connect(&mut self, link: u8) -> Option<SocketAddr> {
        match self.action_before_writing() {
            Some(Action::Connect { link: l, endpoint: Endpoint::Tcp { host, port }, after, .. }) => {
                assert_eq!((l, host.as_str(), port), (LinkId(link), "server", 6379));
                after
            }
            other => panic!("expected a wish to connect, not {other:?}"),
        }
    }

    /// The session asks for this link now. Returns where to, and how long the attempt may take.
    pub(crate) fn attempt(&mut self, link: u8) -> (String, Duration) {
        match self.action_before_writing() {
            Some(Action::Connect { link: l, endpoint, deadline, .. }) if l == LinkId(link) => {
                (endpoint.to_string(), deadline.saturating_duration_since(self.driver.now))
            }
            other => panic!("expected a wish to connect, not {other:?}"),
        }
    }

    pub(crate) fn expect_close(&mut self, link: u8) {
        assert_eq!(self.action(), Some(Action::Close(LinkId(link))));
    }

    /// The session's next wish; nothing is written before.
    pub(crate) fn action_before_writing(&mut self) -> Option<Action> {
        self.driver.carry_out();
        self.driver.peers.actions.pop_front()
    }

    pub(crate) fn action(&mut self) -> Option<Action> {
        self.driver.drive();
        self.driver.peers.actions.pop_front()
    }

    pub(crate) fn read(&mut self, link: u8, bytes: &[u8]) {
        self.driver.receive(LinkId(link), bytes);
        self.driver.drive();
    }

    /// There is room in the queue again: reading resumes.
    pub(crate) fn resume(&mut self) {
        self.driver.queue.full = None;
        self.driver.resume();
    }

    /// The socket of a link accepts so many more bytes.
    pub(crate) fn set_writable(&mut self, link: u8, bytes: usize) {
        self.driver.set_writable(LinkId(link), bytes);
    }

    /// The connection is lost.
    pub(crate) fn lost(&mut self, link: u8, cause: LinkError) {
        self.driver.lost(LinkId(link), cause);
        self.driver.peers.written.remove(&link);
        self.driver.drive();
    }

    pub(crate) fn refused(&mut self, link: u8) {
        let source = io::Error::from(io::ErrorKind::ConnectionRefused);
        self.lost(link, LinkError::Connect { address: "127.0.0.1:6379".into(), source });
    }

    /// Time passes; timers fire when they are due.
    pub(crate) fn advance(&mut self, seconds: f64) {
        self.driver.advance(Duration::from_secs_f64(seconds));
    }

    /// Lets time pass until the session asks for this link again, and makes it.
    pub(crate) fn reconnect(&mut self, link: u8) {
        self.await_attempt();
        self.connected(link);
    }

    /// Lets time pass until the session asks for a link.
    pub(crate) fn await_attempt(&mut self) {
        self.driver.drive();
        for _ in 0..100 {
            if self.driver.peers.actions.iter().any(|action| matches!(action, Action::Connect { .. })) {
                return;
            }
            let due = self.driver.session.poll_timeout().expect("a timer for the next attempt");
            let wait = due.saturating_duration_since(self.driver.now).as_secs_f64();
            self.advance(wait + 1e-9);
        }
        panic!("no attempt to reconnect");
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.driver.command(command);
        self.driver.drive();
    }

    /// As [`Client::command`], but nothing is written in between.
    pub(crate) fn command_in_one_tick(&mut self, command: Command) {
        self.driver.command(command);
    }

    pub(crate) fn subscribe(&mut self, name: &str, slot: u32) {
        self.command(subscribe(TopicKind::Channel, name, slot));
    }

    pub(crate) fn psubscribe(&mut self, name: &str, slot: u32) {
        self.command(subscribe(TopicKind::Pattern, name, slot));
    }

    pub(crate) fn unsubscribe(&mut self, name: &str) {
        self.command(Command::Unsubscribe(topic(TopicKind::Channel, name)));
    }

    pub(crate) fn request(&mut self, id: u32, seconds: f64, kind: RequestKind) {
        let request = self.make_request(id, seconds, kind);
        self.command(request);
    }

    pub(crate) fn make_request(&self, id: u32, seconds: f64, kind: RequestKind) -> Command {
        let ticket = Ticket { to: ReplyTo::Callback(RequestSlot::new(id, 0)), bytes: 0 };
        Command::Request(Request {
            ticket,
            deadline: self.driver.now + Duration::from_secs_f64(seconds),
            kind,
        })
    }

    pub(crate) fn publish(&mut self, id: u32, channel: &str, message: &str) {
        self.request(id, 10.0, RequestKind::Publish([channel, message].iter().collect()));
    }

    pub(crate) fn get(&mut self, id: u32, key: &str) {
        self.request(id, 10.0, RequestKind::Command(args(&["GET", key])));
    }

    pub(crate) fn disconnect(&mut self, seconds: f64) {
        self.command(Command::Disconnect { deadline: self.driver.now + Duration::from_secs_f64(seconds) });
    }

    /// The commands written to a link since the last call, their words joined by spaces.
    pub(crate) fn commands(&mut self, link: u8) -> Vec<String> {
        let bytes = self.bytes(link);
        let mut decoder = resp::Decoder::new();
        let mut input = &bytes[..];
        let mut commands = Vec::new();
        while let Some(frame) = decoder.feed(&mut input).expect("commands are RESP") {
            let resp::Value::Array(words) = frame.value() else { panic!("commands are arrays") };
            let words: Vec<_> =
                words.map(|word| text(word.value().as_bytes().expect("of strings"))).collect();
            commands.push(words.join(" "));
        }
        assert_eq!(decoder.frame_start(), None, "an incomplete command: {:?}", text(&bytes));
        commands
    }

    /// The bytes written to a link since the last call.
    pub(crate) fn bytes(&mut self, link: u8) -> Vec<u8> {
        self.driver.drive();
        self.driver.peers.written.remove(&link).unwrap_or_default()
    }

    /// The session's output since the last call.
    pub(crate) fn said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.driver.queue.said)
    }

    pub(crate) fn expect_ready(&mut self, first: bool, resp: Resp) {
        let said = self.said();
        let [Said::Event(Event::Ready(ready))] = &said[..] else { panic!("expected ready, not {said:?}") };
        assert_eq!(ready.first, first);
        assert_eq!(ready.protocol, Some(if resp == Resp::Two { 2 } else { 3 }));
        assert_eq!(self.counters.state(), State::Ready);
    }

    /// Expects exactly one event: the client is down. Returns why, and how long until the next attempt.
    pub(crate) fn expect_down(&mut self) -> (Error, Duration) {
        let said = self.said();
        match &said[..] {
            [Said::Event(Event::Down { error, retry_in: Some(retry_in) })] => (error.clone(), *retry_in),
            _ => panic!("expected down, not {said:?}"),
        }
    }

    pub(crate) fn round_trip(&self) -> u64 {
        self.counters.round_trip.load(Ordering::Relaxed)
    }

    pub(crate) fn confirmed(&self) -> u64 {
        self.counters.confirmed.load(Ordering::Relaxed)
    }
}

pub(crate) fn topic(kind: TopicKind, name: &str) -> Topic {
    Topic { kind, name: name.as_bytes().into() }
}

pub(crate) fn subscribe(kind: TopicKind, name: &str, slot: u32) -> Command {
    Command::Subscribe { topic: topic(kind, name), slot: SubscriptionSlot::new(slot, 0) }
}

pub(crate) fn args(words: &[&str]) -> Args {
    words.iter().collect()
}

pub(crate) fn option_text(text: &str) -> OptionValue {
    OptionValue::String(text.as_bytes().to_vec())
}
