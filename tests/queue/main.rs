//! The way from the worker to the main thread and back, through its public face.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod delivery;
mod orders;
mod overflow;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use realtime::model::{
    Counters, DropReason, Error, Event, Limits, Overflow, RequestName, RequestSlot, SubscriptionSlot, Topic,
    TopicKind, Value, Wake,
};
use realtime::queue::{Consumer, Item, Producer, Signal, events};

const SLOT: SubscriptionSlot = SubscriptionSlot::new(7, 3);
const ANSWER: RequestSlot = RequestSlot::new(7, 3);
const ABOUT: RequestName<'_> = RequestName { command: b"GET", channel: None };

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Ends {
    producer: Producer,
    consumer: Consumer,
    counters: Arc<Counters>,
    signal: Signal,
    bell: Arc<Bell>,
}

fn limits(queue_events: usize, queue_bytes: usize, overflow: Overflow) -> Limits {
    Limits { queue_events, queue_bytes, overflow, max_pending: 4, pending_bytes: 100 }
}

fn ends(limits: Limits) -> Ends {
    let (counters, signal, bell) = (Arc::<Counters>::default(), Signal::default(), Arc::<Bell>::default());
    let wake = Arc::<Bell>::clone(&bell);
    let (producer, consumer) = events(limits, Arc::clone(&counters), Arc::clone(&signal), wake);
    Ends { producer, consumer, counters, signal, bell }
}

/// An item that borrows nothing.
#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Message(Option<Vec<u8>>, Vec<u8>),
    Answer(Result<Value, Error>),
    Event(Event),
}

fn next(consumer: &mut Consumer) -> Option<Owned> {
    Some(match consumer.next()? {
        Item::Message { slot, channel, payload } => {
            assert_eq!(slot, SLOT);
            Owned::Message(channel.map(Into::into), payload.into())
        }
        Item::Answer { slot, result } => {
            assert_eq!(slot, ANSWER);
            Owned::Answer(result)
        }
        Item::Event(event) => Owned::Event(event),
    })
}

fn drain(consumer: &mut Consumer) -> Vec<Owned> {
    std::iter::from_fn(|| next(consumer)).collect()
}

fn message(payload: &[u8]) -> Owned {
    Owned::Message(None, payload.into())
}

fn dropped(count: u64, bytes: u64, reason: DropReason) -> Owned {
    Owned::Event(Event::Dropped { count, bytes, reason })
}

fn subscribed(name: &[u8]) -> Event {
    Event::Subscribed(Topic { kind: TopicKind::Channel, name: name.into() })
}
