//! Shared by several benches: drives each room with as little around it as possible.

#![allow(dead_code, reason = "each bench uses some of it")]

pub(crate) mod dispatch;
pub(crate) mod json;
pub(crate) mod session;

use std::hint::black_box;
use std::time::Duration;

use realtime::model::{Args, Command, Limits, Overflow, ReplyTo, Request, RequestKind, Wake};
use realtime::queue::{Consumer, Item};

/// Messages or publishes per iteration.
pub(crate) const BATCH: usize = 1000;
/// Bytes of a message.
pub(crate) const SIZE: usize = 64;
const LONG: Duration = Duration::from_secs(3600);

/// The defaults.
pub(crate) const LIMITS: Limits = Limits {
    queue_events: 65_536,
    queue_bytes: 32 << 20,
    overflow: Overflow::DropOldest,
    max_pending: 10_000,
    pending_bytes: 64 << 20,
};

/// A waker for benches in which no thread sleeps.
#[derive(Debug)]
pub(crate) struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// Takes all messages. Returns how many there were.
pub(crate) fn take_all(consumer: &mut Consumer) -> usize {
    let mut taken = 0;
    while let Some(item) = consumer.next() {
        if let Item::Message { payload, .. } = item {
            black_box(payload);
            taken += 1;
        }
    }
    taken
}

/// A publish without a callback.
pub(crate) fn publish(consumer: &Consumer, now: std::time::Instant) -> Command {
    let mut args = Args::with_capacity(2, SIZE + 4);
    args.push(b"chat");
    args.push(&[b'x'; SIZE]);
    let ticket = consumer.ticket(ReplyTo::Nobody, args.byte_len()).expect("all before it are answered");
    Command::Request(Request { ticket, deadline: now + LONG, kind: RequestKind::Publish(args) })
}
