//! The way back: orders to the worker.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use realtime::model::{Event, Overflow};
use realtime::queue::{Inbox, Order, Orders, orders};

use crate::{Bell, Ends, Owned, drain, ends, limits};

#[test]
fn orders_wake_only_a_sleeper_and_only_once() {
    let (orders, inbox): (Orders<()>, Inbox<()>) = orders();
    let bell = Arc::<Bell>::default();
    inbox.attach(Arc::<Bell>::clone(&bell));
    let deadline = std::time::Instant::now();
    orders.push(Order::Shutdown { deadline });
    assert_eq!(bell.0.load(Ordering::Relaxed), 0);
    assert!(!inbox.fall_asleep(), "an order waits");
    assert!(matches!(inbox.pop(), Some(Order::Shutdown { .. })));
    assert!(inbox.pop().is_none());

    orders.waker().wake();
    assert!(!inbox.fall_asleep(), "it was rung");
    assert!(inbox.fall_asleep());
    for _ in 0..1_000 {
        orders.push(Order::Shutdown { deadline });
    }
    assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    inbox.wake_up();
    assert_eq!(std::iter::from_fn(|| inbox.pop()).count(), 1_000);
    assert!(inbox.fall_asleep());
    orders.waker().wake();
    assert_eq!(bell.0.load(Ordering::Relaxed), 2);
}

#[test]
fn what_is_ordered_of_a_worker_that_has_ended_closes() {
    let (orders, inbox): (Orders<()>, Inbox<()>) = orders();
    let open = |ends: Ends| {
        let client = realtime::model::SessionId(0);
        orders.push(Order::Open { id: client, session: (), producer: ends.producer, commands: Vec::new() });
        ends.consumer
    };
    let mut before = open(ends(limits(10, 100, Overflow::Pause)));
    drop(inbox);
    let mut after = open(ends(limits(10, 100, Overflow::Pause)));
    assert_eq!(drain(&mut before), [Owned::Event(Event::Closed)]);
    assert_eq!(drain(&mut after), [Owned::Event(Event::Closed)]);
}
