//! The main thread of a game that talks to toy servers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use realtime::backend::{Backend, OptionValue, Options, Session, Start};
use realtime::model::{
    Args, Command, Counters, Error, Event, Join, ReplyTo, Request, RequestKind, RequestSlot, SessionId,
    Spawn, SubscriptionSlot, Topic, TopicKind, Value,
};
use realtime::net::Spawner;
use realtime::queue::{Consumer, Item, Order, Orders, Signal, events, orders};

/// Far beyond what anything here takes, on however busy a machine. A Sentinel that stood still for two seconds does nothing for thirty.
const PATIENCE: Duration = Duration::from_secs(180);
/// What is there at once is found so; whoever has looked so often in vain leaves the processor to those for whom it waits.
const EAGER_LOOKS: usize = 1000;
const PAUSE: Duration = Duration::from_micros(200);

/// Waits until `look` returns something.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut looks = 0;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never came: {what}");
        looks += 1;
        if looks < EAGER_LOOKS {
            std::thread::yield_now();
        } else {
            std::thread::park_timeout(PAUSE);
        }
    }
}

/// Input of the main thread.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Message(SubscriptionSlot, Vec<u8>),
    Answer(RequestSlot, Result<Value, Error>),
    Event(Event),
}

pub struct Game {
    pub spawner: Spawner,
    pub signal: Signal,
    orders: Orders<Box<dyn Session>>,
    running: Option<Box<dyn Join>>,
    clients: u32,
}

pub struct Client {
    pub id: SessionId,
    pub consumer: Consumer,
    pub counters: Arc<Counters>,
}

impl Game {
    pub fn start() -> Self {
        let (orders, inbox) = orders();
        let spawner = Spawner::new();
        let running = spawner.spawn(inbox).expect("a worker");
        Self { spawner, signal: Signal::default(), orders, running: Some(running), clients: 0 }
    }

    pub fn connect(&mut self, options: &[(&str, OptionValue)]) -> Client {
        let pairs = options.iter().map(|(key, value)| ((*key).into(), value.clone())).collect();
        let backend = (super::SCHEME.configure)(Options { url: None, pairs, ..Options::default() })
            .expect("good options");
        self.open(&*backend)
    }

    pub fn open(&mut self, backend: &dyn Backend) -> Client {
        let counters = Arc::<Counters>::default();
        let start = Start { now: Instant::now(), seed: 1, counters: Arc::clone(&counters) };
        let session = backend.session(start);
        let signal = Arc::clone(&self.signal);
        let (producer, consumer) =
            events(backend.limits(), Arc::clone(&counters), signal, self.orders.waker());
        let id = SessionId(self.clients);
        self.clients += 1;
        self.orders.push(Order::Open { id, session, producer, commands: Vec::new() });
        Client { id, consumer, counters }
    }

    pub fn command(&self, client: &Client, command: Command) {
        self.orders.push(Order::Command { id: client.id, command });
    }

    pub fn subscribe(&self, client: &Client, topic: &str, index: u32) {
        let topic = Topic { kind: TopicKind::Channel, name: topic.as_bytes().into() };
        self.command(client, Command::Subscribe { topic, slot: SubscriptionSlot::new(index, 0) });
    }

    pub fn publish(&self, client: &Client, topic: &str, text: &[u8], to: ReplyTo) {
        self.publish_within(client, topic, text, to, PATIENCE);
    }

    pub fn publish_within(&self, client: &Client, topic: &str, text: &[u8], to: ReplyTo, time: Duration) {
        let args: Args = [topic.as_bytes(), text].iter().collect();
        let ticket = client.consumer.ticket(to, args.byte_len()).expect("room for a request");
        let deadline = Instant::now() + time;
        let request = Request { ticket, deadline, kind: RequestKind::Publish(args) };
        self.command(client, Command::Request(request));
    }

    /// Ends the worker; returns whether it did by `deadline`.
    pub fn shutdown(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.orders.push(Order::Shutdown { deadline });
        self.running.take().expect("ended only once").join(deadline + PATIENCE)
    }
}

impl Client {
    pub fn next(&mut self) -> Option<Seen> {
        Some(match self.consumer.next()? {
            Item::Message { slot, payload, .. } => Seen::Message(slot, payload.into()),
            Item::Answer { slot, result } => Seen::Answer(slot, result),
            Item::Event(event) => Seen::Event(event),
        })
    }

    pub fn wait(&mut self) -> Seen {
        eventually("anything", || self.next())
    }

    /// Skips everything before the first item that `wanted` accepts.
    pub fn wait_for<T>(&mut self, what: &str, mut wanted: impl FnMut(Seen) -> Option<T>) -> T {
        eventually(what, || {
            while let Some(seen) = self.next() {
                if let Some(found) = wanted(seen) {
                    return Some(found);
                }
            }
            None
        })
    }

    pub fn wait_ready(&mut self) {
        self.wait_for("ready", |seen| matches!(seen, Seen::Event(Event::Ready(_))).then_some(()));
    }

    pub fn wait_down(&mut self) -> Error {
        self.wait_for("down", |seen| match seen {
            Seen::Event(Event::Down { error, .. }) => Some(error),
            _ => None,
        })
    }

    pub fn wait_message(&mut self) -> (SubscriptionSlot, Vec<u8>) {
        self.wait_for("a message", |seen| match seen {
            Seen::Message(slot, text) => Some((slot, text)),
            _ => None,
        })
    }

    pub fn wait_answer(&mut self) -> Result<Value, Error> {
        self.wait_for("an answer", |seen| match seen {
            Seen::Answer(_, result) => Some(result),
            _ => None,
        })
    }

    pub fn dropped(&self) -> u64 {
        self.counters.dropped_overflow.load(Ordering::Relaxed)
    }
}
