//! Topics that were confirmed before, refused on a new connection, and are heard again: the gap that names them.

use realtime::backend::LinkError;
use realtime::model::{Event, TopicKind};

use super::{BUSY, answer, deaf, figures, hearing, reconnects};
use crate::client::{BOTH, Client, Resp, subscribe, topic};
use crate::sink::{Said, message};

#[test]
fn a_topic_that_is_heard_again_has_its_own_gap_and_a_ready() {
    for resp in BOTH {
        let mut client = deaf(resp);
        let deaf_since = client.driver.now;
        client.subscribe("other", 2);
        assert_eq!(answer(&mut client, |_| None), ["SUBSCRIBE other"]);
        client.message("other", "x");
        assert_eq!(client.said().len(), 2);
        client.advance(1.0);
        let before = reconnects(&client);
        let link = client.subscriber;
        assert_eq!(client.commands(link)[0], "SUBSCRIBE chat");
        // In one read, followed by messages.
        let kind = if link == 1 { '*' } else { '>' };
        let pushes = [
            "3\r\n$9\r\nsubscribe\r\n$4\r\nchat\r\n:1\r\n",
            "3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n$1\r\n1\r\n",
            "3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$1\r\n2\r\n",
        ];
        let pushes: String = pushes.iter().flat_map(|push| [kind.to_string(), (*push).to_owned()]).collect();
        client.server(link, pushes.as_bytes());
        let said = client.said();
        let [
            Said::Event(Event::Gap { lasted, error, topics }),
            first,
            second,
            Said::Event(Event::Ready(ready)),
        ] = &said[..]
        else {
            panic!("{said:?}")
        };
        assert_eq!(*lasted, client.driver.now - deaf_since);
        assert_eq!(error.code.as_str(), "BUSY");
        assert_eq!(topics.as_deref(), Some(&[topic(TopicKind::Channel, "chat")][..]));
        assert_eq!([first, second], [&message(1, "1"), &message(2, "2")]);
        assert!(!ready.first);
        assert_eq!(ready.protocol, Some(if resp == Resp::Two { 2 } else { 3 }));
        assert_eq!(reconnects(&client), before, "no new connection");
    }
}

#[test]
fn topics_that_are_heard_again_at_once_have_one_gap() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        for name in ["a", "b", "c"] {
            client.command_in_one_tick(subscribe(TopicKind::Channel, name, 1));
        }
        client.command_in_one_tick(subscribe(TopicKind::Pattern, "d*", 1));
        client.subscriber_up();
        answer(&mut client, |_| None);
        client.lost(client.subscriber, LinkError::Eof);
        client.subscriber_back(resp);
        while !answer(&mut client, |_| Some(BUSY)).is_empty() {}
        client.said();
        assert_eq!(figures(&client).0, 4);
        client.advance(1.0);
        let link = client.subscriber;
        let mut frames = String::new();
        for command in client.commands(link) {
            let (word, name) = command.split_once(' ').unwrap();
            let word = word.to_lowercase();
            let (n, m) = (word.len(), name.len());
            frames += &match (&*word, resp) {
                ("ping", Resp::Two) => format!("*2\r\n$4\r\npong\r\n${m}\r\n{name}\r\n"),
                ("ping", Resp::Three) => format!("${m}\r\n{name}\r\n"),
                (_, Resp::Two) => format!("*3\r\n${n}\r\n{word}\r\n${m}\r\n{name}\r\n:1\r\n"),
                (_, Resp::Three) => format!(">3\r\n${n}\r\n{word}\r\n${m}\r\n{name}\r\n:1\r\n"),
            };
        }
        client.server(link, frames.as_bytes());
        let said = client.said();
        let [Said::Event(Event::Gap { topics: Some(topics), .. }), Said::Event(Event::Ready(_))] = &said[..]
        else {
            panic!("{said:?}")
        };
        let mut names: Vec<_> = topics.iter().map(|topic| topic.name.to_vec()).collect();
        names.sort();
        assert_eq!(names, [&b"a"[..], b"b", b"c", b"d*"]);
        assert_eq!(figures(&client), (0, None));
    }
}

#[test]
fn before_ready_nothing_of_its_own_is_told() {
    // Other topics are not confirmed yet: the gap of the connection and the `ready` to come are about all of them.
    for resp in BOTH {
        let mut client = hearing(resp);
        client.psubscribe("s*", 2);
        client.psubscribe("t*", 3);
        while !answer(&mut client, |_| None).is_empty() {}
        client.lost(client.subscriber, LinkError::Eof);
        client.subscriber_back(resp);
        client.said();
        let link = client.subscriber;
        let busy = format!("-{BUSY}\r\n");
        let commands = client.commands(link);
        let [chat, fence, others, other_fence] = &commands[..] else { panic!("{commands:?}") };
        assert_eq!([&**chat, &**others], ["SUBSCRIBE chat", "PSUBSCRIBE s* t*"]);
        let number = |fence: &str| fence.strip_prefix("PING realtime:").unwrap().parse::<u64>().unwrap();
        let (first, second) = (number(fence), number(other_fence));
        client.server(link, busy.as_bytes());
        client.fence(first);
        assert_eq!(client.said().len(), 1, "refused");
        // The server takes its time for the others, and refuses them together.
        client.advance(1.0);
        assert_eq!(client.commands(link)[0], "SUBSCRIBE chat");
        client.server(link, busy.as_bytes());
        client.fence(second);
        client.confirm("subscribe", "chat");
        client.fence(second + 1);
        assert_eq!(client.said(), []);
        assert_eq!(client.commands(link).len(), 4, "each of the others by itself");
        client.confirm("psubscribe", "s*");
        client.fence(second + 2);
        assert_eq!(client.said(), []);
        client.confirm("psubscribe", "t*");
        let said = client.said();
        assert!(matches!(said[..], [Said::Event(Event::Ready(_))]), "{said:?}");
    }
}

#[test]
fn a_loss_while_a_topic_is_deaf_has_its_gap_since_it_became_so() {
    for resp in BOTH {
        let mut client = deaf(resp);
        let deaf_since = client.driver.now;
        for _ in 0..20 {
            client.advance(1.0);
            answer(&mut client, |_| Some(BUSY));
        }
        client.lost(client.subscriber, LinkError::Eof);
        client.said();
        client.subscriber_back(resp);
        let said = client.said();
        let Some(Said::Event(Event::Gap { lasted, topics: None, .. })) = said.first() else {
            panic!("{said:?}")
        };
        assert_eq!(*lasted, client.driver.now - deaf_since);
    }
}
