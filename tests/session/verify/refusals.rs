//! Servers that forbid the channel or the probe, or are too busy for them.

use realtime::backend::LinkError;
use realtime::model::{Event, TopicKind};

use super::{PONG_ON_SUBSCRIBER, answer, answer_for, ask, asking, verified};
use crate::client::{BOTH, Resp, life, topic};
use crate::sink::{Said, message};

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
        client.subscriber_back(resp);
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
        if let Some(answer) = life(&client.commands(0)[0]) {
            client.server(0, answer);
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
        for _ in 0..3 {
            client.server(link, b"-BUSY Redis is busy running a script\r\n");
            assert_eq!(client.said(), []);
            assert!(!client.commands(link).iter().any(|command| command.starts_with("SUBSCRIBE")), "at once");
            assert_eq!(answer_for(&mut client, 14.5), 0);
            client.advance(1.0);
            let asked = client.commands(link);
            assert!(asked.contains(&format!("SUBSCRIBE {channel}")), "{asked:?}");
            if let Some(answer) = asked.first().and_then(|command| life(command)) {
                client.server(link, if link == 1 { PONG_ON_SUBSCRIBER } else { answer });
            }
        }
        client.confirm("subscribe", &channel);
        assert_eq!(answer_for(&mut client, 15.5), 1);
    }
}
