//! Bytes and calls that no server and no event loop should send: nothing panics, loops or grows.

use proptest::collection::vec;
use proptest::prelude::*;
use realtime::backend::{Connected, LinkError, OptionValue};
use realtime::model::{Command, Event, LinkId, RequestKind, Room, SubscriptionSlot, TopicKind};
use session_driver::Driver;

use crate::client::{BOTH, Client, HELLO3, Resp, WELCOME, args, topic};
use crate::sink::{Said, failure, subscribed};

#[test]
fn malformed_bytes_close_the_link_and_it_is_made_again() {
    for resp in BOTH {
        for link in [0, 1] {
            if link == 1 && resp == Resp::Three {
                continue;
            }
            let mut client = Client::subscribed(resp, &[]);
            client.said();
            client.server(link, b"?");
            let (error, _) = client.expect_down();
            assert_eq!(error.code.as_str(), "PROTOCOL");
            client.expect_close(link);
            // Bytes after that belong to no connection.
            client.driver.receive(LinkId(link), b"+OK\r\n");
            assert_eq!(client.said(), []);
            client.reconnect(link);
        }
    }
}

#[test]
fn an_answer_to_nothing_is_out_of_step() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.server(0, b"+OK\r\n");
        assert_eq!(client.expect_down().0.code.as_str(), "PROTOCOL");
        client.expect_close(0);
    }
}

#[test]
fn an_error_that_nobody_asked_for_is_why_the_server_hangs_up() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.server(0, b"-ERR max number of clients reached\r\n");
        let (error, _) = client.expect_down();
        assert!(error.message.contains("max number of clients"), "{error}");
    }
}

#[test]
fn an_answer_before_its_command_was_written_is_no_answer() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.set_writable(0, 0);
    client.get(1, "a");
    client.server(0, b"+early\r\n");
    assert_eq!(client.expect_down().0.code.as_str(), "PROTOCOL");
    client.expect_close(0);
    client.set_writable(0, usize::MAX);
    client.reconnect(0);
    client.hello(Resp::Three);
    client.said();
    assert_eq!(client.commands(0), ["GET a"], "never sent before, so it may be sent now");
}

#[test]
fn fences_must_echo() {
    for resp in BOTH {
        for wrong in [&b"$3\r\nabc\r\n"[..], b":1\r\n", b"*0\r\n", b"_\r\n"] {
            let mut client = Client::ready(resp, &[]);
            client.subscribe("chat", 1);
            client.subscriber_up();
            client.confirm("subscribe", "chat");
            client.said();
            client.server(client.subscriber, wrong);
            assert_eq!(client.expect_down().0.code.as_str(), "PROTOCOL", "{}", wrong.escape_ascii());
        }
    }
}

/// Garnet, Envoy and YugabyteDB answer so to `PING text`.
#[test]
fn a_server_may_answer_every_fence_with_pong() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.subscribe("a", 1);
        client.subscriber_up();
        for name in ["a", "b"] {
            client.subscribe(name, 1);
            client.confirm("subscribe", name);
            client.server(client.subscriber, b"+PONG\r\n");
            assert_eq!(client.said(), [subscribed(TopicKind::Channel, name)]);
        }
        for wrong in [&b"+pong\r\n"[..], b"+PONG realtime:3\r\n", b"$0\r\n\r\n"] {
            let mut client = Client::ready(resp, &[]);
            client.subscribe("a", 1);
            client.subscriber_up();
            client.confirm("subscribe", "a");
            client.said();
            client.server(client.subscriber, wrong);
            assert_eq!(client.expect_down().0.code.as_str(), "PROTOCOL", "{}", wrong.escape_ascii());
        }
    }
}

/// From a server that echoes, `+PONG` is the answer to another PING.
#[test]
fn a_pong_is_no_echo_once_the_server_has_echoed() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        client.subscribe("b", 2);
        client.confirm("subscribe", "b");
        client.said();
        client.server(client.subscriber, b"+PONG\r\n");
        assert_eq!(client.expect_down().0.code.as_str(), "PROTOCOL");
        client.expect_close(client.subscriber);
        client.commands(client.subscriber);
        // The next connection starts over.
        client.subscriber_back(resp);
        client.confirm("subscribe", "chat");
        client.confirm("subscribe", "b");
        client.said();
        client.server(client.subscriber, b"+PONG\r\n");
        assert_eq!(client.said(), []);
    }
}

#[test]
fn calls_about_unknown_or_idle_links_mean_nothing() {
    for link in [1, 2, 255] {
        let mut client = Client::ready(Resp::Three, &[]);
        let id = LinkId(link);
        let Driver { session, now, queue, .. } = &mut client.driver;
        session.handle_connected(id, *now, Connected::default(), queue);
        session.handle_input(id, *now, b"+OK\r\n", queue);
        session.handle_paused(id);
        session.handle_resumed(id, *now);
        assert_eq!(session.room_needed(id), Room::None);
        session.handle_disconnected(id, *now, LinkError::Eof, queue);
        session.transmitted(id, 1000);
        assert_eq!(session.poll_transmit(id, *now), b"");
        session.handle_timeout(*now, queue);
        assert_eq!(client.said(), []);
        client.get(1, "a");
        client.server(0, b"+a\r\n");
        assert_eq!(client.said().len(), 1);
    }
}

#[test]
fn a_link_that_is_up_cannot_come_up_again() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.get(1, "a");
    client.server(0, b"$5\r\nhel");
    client.driver.connected(LinkId(0), Connected::default());
    client.server(0, b"lo\r\n");
    assert_eq!(client.said(), [crate::sink::answer(1, crate::sink::string("hello"))]);
    assert_eq!(client.commands(0), ["GET a"]);
}

#[test]
fn a_name_too_long_is_refused_by_itself() {
    let mut client = Client::ready(Resp::Three, &[]);
    const LONGEST: usize = 65_536;
    client.subscribe(&"x".repeat(LONGEST + 1), 1);
    let said = client.said();
    let [Said::Event(Event::SubscribeFailed { error, .. })] = &said[..] else { panic!("{}", said.len()) };
    assert_eq!(error.code.as_str(), "UNSUPPORTED");
    assert_eq!(client.commands(0), Vec::<String>::new());
    client.subscribe(&"x".repeat(LONGEST), 1);
    client.confirm("subscribe", &"x".repeat(LONGEST));
    assert_eq!(client.said(), [subscribed(TopicKind::Channel, &"x".repeat(LONGEST))]);
}

#[test]
fn an_endless_message_is_skipped_as_it_comes() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[("max_message_bytes", OptionValue::Number(100.0))]);
        client.said();
        client.push(">3\r\n+message\r\n+chat\r\n$10000000\r\n");
        let piece = vec![b'x'; 100_000];
        for _ in 0..100 {
            client.server(client.subscriber, &piece);
        }
        client.server(client.subscriber, b"\r\n");
        assert_eq!(client.said(), [Said::TooLarge(10_000_000)]);
        client.message("chat", "small");
        assert_eq!(client.said().len(), 1);
    }
}

/// Something that happens to a session.
#[derive(Debug, Clone)]
enum Act {
    Server(u8, Vec<u8>),
    Known(u8, usize),
    Connected(u8),
    Lost(u8),
    Wait(f64),
    Subscribe(u8),
    Unsubscribe(u8),
    Get(f64),
    Transaction(usize),
    Ping,
    Writable(u8, usize),
    Full(bool),
    Disconnect(f64),
}

/// The channel of the probes, by the seed of these tests: confirmed, and a probe.
const CHANNEL3: &[u8] = b">3\r\n+subscribe\r\n+realtime:probe:aeaf52febe706064\r\n:1\r\n";
const CHANNEL2: &[u8] = b"*3\r\n+subscribe\r\n+realtime:probe:aeaf52febe706064\r\n:1\r\n";
const PROBE3: &[u8] = b">3\r\n+message\r\n+realtime:probe:aeaf52febe706064\r\n+x\r\n";
const PROBE2: &[u8] = b"*3\r\n+message\r\n+realtime:probe:aeaf52febe706064\r\n+x\r\n";

/// Bytes that get somewhere.
const KNOWN: &[&[u8]] = &[
    HELLO3,
    b"+OK\r\n",
    WELCOME,
    b"-ERR unknown command 'HELLO'\r\n",
    b"-NOPERM no\r\n",
    b">3\r\n$9\r\nsubscribe\r\n$1\r\n0\r\n:1\r\n",
    b"*3\r\n$9\r\nsubscribe\r\n$1\r\n1\r\n:1\r\n",
    b">3\r\n$11\r\nunsubscribe\r\n$1\r\n0\r\n:1\r\n",
    b"*3\r\n$11\r\nunsubscribe\r\n$1\r\n1\r\n:1\r\n",
    b"$10\r\nrealtime:1\r\n",
    b"*2\r\n$4\r\npong\r\n$10\r\nrealtime:2\r\n",
    b">3\r\n$7\r\nmessage\r\n$1\r\n0\r\n$1\r\nx\r\n",
    b"*3\r\n$7\r\nmessage\r\n$1\r\n1\r\n$1\r\nx\r\n",
    CHANNEL3,
    CHANNEL2,
    PROBE3,
    PROBE2,
    b":1\r\n",
    b"+PONG\r\n",
    b"$-1\r\n",
    b"*2\r\n:1\r\n",
    b"|1\r\n+a\r\n",
    b"\r\n",
];

fn act() -> impl Strategy<Value = Act> {
    let link = 0..3_u8;
    prop_oneof![
        2 => (link.clone(), vec(any::<u8>(), 0..20)).prop_map(|(link, bytes)| Act::Server(link, bytes)),
        12 => (link.clone(), 0..KNOWN.len()).prop_map(|(link, which)| Act::Known(link, which)),
        4 => link.clone().prop_map(Act::Connected),
        1 => link.prop_map(Act::Lost),
        3 => (0.0..20.0_f64).prop_map(Act::Wait),
        3 => (0..3_u8).prop_map(Act::Subscribe),
        2 => (0..3_u8).prop_map(Act::Unsubscribe),
        3 => (0.0..5.0_f64).prop_map(Act::Get),
        1 => (0..3_usize).prop_map(Act::Transaction),
        1 => Just(Act::Ping),
        2 => (0..2_u8, prop_oneof![0..100_usize, Just(usize::MAX)]).prop_map(|(link, n)| Act::Writable(link, n)),
        1 => any::<bool>().prop_map(Act::Full),
        1 => (0.0..3.0_f64).prop_map(Act::Disconnect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, every request gets exactly one answer, and `closed` is the last word.
    #[test]
    fn every_request_gets_exactly_one_answer(acts in vec(act(), 0..60), verify in any::<bool>()) {
        let mut client = Client::new("redis://server", &[("verify_delivery", OptionValue::Boolean(verify))]);
        let mut asked = 0;
        let mut said = Vec::new();
        for act in acts {
            let mut request = |client: &mut Client, seconds, kind| {
                client.request(asked, seconds, kind);
                asked += 1;
            };
            match act {
                Act::Server(link, bytes) => client.read(link, &bytes),
                Act::Known(link, which) => client.read(link, KNOWN[which]),
                Act::Connected(link) => client.driver.connected(LinkId(link), Connected::default()),
                Act::Lost(link) => client.lost(link.min(1), LinkError::Eof),
                Act::Wait(seconds) => client.advance(seconds),
                Act::Subscribe(name) => client.subscribe(&name.to_string(), name.into()),
                Act::Unsubscribe(name) => client.unsubscribe(&name.to_string()),
                Act::Get(seconds) => request(&mut client, seconds, RequestKind::Command(args(&["GET", "a"]))),
                Act::Transaction(n) => {
                    request(&mut client, 3.0, RequestKind::Transaction(vec![args(&["GET", "a"]); n]));
                }
                Act::Ping => request(&mut client, 3.0, RequestKind::Ping),
                Act::Writable(link, n) => client.set_writable(link, n),
                Act::Full(true) => client.driver.queue.full = Some(Room::Messages),
                Act::Full(false) => client.resume(),
                Act::Disconnect(seconds) => client.disconnect(seconds),
            }
            client.driver.drive();
            said.extend(client.said());
        }
        client.disconnect(1.0);
        client.advance(2.0);
        said.extend(client.said());
        let closed = said.iter().position(|said| *said == Said::Event(Event::Closed)).expect("it ends");
        for late in &said[closed + 1..] {
            // Asked for after the end.
            prop_assert_eq!(failure(std::slice::from_ref(late)).1, "CLOSED");
        }
        let mut answers: Vec<_> =
            said.iter().filter_map(|said| match said { Said::Answer { id, .. } => Some(*id), _ => None }).collect();
        answers.sort_unstable();
        prop_assert_eq!(answers, (0..asked).collect::<Vec<_>>());
        prop_assert_eq!(client.driver.session.poll_timeout(), None);
    }
}

#[test]
fn the_harness_sees_what_it_should() {
    // A guard for the property above: its known bytes do lead to readiness, confirmations and messages.
    let mut client = Client::new("redis://server", &[("verify_delivery", OptionValue::Boolean(true))]);
    client.subscribe("0", 0);
    client.connected(0);
    for known in [0, 2, 5, 9, 11] {
        client.read(0, KNOWN[known]);
    }
    client.read(0, CHANNEL3);
    client.advance(15.1);
    assert!(client.commands(0).iter().any(|command| command.starts_with("PUBLISH")));
    let said = client.said();
    assert!(matches!(said[0], Said::Event(Event::Subscribed(_))), "{said:?}");
    assert!(matches!(said[1], Said::Event(Event::Ready(_))), "{said:?}");
    assert!(matches!(said[2], Said::Message { slot: 0, .. }), "{said:?}");
    client.command(Command::Unsubscribe(topic(TopicKind::Channel, "0")));
    client.command(Command::Subscribe {
        topic: topic(TopicKind::Channel, "1"),
        slot: SubscriptionSlot::new(1, 9),
    });
}
