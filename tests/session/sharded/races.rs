//! Races on the wire: a subscription that the server ends while the client ends it, too, or renews it.

use realtime::model::{Event, Value};

use super::{SHARDED, ended, hearing};
use crate::client::{BOTH, Client, every_cut};
use crate::sink::{Said, answer, subscribed};

/// Answers stay matched: a request gets its own answer.
fn expect_in_step(client: &mut Client) {
    client.said();
    client.get(7, "key");
    assert_eq!(client.commands(0), ["GET key"]);
    client.server(0, b"$5\r\nvalue\r\n");
    assert_eq!(client.said(), [answer(7, Value::String(b"value"[..].into()))]);
}

/// valkey#1066: the unasked push passes for the confirmation, and the command's own answer comes where the fence's is due.
#[test]
fn a_late_refusal_is_not_taken_for_the_fences_answer() {
    let moved = "-MOVED 1 10.0.0.2:6379\r\n";
    let forbidden = "-NOPERM User gmod has no permissions to run the 'sunsubscribe' command\r\n";
    for (resp, error) in BOTH.into_iter().flat_map(|resp| [(resp, moved), (resp, forbidden)]) {
        every_cut(
            |client| {
                client.sunsubscribe("chat");
                let link = client.subscriber;
                assert_eq!(client.commands(link), ["SUNSUBSCRIBE chat", "PING realtime:2"]);
                client.push(&ended("chat"));
                client.server(link, error.as_bytes());
                client.fence(2);
                expect_in_step(client);
                assert_eq!(client.confirmed(), 0);
            },
            || hearing(resp),
        );
    }
}

#[test]
fn a_user_who_may_not_ping_is_refused_the_fence_after_it() {
    for resp in BOTH {
        let mut client = hearing(resp);
        client.sunsubscribe("chat");
        let link = client.subscriber;
        client.commands(link);
        client.confirm("sunsubscribe", "chat");
        client.server(link, b"-NOPERM User gmod has no permissions to run the 'ping' command\r\n");
        expect_in_step(&mut client);
    }
}

#[test]
fn a_node_without_the_slot_has_no_subscription_to_end() {
    for resp in BOTH {
        let mut client = hearing(resp);
        client.sunsubscribe("chat");
        let link = client.subscriber;
        client.commands(link);
        client.server(link, b"-MOVED 1 10.0.0.2:6379\r\n");
        client.fence(2);
        expect_in_step(&mut client);
        assert_eq!((client.confirmed(), client.counters.one_refused()), (0, None));
        client.advance(600.0);
        let commands = client.commands(link);
        assert!(!commands.iter().any(|command| command.starts_with("SUNSUB")), "{commands:?}");
    }
}

#[test]
fn an_end_that_is_refused_for_another_reason_is_asked_for_again() {
    for resp in BOTH {
        let mut client = hearing(resp);
        client.sunsubscribe("chat");
        let link = client.subscriber;
        client.commands(link);
        client.server(link, b"-CLUSTERDOWN The cluster is down\r\n");
        client.fence(2);
        let shown = client.counters.one_refused().unwrap();
        assert!(shown.starts_with("the end of sharded channel \"chat\": CLUSTERDOWN"), "{shown}");
        // The slot moves meanwhile: nothing is left to be asked for.
        client.push(&ended("chat"));
        assert_eq!((client.confirmed(), client.counters.one_refused()), (0, None));
        expect_in_step(&mut client);
        client.advance(600.0);
        let commands = client.commands(link);
        assert!(!commands.iter().any(|command| command.starts_with("SUNSUB")), "{commands:?}");
    }
}

#[test]
fn a_renewed_subscription_that_was_ended_meanwhile_is_refused_or_confirmed_by_its_own_answer() {
    for (resp, is_back) in BOTH.into_iter().flat_map(|resp| [(resp, false), (resp, true)]) {
        let mut client = hearing(resp);
        let link = client.subscriber;
        client.sunsubscribe("chat");
        client.ssubscribe("chat", 2);
        // Both were sent, because each command of the addon's had its turn.
        assert_eq!(
            client.commands(link),
            ["SUNSUBSCRIBE chat", "PING realtime:2", "SSUBSCRIBE chat", "PING realtime:3"]
        );
        client.push(&ended("chat"));
        client.server(link, b"-MOVED 1 10.0.0.2:6379\r\n");
        client.fence(2);
        if is_back {
            client.confirm("ssubscribe", "chat");
            assert_eq!(client.said(), [subscribed(SHARDED, "chat")], "a new wish has no gap");
        } else {
            client.server(link, b"-MOVED 1 10.0.0.2:6379\r\n");
            let said = client.said();
            assert!(matches!(said[..], [Said::Event(Event::SubscribeFailed { .. })]), "{said:?}");
        }
        client.fence(3);
        assert_eq!(client.confirmed(), u64::from(is_back));
        expect_in_step(&mut client);
    }
}

#[test]
fn an_end_that_comes_before_the_turn_of_our_own_is_noted() {
    // A fence is first when the push comes, so that it confirms no subscription.
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.ssubscribe("chat", 1);
        client.subscriber_up();
        let link = client.subscriber;
        client.commands(link);
        client.confirm("ssubscribe", "chat");
        client.sunsubscribe("chat");
        assert_eq!(client.commands(link), ["SUNSUBSCRIBE chat", "PING realtime:2"]);
        client.push(&ended("chat"));
        assert_eq!(client.confirmed(), 0);
        client.fence(1);
        client.server(link, b"-MOVED 1 10.0.0.2:6379\r\n");
        client.fence(2);
        assert_eq!((client.confirmed(), client.counters.one_refused()), (0, None));
        expect_in_step(&mut client);
    }
}

#[test]
fn an_end_of_what_nobody_has_means_nothing() {
    for resp in BOTH {
        let mut client = hearing(resp);
        client.push(&ended("other"));
        client.push(&ended("chat"));
        client.push(&ended("chat"));
        let link = client.subscriber;
        assert_eq!(client.commands(link), ["SSUBSCRIBE chat", "PING realtime:2"], "asked for once");
        assert_eq!(client.said(), []);
    }
}
