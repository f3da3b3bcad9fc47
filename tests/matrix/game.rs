//! The main thread of a game: worker, queues and dispatcher as the module has them, with a log in place of Lua.

use std::sync::Arc;
use std::time::{Duration, Instant};

use realtime::backend::{Backend, Session, Start};
use realtime::dispatch::{Client, Dispatcher, EventKind, MessageOptions, Step};
use realtime::model::{
    Args, ClientSlot, Command, Counters, Error, Event, Join, Request, RequestKind, SessionId, Spawn, Topic,
    Value,
};
use realtime::net::Spawner;
use realtime::queue::{Order, Orders, Signal, events, orders};

/// The timeout of a request; far longer than any takes here.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call of a callback.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// The callback of this topic, by its number.
    Message(usize, Vec<u8>),
    /// The callback of this request, by its number.
    Answer(usize, Result<Value, Error>),
    Event(Event),
}

/// The representation of a callback.
#[derive(Debug, Clone, Copy)]
enum Callback {
    Topic(usize),
    Answer(usize),
    Event,
    Name,
}

/// A client, as its run holds it.
#[derive(Debug)]
pub struct Handle {
    slot: ClientSlot,
    session: SessionId,
    pub counters: Arc<Counters>,
}

pub struct Game {
    orders: Orders<Box<dyn Session>>,
    running: Option<Box<dyn Join>>,
    signal: Signal,
    dispatcher: Dispatcher<Callback, usize>,
    clients: u32,
}

impl Game {
    pub fn start() -> Self {
        let (orders, inbox) = orders();
        let running = Spawner::new().spawn(inbox).expect("a worker");
        let signal = Signal::default();
        let dispatcher = Dispatcher::new(Arc::clone(&signal));
        Self { orders, running: Some(running), signal, dispatcher, clients: 0 }
    }

    /// A client of the run with this number.
    pub fn open(&mut self, run: usize, backend: &dyn Backend) -> Handle {
        let counters = Arc::<Counters>::default();
        self.clients += 1;
        let start =
            Start { now: Instant::now(), seed: u64::from(self.clients), counters: Arc::clone(&counters) };
        let session = backend.session(start);
        let signal = Arc::clone(&self.signal);
        let (producer, consumer) =
            events(backend.limits(), Arc::clone(&counters), signal, self.orders.waker());
        let id = SessionId(self.clients);
        let slot = self.dispatcher.insert(Client::new(run, String::new(), id, consumer));
        for kind in EventKind::ALL {
            self.dispatcher.listen(slot, kind, b"matrix", Callback::Event, None);
        }
        self.orders.push(Order::Open { id, session, producer, commands: Vec::new() });
        Handle { slot, session: id, counters }
    }

    pub fn subscribe(&mut self, client: &Handle, number: usize, topic: Topic) {
        let callback = Callback::Topic(number);
        if let Some(entry) = self.dispatcher.get_mut(client.slot)
            && let Some(command) = entry.subscribe(
                topic,
                b"matrix",
                callback,
                || Callback::Name,
                MessageOptions::default(),
                None,
            )
        {
            self.orders.push(Order::Command { id: client.session, command });
        }
    }

    pub fn request(&mut self, client: &Handle, number: usize, kind: RequestKind) {
        let entry = self.dispatcher.get_mut(client.slot).expect("an open client");
        let bytes = match &kind {
            RequestKind::Publish(args) | RequestKind::Command(args) => args.byte_len(),
            _ => 0,
        };
        let ticket = entry.ticket(Some(Callback::Answer(number)), bytes).expect("room for a request");
        let command = Command::Request(Request { ticket, deadline: Instant::now() + PATIENCE, kind });
        self.orders.push(Order::Command { id: client.session, command });
    }

    pub fn disconnect(&mut self, client: &Handle) {
        if let Some(session) = self.dispatcher.get_mut(client.slot).and_then(Client::close) {
            let command = Command::Disconnect { deadline: Instant::now() };
            self.orders.push(Order::Command { id: session, command });
        }
    }

    /// Whether a client has had its last answer.
    pub fn is_over(&self, client: &Handle) -> bool {
        self.dispatcher.get(client.slot).is_none()
    }

    /// Runs every callback that waits; returns whether there was one.
    pub fn tick(&mut self, mut called: impl FnMut(usize, Seen)) -> bool {
        if !self.dispatcher.has_work() {
            return false;
        }
        self.dispatcher.begin();
        let mut busy = false;
        loop {
            let (client, seen) = match self.dispatcher.step() {
                Step::Idle => return busy,
                Step::Skipped | Step::Line(_) => continue,
                Step::Message { callback: Callback::Topic(number), client, payload, .. } => {
                    (client, Seen::Message(number, payload.into()))
                }
                Step::Answer { callback: Callback::Answer(number), client, result } => {
                    (client, Seen::Answer(number, result.clone()))
                }
                Step::Event { callback: Callback::Event, client, event } => {
                    (client, Seen::Event(event.clone()))
                }
                other => panic!("{other:?}"),
            };
            busy = true;
            called(client, seen);
        }
    }
}

impl Drop for Game {
    fn drop(&mut self) {
        self.orders.push(Order::Shutdown { deadline: Instant::now() });
        if let Some(running) = self.running.take() {
            running.join(Instant::now() + PATIENCE);
        }
    }
}

pub fn args(words: &[&[u8]]) -> Args {
    words.iter().collect()
}
