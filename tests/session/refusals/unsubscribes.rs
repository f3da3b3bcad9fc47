//! A refused UNSUBSCRIBE has not happened.

use realtime::model::TopicKind;

use super::{BUSY, answer, figures, hearing, until_asked};
use crate::client::{BOTH, subscribe};
use crate::sink::{message, subscribed};

#[test]
fn a_refused_unsubscribe_has_not_happened() {
    for resp in BOTH {
        let mut client = hearing(resp);
        client.subscribe("keeps.the.link", 2);
        answer(&mut client, |_| None);
        client.said();
        client.unsubscribe("chat");
        client.publish(9, "chat", "for the others");
        assert_eq!(answer(&mut client, |_| Some(BUSY)), ["UNSUBSCRIBE chat"]);
        // It is not a failed subscription, and the publish waits no longer.
        assert_eq!(client.commands(0), ["PUBLISH chat for the others"]);
        client.server(0, b":1\r\n");
        assert_eq!(client.said().len(), 1, "the answer to the publish");
        assert_eq!(figures(&client).0, 1);
        let text = figures(&client).1.unwrap();
        assert_eq!(text, "the end of channel \"chat\": BUSY: Redis is busy running a script");
        assert_eq!(client.confirmed(), 2, "the server has it");
        client.message("chat", "nobody wants it");
        assert_eq!(client.said(), []);
        // Asked for again like a subscription, and holding nothing back.
        assert!(until_asked(&mut client, BUSY).1 <= 1.0);
        assert!(until_asked(&mut client, BUSY).1 <= 2.0);
        client.advance(4.0);
        assert_eq!(client.commands(client.subscriber), ["UNSUBSCRIBE chat", "PING realtime:6"]);
        client.publish(10, "chat", "again");
        assert_eq!(client.commands(0), ["PUBLISH chat again"]);
        client.confirm("unsubscribe", "chat");
        assert_eq!((client.confirmed(), figures(&client)), (1, (0, None)));
        assert_eq!(client.said(), []);
    }
}

#[test]
fn a_subscribe_after_a_refused_unsubscribe_is_satisfied() {
    for resp in BOTH {
        let make = || {
            let mut client = hearing(resp);
            client.subscribe("keeps.the.link", 2);
            answer(&mut client, |_| None);
            client.unsubscribe("chat");
            client
        };
        // After the answer.
        let mut client = make();
        answer(&mut client, |_| Some(BUSY));
        client.said();
        client.subscribe("chat", 7);
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
        assert_eq!(figures(&client), (0, None));
        client.message("chat", "x");
        assert_eq!(client.said(), [message(7, "x")]);
        client.advance(14.0);
        assert_eq!(answer(&mut client, |_| None), Vec::<String>::new());
        // Before it, in the same tick as the answer.
        let mut client = make();
        let link = client.subscriber;
        assert_eq!(client.commands(link)[0], "UNSUBSCRIBE chat");
        client.said();
        client.command_in_one_tick(subscribe(TopicKind::Channel, "chat", 7));
        client.server(link, format!("-{BUSY}\r\n").as_bytes());
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
        assert_eq!(figures(&client), (0, None));
        // Both refused: the server has it all the same.
        let mut client = make();
        client.subscribe("chat", 7);
        client.said();
        assert_eq!(answer(&mut client, |_| Some(BUSY)), ["UNSUBSCRIBE chat", "SUBSCRIBE chat"]);
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
        client.message("chat", "x");
        assert_eq!(client.said(), [message(7, "x")]);
    }
}
