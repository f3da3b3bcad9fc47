//! SUBSCRIBE and its family: confirmations, refusals, batches, messages.

use realtime::backend::OptionValue;
use realtime::model::{Command, Event, TopicKind};

use crate::client::{BOTH, Client, INTRODUCTION, OLD_WELCOME, Resp, WELCOME, every_cut, subscribe, topic};
use crate::sink::{Said, message, subscribed};

/// A client that is ready and subscribed to `chat` as slot 1.
pub(crate) fn subscribed_to_chat(resp: Resp) -> Client {
    let mut client = Client::ready(resp, &[]);
    client.subscribe("chat", 1);
    client.subscriber_up();
    let link = client.subscriber;
    assert_eq!(client.commands(link), ["SUBSCRIBE chat", "PING realtime:1"]);
    client.confirm("subscribe", "chat");
    assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
    client.fence(1);
    assert_eq!(client.said(), []);
    assert_eq!(client.confirmed(), 1);
    client
}

#[test]
fn messages_reach_their_slot_however_reads_are_cut() {
    for resp in BOTH {
        every_cut(
            |client| {
                client.message("chat", "hello");
                client.message("other", "not ours");
                client.message("chat", "a\0b\r\nc");
                assert_eq!(client.said(), [message(1, "hello"), message(1, "a\0b\r\nc")]);
            },
            || subscribed_to_chat(resp),
        );
    }
}

#[test]
fn a_whole_conversation_however_reads_are_cut() {
    for resp in BOTH {
        let conversation = |client: &mut Client| {
            client.handshake(resp);
            client.subscribe("chat", 1);
            client.psubscribe("kills.*", 2);
            client.subscriber_up();
            let link = client.subscriber;
            client.said();
            assert_eq!(
                client.commands(link).len(),
                4,
                "channels and patterns are two commands, with a fence behind each"
            );
            // A message stands before its own confirmation.
            client.message("chat", "early");
            client.confirm("subscribe", "chat");
            client.fence(1);
            client.confirm("psubscribe", "kills.*");
            client.push(">4\r\n$8\r\npmessage\r\n$7\r\nkills.*\r\n$7\r\nkills.x\r\n$3\r\nbob\r\n");
            client.fence(2);
            let said: Vec<_> = client
                .said()
                .into_iter()
                .filter(|said| !matches!(said, Said::Event(Event::Ready(_))))
                .collect();
            let kill = Said::Message { slot: 2, channel: Some("kills.x".into()), payload: "bob".into() };
            assert_eq!(
                said,
                [
                    message(1, "early"),
                    subscribed(TopicKind::Channel, "chat"),
                    subscribed(TopicKind::Pattern, "kills.*"),
                    kill,
                ]
            );
            client.publish(9, "chat", "hi");
            assert_eq!(client.commands(0), ["PUBLISH chat hi"]);
            client.server(0, b":1\r\n");
            assert_eq!(client.said().len(), 1);
        };
        every_cut(conversation, || Client::new("redis://server", &[]));
    }
}

#[test]
fn names_are_any_bytes_and_come_back_after_a_reconnect() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.subscribe("a b\r\n\0*", 1);
        client.subscriber_up();
        let link = client.subscriber;
        assert_eq!(client.commands(link)[0], "SUBSCRIBE a b\r\n\0*");
        client.confirm("subscribe", "a b\r\n\0*");
        client.message("a b\r\n\0*", "x");
        assert_eq!(client.said()[1], message(1, "x"));
    }
}

#[test]
fn ready_waits_for_what_was_wanted_when_the_link_came_up() {
    for resp in BOTH {
        let mut client = Client::new("redis://server", &[]);
        client.subscribe("a", 1);
        client.psubscribe("b*", 2);
        client.handshake(resp);
        client.subscriber_up();
        assert_eq!(client.said(), []);
        client.confirm("subscribe", "a");
        client.fence(1);
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "a")]);
        // Wanted later: nothing to wait for.
        client.subscribe("late", 3);
        client.confirm("psubscribe", "b*");
        let said = client.said();
        assert_eq!(said[0], subscribed(TopicKind::Pattern, "b*"));
        assert!(matches!(said[1], Said::Event(Event::Ready(_))), "{said:?}");
    }
}

#[test]
fn a_fence_before_its_confirmations_is_out_of_step() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.subscribe("chat", 1);
        client.subscriber_up();
        client.fence(1);
        assert_eq!(client.expect_down().0.code.as_str(), "PROTOCOL");
        client.expect_close(client.subscriber);
    }
}

#[test]
fn a_change_of_mind_before_anything_was_sent_costs_nothing() {
    for resp in BOTH {
        let mut client = subscribed_to_chat(resp);
        client.command_in_one_tick(Command::Unsubscribe(topic(TopicKind::Channel, "chat")));
        client.command_in_one_tick(subscribe(TopicKind::Channel, "chat", 5));
        let link = client.subscriber;
        assert_eq!(client.commands(link), Vec::<String>::new());
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")], "the new wish is confirmed");
        client.message("chat", "x");
        assert_eq!(client.said(), [message(5, "x")]);
    }
}

#[test]
fn a_new_slot_takes_the_old_ones_place() {
    for resp in BOTH {
        let mut client = subscribed_to_chat(resp);
        client.subscribe("chat", 8);
        client.message("chat", "x");
        assert_eq!(client.said(), [message(8, "x")]);
        assert_eq!(client.commands(client.subscriber), Vec::<String>::new());
    }
}

#[test]
fn an_oversized_message_is_told_and_the_link_lives() {
    for resp in BOTH {
        every_cut(
            |client| {
                client.message("chat", "123456789");
                client.message("other", "123456789");
                client.message("chat", "12345678");
                assert_eq!(client.said(), [Said::TooLarge(9), message(1, "12345678")]);
            },
            || {
                let mut client = Client::ready(resp, &[("max_message_bytes", OptionValue::Number(8.0))]);
                client.subscribe("chat", 1);
                client.subscriber_up();
                client.push(">3\r\n+subscribe\r\n+chat\r\n:1\r\n");
                client.said();
                client
            },
        );
    }
}

#[test]
fn a_subscription_ended_by_the_server_is_a_loss() {
    for resp in BOTH {
        let mut client = subscribed_to_chat(resp);
        client.confirm("unsubscribe", "other");
        assert_eq!(client.said(), [], "nothing of ours");
        client.confirm("unsubscribe", "chat");
        assert_eq!(client.expect_down().0.code.as_str(), "DISCONNECTED");
    }
}

#[test]
fn under_resp2_the_second_link_is_opened_by_the_first_subscription() {
    let mut client = Client::ready(Resp::Two, &[]);
    assert_eq!(client.action(), None);
    client.subscribe("chat", 1);
    client.connected(1);
    assert_eq!(client.commands(1), INTRODUCTION);
    client.server(1, WELCOME);
    assert_eq!(client.commands(1), ["SUBSCRIBE chat", "PING realtime:1"]);
    // Both forms of the answer to PING occur around subscribed mode.
    client.confirm("subscribe", "chat");
    client.server(1, b"$10\r\nrealtime:1\r\n");
    assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
    client.unsubscribe("chat");
    assert_eq!(client.commands(1), ["UNSUBSCRIBE chat", "PING realtime:2"]);
    client.confirm("unsubscribe", "chat");
    client.server(1, b"*2\r\n$4\r\npong\r\n$10\r\nrealtime:2\r\n");
    assert_eq!(client.said(), []);
    assert_eq!(client.confirmed(), 0);
}

#[test]
fn under_resp2_the_second_link_logs_in_like_the_first() {
    let two = [("protocol", OptionValue::Number(2.0)), ("name", crate::client::option_text("n"))];
    let mut client = Client::new("redis://u:p@server/3", &two);
    client.subscribe("chat", 1);
    client.connected(0);
    client.commands(0);
    client.server(0, b"+OK\r\n");
    client.server(0, &[b"+OK\r\n+OK\r\n", OLD_WELCOME].concat());
    client.connected(1);
    assert_eq!(client.commands(1), ["AUTH u p"]);
    client.server(1, b"+OK\r\n");
    assert_eq!(client.commands(1)[..2], ["SELECT 3", "CLIENT SETNAME n"]);
    client.server(1, &[b"+OK\r\n+OK\r\n", WELCOME].concat());
    assert_eq!(client.commands(1)[0], "SUBSCRIBE chat");
}

/// Subscribe, Unsubscribe and Subscribe again, each sent and none answered.
pub(crate) fn three_in_flight(resp: Resp) -> Client {
    let mut client = Client::ready(resp, &[]);
    client.subscribe("chat", 1);
    client.subscriber_up();
    client.unsubscribe("chat");
    client.subscribe("chat", 2);
    let link = client.subscriber;
    assert_eq!(
        client.commands(link),
        [
            "SUBSCRIBE chat",
            "PING realtime:1",
            "UNSUBSCRIBE chat",
            "PING realtime:2",
            "SUBSCRIBE chat",
            "PING realtime:3"
        ]
    );
    client
}

#[test]
fn only_the_last_of_several_in_flight_settles_a_wish() {
    for resp in BOTH {
        let mut client = three_in_flight(resp);
        client.publish(1, "chat", "hello");
        client.confirm("subscribe", "chat");
        client.fence(1);
        client.confirm("unsubscribe", "chat");
        client.fence(2);
        assert_eq!(client.said(), [], "what was confirmed is not what was asked last");
        assert_eq!(client.commands(0), Vec::<String>::new());
        client.confirm("subscribe", "chat");
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
        assert_eq!(client.commands(0), ["PUBLISH chat hello"]);
    }
}

#[test]
fn ready_does_not_wait_for_what_is_wanted_no_more() {
    for resp in BOTH {
        let mut client = Client::new("redis://server", &[]);
        client.subscribe("a", 1);
        client.subscribe("b", 2);
        client.handshake(resp);
        client.subscriber_up();
        client.confirm("subscribe", "a");
        client.said();
        client.unsubscribe("b");
        let said = client.said();
        assert!(matches!(said[..], [Said::Event(Event::Ready(_))]), "{said:?}");
    }
}

#[test]
fn a_confirmation_before_its_command_was_written_is_none() {
    for resp in BOTH {
        let mut client = subscribed_to_chat(resp);
        let link = client.subscriber;
        client.set_writable(link, 0);
        client.subscribe("early", 2);
        client.confirm("subscribe", "early");
        assert_eq!(client.said(), []);
        client.set_writable(link, usize::MAX);
        client.driver.drive();
        client.confirm("subscribe", "early");
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "early")]);
    }
}

#[test]
fn a_publish_waits_for_the_end_of_a_subscription_before_it() {
    for resp in BOTH {
        let mut client = subscribed_to_chat(resp);
        client.unsubscribe("chat");
        client.publish(9, "chat", "for the others");
        let link = client.subscriber;
        assert_eq!(client.commands(link), ["UNSUBSCRIBE chat", "PING realtime:2"], "{resp:?}");
        assert_eq!(client.commands(0), Vec::<String>::new(), "{resp:?}");
        client.confirm("unsubscribe", "chat");
        assert_eq!(client.commands(0), ["PUBLISH chat for the others"], "{resp:?}");
    }
}
