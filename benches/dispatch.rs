//! The cost of the main thread's half without Lua: from messages in the queue to callbacks that do nothing.

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot go on says why")]

mod common;

use std::cell::RefCell;

use common::BATCH;
use common::dispatch::World;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// The queue is filled before the clock starts: a sample is one iteration.
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
