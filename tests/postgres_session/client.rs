//! A PostgreSQL session in virtual time, and the server's messages, as literal bytes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use realtime::backend::{Action, Connected, LinkError, OptionValue, Options, Start, configure};
use realtime::model::{
    Args, Command, Counters, DropReason, Error, Event, LinkId, ReplyTo, Request, RequestKind, RequestName,
    RequestSlot, Room, Sink, SubscriptionSlot, Ticket, Topic, TopicKind, Value,
};
use session_driver::{Driver, Peers, Queue};

pub(crate) use fake_postgres::{
    LET_IN, columns, error, greeting, message, notification, number, published, ready_for_query, role, row,
};

/// Output of the session for the main thread.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Message(u32, String),
    Answer(u32, Result<Value, Error>),
    /// Bytes of a message that was not kept, because it was too large.
    Dropped(u64),
    Event(Event),
}

#[derive(Debug, Default)]
pub(crate) struct Recorder(pub(crate) Vec<Said>);

impl Queue for Recorder {
    fn is_full(&mut self, _: Room) -> bool {
        false
    }
}

impl Sink for Recorder {
    fn message(&mut self, slot: SubscriptionSlot, _: Option<&[u8]>, payload: &[u8]) {
        self.0.push(Said::Message(slot.index, payload.escape_ascii().to_string()));
    }

    fn dropped(&mut self, bytes: u64, reason: DropReason) {
        assert_eq!(reason, DropReason::TooLarge, "the queue is never full");
        self.0.push(Said::Dropped(bytes));
    }

    fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, _: RequestName<'_>) {
        let ReplyTo::Callback(slot) = ticket.to else { panic!("tests use callbacks") };
        self.0.push(Said::Answer(slot.index, result));
    }

    fn event(&mut self, event: Event) {
        self.0.push(Said::Event(event));
    }
}

/// The session's wishes and output, until a test reads them.
#[derive(Default)]
pub(crate) struct Record {
    actions: VecDeque<Action>,
    written: BTreeMap<u8, Vec<u8>>,
}

impl Peers for Record {
    fn written(&mut self, link: LinkId, _: Instant, bytes: &[u8]) {
        self.written.entry(link.0).or_default().extend_from_slice(bytes);
    }

    fn wished(&mut self, action: Action) {
        self.actions.push_back(action);
    }
}

pub(crate) struct Client {
    pub(crate) driver: Driver<Recorder, Record>,
    pub(crate) counters: Arc<Counters>,
}

/// The answer to a probe.
pub(crate) fn notified() -> Vec<u8> {
    [message(b'C', b"NOTIFY\0"), ready_for_query(b'I')].concat()
}

pub(crate) const URL: &str = "postgres://bob:secret@server/game?sslmode=disable";

impl Client {
    pub(crate) fn new(url: &str, pairs: &[(&str, OptionValue)]) -> Self {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let options = Options { url: Some(url.to_owned()), pairs, ..Options::default() };
        let backend = configure(options).expect("valid options");
        let (now, counters) = (Instant::now(), Arc::<Counters>::default());
        let session = backend.session(Start { now, seed: 6, counters: Arc::clone(&counters) });
        Self { driver: Driver::new(session, now, Recorder::default(), Record::default()), counters }
    }

    /// Ready, without subscriptions.
    pub(crate) fn ready() -> Self {
        let mut client = Self::new(URL, &[]);
        client.up();
        assert!(matches!(client.said()[..], [Said::Event(Event::Ready(_))]));
        client
    }

    /// Ready, and subscribed to `chat`, with slot 1.
    pub(crate) fn subscribed(pairs: &[(&str, OptionValue)]) -> Self {
        let mut client = Self::new(URL, pairs);
        client.subscribe("chat", 1);
        client.restore();
        client.said();
        client
    }

    /// The session makes both links, and restores its subscriptions.
    pub(crate) fn restore(&mut self) {
        self.up();
        self.connect(1);
        self.read(1, &[LET_IN, &ready_for_query(b'I')].concat());
        let written = self.written(1);
        let listens = written.matches("LISTEN").count();
        assert_eq!(listens, 2, "{written}");
        let done = [&message(b'C', b"LISTEN\0")[..], &ready_for_query(b'I')].concat();
        self.read(1, &done.repeat(listens));
        let probe = self.probe();
        self.read(1, &probe);
        self.read(0, &notified());
    }

    /// The session publishes a probe. Returns how it arrives.
    pub(crate) fn probe(&mut self) -> Vec<u8> {
        let written = self.written(0);
        let sql = written.split_once(r#"NOTIFY \""#).expect("a probe").1;
        let (channel, text) = sql.split_once(r#"\", \'"#).expect("a text");
        notification(channel, text.split_once(r"\'").expect("its end").0)
    }

    /// The link of the commands is made, and the server accepts the login.
    pub(crate) fn up(&mut self) {
        self.connect(0);
        self.read(0, &[LET_IN, &ready_for_query(b'I'), &role(false)].concat());
        self.written(0);
    }

    /// The session asks for this link and gets it. Returns where it is to lead to.
    pub(crate) fn connect(&mut self, link: u8) -> String {
        self.driver.drive();
        let Some(Action::Connect { link: wished, endpoint, .. }) = self.action() else {
            panic!("no wish to connect")
        };
        assert_eq!(wished, LinkId(link));
        self.driver.connected(LinkId(link), Connected::default());
        self.driver.drive();
        endpoint.to_string()
    }

    pub(crate) fn action(&mut self) -> Option<Action> {
        self.driver.carry_out();
        self.driver.peers.actions.pop_front()
    }

    pub(crate) fn read(&mut self, link: u8, bytes: &[u8]) {
        self.driver.receive(LinkId(link), bytes);
        self.driver.drive();
    }

    /// The session's output since the last call.
    pub(crate) fn written(&mut self, link: u8) -> String {
        self.driver.drive();
        self.driver.peers.written.remove(&link).unwrap_or_default().escape_ascii().to_string()
    }

    /// The same as raw bytes.
    pub(crate) fn take_written(&mut self, link: u8) -> Vec<u8> {
        self.driver.peers.written.remove(&link).unwrap_or_default()
    }

    pub(crate) fn lost(&mut self, link: u8) {
        self.lost_by(link, LinkError::Eof);
    }

    pub(crate) fn lost_by(&mut self, link: u8, cause: LinkError) {
        self.driver.peers.written.remove(&link);
        self.driver.lost(LinkId(link), cause);
        self.driver.drive();
    }

    pub(crate) fn advance(&mut self, seconds: f64) {
        self.driver.advance(Duration::from_secs_f64(seconds));
    }

    /// The reason of a loss, the only thing that the session said since the last call.
    pub(crate) fn down(&mut self) -> Error {
        match &self.said()[..] {
            [Said::Event(Event::Down { error, .. })] => error.clone(),
            said => panic!("{said:?}"),
        }
    }

    pub(crate) fn said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.driver.queue.0)
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.driver.command(command);
        self.driver.drive();
    }

    pub(crate) fn subscribe(&mut self, name: &str, slot: u32) {
        self.command(Command::Subscribe { topic: channel(name), slot: SubscriptionSlot::new(slot, 0) });
    }

    pub(crate) fn request(&mut self, id: u32, kind: RequestKind) {
        let ticket = Ticket { to: ReplyTo::Callback(RequestSlot::new(id, 0)), bytes: 0 };
        let deadline = self.driver.now + Duration::from_secs(10);
        self.command(Command::Request(Request { ticket, deadline, kind }));
    }

    pub(crate) fn publish(&mut self, id: u32, name: &str, text: &str) {
        self.request(id, RequestKind::Publish(args(&[name, text])));
    }

    pub(crate) fn ask(&mut self, id: u32, words: &[&str]) {
        self.request(id, RequestKind::Command(args(words)));
    }
}

pub(crate) fn args(words: &[&str]) -> Args {
    words.iter().collect()
}

pub(crate) fn channel(name: &str) -> Topic {
    Topic { kind: TopicKind::Channel, name: name.as_bytes().into() }
}
