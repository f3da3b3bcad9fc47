//! Errors of the ACL: the words that allow everything that it refuses.

use realtime::model::{Error, Event, RequestKind};

use super::{answer, figures};
use crate::client::{BOTH, Client, args};
use crate::sink::Said;

/// Redis 6 and 7.0, Redis 7.2 and Valkey.
const CHANNEL: [&str; 2] = [
    "NOPERM this user has no permissions to access one of the channels used as arguments",
    "NOPERM No permissions to access a channel",
];
const COMMAND: [&str; 2] = [
    "NOPERM this user has no permissions to run the 'psubscribe' command or its subcommand",
    "NOPERM User default has no permissions to run the 'psubscribe' command",
];

/// The words for the default user.
fn words(error: &Error) -> String {
    let remedy = error.remedy.as_ref().unwrap_or_else(|| panic!("no remedy: {error}")).to_string();
    assert!(error.message.ends_with(&format!("; {remedy}")), "{error}");
    remedy.replace("to allow it, type into redis-cli: ACL SETUSER default ", "")
}

#[test]
fn each_refused_topic_comes_with_its_words_and_stats_name_them_all() {
    for (resp, n) in BOTH.into_iter().flat_map(|resp| [(resp, 0), (resp, 1)]) {
        let mut client = Client::ready(resp, &[]);
        client.subscribe("chat", 1);
        client.subscribe("kills", 2);
        client.psubscribe("shop.*", 3);
        client.subscriber_up();
        let refuse = |command: &str| Some(if command.starts_with('P') { COMMAND[n] } else { CHANNEL[n] });
        while !answer(&mut client, refuse).is_empty() {}
        let said = client.said();
        let told: Vec<_> = said
            .iter()
            .filter_map(|said| match said {
                Said::Event(Event::SubscribeFailed { topic, error }) => {
                    Some(format!("{topic}: {}", words(error)))
                }
                _ => None,
            })
            .collect();
        let mut sorted = told.clone();
        sorted.sort();
        assert_eq!(
            sorted,
            ["channel \"chat\": '&chat'", "channel \"kills\": '&kills'", "pattern \"shop.*\": +psubscribe"]
        );
        let (count, shown) = figures(&client);
        let shown = shown.unwrap();
        assert_eq!(count, 3);
        let (names, rest) = shown.split_once(": NOPERM: ").unwrap();
        let (_, words) = rest.split_once("; to allow it, type into redis-cli: ACL SETUSER default ").unwrap();
        let sorted = |list: &str, between| {
            let mut items: Vec<_> = list.split(between).map(str::to_owned).collect();
            items.sort();
            items
        };
        assert_eq!(sorted(names, ", "), ["channel \"chat\"", "channel \"kills\"", "pattern \"shop.*\""]);
        assert_eq!(sorted(words, " "), ["'&chat'", "'&kills'", "+psubscribe"]);
    }
}

#[test]
fn the_end_of_a_subscription_is_allowed_by_a_right_of_its_own() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        client.commands(client.subscriber);
        client.unsubscribe("chat");
        answer(&mut client, |_| Some("NOPERM this user has no permissions to run the 'unsubscribe' command"));
        let (count, shown) = figures(&client);
        let shown = shown.unwrap();
        assert_eq!(count, 1);
        assert!(
            shown.starts_with("the end of channel \"chat\": NOPERM: ")
                && shown.ends_with(" default +unsubscribe"),
            "{shown}"
        );
    }
}

#[test]
fn requests_are_answered_with_their_words() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        let mut ask = |kind, answers: &str| {
            client.request(1, 10.0, kind);
            client.server(0, answers.as_bytes());
            match &client.said()[..] {
                [Said::Answer { result: Err(error), .. }] => words(error),
                other => panic!("{other:?}"),
            }
        };
        let publish = || RequestKind::Publish(args(&["chat", "secret"]));
        assert_eq!(
            ask(publish(), "-NOPERM this user has no permissions to run the 'publish' command\r\n"),
            "+publish"
        );
        assert_eq!(ask(publish(), "-NOPERM No permissions to access a channel\r\n"), "'&chat'");
        let set = || args(&["HSET", "players:1", "name", "secret"]);
        assert_eq!(
            ask(RequestKind::Command(set()), "-NOPERM No permissions to access a key\r\n"),
            "'~players:1'"
        );
        assert_eq!(
            ask(RequestKind::Ping, "-NOPERM User x has no permissions to run the 'ping' command\r\n"),
            "+ping"
        );
        let both = || RequestKind::Transaction(vec![args(&["GET", "a"]), set()]);
        let key = "+OK\r\n+QUEUED\r\n-NOPERM No permissions to access a key\r\n-EXECABORT no\r\n";
        assert_eq!(ask(both(), key), "'~players:1'");
        let multi = "-NOPERM this user has no permissions to run the 'multi' command\r\n+a\r\n:1\r\n-ERR EXEC without MULTI\r\n";
        assert_eq!(ask(both(), multi), "+multi");
    }
}
