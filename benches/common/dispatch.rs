//! The main thread's half without Lua.

use std::hint::black_box;
use std::sync::Arc;

use realtime::dispatch::{Client, Dispatcher, MessageOptions, Step};
use realtime::model::{Command, Counters, SessionId, Sink, SubscriptionSlot, Topic, TopicKind};
use realtime::queue::{Producer, Signal, events};

use super::{LIMITS, Nobody, SIZE};

/// A callback, and a topic's name, is a number here.
pub(crate) type Toy = usize;

/// Clients with callbacks that do nothing.
pub(crate) struct World {
    pub(crate) dispatcher: Dispatcher<Toy, ()>,
    clients: Vec<(SubscriptionSlot, Producer)>,
}

impl World {
    /// `clients` clients, each with one topic that has `callbacks` callbacks.
    pub(crate) fn new(clients: u32, callbacks: usize) -> Self {
        let signal = Signal::default();
        let mut world = Self { dispatcher: Dispatcher::new(Arc::clone(&signal)), clients: Vec::new() };
        for id in 0..clients {
            let counters = Arc::new(Counters::default());
            let (producer, consumer) = events(LIMITS, counters, Arc::clone(&signal), Arc::new(Nobody));
            let mut client = Client::new((), String::new(), SessionId(id), consumer);
            let topic = Topic { kind: TopicKind::Channel, name: b"chat"[..].into() };
            let mut topic_slot = None;
            for callback in 0..callbacks {
                let identifier = callback.to_string();
                match client.subscribe(
                    topic.clone(),
                    identifier.as_bytes(),
                    callback,
                    || 0,
                    MessageOptions::default(),
                    None,
                ) {
                    Some(Command::Subscribe { slot, .. }) => topic_slot = Some(slot),
                    Some(other) => panic!("unexpected: {other:?}"),
                    None => {}
                }
            }
            world.dispatcher.insert(client);
            world.clients.push((topic_slot.expect("a callback"), producer));
        }
        world
    }

    /// Puts messages into the last client's queue.
    pub(crate) fn fill(&mut self, messages: usize) {
        let (slot, producer) = self.clients.last_mut().expect("a client");
        for _ in 0..messages {
            producer.message(*slot, None, &[b'x'; SIZE]);
        }
        producer.flush();
    }

    /// Runs everything that waits. Returns how many callbacks ran.
    pub(crate) fn run(&mut self) -> usize {
        let mut ran = 0;
        self.dispatcher.begin();
        loop {
            // As the module does.
            if let Some(callback) = self.dispatcher.next_sharing() {
                black_box(callback);
                ran += 1;
                continue;
            }
            match self.dispatcher.step() {
                Step::Idle => return ran,
                Step::Skipped | Step::Line(_) => {}
                call => {
                    black_box(call);
                    ran += 1;
                }
            }
        }
    }
}
