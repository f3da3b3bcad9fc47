//! Callbacks that get the value of a JSON text, and messages that they must not get.

use super::{World, channel, say};
use crate::dispatch::{JsonOptions, MessageOptions};
use crate::model::{Sink, Topic, TopicKind};

fn json() -> MessageOptions {
    let json = JsonOptions { max_elements: 100_000, text_of: None, unreadable: false };
    MessageOptions { json: Some(json), ..MessageOptions::default() }
}

fn telling() -> MessageOptions {
    let json = JsonOptions { max_elements: 100_000, text_of: None, unreadable: true };
    MessageOptions { json: Some(json), ..MessageOptions::default() }
}

fn without(prefix: &str) -> MessageOptions {
    MessageOptions { skip_prefix: Some(prefix.as_bytes().into()), ..MessageOptions::default() }
}

/// A list of `count` zeros, which takes one node more.
fn noughts(count: usize) -> String {
    format!("[{}0]", "0,".repeat(count - 1))
}

/// Two slices of text, and their nodes.
const LONG: usize = 10_000;

#[test]
fn a_short_text_is_read_at_once() {
    let mut world = World::new();
    world.pieces = 3;
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe_with(json(), client, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, "[1,2]");
    say(&mut producer, slot, &noughts(8_000));
    assert_eq!(world.run_quietly(), ["c.a: 3 nodes for name", "c.a: 8001 nodes for name"]);
    assert_eq!(world.dispatcher.get(client).unwrap().traffic().delivered, 2);
    assert!(!world.dispatcher.has_work());
}

#[test]
fn a_long_text_is_read_in_slices_and_its_table_made_in_slices() {
    let mut world = World::new();
    world.pieces = 3;
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe_with(json(), client, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, &noughts(LONG));
    say(&mut producer, slot, "[]");
    assert_eq!(
        world.run_quietly(),
        ["read", "c.a begins", "c.a begins", "c.a: 10001 nodes for name", "c.a: 1 nodes for name"]
    );
}

#[test]
fn what_follows_on_the_client_waits_and_other_clients_go_on() {
    let mut world = World::new();
    world.pieces = 2;
    let (client, mut producer) = world.client("c");
    let (other, mut others) = world.client("d");
    let slot = world.subscribe_with(json(), client, &channel("chat"), "a").unwrap();
    let event = world.subscribe(client, &channel("events"), "e").unwrap();
    let of_other = world.subscribe_with(json(), other, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, &noughts(LONG));
    say(&mut producer, event, "later");
    let mut sent = 0;
    let log = world.run(|_, entry| {
        if entry.starts_with("c.a begins") || entry == "read" {
            sent += 1;
            say(&mut others, of_other, "[]");
        }
    });
    assert_eq!(
        log,
        [
            "read",
            "d.a: 1 nodes for name",
            "c.a begins",
            "d.a: 1 nodes for name",
            "c.a: 10001 nodes for name",
            "c.e: later for name"
        ]
    );
    assert_eq!(sent, 2);
}

#[test]
fn of_two_long_messages_the_second_waits_for_the_first() {
    let mut world = World::new();
    world.pieces = 2;
    let (client, mut producer) = world.client("c");
    let (other, mut others) = world.client("d");
    let slot = world.subscribe_with(json(), client, &channel("chat"), "a").unwrap();
    let of_other = world.subscribe_with(json(), other, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, &noughts(LONG));
    say(&mut others, of_other, &noughts(LONG + 1));
    say(&mut others, of_other, "[]");
    assert_eq!(
        world.run_quietly(),
        [
            "read",
            "c.a begins",
            "c.a: 10001 nodes for name",
            "read",
            "d.a begins",
            "d.a: 10002 nodes for name",
            "d.a: 1 nodes for name"
        ]
    );
    assert!(!world.dispatcher.has_work());
}

#[test]
fn callbacks_of_both_kinds_share_a_message_in_their_order() {
    for slices in 1..4 {
        let mut world = World::new();
        world.pieces = slices;
        let (client, mut producer) = world.client("c");
        let topic = Topic { kind: TopicKind::Pattern, name: b"k.*"[..].into() };
        let bounded = MessageOptions { max_bytes: 2, ..MessageOptions::default() };
        let slot = world.subscribe_with(json(), client, &topic, "a").unwrap();
        world.subscribe(client, &topic, "b");
        world.subscribe_with(json(), client, &topic, "c");
        world.subscribe_with(bounded, client, &topic, "d");
        world.subscribe(client, &topic, "e");
        let text = noughts(LONG);
        producer.message(slot, Some(b"k.1"), text.as_bytes());
        producer.flush();
        let log: Vec<_> = world.run_quietly().into_iter().filter(|entry| entry.contains(':')).collect();
        assert_eq!(
            log,
            [
                "c.a: 10001 nodes on k.1 for name",
                &format!("c.b: {text} on k.1 for name"),
                "c.c: 10001 nodes on k.1 for name",
                "c.d: 20001 bytes on k.1 for name",
                &format!("c.e: {text} on k.1 for name"),
            ]
        );
    }
}

/// An action of a script while a message is being read.
type Change = fn(&mut World, crate::model::ClientSlot);

#[test]
fn a_message_that_nobody_wants_any_more_is_let_go_of() {
    let changes: [(Change, &[&str]); 5] = [
        (|world, client| _ = world.dispatcher.get_mut(client).unwrap().close(), &["abandoned"]),
        (
            |world, client| {
                world.dispatcher.get_mut(client).unwrap().unsubscribe(channel("chat"), b"a");
            },
            &["c.b: [", "abandoned", "c.b: 7 for name"],
        ),
        // A new callback under the identifier gets the message from its beginning, like any queued one.
        (
            |world, client| _ = world.subscribe(client, &channel("chat"), "a"),
            &["c.a: [", "c.b: [", "abandoned"],
        ),
        (
            |world, client| {
                world.made = 0;
                let other_options = MessageOptions { max_bytes: 1 << 20, ..json() };
                world.subscribe_with(other_options, client, &channel("chat"), "a");
            },
            &["read", "c.a begins", "c.a: 10001 nodes for name", "c.b: [", "c.a: 1 nodes for name"],
        ),
        // With equal options it continues with the document that was read.
        (
            |world, client| _ = world.subscribe_with(json(), client, &channel("chat"), "a"),
            &["c.a: 10001 nodes for name", "c.b: [", "c.a: 1 nodes for name"],
        ),
    ];
    for (n, (change, then)) in changes.into_iter().enumerate() {
        for at in ["read", "c.a begins"] {
            let mut world = World::new();
            world.pieces = 3;
            let (client, mut producer) = world.client("c");
            let slot = world.subscribe_with(json(), client, &channel("chat"), "a").unwrap();
            world.subscribe(client, &channel("chat"), "b");
            say(&mut producer, slot, &noughts(LONG));
            say(&mut producer, slot, "7");
            let mut is_done = false;
            let log = world.run(|world, entry| {
                if entry == at && !std::mem::replace(&mut is_done, true) {
                    change(world, client);
                }
            });
            let after = log.iter().skip_while(|entry| *entry != at).skip(1).collect::<Vec<_>>();
            assert!(after.len() >= then.len(), "change {n} at {at}: {log:?}");
            // Another callback's table that was begun is released before the text is read again.
            let abandoned = after.iter().filter(|entry| **entry == "abandoned").count();
            assert!(n != 3 || abandoned == usize::from(at == "c.a begins"), "change {n} at {at}: {log:?}");
            assert!(n != 4 || !after.iter().any(|entry| *entry == "read"), "it began anew: {log:?}");
            let begins: Vec<_> = after.iter().map(|entry| &entry[..entry.len().min(30)]).collect();
            let mut wanted = then.iter();
            let mut next = wanted.next();
            for entry in &begins {
                if next.is_some_and(|next| entry.starts_with(next)) {
                    next = wanted.next();
                }
            }
            assert_eq!(next, None, "change {n} at {at}: {begins:?}");
            assert!(world.dispatcher.long_memory() < 100_000, "change {n} at {at}");
            assert!(!world.dispatcher.has_work());
        }
    }
}

#[test]
fn a_client_that_ends_in_the_middle_leaves_nothing() {
    let mut world = World::new();
    world.pieces = 5;
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe_with(json(), client, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, &noughts(LONG));
    super::tell(&mut producer, crate::model::Event::Closed);
    world.run(|world, entry| {
        if entry == "c.a begins" {
            world.dispatcher.get_mut(client).map(crate::dispatch::Client::close);
        }
    });
    assert!(world.dispatcher.get(client).is_none());
    assert!(world.dispatcher.long_memory() < 100_000);
}

#[test]
fn a_failure_to_deliver_gives_up_the_table_of_its_message_alone() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let (other, mut others) = world.client("d");
    let slot = world.subscribe_with(json(), client, &channel("chat"), "a").unwrap();
    let of_other = world.subscribe(other, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, &noughts(LONG));
    world.dispatcher.begin();
    assert!(matches!(step(&mut world), "slice"));
    // Another client's message fails while the first one is parked.
    say(&mut others, of_other, "x");
    world.dispatcher.begin();
    assert!(matches!(step(&mut world), "message"));
    assert!(!world.dispatcher.abandon(), "that was another message");
    assert!(matches!(step(&mut world), "table"));
    assert!(world.dispatcher.abandon(), "that was it");
    assert_eq!(world.run_quietly(), [""; 0]);
}

fn step(world: &mut World) -> &'static str {
    use crate::dispatch::Step;
    loop {
        return match world.dispatcher.step() {
            Step::Skipped => continue,
            Step::Slice => "slice",
            Step::Message { .. } => "message",
            Step::Table { .. } => "table",
            other => panic!("{other:?}"),
        };
    }
}

#[test]
fn messages_with_the_prefix_are_skipped() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe_with(without("{\"own\""), client, &channel("chat"), "a").unwrap();
    let both = MessageOptions { skip_prefix: Some(b"["[..].into()), ..json() };
    world.subscribe_with(both, client, &channel("chat"), "b");
    world.subscribe(client, &channel("chat"), "c");
    for text in ["{\"own\":1}", "[1]", "{\"own"] {
        say(&mut producer, slot, text);
    }
    assert_eq!(
        world.run_quietly(),
        [
            "c.b: 3 nodes for name",
            "c.c: {\\\"own\\\":1} for name",
            "c.a: [1] for name",
            "c.c: [1] for name",
            "c.a: {\\\"own for name",
            "[realtime] c: a message on \"chat\" was left out: line 1, column 3: a string that does not end",
            "c.c: {\\\"own for name",
        ]
    );
}

#[test]
fn one_line_tells_of_texts_that_cannot_be_read() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let topic = Topic { kind: TopicKind::Pattern, name: b"k.*"[..].into() };
    let slot = world.subscribe_with(MessageOptions { max_bytes: 10, ..json() }, client, &topic, "a").unwrap();
    for text in ["[1,2,3,4,5,6]", "nonsense", "[]"] {
        producer.message(slot, Some(b"k.1"), text.as_bytes());
    }
    producer.flush();
    assert_eq!(
        world.run_quietly(),
        [
            "[realtime] c: a message on \"k.1\" was left out: it has 13 bytes, more than the 10 allowed",
            // The second one is not told, but takes its time.
            "read",
            "c.a: 1 nodes on k.1 for name"
        ]
    );
}

#[test]
fn a_callback_that_asks_for_them_is_told_of_texts_that_cannot_be_read() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let options = MessageOptions { max_bytes: 30_000, ..telling() };
    let slot = world.subscribe_with(options, client, &channel("chat"), "a").unwrap();
    let long = format!("{}x", noughts(LONG));
    for text in ["[1,", &long, &noughts(20_000), "[]"] {
        say(&mut producer, slot, text);
    }
    let reason = "line 1, column 20002: expected the end";
    let bound = "it has 40001 bytes, more than the 30000 allowed";
    let ends = "expected a value, but the text ends: a bracket or a quote is missing";
    assert_eq!(
        world.run_quietly(),
        [
            format!("c.a: line 1, column 4: {ends} in [1, for name"),
            "read".into(),
            format!("c.a: {reason} in {long} for name"),
            format!("c.a: {bound} for name"),
            "c.a: 1 nodes for name".into()
        ]
    );
}

#[test]
fn the_text_of_a_key_comes_with_the_value() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let mut options = json();
    options.json.as_mut().unwrap().text_of = Some(b"data"[..].into());
    let slot = world.subscribe_with(options, client, &channel("chat"), "a").unwrap();
    let long = format!("{{\"from\":\"x\",\"data\":{}}}", noughts(LONG));
    for text in ["{\"data\": [1, 2] }", "{}", "5", &long] {
        say(&mut producer, slot, text);
    }
    assert_eq!(
        world.run_quietly(),
        [
            "c.a: 5 nodes of [1, 2] for name".into(),
            "c.a: 1 nodes for name".into(),
            "c.a: 1 nodes for name".into(),
            "read".into(),
            format!("c.a: 10005 nodes of {} for name", noughts(LONG)),
        ]
    );
}

#[test]
fn a_callback_that_waits_for_its_table_stays_where_it_is_when_others_go() {
    let mut world = World::new();
    world.pieces = 3;
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "first").unwrap();
    world.subscribe_with(json(), client, &channel("chat"), "a");
    world.subscribe(client, &channel("chat"), "b");
    say(&mut producer, slot, &noughts(LONG));
    let log = world.run(|world, entry| {
        if entry == "c.a begins" {
            world.dispatcher.get_mut(client).unwrap().unsubscribe(channel("chat"), b"first");
        }
    });
    let begins: Vec<_> = log.iter().map(|entry| entry.split(['[', ':']).next().unwrap()).collect();
    assert_eq!(begins, ["c.first", "read", "c.a begins", "c.a begins", "c.a", "c.b"]);
}
