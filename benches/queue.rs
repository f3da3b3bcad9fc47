//! The cost of a message between the two threads: put in by the worker, taken out by the main thread.

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot go on says why")]

mod common;

use std::sync::Arc;

use common::{BATCH, LIMITS, Nobody, take_all};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use realtime::model::{Counters, Sink, SubscriptionSlot};
use realtime::queue::{Consumer, Producer, events};

fn main() {
    divan::main();
}

const SLOT: SubscriptionSlot = SubscriptionSlot::new(0, 0);

fn queue() -> (Producer, Consumer) {
    events(LIMITS, Arc::new(Counters::default()), Arc::default(), Arc::new(Nobody))
}

#[divan::bench(args = [16, 64, 1024])]
fn put_and_take(bencher: Bencher<'_, '_>, size: usize) {
    let (mut producer, mut consumer) = queue();
    let payload = vec![b'x'; size];
    bencher.counter(ItemsCount::new(BATCH)).counter(BytesCount::new(BATCH * size)).bench_local(|| {
        for _ in 0..BATCH {
            producer.message(SLOT, None, black_box(&payload));
        }
        producer.flush();
        assert_eq!(take_all(&mut consumer), BATCH);
    });
}

#[divan::bench]
fn lone_message(bencher: Bencher<'_, '_>) {
    let (mut producer, mut consumer) = queue();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        producer.message(SLOT, None, black_box(&[b'x'; 64]));
        producer.flush();
        assert_eq!(take_all(&mut consumer), 1);
    });
}

#[divan::bench]
fn look_at_nothing(bencher: Bencher<'_, '_>) {
    let (_producer, mut consumer) = queue();
    bencher.bench_local(|| consumer.next().is_none());
}
