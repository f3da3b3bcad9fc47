//! `verify_delivery`: a server that answers but delivers nothing.

use std::time::Duration;

use realtime::backend::{LinkError, OptionValue};
use realtime::model::{Command, Event, TopicKind};

use crate::client::{BOTH, Client, Resp, topic};
use crate::sink::{Said, message, subscribed};

const PONG_ON_SUBSCRIBER: &[u8] = b"*2\r\n$4\r\npong\r\n$0\r\n\r\n";

const ON: [(&str, OptionValue); 1] = [("verify_delivery", OptionValue::Boolean(true))];

/// Ready and subscribed to `chat`; the channel of its probes is asked for, but not confirmed.
fn asking(resp: Resp) -> (Client, String) {
    let mut client = Client::ready(resp, &ON);
    assert_eq!(client.commands(0), Vec::<String>::new(), "nothing is asked before a subscription");
    client.subscribe("chat", 1);
    client.subscriber_up();
    client.confirm("subscribe", "chat");
    client.fence(1);
    assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
    let channel = ask(&mut client);
    (client, channel)
}

/// The session asks for the channel of its probes, behind all else; returns its name.
fn ask(client: &mut Client) -> String {
    let commands = client.commands(client.subscriber);
    let last = commands.last().expect("a SUBSCRIBE");
    let name = last.strip_prefix("SUBSCRIBE ").expect("a SUBSCRIBE");
    assert!(name.starts_with("realtime:probe:") && name.len() > 20, "{name}");
    name.to_owned()
}

/// As [`asking`], with the channel confirmed.
fn verified(resp: Resp) -> (Client, String) {
    let (mut client, channel) = asking(resp);
    client.confirm("subscribe", &channel);
    (client, channel)
}

/// Time passes; the server answers every PING and every probe, and delivers nothing. Returns the number of probes.
fn answer_for(client: &mut Client, seconds: f64) -> usize {
    let step: f64 = 0.25;
    let mut probes = 0;
    let mut left = seconds;
    while left > 0.0 {
        client.advance(step.min(left));
        left -= step;
        probes += answer(client);
    }
    probes
}

fn answer(client: &mut Client) -> usize {
    let mut probes = 0;
    for link in [0, 1] {
        for command in client.commands(link) {
            match &*command {
                "PING" if link == 1 => client.server(1, PONG_ON_SUBSCRIBER),
                "PING" => client.server(0, b"+PONG\r\n"),
                probe if probe.starts_with("PUBLISH realtime:probe:") => {
                    probes += 1;
                    client.server(0, b":1\r\n");
                }
                // Fences are answered by the tests.
                _ => {}
            }
        }
    }
    probes
}

fn no_events(client: &mut Client) {
    let said = client.said();
    assert!(!said.iter().any(|said| matches!(said, Said::Event(_))), "{said:?}");
}

#[test]
fn a_server_that_answers_but_delivers_nothing_is_found() {
    for resp in BOTH {
        let (mut client, _) = verified(resp);
        client.message("chat", "the last one");
        client.said();
        assert_eq!(answer_for(&mut client, 19.75), 1);
        no_events(&mut client);
        client.advance(0.5);
        let (error, _) = client.expect_down();
        assert_eq!(error.code.as_str(), "DISCONNECTED");
        assert!(error.message.contains("answers PING but delivers no messages"), "{error}");
        let link = client.subscriber;
        client.expect_close(link);
        let lost_at = client.now;
        // What is missing is missing since the last message, however many answers came behind it.
        client.reconnect(link);
        if resp == Resp::Three {
            client.hello(resp);
        } else {
            client.commands(1);
            client.server(1, b"+OK\r\n+OK\r\n");
        }
        let said = client.said();
        let Some(Said::Event(Event::Gap { lasted, error })) = said.first() else { panic!("{said:?}") };
        assert!(*lasted >= Duration::from_secs(20) + (client.now - lost_at), "{lasted:?}");
        assert!(error.message.contains("delivers no messages"), "{error}");
        // And all is asked for again.
        client.confirm("subscribe", "chat");
        client.fence(2);
        let channel = ask(&mut client);
        client.confirm("subscribe", &channel);
        client.said();
        assert_eq!(answer_for(&mut client, 15.25), 1);
    }
}

#[test]
fn without_the_option_nothing_is_asked() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.subscribe("chat", 1);
        client.subscriber_up();
        client.confirm("subscribe", "chat");
        client.fence(1);
        client.said();
        assert_eq!(answer_for(&mut client, 100.0), 0);
        no_events(&mut client);
    }
}

#[test]
fn a_probe_that_comes_back_is_life_and_reaches_nobody() {
    for resp in BOTH {
        let (mut client, channel) = verified(resp);
        for order in [0, 1].repeat(4) {
            client.advance(15.1);
            let commands = client.commands(0);
            assert!(commands.contains(&format!("PUBLISH {channel} verify_delivery")), "{commands:?}");
            // The message may stand before or behind the answer.
            if order == 0 {
                client.message(&channel, "verify_delivery");
            }
            if commands[0] == "PING" {
                client.server(0, b"+PONG\r\n");
            }
            client.server(0, b":1\r\n");
            if order == 1 {
                client.message(&channel, "verify_delivery");
            }
            answer(&mut client);
            assert_eq!(client.said(), []);
        }
        assert_eq!(client.confirmed(), 1, "the channel of the probes is nobody's subscription");
        assert_eq!(client.counters.published.load(std::sync::atomic::Ordering::Relaxed), 0);
    }
}

#[test]
fn any_other_message_will_do() {
    for resp in BOTH {
        let (mut client, _) = verified(resp);
        for _ in 0..5 {
            assert_eq!(answer_for(&mut client, 19.0), 1, "once nothing came for 15 s");
            client.message("chat", "x");
            assert_eq!(client.said(), [message(1, "x")]);
        }
        // Messages that come all the time put the probe off.
        for _ in 0..5 {
            assert_eq!(answer_for(&mut client, 10.0), 0);
            client.message("somebody.else", "x");
            assert_eq!(client.said(), []);
        }
    }
}

#[test]
fn the_verdict_waits_for_the_servers_answer_to_the_probe() {
    // On RESP2's other link: a server that is slow, or far behind many publishes, delivers as late.
    let (mut client, _) = verified(Resp::Two);
    client.advance(15.1);
    let commands = client.commands(0);
    assert_eq!(commands.len(), 2, "PING and the probe: {commands:?}");
    assert_eq!(client.commands(1), ["PING"]);
    client.server(1, PONG_ON_SUBSCRIBER);
    client.advance(4.0);
    client.server(0, b"+PONG\r\n");
    for _ in 0..5 {
        // It lives: attributes mean nothing else.
        client.advance(2.0);
        client.server(0, b"|1\r\n+a\r\n+b\r\n");
        no_events(&mut client);
    }
    client.server(0, b":1\r\n");
    client.advance(4.9);
    answer(&mut client);
    no_events(&mut client);
    client.advance(0.2);
    assert!(client.expect_down().0.message.contains("delivers no messages"));
}

#[test]
fn a_message_on_its_way_for_long_is_no_silence() {
    for resp in BOTH {
        let (mut client, _) = verified(resp);
        assert_eq!(answer_for(&mut client, 15.25), 1);
        // The probe stands behind it.
        client.push(">3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n$100\r\n");
        let link = client.subscriber;
        for _ in 0..10 {
            client.advance(4.0);
            if link == 1 {
                answer(&mut client);
            }
            client.server(link, &[b'x'; 10]);
            no_events(&mut client);
        }
        client.server(link, b"\r\n");
        assert_eq!(client.said(), [message(1, &"x".repeat(100))]);
        answer_for(&mut client, 10.0);
        no_events(&mut client);
    }
}

#[test]
fn confirmations_on_their_way_are_no_silence() {
    // Under RESP3 the answer to the probe stands behind them already.
    let (mut client, _) = verified(Resp::Two);
    assert_eq!(answer_for(&mut client, 15.25), 1);
    for n in 0..10 {
        client.command_in_one_tick(crate::client::subscribe(TopicKind::Channel, &n.to_string(), n));
    }
    assert_eq!(client.commands(1).len(), 2);
    for n in 0..10 {
        client.advance(4.0);
        answer(&mut client);
        client.confirm("subscribe", &n.to_string());
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, &n.to_string())]);
    }
    client.fence(2);
    client.advance(1.0);
    answer(&mut client);
    assert!(client.expect_down().0.message.contains("delivers no messages"));
}

#[test]
fn while_nobody_listens_no_probe_is_missed() {
    for resp in BOTH {
        let (mut client, _) = verified(resp);
        assert_eq!(answer_for(&mut client, 16.0), 1);
        // The probe is in the air, and the queue is full.
        client.sink.full = true;
        let frame = if resp == Resp::Two { "*" } else { ">" };
        let two = format!("{frame}3\r\n+message\r\n+chat\r\n+1\r\n{frame}3\r\n+message\r\n+chat\r\n+2\r\n");
        client.server(client.subscriber, two.as_bytes());
        client.said();
        for _ in 0..20 {
            client.advance(4.0);
            let link = client.subscriber;
            if link == 1 {
                assert_eq!(answer(&mut client), 0, "and none is sent");
            } else {
                assert_eq!(client.commands(0), Vec::<String>::new());
            }
        }
        no_events(&mut client);
        client.resume(client.subscriber);
        assert_eq!(client.said(), [message(1, "2")]);
        // Then all begins anew.
        assert_eq!(answer_for(&mut client, 14.5), 0);
        assert_eq!(answer_for(&mut client, 5.0), 1);
        no_events(&mut client);
        answer_for(&mut client, 1.5);
        assert!(client.said().iter().any(|said| matches!(said, Said::Event(Event::Down { .. }))));
    }
}

#[test]
fn a_probe_unread_when_reading_stopped_is_awaited_anew() {
    let (mut client, _) = verified(Resp::Two);
    client.advance(14.5);
    client.request(1, 1.0, realtime::model::RequestKind::Ping);
    client.advance(0.6);
    assert_eq!(client.commands(0).len(), 3, "the request, the PING that looks for life, and the probe");
    // The queue is full; reading stops on the subscriber link, and the answer to the probe comes on the other one.
    client.sink.full = true;
    client.advance(0.5);
    client.server(1, PONG_ON_SUBSCRIBER);
    client.server(0, b"+PONG\r\n+PONG\r\n:1\r\n");
    assert_eq!(client.said().len(), 1, "the request's timeout");
    client.commands(1);
    for _ in 0..10 {
        client.advance(4.0);
        answer(&mut client);
    }
    assert_eq!(client.said(), []);
    client.resume(1);
    client.advance(4.9);
    answer(&mut client);
    assert_eq!(client.said(), []);
    client.advance(0.2);
    assert!(client.expect_down().0.message.contains("delivers no messages"));
}

#[test]
fn it_rests_while_nothing_is_subscribed() {
    for resp in BOTH {
        let (mut client, channel) = verified(resp);
        client.unsubscribe("chat");
        client.confirm("unsubscribe", "chat");
        client.fence(2);
        assert_eq!(answer_for(&mut client, 200.0), 0);
        no_events(&mut client);
        client.subscribe("news", 2);
        client.confirm("subscribe", "news");
        client.fence(3);
        client.said();
        assert_eq!(answer_for(&mut client, 14.0), 0, "from then on");
        client.advance(1.5);
        let commands = client.commands(0);
        assert!(commands.contains(&format!("PUBLISH {channel} verify_delivery")), "{commands:?}");
    }
}

#[test]
fn a_forbidden_channel_is_told_once_and_ends_the_check() {
    for resp in BOTH {
        let (mut client, channel) = asking(resp);
        let link = client.subscriber;
        client.server(link, b"-NOPERM No permissions to access a channel\r\n");
        let said = client.said();
        let [Said::Event(Event::SubscribeFailed { topic: refused, error })] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!(*refused, topic(TopicKind::Channel, &channel));
        assert_eq!(error.code.as_str(), "NOPERM");
        assert!(error.message.contains("verify_delivery") && error.message.contains("&realtime:probe:*"));
        assert_eq!(answer_for(&mut client, 100.0), 0);
        assert_eq!(client.said(), []);
        client.message("chat", "x");
        assert_eq!(client.said(), [message(1, "x")]);
        // Tried again on the next connection, and not told again.
        client.lost(link, LinkError::Eof);
        client.reconnect(link);
        if resp == Resp::Three {
            client.hello(resp);
        } else {
            client.commands(1);
            client.server(1, b"+OK\r\n+OK\r\n");
        }
        client.confirm("subscribe", "chat");
        client.fence(2);
        client.said();
        assert_eq!(ask(&mut client), channel);
        client.server(link, b"-NOPERM No permissions to access a channel\r\n");
        assert_eq!(client.said(), []);
    }
}

#[test]
fn a_forbidden_publish_is_told_once_and_ends_the_check() {
    for resp in BOTH {
        let (mut client, channel) = verified(resp);
        client.advance(15.1);
        if client.commands(0)[0] == "PING" {
            client.server(0, b"+PONG\r\n");
        }
        client.server(0, b"-NOPERM this user has no permissions to run the 'publish' command\r\n");
        let said = client.said();
        let [Said::Event(Event::RequestFailed { command, channel: at, error })] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!((&**command, at.as_deref()), (&b"PUBLISH"[..], Some(channel.as_bytes())));
        assert!(error.message.contains("verify_delivery"), "{error}");
        answer(&mut client);
        assert_eq!(answer_for(&mut client, 100.0), 0);
        assert_eq!(client.said(), []);
    }
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    for error in ["BUSY Redis is busy running a script", "LOADING dataset", "MASTERDOWN no master"] {
        let (mut client, channel) = verified(Resp::Three);
        for _ in 0..3 {
            client.advance(15.1);
            let commands = client.commands(0);
            assert!(commands.contains(&format!("PUBLISH {channel} verify_delivery")), "{commands:?}");
            if commands[0] == "PING" {
                client.server(0, format!("-{error}\r\n").as_bytes());
            }
            client.server(0, format!("-{error}\r\n").as_bytes());
            assert_eq!(client.said(), [], "{error}");
        }
    }
}

#[test]
fn a_server_that_is_too_busy_to_subscribe_is_asked_again() {
    for resp in BOTH {
        let (mut client, channel) = asking(resp);
        let link = client.subscriber;
        for _ in 0..3 {
            client.server(link, b"-BUSY Redis is busy running a script\r\n");
            assert_eq!(client.said(), []);
            assert!(!client.commands(link).iter().any(|command| command.starts_with("SUBSCRIBE")), "at once");
            assert_eq!(answer_for(&mut client, 14.5), 0);
            client.advance(1.0);
            let asked = client.commands(link);
            assert!(asked.contains(&format!("SUBSCRIBE {channel}")), "{asked:?}");
            if let Some("PING") = asked.first().map(|command| &**command) {
                client.server(link, if link == 1 { PONG_ON_SUBSCRIBER } else { b"+PONG\r\n" });
            }
        }
        client.confirm("subscribe", &channel);
        assert_eq!(answer_for(&mut client, 15.5), 1);
    }
}

#[test]
fn a_link_lost_while_a_probe_is_missing_has_its_gap_since_the_last_message() {
    let (mut client, _) = verified(Resp::Three);
    client.message("chat", "the last one");
    client.said();
    assert_eq!(answer_for(&mut client, 17.0), 1);
    client.lost(0, LinkError::Eof);
    client.said();
    client.reconnect(0);
    client.hello(Resp::Three);
    let said = client.said();
    let Some(Said::Event(Event::Gap { lasted, .. })) = said.first() else { panic!("{said:?}") };
    assert!(*lasted >= Duration::from_secs(17), "{lasted:?}");
}

#[test]
fn an_answer_to_another_question_is_out_of_step() {
    let (mut client, _) = verified(Resp::Three);
    client.advance(15.1);
    client.commands(0);
    client.server(0, b"+PONG\r\n+PONG\r\n");
    assert_eq!(client.expect_down().0.code.as_str(), "PROTOCOL");
}

#[test]
fn losing_the_command_link_ends_no_check() {
    let (mut client, channel) = verified(Resp::Two);
    client.advance(15.1);
    client.commands(0);
    client.lost(0, LinkError::Eof);
    client.reconnect(0);
    client.commands(0);
    client.server(0, b"+OK\r\n+OK\r\n-ERR no\r\n");
    client.said();
    let mut published = Vec::new();
    for _ in 0..16 {
        client.advance(1.0);
        let commands = client.commands(0);
        if commands.contains(&"PING".to_owned()) {
            client.server(0, b"+PONG\r\n");
        }
        published.extend(commands.into_iter().filter(|command| command.starts_with("PUBLISH")));
        if client.commands(1) == ["PING"] {
            client.server(1, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
        }
    }
    assert_eq!(published, [format!("PUBLISH {channel} verify_delivery")]);
}

/// A message that a pattern brought.
fn by_pattern(client: &mut Client, pattern: &str, channel: &str) {
    let (n, m) = (pattern.len(), channel.len());
    client.push(&format!(">4\r\n$8\r\npmessage\r\n${n}\r\n{pattern}\r\n${m}\r\n{channel}\r\n$1\r\nx\r\n"));
}

#[test]
fn patterns_bring_nobodys_probes() {
    for resp in BOTH {
        for options in [&ON[..], &[]] {
            let mut client = Client::ready(resp, options);
            client.psubscribe("*", 1);
            client.subscriber_up();
            client.confirm("psubscribe", "*");
            client.said();
            for channel in ["realtime:probe:", "realtime:probe:0123456789abcdef"] {
                by_pattern(&mut client, "*", channel);
            }
            assert_eq!(client.said(), []);
            by_pattern(&mut client, "*", "realtime:probes");
            assert_eq!(client.said().len(), 1);
        }
    }
}

#[test]
fn nobody_subscribes_to_probes() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        for (kind, name) in [
            (TopicKind::Channel, "realtime:probe:0123456789abcdef"),
            (TopicKind::Channel, "realtime:probe:"),
            (TopicKind::Pattern, "realtime:probe:*"),
        ] {
            client.command(crate::client::subscribe(kind, name, 1));
            let said = client.said();
            let [Said::Event(Event::SubscribeFailed { topic: refused, error })] = &said[..] else {
                panic!("{said:?}")
            };
            assert_eq!(*refused, topic(kind, name));
            assert_eq!(error.code.as_str(), "UNSUPPORTED");
            assert!(error.message.contains("verify_delivery"), "{error}");
            client.command(Command::Unsubscribe(topic(kind, name)));
        }
        assert_eq!(client.action(), None);
        assert_eq!(client.commands(0), Vec::<String>::new());
    }
}

#[test]
fn two_clients_have_two_channels() {
    let name = |seed| {
        let mut client = Client::with_seed("redis://server", &ON, seed);
        client.handshake(Resp::Three);
        client.subscribe("chat", 1);
        client.confirm("subscribe", "chat");
        client.fence(1);
        ask(&mut client)
    };
    assert_ne!(name(7), name(8));
    assert_eq!(name(7), name(7), "a conversation can be replayed");
}
