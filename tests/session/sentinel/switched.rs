//! Another server is the master: when that is believed, and the client's reaction.

use std::time::Duration;

use realtime::backend::LinkError;
use realtime::model::{Error, Event, State};

use super::*;
use crate::sink::Said;

/// Expects that the client is down, and tries again at once. Returns why.
fn down_at_once(client: &mut Client) -> Error {
    let (error, wait) = client.expect_down();
    assert_eq!(wait, Duration::ZERO);
    error
}

#[test]
fn a_switch_takes_the_client_along_at_once() {
    for resp in BOTH {
        let mut client = subscribed(resp);
        live(&mut client, 20, A);
        if resp == Resp::Three {
            announce(&mut client, "mymaster a 6379 b 6379");
        } else {
            client.advance(1.0);
        }
        tells(&mut client, B);
        let error = down_at_once(&mut client);
        assert_eq!(error.message, "the Sentinels have made b:6379 the master; the connection goes there");
        client.expect_close(0);
        assert_eq!(client.attempt(0).0, "b:6379");
        if resp == Resp::Two {
            client.expect_close(1);
        }
        several::greeted(&mut client, resp, OTHER);
        if resp == Resp::Two {
            client.await_attempt();
        }
        restored(&mut client, resp, OTHER);
        let said = client.said();
        several::gap(&said);
        let Some(Said::Event(Event::Ready(ready))) = said.get(1) else { panic!("{said:?}") };
        assert_eq!(ready.address.as_deref(), Some("b:6379"));
        assert_eq!(client.counters.address().as_deref(), Some("b:6379"));
    }
}

#[test]
fn what_is_announced_of_another_name_is_no_reason_to_ask() {
    let mut client = subscribed(Resp::Three);
    client.advance(1.0);
    for message in [
        "other a 6379 b 6379",
        "mymaster2 a 6379 b 6379",
        "",
        "MYMASTER a 6379 b 6379",
        "other mymaster b 6379",
    ] {
        announce(&mut client, message);
        client.advance(1.0);
        assert!(client.commands(WATCH).is_empty(), "{message}");
    }
}

#[test]
fn an_announcement_is_a_reason_to_ask_and_its_address_is_none_to_go_there() {
    let mut client = subscribed(Resp::Three);
    client.advance(1.0);
    announce(&mut client, "mymaster a 6379 evil 6379");
    tells(&mut client, A);
    assert_eq!(client.action(), None);
    assert_eq!(client.counters.state(), State::Ready);
    // However many there are, the Sentinel is asked four times a second.
    let mut rounds = 0;
    for _ in 0..100 {
        announce(&mut client, "mymaster a 6379 evil 6379");
        client.advance(0.01);
        if !client.commands(WATCH).is_empty() {
            rounds += 1;
            client.server(WATCH, A.answers().as_bytes());
        }
    }
    assert_eq!((rounds, client.action()), (4, None));
}

/// A question from before the announcement may have been answered before it, too.
#[test]
fn an_answer_to_an_older_question_is_followed_by_another_question() {
    let mut client = subscribed(Resp::Three);
    client.advance(15.0);
    assert_eq!(client.commands(WATCH), QUESTIONS);
    announce(&mut client, "mymaster a 6379 b 6379");
    client.server(WATCH, A.answers().as_bytes());
    client.advance(0.25);
    tells(&mut client, B);
    down_at_once(&mut client);
}

#[test]
fn a_switch_in_the_handshake_ends_the_attempt_and_is_no_news() {
    for resp in BOTH {
        for is_connected in [false, true] {
            let mut client = client("s1", &[]);
            client.attempt(WATCH);
            let_in(&mut client, resp);
            tells(&mut client, A);
            client.attempt(0);
            if is_connected {
                client.driver.connected(LinkId(0), Connected::default());
            }
            client.advance(1.0);
            if resp == Resp::Three {
                announce(&mut client, "mymaster a 6379 b 6379");
            }
            tells(&mut client, B);
            client.expect_close(0);
            assert_eq!(client.attempt(0).0, "b:6379");
            assert_eq!(client.said(), []);
            several::greeted(&mut client, resp, MASTER);
            several::ready(&mut client);
        }
    }
}

#[test]
fn a_lost_master_is_asked_for_anew_and_connected_to_only_when_it_was_named() {
    for resp in BOTH {
        let mut client = subscribed(resp);
        live(&mut client, 3, A);
        client.lost(0, LinkError::Eof);
        client.expect_down();
        client.advance(0.5);
        client.commands(1);
        assert_eq!(client.action(), None, "nobody has named it");
        tells(&mut client, A);
        assert_eq!(client.attempt(0).0, "a:6379");
        // It cannot be connected to, and the next pause is longer: another one is connected to without it.
        client.refused(0);
        client.advance(0.25);
        tells(&mut client, B);
        if resp == Resp::Two {
            client.expect_close(1);
        }
        assert_eq!(client.attempt(0).0, "b:6379");
    }
}

/// The question was under way when the master was lost: its answer may be older than that.
#[test]
fn an_answer_that_may_be_older_than_the_loss_does_not_count() {
    let mut client = subscribed(Resp::Three);
    client.advance(15.0);
    client.lost(0, LinkError::Eof);
    client.expect_down();
    client.commands(0);
    assert_eq!(client.commands(WATCH), QUESTIONS);
    client.server(WATCH, A.answers().as_bytes());
    client.advance(0.2);
    assert_eq!(client.action(), None);
    client.advance(0.1);
    tells(&mut client, B);
    assert_eq!(client.attempt(0).0, "b:6379");
}

#[test]
fn a_master_that_was_demoted_is_left_for_the_one_that_is_named() {
    let mut client = subscribed(Resp::Three);
    live(&mut client, 14, A);
    client.advance(1.0);
    assert_eq!(client.commands(0), ["HELLO 3"]);
    client.server(0, b"%1\r\n+role\r\n+replica\r\n");
    client.expect_down();
    client.expect_close(0);
    tells(&mut client, B);
    client.advance(0.3);
    tells(&mut client, B);
    assert_eq!(client.attempt(0).0, "b:6379");
}

#[test]
fn every_cut_of_a_conversation_ends_in_the_same_place() {
    crate::client::every_cut(
        |client| {
            client.attempt(WATCH);
            let_in(client, Resp::Three);
            tells(client, A);
            client.attempt(0);
            several::greeted(client, Resp::Three, MASTER);
            several::ready(client);
            client.advance(1.0);
            announce(client, "mymaster a 6379 b 6379");
            tells(client, Knows { others: &["s2 26380"], ..B });
            down_at_once(client);
            client.expect_close(0);
            assert_eq!(client.attempt(0).0, "b:6379");
        },
        || client("s1", &[]),
    );
}
