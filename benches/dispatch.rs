//! What the main thread's half costs without Lua: messages that wait in the queue, to callbacks that do nothing.

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot go on says why")]

use std::cell::RefCell;
use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use realtime::dispatch::{Client, Dispatcher, Step};
use realtime::model::{
    ClientId, Command, Counters, Flow, Limits, Overflow, Sink, Slot, Topic, TopicKind, Wake,
};
use realtime::queue::{Producer, Signal, events};

fn main() {
    divan::main();
}

/// Messages in one go.
const BATCH: usize = 1000;
const SIZE: usize = 64;

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// A callback, and a topic's name, is a number here.
type Toy = usize;

struct World {
    dispatcher: Dispatcher<Toy, ()>,
    clients: Vec<(Slot, Producer)>,
}

impl World {
    /// So many clients, each with one topic that has so many callbacks.
    fn new(clients: u32, callbacks: usize) -> Self {
        let signal = Signal::default();
        let mut world = Self { dispatcher: Dispatcher::new(Arc::clone(&signal)), clients: Vec::new() };
        for id in 0..clients {
            let limits = Limits {
                queue_events: 65_536,
                queue_bytes: 32 << 20,
                overflow: Overflow::DropOldest,
                max_pending: 10_000,
                pending_bytes: 64 << 20,
            };
            let counters = Arc::new(Counters::default());
            let (producer, consumer) = events(limits, counters, Arc::clone(&signal), Arc::new(Nobody));
            let mut client = Client::new((), String::new(), ClientId(id), consumer);
            let topic = Topic { kind: TopicKind::Channel, name: b"chat"[..].into() };
            let mut topic_slot = None;
            for callback in 0..callbacks {
                let identifier = callback.to_string();
                match client.subscribe(topic.clone(), identifier.as_bytes(), callback, || 0) {
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

    /// Messages wait in the last client's queue.
    fn fill(&mut self, messages: usize) {
        let (slot, producer) = self.clients.last_mut().expect("a client");
        for _ in 0..messages {
            assert_eq!(producer.message(*slot, None, &[b'x'; SIZE]), Flow::Go);
        }
        producer.flush();
    }

    /// Runs all that waits. Returns how many callbacks that were.
    fn run(&mut self) -> usize {
        let mut ran = 0;
        self.dispatcher.begin();
        loop {
            match self.dispatcher.step() {
                Step::Idle => return ran,
                Step::Call { callback, given, .. } => {
                    black_box((callback, given));
                    ran += 1;
                }
                Step::Skipped | Step::Line(_) => {}
            }
        }
    }
}

/// The queue is filled before the clock starts: a sample is one go.
fn dispatch(bencher: Bencher<'_, '_>, clients: u32, callbacks: usize) {
    let world = RefCell::new(World::new(clients, callbacks));
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| world.borrow_mut().fill(BATCH))
        .bench_local_values(|()| assert_eq!(world.borrow_mut().run(), BATCH * callbacks));
}

#[divan::bench(args = [1, 10, 100], sample_size = 1)]
fn messages_to_callbacks(bencher: Bencher<'_, '_>, callbacks: usize) {
    dispatch(bencher, 1, callbacks);
}

#[divan::bench(args = [1, 10, 100], sample_size = 1)]
fn messages_to_one_of_clients(bencher: Bencher<'_, '_>, clients: u32) {
    dispatch(bencher, clients, 1);
}

#[divan::bench]
fn look_at_nothing(bencher: Bencher<'_, '_>) {
    let world = World::new(1, 1);
    bencher.bench_local(|| black_box(&world.dispatcher).has_work());
}
