//! One answer to each request, whatever happens to its client and its session.

use std::sync::Arc;

use super::{LIMITS, MAX_PENDING, World, answer, channel, down, say, tell};
use crate::dispatch::{Client, Dispatcher, Reference, Step};
use crate::model::{Code, Counters, Error, Event, SessionId, Value};
use crate::queue::{Orders, Signal, events, orders};

#[test]
fn an_answer_and_its_callback_are_let_go_of_once_they_were_handed_over() {
    struct Callback(Arc<()>);

    impl Reference for Callback {
        type Index = usize;

        fn index(&self) -> usize {
            Arc::strong_count(&self.0)
        }
    }

    let mut dispatcher: Dispatcher<Callback, ()> = Dispatcher::new(Signal::default());
    let (orders, _inbox): (Orders<()>, _) = orders();
    let (mut producer, consumer) =
        events(LIMITS, Arc::new(Counters::default()), Signal::default(), orders.waker());
    let client = dispatcher.insert(Client::new((), "c".into(), SessionId(1), consumer));
    let callback = Arc::new(());
    let ticket =
        dispatcher.get_mut(client).unwrap().ticket(Some(Callback(Arc::clone(&callback))), 0).unwrap();
    answer(&mut producer, ticket, Ok(Value::Integer(1)));
    dispatcher.begin();
    let mut calls = 0;
    loop {
        match dispatcher.step() {
            Step::Idle => break,
            Step::Answer { .. } => calls += 1,
            _ => {}
        }
    }
    assert_eq!((calls, Arc::strong_count(&callback)), (1, 1));
}

#[test]
fn a_closed_client_still_delivers_its_answers_and_then_goes() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    let ticket = world.dispatcher.get_mut(client).unwrap().ticket(Some("answer"), 1).unwrap();
    say(&mut producer, slot, "1");
    let handle = world.dispatcher.get_mut(client).unwrap();
    assert_eq!(handle.close(), Some(SessionId(1)));
    assert_eq!(handle.close(), None);
    assert_eq!(handle.ticket(Some("late"), 1).unwrap_err().code, Code::Closed);
    tell(&mut producer, down());
    answer(&mut producer, ticket, Ok(Value::Integer(3)));
    tell(&mut producer, Event::Closed);
    assert_eq!(world.run_quietly(), ["c.answer: Integer(3)"]);
    world.run_quietly();
    assert!(world.dispatcher.get(client).is_none());
    assert_eq!(world.dispatcher.open().count(), 0);
}

#[test]
fn each_request_is_answered_once_and_a_refused_one_never() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let mut tickets = Vec::new();
    for name in ["1", "2", "3", "4"] {
        tickets.push(world.dispatcher.get_mut(client).unwrap().ticket(Some(name), 1).unwrap());
    }
    let refused = world.dispatcher.get_mut(client).unwrap().ticket(Some("5"), 1).unwrap_err();
    assert_eq!((refused.code, refused.sent), (Code::Overloaded, false));
    assert_eq!(world.dispatcher.get(client).unwrap().requests.len(), MAX_PENDING, "its callback was let go");
    assert_eq!(world.dispatcher.get(client).unwrap().traffic().pending, MAX_PENDING);
    for ticket in tickets {
        answer(&mut producer, ticket, Err(Error::sent(Code::Timeout, "late")));
    }
    let log = world.run_quietly();
    assert_eq!(log, ["c.1: TIMEOUT: late", "c.2: TIMEOUT: late", "c.3: TIMEOUT: late", "c.4: TIMEOUT: late"]);
    assert_eq!(world.dispatcher.get(client).unwrap().traffic().pending, 0);
}

#[test]
fn what_a_session_leaves_unanswered_is_answered_in_order_before_its_client_goes() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let mut ask = |name| world.dispatcher.get_mut(client).unwrap().ticket(Some(name), 1).unwrap();
    let (answered, second) = (ask("1"), ask("2"));
    answer(&mut producer, answered, Ok(Value::Null));
    assert_eq!(world.run_quietly(), ["c.1: Null"]);
    // The third one takes the place that the first one left, but comes after the second.
    let mut ask = |name| world.dispatcher.get_mut(client).unwrap().ticket(Some(name), 1).unwrap();
    let late = (ask("3"), ask("4"));
    drop((second, late));
    tell(&mut producer, Event::Closed);
    let mut pending = Vec::new();
    let log = world.run(|world, _| {
        let client = world.dispatcher.get_mut(client).unwrap();
        assert!(!client.is_open());
        assert_eq!(client.ticket(Some("none"), 1).unwrap_err().code, Code::Closed);
        pending.push(client.traffic().pending);
    });
    let closed = Error::unanswered();
    assert_eq!(log, ["2", "3", "4"].map(|name| format!("c.{name}: {closed}")));
    assert_eq!((closed.code, pending), (Code::Closed, vec![2, 1, 0]));
    assert!(world.dispatcher.get(client).is_none());
}

#[test]
fn what_a_replaced_session_leaves_unanswered_is_answered_and_the_client_stays() {
    let mut world = World::new();
    let (client, mut old) = world.client("c");
    let lost = world.dispatcher.get_mut(client).unwrap().ticket(Some("lost"), 1).unwrap();
    let (session, mut new, consumer) = world.session();
    world.dispatcher.get_mut(client).unwrap().replace("c".into(), session, consumer);
    let kept = world.dispatcher.get_mut(client).unwrap().ticket(Some("kept"), 1).unwrap();
    drop(lost);
    tell(&mut old, Event::Closed);
    assert_eq!(world.run_quietly(), [format!("c.lost: {}", Error::unanswered())]);
    answer(&mut new, kept, Ok(Value::Null));
    assert_eq!(world.run_quietly(), ["c.kept: Null"]);
    assert!(world.dispatcher.get(client).unwrap().is_open());
}
