//! Silence: PINGs that check for life, dead links, and pauses in reading.

use realtime::backend::LinkError;
use realtime::model::{Event, Room, TopicKind};

use crate::client::{BOTH, Client, HELLO3, MASTER, Resp, life, question, subscribe};
use crate::sink::{Said, message, subscribed};

/// Ready, with one subscription, so that RESP2 has both of its links; nothing awaited on either.
fn subscribed_client(resp: Resp) -> Client {
    let mut client = Client::subscribed(resp, &[]);
    assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
    client.commands(0);
    client.commands(1);
    client
}

/// The question for life on the link of the subscriptions.
fn question_on_subscriber(resp: Resp) -> &'static str {
    if resp == Resp::Two { "PING" } else { question(resp) }
}

/// Keeps RESP2's command link alive while the test is about the other one.
fn answer_question(client: &mut Client, subscriber: u8) {
    if subscriber == 1
        && let Some(answer) = client.commands(0).first().and_then(|command| life(command))
    {
        client.server(0, answer);
    }
}

#[test]
fn an_idle_link_is_pinged_and_any_byte_is_life() {
    for (resp, reply) in [
        (Resp::Three, HELLO3),
        (Resp::Three, b"-LOADING Redis is loading the dataset in memory\r\n"),
        (Resp::Three, b"-MASTERDOWN Link with MASTER is down\r\n"),
        (Resp::Three, b"-NOPERM this user has no permissions to run the 'ping' command\r\n"),
        (Resp::Three, b"+"),
        (Resp::Two, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
        (Resp::Two, b"+PONG\r\n"),
    ] {
        let mut client = subscribed_client(resp);
        let link = client.subscriber;
        client.advance(14.9);
        assert_eq!(client.commands(link), Vec::<String>::new());
        client.advance(0.2);
        assert_eq!(client.commands(link), [question_on_subscriber(resp)]);
        client.advance(4.0);
        client.server(0, if link == 0 { reply } else { MASTER });
        if link == 1 {
            client.server(1, reply);
        }
        client.advance(10.0);
        assert_eq!(client.said(), [], "{resp:?} {}", reply.escape_ascii());
    }
}

#[test]
fn a_dead_link_is_found_within_interval_and_timeout() {
    for resp in BOTH {
        let mut client = subscribed_client(resp);
        let link = client.subscriber;
        client.message("chat", "x");
        client.said();
        client.advance(15.1);
        answer_question(&mut client, link);
        client.advance(4.8);
        assert_eq!(client.said(), []);
        client.advance(0.2);
        let (error, _) = client.expect_down();
        assert_eq!(error.code.as_str(), "DISCONNECTED");
        assert!(error.message.contains("20.0 s"), "{error}");
        client.expect_close(link);
    }
}

#[test]
fn a_half_open_link_is_found_while_we_send() {
    let mut client = subscribed_client(Resp::Three);
    for id in 0..40 {
        client.publish(id, "chat", "into the void");
        client.advance(0.45);
    }
    assert!(!client.said().iter().any(|said| matches!(said, Said::Event(_))));
    client.advance(3.0);
    assert!(
        client.said().iter().any(|said| matches!(said, Said::Event(Event::Down { .. }))),
        "sending is no sign of life"
    );
}

#[test]
fn nothing_to_do_wakes_nobody() {
    let mut client = subscribed_client(Resp::Three);
    // Answered requests leave no timer behind.
    client.get(1, "x");
    client.server(0, b"+x\r\n");
    client.said();
    let due = client.driver.session.poll_timeout().expect("the next PING");
    assert_eq!(due, client.driver.now + std::time::Duration::from_secs(15));
}

#[test]
fn messages_put_the_ping_off() {
    let mut client = subscribed_client(Resp::Two);
    for _ in 0..25 {
        client.advance(4.0);
        client.message("chat", "x");
        assert_eq!(client.said(), [message(1, "x")]);
        answer_question(&mut client, 1);
    }
    assert_eq!(client.commands(1), Vec::<String>::new());
}

#[test]
fn a_server_that_never_answers_pings_is_sent_one_at_a_time() {
    let mut client = subscribed_client(Resp::Three);
    for _ in 0..10 {
        client.advance(16.0);
        client.message("chat", "x");
    }
    assert_eq!(client.commands(0), ["HELLO 3"]);
    assert_eq!(client.said().len(), 10);
}

#[test]
fn while_nobody_listens_silence_means_nothing() {
    for resp in BOTH {
        let mut client = subscribed_client(resp);
        let link = client.subscriber;
        client.message("chat", "1");
        client.driver.queue.full = Some(Room::Messages);
        client.message("chat", "2");
        assert_eq!(client.said(), [message(1, "1")], "the second one waits");
        for _ in 0..40 {
            client.advance(4.0);
            answer_question(&mut client, link);
        }
        assert_eq!(client.commands(link), Vec::<String>::new());
        assert_eq!(client.said(), []);
        client.resume();
        assert_eq!(client.said(), [message(1, "2")]);
        if link == 0 {
            // The role was not asked for in all that time. It does not check for life, but its answer shows life.
            client.advance(0.0);
            assert_eq!(client.commands(0), ["HELLO 3"]);
            client.server(0, HELLO3);
        }
        for _ in 0..7 {
            client.advance(2.0);
            answer_question(&mut client, link);
        }
        assert_eq!(client.commands(link), Vec::<String>::new(), "listening begins anew");
        client.advance(2.0);
        assert_eq!(client.commands(link), [question_on_subscriber(resp)]);
    }
}

#[test]
fn a_link_lost_while_we_lag_names_the_likely_reason() {
    for resp in BOTH {
        let mut client = subscribed_client(resp);
        client.driver.queue.full = Some(Room::Messages);
        client.message("chat", "1");
        client.advance(5.0);
        assert_eq!(client.said(), []);
        client.resume();
        assert_eq!(client.said(), [message(1, "1")]);
        client.lost(client.subscriber, LinkError::Eof);
        let (error, _) = client.expect_down();
        assert!(error.message.contains("client-output-buffer-limit"), "{error}");
        // Long after, it does not count any more.
        let mut client = subscribed_client(resp);
        client.driver.queue.full = Some(Room::Messages);
        client.message("chat", "1");
        client.resume();
        for _ in 0..25 {
            client.advance(4.0);
            client.message("chat", "1");
            if let Some(answer) = client.commands(0).first().and_then(|command| life(command)) {
                client.server(0, answer);
            }
        }
        assert!(!client.said().iter().any(|said| matches!(said, Said::Event(_))));
        client.lost(client.subscriber, LinkError::Eof);
        let said = client.said();
        let Some(Said::Event(Event::Down { error, .. })) = said.last() else { panic!("{said:?}") };
        assert!(!error.message.contains("client-output-buffer-limit"), "{error}");
    }
}

#[test]
fn what_waited_to_be_read_is_no_news() {
    let mut client = subscribed_client(Resp::Three);
    client.message("chat", "1");
    client.driver.queue.full = Some(Room::Messages);
    client.message("chat", "2");
    client.advance(30.0);
    client.resume();
    assert_eq!(client.said(), [message(1, "1"), message(1, "2")]);
    client.lost(0, LinkError::Eof);
    let lost_at = client.driver.now;
    client.reconnect(0);
    client.hello(Resp::Three);
    let said = client.said();
    let Some(Said::Event(Event::Gap { lasted, .. })) = said.last() else { panic!("{said:?}") };
    assert_eq!(
        *lasted,
        std::time::Duration::from_secs(30) + (client.driver.now - lost_at),
        "since the last byte that is known to have come at once"
    );
}

#[test]
fn a_timeout_that_fills_the_queue_is_followed_by_no_read() {
    let mut client = subscribed_client(Resp::Three);
    client.driver.queue.full = Some(Room::Answers);
    client.request(1, 1.0, realtime::model::RequestKind::Ping);
    client.advance(2.0);
    assert_eq!(client.said().len(), 1, "a timeout, answered into a full queue");
    client.server(0, b"+PO");
    client.advance(100.0);
    assert_eq!(client.said(), [], "nobody listens, so silence means nothing");
    client.resume();
    client.server(0, b"NG\r\n");
    assert_eq!(client.said(), []);
}

#[test]
fn only_messages_that_waited_are_blamed_for_a_loss() {
    // The input of a full queue, how long before the loss reading resumed, and whether that is blamed.
    let confirmations = ">3\r\n+subscribe\r\n+a\r\n:2\r\n>3\r\n+subscribe\r\n+b\r\n:3\r\n";
    let waiting = format!("{confirmations}>3\r\n+message\r\n+chat\r\n+1\r\n");
    for (came, seconds, is_blamed) in [
        (confirmations, 0.1, false),
        (confirmations, 13.0, false),
        (&waiting, 0.1, true),
        (&waiting, 13.0, true),
    ] {
        for resp in BOTH {
            let mut client = subscribed_client(resp);
            let link = client.subscriber;
            client.command_in_one_tick(subscribe(TopicKind::Channel, "a", 2));
            client.subscribe("b", 3);
            client.driver.queue.full = Some(Room::Answers);
            client.push(came);
            assert_eq!(client.said(), [], "all of it waits");
            client.advance(1.0);
            client.resume();
            client.fence(2);
            client.said();
            client.advance(seconds);
            client.message("chat", "read at once");
            client.lost(link, LinkError::Eof);
            let said = client.said();
            let Some(Said::Event(Event::Down { error, .. })) = said.last() else { panic!("{said:?}") };
            let blamed = error.message.contains("client-output-buffer-limit");
            assert_eq!(blamed, is_blamed, "{resp:?}, {seconds} s after {came:?}: {error}");
        }
    }
}

/// A link that is stuck on the way to the server brings messages as before.
#[test]
fn a_subscribe_that_is_never_answered_is_found_though_messages_come() {
    for resp in BOTH {
        for is_answered_in_part in [false, true] {
            let mut client = subscribed_client(resp);
            let link = client.subscriber;
            client.subscribe("b", 2);
            client.subscribe("c", 3);
            let messages = |client: &mut Client| {
                for _ in 0..5 {
                    client.advance(3.9);
                    client.message("chat", "x");
                    answer_question(client, link);
                }
                let is_down = |said: &Said| matches!(said, Said::Event(Event::Down { .. }));
                assert!(!client.said().iter().any(is_down), "{resp:?}");
            };
            messages(&mut client);
            if is_answered_in_part {
                client.confirm("subscribe", "b");
                messages(&mut client);
            }
            client.advance(0.6);
            let (error, _) = client.expect_down();
            assert!(error.message.contains("no answer for 20.0 s"), "{error}");
            client.expect_close(link);
        }
    }
}

#[test]
fn a_long_answer_before_a_confirmation_is_waited_for() {
    let mut client = subscribed_client(Resp::Three);
    client.request(1, 1000.0, realtime::model::RequestKind::Ping);
    client.subscribe("b", 2);
    client.server(0, b"$1000\r\n");
    for _ in 0..100 {
        client.advance(1.0);
        client.server(0, b"0123456789");
    }
    assert_eq!(client.said(), []);
    client.server(0, b"\r\n");
    client.advance(15.0);
    assert_eq!(client.counters.state(), realtime::model::State::Ready);
}
