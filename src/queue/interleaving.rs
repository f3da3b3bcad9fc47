//! Lets the worker act between any two looks of the reader.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::{Item, Producer, Signal, events};
use crate::model::{DropReason, Event, Limits, Overflow, Sink, SubscriptionSlot, Topic, TopicKind, Wake};

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Message,
    Event,
    Flush,
}

/// Carries out the script's next step, and keeps count.
struct Worker {
    producer: Producer,
    script: VecDeque<Act>,
    put: Vec<bool>,
}

impl Worker {
    fn act(&mut self) {
        let number = u32::try_from(self.put.len()).expect("a short script");
        match self.script.pop_front() {
            Some(Act::Message) => {
                self.producer.message(SubscriptionSlot::new(number, 0), None, b"x");
                self.put.push(true);
            }
            Some(Act::Event) => {
                let name = number.to_be_bytes();
                let topic = Topic { kind: TopicKind::Channel, name: name.into() };
                self.producer.event(Event::Subscribed(topic));
                self.put.push(false);
            }
            Some(Act::Flush) => self.producer.flush(),
            None => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn any_order_of_looks_and_acts_delivers_in_order_or_counts(
        queue_events in prop_oneof![Just(2_usize), Just(20), Just(1000)],
        overflow in prop_oneof![Just(Overflow::DropOldest), Just(Overflow::DropNewest)],
        script in prop::collection::vec(
            prop_oneof![4 => Just(Act::Message), 2 => Just(Act::Event), 3 => Just(Act::Flush)], 1..60),
        schedule in prop::collection::vec(0..4_usize, 1..200),
    ) {
        let limits = Limits { queue_events, queue_bytes: 1000, overflow, max_pending: 1, pending_bytes: 1 };
        let (producer, mut consumer) = events(limits, Arc::default(), Signal::default(), Arc::new(NoWake));
        let worker = RefCell::new(Worker { producer, script: script.into(), put: Vec::new() });
        let mut schedule = schedule.into_iter();
        let mut read = 0;
        let mut lost = 0;
        for round in 0.. {
            prop_assert!(round < 10_000, "something never comes");
            let over = worker.borrow().script.is_empty();
            let item = consumer.next_between(|| {
                for _ in 0..schedule.next().unwrap_or(1) {
                    worker.borrow_mut().act();
                }
            });
            let worker = &mut *worker.borrow_mut();
            match item {
                Some(Item::Message { slot, .. }) => {
                    prop_assert_eq!(slot.index as usize, read);
                    read += 1;
                }
                Some(Item::Event(Event::Subscribed(topic))) => {
                    prop_assert_eq!(&*topic.name, u32::try_from(read).expect("short").to_be_bytes());
                    read += 1;
                }
                Some(Item::Event(Event::Dropped { count, bytes, reason })) => {
                    prop_assert_eq!((bytes, reason), (count, DropReason::Overflow));
                    for _ in 0..count {
                        prop_assert!(worker.put[read], "an event is said to be dropped");
                        read += 1;
                    }
                    lost += count;
                }
                Some(other) => prop_assert!(false, "{:?}", other),
                None if over && read == worker.put.len() => break,
                None => {
                    worker.act();
                    worker.producer.flush();
                }
            }
        }
        let worker = worker.into_inner();
        let dropped = worker.producer.counters().dropped_overflow.load(Ordering::Relaxed);
        prop_assert_eq!(lost, dropped);
    }
}
