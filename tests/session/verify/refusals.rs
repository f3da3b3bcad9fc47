//! Servers that forbid the channel or the probe, or are too busy for them.

use std::time::Duration;

use realtime::backend::LinkError;
use realtime::model::{Event, TopicKind};

use super::{PONG_ON_SUBSCRIBER, answer, answer_for, asking, verified};
use crate::client::{BOTH, Client, Resp, life, topic};
use crate::sink::{Said, message};

/// Time passes, with PINGs answered, until the session sends this on the link; fails after so many seconds.
fn until(client: &mut Client, link: u8, wanted: &str, seconds: f64) {
    let end = client.driver.now + Duration::from_secs_f64(seconds);
    while client.driver.now < end {
        client.advance(0.25);
        for at in [0, 1] {
            for command in client.commands(at) {
                if command == wanted {
                    return assert_eq!(at, link);
                }
                match life(&command) {
                    Some(_) if at == 1 => client.server(1, PONG_ON_SUBSCRIBER),
                    Some(answer) => client.server(0, answer),
                    None => panic!("{command}"),
                }
            }
        }
    }
    panic!("no {wanted} within {seconds} s");
}

const FORBIDDEN: &[u8] = b"-NOPERM No permissions to access a channel\r\n";

#[test]
fn a_forbidden_channel_is_told_once_and_asked_for_again() {
    for resp in BOTH {
        let (mut client, channel) = asking(resp);
        let link = client.subscriber;
        client.server(link, FORBIDDEN);
        let said = client.said();
        let [Said::Event(Event::SubscribeFailed { topic: refused, error })] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!(*refused, topic(TopicKind::Channel, &channel));
        assert_eq!(error.code.as_str(), "NOPERM");
        assert!(error.message.contains("verify_delivery") && error.message.contains("&realtime:probe:*"));
        assert_eq!(answer_for(&mut client, 14.5), 0, "somebody has to mend the ACL: no hurry");
        let ask = format!("SUBSCRIBE {channel}");
        for pause in [16.0, 60.5, 120.5, 240.5, 300.5, 300.5] {
            until(&mut client, link, &ask, pause);
            client.server(link, FORBIDDEN);
            assert_eq!(client.said(), [], "told already");
        }
        client.message("chat", "x");
        assert_eq!(client.said(), [message(1, "x")]);
        // On the next connection at once, and not reported again.
        client.lost(link, LinkError::Eof);
        client.subscriber_back(resp);
        client.confirm("subscribe", "chat");
        client.fence(2);
        client.said();
        assert_eq!(super::ask(&mut client), channel);
        client.server(link, FORBIDDEN);
        assert_eq!(client.said(), []);
        // The ACL is mended.
        until(&mut client, link, &ask, 30.5);
        client.confirm("subscribe", &channel);
        assert_eq!(answer_for(&mut client, 15.5), 1);
        assert_eq!(client.said(), []);
    }
}

#[test]
fn a_forbidden_publish_is_told_once_and_tried_again() {
    for resp in BOTH {
        let (mut client, channel) = verified(resp);
        client.advance(15.1);
        if let Some(answer) = life(&client.commands(0)[0]) {
            client.server(0, answer);
        }
        let refusal = b"-NOPERM this user has no permissions to run the 'publish' command\r\n";
        client.server(0, refusal);
        let said = client.said();
        let [Said::Event(Event::RequestFailed { command, channel: at, error })] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!((&**command, at.as_deref()), (&b"PUBLISH"[..], Some(channel.as_bytes())));
        assert!(error.message.contains("verify_delivery"), "{error}");
        answer(&mut client);
        assert_eq!(answer_for(&mut client, 14.5), 0);
        let probe = format!("PUBLISH {channel} verify_delivery");
        for pause in [16.0, 60.5, 120.5] {
            until(&mut client, 0, &probe, pause);
            client.server(0, refusal);
            assert_eq!(client.said(), []);
        }
        until(&mut client, 0, &probe, 240.5);
        client.server(0, b":1\r\n");
        client.message(&channel, "verify_delivery");
        assert_eq!(answer_for(&mut client, 15.5), 1, "it works as before");
        assert_eq!(client.said(), []);
    }
}

#[test]
fn a_new_connection_for_commands_is_probed_whatever_the_old_one_was_refused() {
    let (mut client, channel) = verified(Resp::Two);
    client.advance(15.1);
    if let Some(answer) = life(&client.commands(0)[0]) {
        client.server(0, answer);
    }
    client.server(0, FORBIDDEN);
    client.lost(0, LinkError::Eof);
    client.reconnect(0);
    client.hello(Resp::Two);
    client.said();
    let probe = format!("PUBLISH {channel} verify_delivery");
    until(&mut client, 0, &probe, 16.0);
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    for error in ["BUSY Redis is busy running a script", "LOADING dataset", "MASTERDOWN no master"] {
        let (mut client, channel) = verified(Resp::Three);
        for _ in 0..3 {
            client.advance(15.1);
            let commands = client.commands(0);
            assert!(commands.contains(&format!("PUBLISH {channel} verify_delivery")), "{commands:?}");
            if life(&commands[0]).is_some() {
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
        let ask = format!("SUBSCRIBE {channel}");
        for pause in [1.0, 2.0, 4.0, 8.0] {
            client.server(link, b"-BUSY Redis is busy running a script\r\n");
            let told = client.said();
            assert_eq!(told.len(), usize::from(pause == 1.0), "once: {told:?}");
            assert!(!client.commands(link).contains(&ask), "at once");
            until(&mut client, link, &ask, pause);
        }
        client.confirm("subscribe", &channel);
        assert_eq!(answer_for(&mut client, 15.5), 1);
    }
}

#[test]
fn a_refusal_whose_words_change_is_told_once() {
    for resp in BOTH {
        let (mut client, channel) = asking(resp);
        let link = client.subscriber;
        let ask = format!("SUBSCRIBE {channel}");
        client.server(link, b"-ERR upstream failure, request 1\r\n");
        assert_eq!(client.said().len(), 1);
        for number in 2..5 {
            until(&mut client, link, &ask, 30.5);
            client.server(link, format!("-ERR upstream failure, request {number}\r\n").as_bytes());
        }
        assert_eq!(client.said(), []);
        until(&mut client, link, &ask, 30.5);
        client.confirm("subscribe", &channel);
        // That the probe is refused is another matter.
        let probe = format!("PUBLISH {channel} verify_delivery");
        for number in 5..8 {
            until(&mut client, 0, &probe, 30.5);
            client.server(0, format!("-ERR upstream failure, request {number}\r\n").as_bytes());
            assert_eq!(client.said().len(), usize::from(number == 5));
        }
    }
}
