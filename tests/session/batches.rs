//! How subscriptions become commands: batches, fences, and the search for the one that is refused.

use realtime::model::{Command, Event, TopicKind};

use crate::client::{BOTH, Client, Resp, subscribe, topic};
use crate::sink::{Said, message, subscribed};
use crate::subscriptions::{subscribed_to_chat, three_in_flight};

#[test]
fn a_refused_channel_is_found_and_the_others_live() {
    for resp in BOTH {
        let mut client = Client::new("redis://server", &[]);
        for (slot, name) in ["a", "b", "secret", "d"].into_iter().enumerate() {
            client.subscribe(name, u32::try_from(slot).unwrap());
        }
        client.handshake(resp);
        client.subscriber_up();
        let link = client.subscriber;
        assert_eq!(client.commands(link), ["SUBSCRIBE a b secret d", "PING realtime:1"]);
        client.server(link, b"-NOPERM No permissions to access a channel\r\n");
        client.fence(1);
        assert_eq!(client.said(), [], "nothing is known yet");
        assert_eq!(
            client.commands(link),
            ["SUBSCRIBE a b", "PING realtime:2", "SUBSCRIBE secret d", "PING realtime:3"]
        );
        client.confirm("subscribe", "a");
        client.confirm("subscribe", "b");
        client.fence(2);
        client.server(link, b"-NOPERM No permissions to access a channel\r\n");
        // A user without the right to PING: in order all the same.
        client.server(link, b"-NOPERM this user has no permissions to run the 'ping' command\r\n");
        assert_eq!(
            client.commands(link),
            ["SUBSCRIBE secret", "PING realtime:4", "SUBSCRIBE d", "PING realtime:5"]
        );
        client.said();
        client.server(link, b"-NOPERM No permissions to access a channel\r\n");
        client.fence(4);
        let said = client.said();
        let [Said::Event(Event::SubscribeFailed { topic: refused, error })] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!(*refused, topic(TopicKind::Channel, "secret"));
        assert_eq!(error.code.as_str(), "NOPERM");
        client.confirm("subscribe", "d");
        client.fence(5);
        let said = client.said();
        assert_eq!(said[0], subscribed(TopicKind::Channel, "d"));
        assert!(matches!(said[1], Said::Event(Event::Ready(_))), "refused is settled: {said:?}");
        assert_eq!(client.confirmed(), 3);
        client.message("b", "x");
        assert_eq!(client.said(), [message(1, "x")]);
        // Tried again on the next connection, and reported once.
        client.lost(link, realtime::backend::LinkError::Eof);
        client.subscriber_back(resp);
        assert_eq!(client.commands(link)[0], "SUBSCRIBE a b secret d");
    }
}

#[test]
fn a_refusal_is_told_once_until_it_is_asked_for_anew() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.subscribe("secret", 1);
    client.server(0, b"-NOPERM no\r\n");
    client.fence(1);
    assert_eq!(client.said().len(), 1);
    client.lost(0, realtime::backend::LinkError::Eof);
    client.reconnect(0);
    client.hello(Resp::Three);
    client.said();
    client.server(0, b"-NOPERM no\r\n");
    client.fence(2);
    let said = client.said();
    assert!(matches!(said[..], [Said::Event(Event::Ready(_))]), "{said:?}");
    client.commands(0);
    client.subscribe("secret", 2);
    assert_eq!(client.commands(0)[0], "SUBSCRIBE secret");
    client.server(0, b"-NOPERM no\r\n");
    client.fence(3);
    assert_eq!(client.said().len(), 1);
}

#[test]
fn an_error_behind_the_confirmations_is_the_fences() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.subscribe("chat", 1);
        client.subscriber_up();
        client.confirm("subscribe", "chat");
        let link = client.subscriber;
        client.server(link, b"-NOPERM this user has no permissions to run the 'ping' command\r\n");
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
        client.message("chat", "x");
        assert_eq!(client.said(), [message(1, "x")]);
    }
}

#[test]
fn a_refusal_of_an_old_wish_is_not_told_of_the_new_one() {
    for resp in BOTH {
        let mut client = three_in_flight(resp);
        client.server(client.subscriber, b"-NOPERM not yet\r\n");
        client.fence(1);
        client.confirm("unsubscribe", "chat");
        client.fence(2);
        assert_eq!(client.said(), []);
        client.confirm("subscribe", "chat");
        client.fence(3);
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
        assert_eq!(client.commands(client.subscriber), Vec::<String>::new());
    }
}

#[test]
fn a_refusal_after_a_confirmation_is_news() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.subscribe("a", 1);
    let mut fence = 0;
    for answer in ["refuse", "confirm", "refuse"] {
        client.commands(0);
        fence += 1;
        match answer {
            "refuse" => {
                client.said();
                client.server(0, b"-NOPERM no\r\n");
                let said = client.said();
                assert!(matches!(said[0], Said::Event(Event::SubscribeFailed { .. })), "{said:?}");
            }
            _ => client.confirm("subscribe", "a"),
        }
        client.fence(fence);
        client.lost(0, realtime::backend::LinkError::Eof);
        client.reconnect(0);
        client.hello(Resp::Three);
    }
}

#[test]
fn many_channels_go_out_in_bounded_batches() {
    for resp in BOTH {
        let mut client = Client::new("redis://server", &[]);
        for n in 0..20_500_u32 {
            client.command_in_one_tick(subscribe(TopicKind::Channel, &format!("channel-{n}"), n));
        }
        client.handshake(resp);
        client.subscriber_up();
        let link = client.subscriber;
        let (mut confirmed, mut fence) = (0, 0);
        while confirmed < 20_500 {
            let commands = client.commands(link);
            let batches: Vec<_> =
                commands.iter().filter(|command| command.starts_with("SUBSCRIBE")).collect();
            assert!(!batches.is_empty() && batches.len() <= 8, "{} batches at once", batches.len());
            for batch in batches {
                let names: Vec<_> = batch.split(' ').skip(1).collect();
                assert!(names.len() <= 1000);
                for name in names {
                    assert_eq!(name, format!("channel-{confirmed}"), "in the order of their Subscribes");
                    client.confirm("subscribe", name);
                    confirmed += 1;
                }
                fence += 1;
                client.fence(fence);
            }
        }
        assert_eq!(client.said().len(), 20_501);
        assert_eq!(client.confirmed(), 20_500);
        client.message("channel-12345", "x");
        assert_eq!(client.said(), [message(12_345, "x")]);
    }
}

#[test]
fn long_names_make_smaller_batches_and_a_slow_link_is_not_flooded() {
    let mut client = Client::new("redis://server", &[]);
    for n in 0..500 {
        let name = format!("{n:0>5000}");
        client.command_in_one_tick(subscribe(TopicKind::Channel, &name, n));
    }
    client.connected(0);
    client.hello(Resp::Three);
    // All that is in flight: eight batches of at most 64 KiB of names.
    let commands = client.commands(0);
    assert_eq!(commands.len(), 16);
    assert!(commands.iter().all(|command| command.len() < (64 << 10) + 1000));
}

#[test]
fn subscribes_of_one_tick_are_one_command() {
    for resp in BOTH {
        let mut client = subscribed_to_chat(resp);
        for name in ["a", "b", "c"] {
            client.command_in_one_tick(subscribe(TopicKind::Channel, name, 2));
        }
        client.command_in_one_tick(Command::Unsubscribe(topic(TopicKind::Channel, "b")));
        client.command_in_one_tick(Command::Unsubscribe(topic(TopicKind::Channel, "chat")));
        let link = client.subscriber;
        assert_eq!(
            client.commands(link),
            ["SUBSCRIBE a c", "PING realtime:2", "UNSUBSCRIBE chat", "PING realtime:3"]
        );
        client.message("chat", "nobody wants it");
        assert_eq!(client.said(), []);
    }
}
