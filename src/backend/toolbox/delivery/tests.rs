//! What is kept of topics, and for how long.

use std::time::Instant;

use super::*;
use crate::backend::toolbox::RefusalKind;
use crate::model::{Code, Error};

fn channel(name: &str) -> Topic {
    Topic { kind: TopicKind::Channel, name: name.as_bytes().into() }
}

const SLOT: SubscriptionSlot = SubscriptionSlot::new(0, 0);

fn online() -> Delivery {
    let mut delivery = Delivery::new(1);
    delivery.request_all();
    delivery
}

/// The server confirms all that is asked of it. Returns the operations.
fn confirm_all(delivery: &mut Delivery) -> Vec<Operation> {
    let mut operations = Vec::new();
    while let Some(mut batch) = delivery.next_batch() {
        operations.push(batch.operation());
        for name in batch.names().to_vec() {
            assert!(batch.tick_off(batch.operation(), batch.kind(), &name));
            delivery.confirm(&batch, &name);
        }
    }
    operations
}

#[test]
fn nothing_is_kept_of_a_topic_that_is_neither_wanted_nor_held() {
    let mut delivery = online();
    delivery.subscribe(&channel("a"), SLOT);
    delivery.unsubscribe(&channel("a"));
    assert_eq!(confirm_all(&mut delivery), [], "it was never asked for");
    delivery.subscribe(&channel("b"), SLOT);
    assert_eq!(confirm_all(&mut delivery), [Operation::Subscribe]);
    delivery.unsubscribe(&channel("b"));
    assert!(delivery.is_empty() && delivery.is_held(TopicKind::Channel, b"b"));
    assert_eq!(confirm_all(&mut delivery), [Operation::Unsubscribe]);
    delivery.subscribe(&channel("c"), SLOT);
    let batch = delivery.next_batch().unwrap();
    delivery.unsubscribe(&channel("c"));
    let error = Error::sent(Code::Server("NOPERM".into()), "no");
    delivery.refuse(batch, &error, RefusalKind::Forbidden, Instant::now());
    assert_eq!(confirm_all(&mut delivery), []);
    assert!(delivery.tables.of(TopicKind::Channel).is_empty());
    assert!(!delivery.holds_back(u64::MAX), "nothing waits for an answer");
}
