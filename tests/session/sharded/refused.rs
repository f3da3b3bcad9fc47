//! Sharded channels that the server refuses, and the words for it.

use realtime::model::{Error, Event, RequestKind};

use super::SHARDED;
use crate::client::{BOTH, Client, Resp, args, topic};
use crate::sink::{Said, subscribed};

/// Ready, and the server answered the SSUBSCRIBE to `chat` with this. Returns the events of it.
fn refused(resp: Resp, error: &str) -> (Client, Error) {
    let mut client = Client::ready(resp, &[]);
    client.ssubscribe("chat", 1);
    client.subscriber_up();
    let link = client.subscriber;
    client.commands(link);
    client.server(link, format!("-{error}\r\n").as_bytes());
    client.fence(1);
    let said = client.said();
    let [Said::Event(Event::SubscribeFailed { topic: refused, error })] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!(*refused, topic(SHARDED, "chat"));
    (client, error.clone())
}

#[test]
fn an_old_server_is_told_from_a_new_one_and_asked_again() {
    for resp in BOTH {
        let (mut client, error) =
            refused(resp, "ERR unknown command 'SSUBSCRIBE', with args beginning with: 'chat' ");
        let words = "sharded channels need Redis 7.0 or Valkey; the server says: unknown command 'SSUBSCRIBE', with \
                     args beginning with: 'chat'";
        assert_eq!((error.code.as_str(), error.message.trim_end()), ("ERR", words));
        assert!(client.counters.one_refused().unwrap().contains("need Redis 7.0"));
        client.request(1, 10.0, RequestKind::SPublish(args(&["chat", "x"])));
        client.server(0, b"-ERR unknown command 'SPUBLISH'\r\n");
        let said = client.said();
        let [Said::Answer { id: 1, result: Err(error) }] = &said[..] else { panic!("{said:?}") };
        assert!(error.message.starts_with("sharded channels need Redis 7.0"), "{error}");
        assert_eq!(client.driver.queue.about, [("SPUBLISH".to_owned(), Some("chat".to_owned()))]);
        let link = client.subscriber;
        client.commands(link);
        client.advance(1.0);
        assert_eq!(client.commands(link)[0], "SSUBSCRIBE chat", "it stays wanted");
        client.confirm("ssubscribe", "chat");
        assert_eq!(client.said(), [subscribed(SHARDED, "chat")]);
    }
}

#[test]
fn the_acl_names_the_commands_and_the_channel() {
    for (text, words) in [
        ("NOPERM User gmod has no permissions to run the 'ssubscribe' command", "+ssubscribe"),
        ("NOPERM this user has no permissions to access one of the channels used as arguments", "'&chat'"),
    ] {
        let (_, error) = refused(Resp::Three, text);
        let remedy = error.remedy.expect("words that allow it");
        assert_eq!(
            remedy.to_string(),
            format!("to allow it, type into redis-cli: ACL SETUSER default {words}")
        );
    }
}

#[test]
fn a_publish_is_refused_in_words() {
    let mut client = Client::ready(Resp::Three, &[]);
    for (n, error, words) in [
        (
            1,
            "MOVED 5 10.0.0.2:6379",
            "hash slot 5 is at the node 10.0.0.2:6379, not at the one that was asked",
        ),
        (2, "NOPERM User x has no permissions to run the 'spublish' command", "+spublish"),
        (3, "ERR something else", "something else"),
        (4, "MOVED", ""),
    ] {
        client.request(n, 10.0, RequestKind::SPublish(args(&["chat", "x"])));
        client.server(0, format!("-{error}\r\n").as_bytes());
        let said = client.said();
        let [Said::Answer { result: Err(error), .. }] = &said[..] else { panic!("{said:?}") };
        assert!(error.message.contains(words), "{error}");
    }
    // Only of sharded channels.
    client.publish(5, "chat", "x");
    client.server(0, b"-ERR unknown command 'PUBLISH'\r\n");
    let said = client.said();
    let [Said::Answer { result: Err(error), .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(error.message, "unknown command 'PUBLISH'");
}

#[test]
fn names_that_cannot_be_had_are_refused_at_once() {
    let mut client = Client::ready(Resp::Three, &[]);
    for name in ["realtime:probe:x".to_owned(), "x".repeat((64 << 10) + 1)] {
        client.ssubscribe(&name, 1);
        let said = client.said();
        let [Said::Event(Event::SubscribeFailed { error, .. })] = &said[..] else { panic!("{said:?}") };
        assert_eq!(error.code.as_str(), "UNSUPPORTED");
    }
    assert_eq!(client.commands(0), Vec::<String>::new());
}
