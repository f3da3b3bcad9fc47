//! The behaviour that scripts rely on, through real queues.

mod answers;
mod bounds;
mod events;
mod messages;
mod sessions;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use super::{Client, Dispatcher, EventKind, MessageOptions, Step};
use crate::model::{
    ClientSlot, Code, Command, Counters, Error, Event, Limits, Overflow, Ready, RequestName, SessionId, Sink,
    SubscriptionSlot, Ticket, Topic, TopicKind, Value,
};
use crate::queue::{Inbox, Orders, Producer, Signal, events, orders};

/// A callback is a name here.
type Name = &'static str;

const MAX_PENDING: usize = 4;
const LIMITS: Limits = Limits {
    queue_events: 100,
    queue_bytes: 100_000,
    overflow: Overflow::DropOldest,
    max_pending: MAX_PENDING,
    pending_bytes: 1000,
};

struct World {
    dispatcher: Dispatcher<Name, Name>,
    signal: Signal,
    orders: Orders<()>,
    _inbox: Inbox<()>,
    sessions: u32,
    /// How many steps the table of a long message takes, and how many were taken.
    pieces: usize,
    made: usize,
}

impl World {
    fn new() -> Self {
        let signal = Signal::default();
        let (orders, inbox) = orders();
        let dispatcher = Dispatcher::new(Arc::clone(&signal));
        Self { dispatcher, signal, orders, _inbox: inbox, sessions: 0, pieces: 1, made: 0 }
    }

    fn session(&mut self) -> (SessionId, Producer, crate::queue::Consumer) {
        self.sessions += 1;
        let counters = Arc::new(Counters::default());
        let (producer, consumer) = events(LIMITS, counters, Arc::clone(&self.signal), self.orders.waker());
        (SessionId(self.sessions), producer, consumer)
    }

    fn client(&mut self, name: Name) -> (ClientSlot, Producer) {
        let (session, producer, consumer) = self.session();
        (self.dispatcher.insert(Client::new(name, name.into(), session, consumer)), producer)
    }

    fn subscribe(&mut self, client: ClientSlot, topic: &Topic, callback: Name) -> Option<SubscriptionSlot> {
        self.subscribe_up_to(None, client, topic, callback)
    }

    fn subscribe_up_to(
        &mut self,
        max_bytes: Option<usize>,
        client: ClientSlot,
        topic: &Topic,
        callback: Name,
    ) -> Option<SubscriptionSlot> {
        let mut options = MessageOptions::default();
        options.max_bytes = max_bytes.unwrap_or(options.max_bytes);
        self.subscribe_with(options, client, topic, callback)
    }

    fn subscribe_with(
        &mut self,
        options: MessageOptions,
        client: ClientSlot,
        topic: &Topic,
        callback: Name,
    ) -> Option<SubscriptionSlot> {
        let client = self.dispatcher.get_mut(client).unwrap();
        match client.subscribe(topic.clone(), callback.as_bytes(), callback, || "name", options, None) {
            Some(Command::Subscribe { slot, .. }) => Some(slot),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    /// Runs everything, calling `react` after each callback, and returns what happened.
    fn run(&mut self, mut react: impl FnMut(&mut Self, &str)) -> Vec<String> {
        let mut log = Vec::new();
        let (mut last, mut is_last) = (String::new(), false);
        self.dispatcher.begin();
        loop {
            let step = self.dispatcher.step();
            let again =
                matches!(step, Step::Again { .. } | Step::AgainWhole { .. } | Step::AgainTooLarge { .. });
            assert!(!(is_last && again), "a message for one reached two");
            let (mut size, mut alone_here, mut table) = (None, false, None);
            let (client, callback) = match step {
                Step::Idle => return log,
                Step::Skipped => continue,
                Step::Line(line) => {
                    let line = line.to_owned();
                    react(self, &line);
                    log.push(line);
                    continue;
                }
                Step::Slice | Step::Abandoned => {
                    let word = if let Step::Slice = step { "read" } else { "abandoned" };
                    self.made = if let Step::Slice = step { self.made } else { 0 };
                    react(self, word);
                    log.push(word.into());
                    continue;
                }
                Step::Table { client, callback, payload, document, name, channel } => {
                    if document.is_long() {
                        assert_eq!(
                            document.is_begun(),
                            self.made > 0,
                            "the parts of a table follow each other"
                        );
                        self.made = (self.made + 1) % self.pieces;
                    }
                    if document.is_long() && self.made > 0 {
                        let entry = format!("{client}.{callback} begins");
                        react(self, &entry);
                        log.push(entry);
                        self.dispatcher.table_begun();
                        continue;
                    }
                    let text = document.text_of(payload).map(|text| format!(" of {}", text.escape_ascii()));
                    let (nodes, text) = (document.tape().nodes().len(), text.unwrap_or_default());
                    table = Some(format!("{nodes} nodes{text}{}", names(name, channel)));
                    (client, callback)
                }
                Step::Unreadable { client, callback, reason, payload, name, channel } => {
                    let text = payload.map(|payload| format!(" in {}", payload.escape_ascii()));
                    table = Some(format!("{reason}{}{}", text.unwrap_or_default(), names(name, channel)));
                    (client, callback)
                }
                Step::Again { client, callback } => (client, callback),
                Step::AgainWhole { client, callback, payload } => {
                    let names = last.strip_prefix("…").expect("the message was given before");
                    last = format!("{}{names}", payload.escape_ascii());
                    (client, callback)
                }
                Step::AgainTooLarge { client, callback, bytes } => {
                    size = Some(bytes);
                    (client, callback)
                }
                Step::Message { client, callback, payload, name, channel, alone } => {
                    alone_here = alone;
                    last = format!("{}{}", payload.escape_ascii(), names(name, channel));
                    (client, callback)
                }
                Step::TooLarge { client, callback, bytes, name, channel } => {
                    last = format!("…{}", names(name, channel));
                    size = Some(bytes);
                    (client, callback)
                }
                Step::Answer { client, callback, result } => {
                    last = result.as_ref().map_or_else(ToString::to_string, |value| format!("{value:?}"));
                    (client, callback)
                }
                Step::Event { client, callback, event } => {
                    last = format!("{:?} {}", EventKind::of(event).unwrap(), first(event));
                    (client, callback)
                }
            };
            is_last = alone_here;
            if table.is_some() {
                self.dispatcher.table_made();
            }
            let entry = match size {
                None if table.is_some() => format!("{client}.{callback}: {}", table.unwrap_or_default()),
                None => format!("{client}.{callback}: {last}"),
                Some(bytes) => {
                    let names = last.find(' ').map_or("", |at| &last[at..]);
                    format!("{client}.{callback}: {bytes} bytes{names}")
                }
            };
            react(self, &entry);
            log.push(entry);
        }
    }

    fn run_quietly(&mut self) -> Vec<String> {
        self.run(|_, _| ())
    }
}

fn names(name: Name, channel: Option<&[u8]>) -> String {
    let channel = channel.map(|channel| format!(" on {}", channel.escape_ascii()));
    format!("{} for {name}", channel.unwrap_or_default())
}

fn first(event: &Event) -> &'static str {
    match event {
        Event::Ready(Ready { first: true, .. }) => "first",
        Event::Gap { topics: Some(_), .. } => "of some",
        Event::Gap { lasted, .. } if *lasted >= Duration::from_secs(5) => "past 5 s",
        _ => "",
    }
}

fn gap(lasted: Duration) -> Event {
    Event::Gap { lasted, error: Error::unsent(Code::Closed, "replaced"), topics: None }
}

fn channel(name: &str) -> Topic {
    Topic { kind: TopicKind::Channel, name: name.as_bytes().into() }
}

fn say(producer: &mut Producer, slot: SubscriptionSlot, payload: &str) {
    producer.message(slot, None, payload.as_bytes());
    producer.flush();
}

fn tell(producer: &mut Producer, event: Event) {
    producer.event(event);
    producer.flush();
}

fn answer(producer: &mut Producer, ticket: Ticket, result: Result<Value, Error>) {
    producer.answer(ticket, result, RequestName { command: b"PUBLISH", channel: Some(b"chat") });
    producer.flush();
}

fn ready() -> Event {
    Event::Ready(Ready { first: true, protocol: Some(3), ..Ready::default() })
}

fn down() -> Event {
    Event::Down { error: Error::unsent(Code::Refused, "nobody"), retry_in: Some(Duration::from_millis(100)) }
}
