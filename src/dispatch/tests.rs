//! What scripts rely on, through real queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::model::{
    About, ClientId, Code, Command, Counters, DropReason, Error, Event, Flow, Limits, Overflow, Ready,
    ReplyTo, Sink, Slot, Ticket, Topic, TopicKind, Value, Wake,
};
use crate::queue::{Inbox, Orders, Producer, Signal, events, orders};

/// A callback is a name here.
type Name = &'static str;

const MAX_PENDING: usize = 4;
const LIMITS: Limits = Limits {
    queue_events: 100,
    queue_bytes: 10_000,
    overflow: Overflow::DropOldest,
    max_pending: MAX_PENDING,
    pending_bytes: 1000,
};

struct World {
    dispatcher: Dispatcher<Name, Name>,
    signal: Signal,
    orders: Orders<()>,
    _inbox: Inbox<()>,
    sessions: u32,
}

impl World {
    fn new() -> Self {
        let signal = Signal::default();
        let (orders, inbox) = orders();
        Self { dispatcher: Dispatcher::new(Arc::clone(&signal)), signal, orders, _inbox: inbox, sessions: 0 }
    }

    fn session(&mut self) -> (ClientId, Producer, crate::queue::Consumer) {
        self.sessions += 1;
        let counters = Arc::new(Counters::default());
        let (producer, consumer) = events(LIMITS, counters, Arc::clone(&self.signal), self.orders.waker());
        (ClientId(self.sessions), producer, consumer)
    }

    fn client(&mut self, name: Name) -> (Slot, Producer) {
        let (session, producer, consumer) = self.session();
        (self.dispatcher.insert(Client::new(name, name.into(), session, consumer)), producer)
    }

    fn subscribe(&mut self, client: Slot, topic: &Topic, callback: Name) -> Option<Slot> {
        let client = self.dispatcher.get_mut(client).unwrap();
        match client.subscribe(topic.clone(), callback.as_bytes(), callback, || "name") {
            Some(Command::Subscribe { slot, .. }) => Some(slot),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    /// Runs everything, calling `react` after each callback, and returns what happened.
    fn run(&mut self, mut react: impl FnMut(&mut Self, &str)) -> Vec<String> {
        let mut log = Vec::new();
        let (mut last, mut is_last) = (String::new(), false);
        self.dispatcher.begin();
        loop {
            let entry = match self.dispatcher.step() {
                Step::Idle => return log,
                Step::Skipped => continue,
                Step::Line(line) => line.to_owned(),
                Step::Call { callback, data, given } => {
                    let again = matches!(given, Given::Again);
                    assert!(!(is_last && again), "a message for one reached two");
                    is_last = matches!(given, Given::Message { alone: true, .. });
                    last = match given {
                        Given::Again => last,
                        Given::Message { payload, name, channel, alone: _ } => {
                            let channel = channel.map(|channel| format!(" on {}", channel.escape_ascii()));
                            format!("{}{} for {name}", payload.escape_ascii(), channel.unwrap_or_default())
                        }
                        Given::Answer(Ok(value)) => format!("{value:?}"),
                        Given::Answer(Err(error)) => error.to_string(),
                        Given::Event(event) => {
                            format!("{:?} {}", EventKind::of(event).unwrap(), first(event))
                        }
                    };
                    format!("{data}.{callback}: {last}")
                }
            };
            react(self, &entry);
            log.push(entry);
        }
    }

    fn run_quietly(&mut self) -> Vec<String> {
        self.run(|_, _| ())
    }
}

fn first(event: &Event) -> &'static str {
    match event {
        Event::Ready(Ready { first: true, .. }) => "first",
        Event::Gap { lasted, .. } if *lasted >= Duration::from_secs(5) => "past 5 s",
        _ => "",
    }
}

fn gap(lasted: Duration) -> Event {
    Event::Gap { lasted, error: Error::unsent(Code::Closed, "replaced") }
}

fn channel(name: &str) -> Topic {
    Topic { kind: TopicKind::Channel, name: name.as_bytes().into() }
}

fn say(producer: &mut Producer, slot: Slot, payload: &str) {
    let _ = producer.message(slot, None, payload.as_bytes());
    producer.flush();
}

fn tell(producer: &mut Producer, event: Event) {
    let _ = producer.event(event);
    producer.flush();
}

fn answer(producer: &mut Producer, ticket: Ticket, result: Result<Value, Error>) {
    let _ = producer.answer(ticket, result, About { command: b"PUBLISH", channel: Some(b"chat") });
    producer.flush();
}

fn ready() -> Event {
    Event::Ready(Ready { first: true, protocol: 3, server: None, version: None })
}

fn down() -> Event {
    Event::Down { error: Error::unsent(Code::Refused, "nobody"), retry_in: Duration::from_millis(100) }
}

#[test]
fn every_callback_of_a_topic_gets_each_message_in_order() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    assert_eq!(world.subscribe(client, &channel("chat"), "b"), None, "the session knows the topic already");
    say(&mut producer, slot, "1");
    say(&mut producer, slot, "2");
    assert!(world.dispatcher.has_work());
    assert_eq!(
        world.run_quietly(),
        ["c.a: 1 for name", "c.b: 1 for name", "c.a: 2 for name", "c.b: 2 for name"]
    );
    assert!(!world.dispatcher.has_work());
    assert_eq!(world.dispatcher.get(client).unwrap().traffic().delivered, 2);
}

#[test]
fn a_worker_that_paused_behind_the_last_message_is_woken_once_it_was_taken() {
    #[derive(Default)]
    struct Counting(AtomicUsize);
    impl Wake for Counting {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut world = World::new();
    let limits = Limits { queue_bytes: 100, overflow: Overflow::Pause, ..LIMITS };
    let wakes = Arc::<Counting>::default();
    let wake = Arc::<Counting>::clone(&wakes);
    let (mut producer, consumer) =
        events(limits, Arc::new(Counters::default()), Arc::clone(&world.signal), wake);
    let client = world.dispatcher.insert(Client::new("c", "c".into(), ClientId(1), consumer));
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    assert_eq!(producer.message(slot, None, &[b'x'; 100]), Flow::Stop);
    producer.flush();
    assert!(!producer.has_room());
    assert_eq!(world.run_quietly().len(), 1);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert!(producer.has_room());
}

#[test]
fn a_listener_that_comes_late_hears_of_ready_though_nothing_else_happens() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    tell(&mut producer, ready());
    world.run_quietly();
    world.dispatcher.listen(client, EventKind::Ready, b"late", "late");
    assert!(world.dispatcher.has_work());
    assert_eq!(world.run_quietly(), ["c.late: Ready first"]);
}

#[test]
fn an_answer_and_its_callback_are_let_go_of_once_they_were_handed_over() {
    let mut dispatcher: Dispatcher<Arc<()>, ()> = Dispatcher::new(Signal::default());
    let (orders, _inbox): (Orders<()>, _) = orders();
    let (mut producer, consumer) =
        events(LIMITS, Arc::new(Counters::default()), Signal::default(), orders.waker());
    let client = dispatcher.insert(Client::new((), "c".into(), ClientId(1), consumer));
    let callback = Arc::new(());
    let ticket = dispatcher.get_mut(client).unwrap().ticket(Some(Arc::clone(&callback)), 0).unwrap();
    answer(&mut producer, ticket, Ok(Value::Integer(1)));
    dispatcher.begin();
    let mut calls = 0;
    loop {
        match dispatcher.step() {
            Step::Idle => break,
            Step::Call { .. } => calls += 1,
            Step::Skipped | Step::Line(_) => {}
        }
    }
    assert_eq!((calls, Arc::strong_count(&callback)), (1, 1));
}

#[test]
fn removal_takes_effect_at_once_even_for_what_is_queued() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let topic = channel("chat");
    let slot = world.subscribe(client, &topic, "a").unwrap();
    world.subscribe(client, &topic, "b");
    say(&mut producer, slot, "1");
    say(&mut producer, slot, "2");
    let log = world.run(|world, entry| {
        if entry == "c.a: 1 for name" {
            let client = world.dispatcher.get_mut(client).unwrap();
            assert!(client.unsubscribe(topic.clone(), b"b").is_none());
            assert!(matches!(client.unsubscribe(topic.clone(), b"a"), Some(Command::Unsubscribe(_))));
            // The same name again is another subscription: what is queued was not for it.
            let again = world.subscribe(client_of(world), &topic, "a").unwrap();
            assert_ne!(again, slot);
        }
    });
    assert_eq!(log, ["c.a: 1 for name"]);
}

fn client_of(world: &World) -> Slot {
    world.dispatcher.open().next().unwrap().0
}

#[test]
fn a_replaced_callback_gets_what_is_queued() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, "1");
    let handle = world.dispatcher.get_mut(client).unwrap();
    assert!(handle.subscribe(channel("chat"), b"a", "new", || "unused").is_none());
    assert_eq!(world.run_quietly(), ["c.new: 1 for name"]);
}

#[test]
fn a_closed_client_still_delivers_its_answers_and_then_goes() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    let ticket = world.dispatcher.get_mut(client).unwrap().ticket(Some("answer"), 1).unwrap();
    say(&mut producer, slot, "1");
    let handle = world.dispatcher.get_mut(client).unwrap();
    assert_eq!(handle.close(), Some(ClientId(1)));
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
fn a_client_closed_in_the_middle_of_a_walk_calls_nobody_else() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    world.subscribe(client, &channel("chat"), "b");
    say(&mut producer, slot, "1");
    let log = world.run(|world, _| _ = world.dispatcher.get_mut(client).unwrap().close());
    assert_eq!(log, ["c.a: 1 for name"]);
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
fn without_listeners_trouble_goes_to_the_console() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    tell(&mut producer, down());
    tell(&mut producer, ready());
    let _ = producer.dropped(10, DropReason::TooLarge);
    let ticket = world.dispatcher.get_mut(client).unwrap().ticket(None, 1).unwrap();
    assert!(matches!(ticket.to, ReplyTo::Nobody));
    answer(&mut producer, ticket, Err(Error::sent(Code::Server("NOPERM".into()), "no")));
    let log = world.run_quietly();
    assert_eq!(log.len(), 4, "{log:?}");
    assert!(log[0].contains("REFUSED: nobody"));
    assert!(log[1].contains("ready"));
    assert!(log[2].contains("larger than max_message_bytes"));
    assert!(log[3].contains("PUBLISH to \"chat\" failed: NOPERM: no"));
}

#[test]
fn a_late_listener_of_a_ready_client_gets_a_ready_of_its_own() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    world.dispatcher.listen(client, EventKind::Ready, b"a", "early");
    assert!(!world.dispatcher.has_work());
    tell(&mut producer, ready());
    let log = world.run(|world, entry| {
        if entry.starts_with("c.early") {
            world.dispatcher.listen(client, EventKind::Ready, b"b", "late");
            world.dispatcher.listen(client, EventKind::Ready, b"b", "later");
        }
    });
    assert_eq!(log, ["c.early: Ready first", "c.later: Ready first"]);

    world.dispatcher.listen(client, EventKind::Ready, b"c", "gone");
    world.dispatcher.get_mut(client).unwrap().off(EventKind::Ready, b"c");
    assert!(world.run_quietly().is_empty());

    tell(&mut producer, down());
    world.run_quietly();
    world.dispatcher.listen(client, EventKind::Ready, b"c", "during");
    tell(&mut producer, ready());
    assert_eq!(world.run_quietly(), ["c.early: Ready ", "c.later: Ready ", "c.during: Ready "]);
}

#[test]
fn a_replaced_session_hands_over_with_a_gap() {
    let mut world = World::new();
    let (client, mut old) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    for kind in EventKind::ALL {
        world.dispatcher.listen(client, kind, b"a", "on");
    }
    tell(&mut old, Event::Subscribed(channel("chat")));
    tell(&mut old, ready());
    world.run_quietly();
    let ticket = world.dispatcher.get_mut(client).unwrap().ticket(Some("answer"), 1).unwrap();

    let (session, mut new, consumer) = world.session();
    let handle = world.dispatcher.get_mut(client).unwrap();
    let commands = handle.replace("c".into(), session, consumer);
    assert!(matches!(&commands[..], [Command::Subscribe { slot: again, .. }] if *again == slot));
    assert_eq!(handle.session(), Some(session));

    say(&mut old, slot, "old");
    let _ = old.dropped(3, DropReason::TooLarge);
    tell(&mut old, gap(Duration::from_secs(5)));
    tell(&mut new, down());
    assert_eq!(world.run_quietly(), ["c.a: old for name", "c.on: Dropped ", "c.on: Down "]);

    tell(&mut old, down());
    answer(&mut old, ticket, Ok(Value::Null));
    tell(&mut old, Event::Closed);
    tell(&mut new, Event::Subscribed(channel("chat")));
    say(&mut new, slot, "new");
    tell(&mut new, ready());
    let log = world.run_quietly();
    assert_eq!(log, ["c.answer: Null", "c.on: Gap past 5 s", "c.a: new for name", "c.on: Ready "]);
    world.run_quietly();
    assert!(world.dispatcher.get(client).unwrap().is_open());
}

#[test]
fn a_replaced_session_without_subscriptions_leaves_no_gap() {
    let mut world = World::new();
    let (client, mut old) = world.client("c");
    world.dispatcher.listen(client, EventKind::Gap, b"a", "on");
    world.dispatcher.listen(client, EventKind::Subscribed, b"a", "on");
    world.subscribe(client, &channel("chat"), "a");
    let (session, mut new, consumer) = world.session();
    world.dispatcher.get_mut(client).unwrap().replace("c".into(), session, consumer);
    tell(&mut old, Event::Closed);
    tell(&mut new, Event::Subscribed(channel("chat")));
    tell(&mut new, ready());
    assert_eq!(world.run_quietly(), ["c.on: Subscribed "]);
}

#[test]
fn what_a_replaced_session_still_has_comes_before_anything_of_the_new_one() {
    let mut world = World::new();
    let (client, mut old) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    let (session, mut new, consumer) = world.session();
    world.dispatcher.get_mut(client).unwrap().replace("c".into(), session, consumer);
    say(&mut new, slot, "new 1");
    let mut once = Some(());
    let log = world.run(|_, _| {
        // The dispatcher stands at the new session.
        if once.take().is_some() {
            say(&mut old, slot, "old");
            say(&mut new, slot, "new 2");
        }
    });
    assert_eq!(log, ["c.a: new 1 for name", "c.a: old for name", "c.a: new 2 for name"]);
}

#[test]
fn no_client_waits_for_a_busy_neighbour() {
    let mut world = World::new();
    let (busy, mut flood) = world.client("busy");
    let (quiet, mut drip) = world.client("quiet");
    let flooded = world.subscribe(busy, &channel("a"), "f").unwrap();
    let dripped = world.subscribe(quiet, &channel("a"), "d").unwrap();
    for _ in 0..100 {
        say(&mut flood, flooded, "x");
    }
    say(&mut drip, dripped, "y");
    let log = world.run_quietly();
    assert_eq!(log.len(), 101);
    let turn = log.iter().position(|entry| entry.starts_with("quiet")).unwrap();
    assert!(turn <= 32, "{turn}");
}

#[test]
fn a_session_that_ends_by_itself_closes_its_client() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    world.subscribe(client, &channel("a"), "f");
    tell(&mut producer, Event::Closed);
    world.run_quietly();
    world.run_quietly();
    assert!(world.dispatcher.get(client).is_none());
}

#[test]
fn what_a_session_leaves_unanswered_is_answered_in_order_before_its_client_goes() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let mut ask = |name| world.dispatcher.get_mut(client).unwrap().ticket(Some(name), 1).unwrap();
    let (answered, second) = (ask("1"), ask("2"));
    answer(&mut producer, answered, Ok(Value::Null));
    assert_eq!(world.run_quietly(), ["c.1: Null"]);
    // The third one takes the place that the first one left, and yet comes after the second.
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

#[test]
fn a_client_made_by_a_callback_joins_the_round() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("a"), "f").unwrap();
    say(&mut producer, slot, "1");
    say(&mut producer, slot, "2");
    let made = AtomicUsize::new(0);
    let log = world.run(|world, entry| {
        if entry == "c.f: 1 for name" {
            made.fetch_add(1, Ordering::Relaxed);
            let (client, mut producer) = world.client("new");
            let slot = world.subscribe(client, &channel("a"), "g").unwrap();
            say(&mut producer, slot, "hello");
        }
    });
    assert_eq!(log, ["c.f: 1 for name", "c.f: 2 for name", "new.g: hello for name"]);
}
