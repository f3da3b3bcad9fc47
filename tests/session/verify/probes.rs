//! When a probe is sent, and what its return means.

use realtime::backend::LinkError;

use super::{answer, answer_for, no_events, verified};
use crate::client::{BOTH, Client, HELLO3, Resp, life};
use crate::sink::message;

#[test]
fn without_the_option_nothing_is_asked() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
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
            // The message may come before or after the answer.
            if order == 0 {
                client.message(&channel, "verify_delivery");
            }
            if let Some(answer) = life(&commands[0]) {
                client.server(0, answer);
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
fn an_answer_to_another_question_is_out_of_step() {
    let (mut client, _) = verified(Resp::Three);
    client.advance(15.1);
    client.commands(0);
    client.server(0, &[HELLO3, b"+PONG\r\n"].concat());
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
    client.server(0, crate::client::OLD_WELCOME);
    client.said();
    let mut published = Vec::new();
    for _ in 0..16 {
        client.advance(1.0);
        let commands = client.commands(0);
        for answer in commands.iter().filter_map(|command| life(command)) {
            client.server(0, answer);
        }
        published.extend(commands.into_iter().filter(|command| command.starts_with("PUBLISH")));
        if client.commands(1) == ["PING"] {
            client.server(1, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
        }
    }
    assert_eq!(published, [format!("PUBLISH {channel} verify_delivery")]);
}
