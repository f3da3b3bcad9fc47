//! What a message costs between the two threads: put in by the worker, taken out by the main thread.

#![allow(clippy::expect_used, reason = "a bench that cannot go on says why")]

use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use realtime::model::{Counters, Flow, Limits, Overflow, Sink, Slot, Wake};
use realtime::queue::{Consumer, Item, Producer, events};

fn main() {
    divan::main();
}

/// Messages put in before any is taken out.
const BATCH: usize = 1000;
const SLOT: Slot = Slot { index: 0, generation: 0 };

#[derive(Debug)]
struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

fn queue() -> (Producer, Consumer) {
    let limits = Limits {
        queue_events: 65_536,
        queue_bytes: 32 << 20,
        overflow: Overflow::DropOldest,
        max_pending: 10_000,
        pending_bytes: 64 << 20,
    };
    events(limits, Arc::new(Counters::default()), Arc::default(), Arc::new(Nobody))
}

fn take_all(consumer: &mut Consumer) -> usize {
    let mut taken = 0;
    while let Some(item) = consumer.next() {
        if let Item::Message { payload, .. } = item {
            black_box(payload);
            taken += 1;
        }
    }
    taken
}

#[divan::bench(args = [16, 64, 1024])]
fn put_and_take(bencher: Bencher<'_, '_>, size: usize) {
    let (mut producer, mut consumer) = queue();
    let payload = vec![b'x'; size];
    bencher.counter(ItemsCount::new(BATCH)).counter(BytesCount::new(BATCH * size)).bench_local(|| {
        for _ in 0..BATCH {
            assert_eq!(producer.message(SLOT, None, black_box(&payload)), Flow::Go);
        }
        producer.flush();
        assert_eq!(take_all(&mut consumer), BATCH);
    });
}

#[divan::bench]
fn lone_message(bencher: Bencher<'_, '_>) {
    let (mut producer, mut consumer) = queue();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        assert_eq!(producer.message(SLOT, None, black_box(&[b'x'; 64])), Flow::Go);
        producer.flush();
        assert_eq!(take_all(&mut consumer), 1);
    });
}

#[divan::bench]
fn look_at_nothing(bencher: Bencher<'_, '_>) {
    let (_producer, mut consumer) = queue();
    bencher.bench_local(|| consumer.next().is_none());
}
