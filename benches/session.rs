//! The cost of the Redis session for each message: from bytes to a sink that counts, and through the queue; and for
//! each publish: from a command to bytes.

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot go on says why")]

mod common;

use std::cell::RefCell;
use std::sync::Arc;

use common::session::{Case, case, client, messages, subscribed};
use common::{BATCH, publish, take_all};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use realtime::model::{
    DropReason, Error, Event, LinkId, RequestName, Room, Sink, SubscriptionSlot, Ticket, TopicKind, Value,
};
use session_driver::Queue;

fn main() {
    divan::main();
}

const CASES: [Case; 8] = [
    case(3, TopicKind::Channel, 1),
    case(3, TopicKind::Channel, 10_000),
    case(3, TopicKind::Pattern, 1),
    case(3, TopicKind::Pattern, 10_000),
    case(2, TopicKind::Channel, 1),
    case(2, TopicKind::Channel, 10_000),
    case(2, TopicKind::Pattern, 1),
    case(2, TopicKind::Pattern, 10_000),
];

/// Takes everything.
#[derive(Default)]
struct Count(usize);

impl Sink for Count {
    fn message(&mut self, slot: SubscriptionSlot, channel: Option<&[u8]>, payload: &[u8]) {
        black_box((slot, channel, payload));
        self.0 += 1;
    }

    fn dropped(&mut self, bytes: u64, _: DropReason) {
        panic!("a message of {bytes} bytes was dropped")
    }

    fn answer(&mut self, _: Ticket, _: Result<Value, Error>, _: RequestName<'_>) {}

    fn event(&mut self, _: Event) {}
}

impl Queue for Count {
    fn is_full(&mut self, _: Room) -> bool {
        false
    }
}

#[divan::bench(args = CASES)]
fn messages_counted(bencher: Bencher<'_, '_>, case: Case) {
    let bytes = messages(case);
    let mut client = subscribed(case, Arc::default(), Count::default(), || {});
    bencher.counter(ItemsCount::new(BATCH)).counter(BytesCount::new(bytes.len())).bench_local(|| {
        client.receive(case.subscriber(), &bytes);
        assert_eq!(std::mem::take(&mut client.queue.0), BATCH);
    });
}

#[divan::bench(args = CASES)]
fn messages_into_the_queue_and_out(bencher: Bencher<'_, '_>, case: Case) {
    let ((mut client, mut consumer), bytes) = (client(case), messages(case));
    bencher.counter(ItemsCount::new(BATCH)).counter(BytesCount::new(bytes.len())).bench_local(|| {
        client.receive(case.subscriber(), &bytes);
        assert_eq!(take_all(&mut consumer), BATCH);
    });
}

/// From the command to the bytes for the socket. Answers come before the clock starts: a sample is one iteration.
#[divan::bench(args = [3, 2], sample_size = 1)]
fn publishes(bencher: Bencher<'_, '_>, protocol: u8) {
    let world = RefCell::new(client(case(protocol, TopicKind::Channel, 1)));
    let replies = b":1\r\n".repeat(BATCH);
    let prepare = || {
        let (client, consumer) = &mut *world.borrow_mut();
        if consumer.pending() > 0 {
            client.receive(LinkId(0), &replies);
            while consumer.next().is_some() {}
        }
        (0..BATCH).map(|_| publish(consumer, client.now)).collect::<Vec<_>>()
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(prepare).bench_local_values(|commands| {
        let (client, _) = &mut *world.borrow_mut();
        commands.into_iter().for_each(|command| client.command(command));
        client.drive();
    });
}
