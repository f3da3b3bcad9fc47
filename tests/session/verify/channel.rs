//! The channel of the probes: separate for each client, and not a subscription of a script.

use realtime::model::{Command, Event, TopicKind};

use super::{ON, ask};
use crate::client::{BOTH, Client, Resp, topic};
use crate::sink::Said;

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
