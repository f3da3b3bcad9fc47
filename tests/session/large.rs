//! Answers and messages that are too large or nested too deep, and the link that lives on.

use realtime::backend::{LinkError, OptionValue};
use realtime::model::{Event, RequestKind, Value};

use crate::client::{BOTH, Client, Resp, args, every_cut};
use crate::sink::{Said, answer, failure, message, string};

#[test]
fn an_oversized_answer_is_an_error_and_the_link_lives() {
    for resp in BOTH {
        every_cut(
            |client| {
                client.get(1, "big");
                client.get(2, "big inside");
                client.get(3, "small");
                client.server(0, b"$9\r\n123456789\r\n*2\r\n$9\r\n123456789\r\n+x\r\n$8\r\n12345678\r\n");
                let said = client.said();
                assert_eq!(failure(&said[..1]), (1, "TOOLARGE".to_owned(), true));
                assert_eq!(failure(&said[1..2]), (2, "TOOLARGE".to_owned(), true));
                assert_eq!(said[2], answer(3, string("12345678")));
            },
            || Client::ready(resp, &[("max_message_bytes", OptionValue::Number(8.0))]),
        );
    }
}

/// Names are kept up to this size, however small `max_message_bytes` is, and so are lines.
const KEPT_LINE: usize = 64 << 10;

#[test]
fn a_status_of_any_length_is_too_large_and_the_link_lives() {
    for resp in BOTH {
        for size in [9, KEPT_LINE, KEPT_LINE + 1, (1 << 20) + 1, 20 << 20] {
            let mut client = Client::ready(resp, &[("max_message_bytes", OptionValue::Number(8.0))]);
            client.get(1, "long");
            client.get(2, "long inside");
            client.get(3, "small");
            let line = vec![b's'; size];
            client.server(0, &[b"+", &line[..], b"\r\n*2\r\n:1\r\n+", &line, b"\r\n+small\r\n"].concat());
            let said = client.said();
            assert_eq!(failure(&said[..1]), (1, "TOOLARGE".to_owned(), true), "{size} bytes");
            assert_eq!(failure(&said[1..2]), (2, "TOOLARGE".to_owned(), true), "{size} bytes");
            assert_eq!(said[2], answer(3, string("small")), "{size} bytes");
        }
    }
}

#[test]
fn a_long_status_is_an_answer_like_any_other() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.get(1, "long");
        let line = "s".repeat((1 << 20) + 1);
        client.server(0, format!("+{line}\r\n").as_bytes());
        assert_eq!(client.said(), [answer(1, string(&line))]);
    }
}

#[test]
fn a_long_error_is_the_servers_error_with_its_code() {
    for resp in BOTH {
        for size in [600, KEPT_LINE + 1, 2 << 20, 20 << 20] {
            let mut client = Client::ready(resp, &[("max_message_bytes", OptionValue::Number(8.0))]);
            client.get(1, "alone");
            client.get(2, "in a list");
            client.request(3, 10.0, RequestKind::Transaction(vec![args(&["EVAL"])]));
            client.get(4, "small");
            let error = format!("-MINE {}\r\n", "x".repeat(size));
            let replies = [&error, "*2\r\n", &error, ":1\r\n+OK\r\n+QUEUED\r\n*1\r\n", &error, "+small\r\n"];
            client.server(0, replies.concat().as_bytes());
            let said = client.said();
            let [Said::Answer { result: Err(alone), .. }, _, _, _] = &said[..] else { panic!("{said:?}") };
            assert_eq!(alone.code.as_str(), "MINE");
            assert!(alone.message.starts_with("xxxxx") && alone.message.len() < 1000, "{alone}");
            for (said, len) in [(&said[1], 2), (&said[2], 1)] {
                let Said::Answer { result: Ok(Value::Array(items)), .. } = said else { panic!("{said:?}") };
                assert!(matches!(&items[0], Value::Error(error) if error.code.as_str() == "MINE"));
                assert_eq!(items.len(), len);
            }
            assert_eq!(said[3], answer(4, string("small")));
        }
    }
}

#[test]
fn lists_that_are_nested_too_deep_are_too_large_and_the_link_lives() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        let nested = |levels: usize| format!("{}:7\r\n", "*1\r\n".repeat(levels));
        client.get(1, "deep");
        client.server(0, nested(128).as_bytes());
        let [Said::Answer { result: Ok(value), .. }] = &client.said()[..] else {
            panic!("128 levels are fine")
        };
        let (mut levels, mut inner) = (0, value);
        while let Value::Array(items) = inner {
            (levels, inner) = (levels + 1, &items[0]);
        }
        assert_eq!((levels, inner), (128, &Value::Integer(7)));
        for levels in [129, 200, 1000, 65_536] {
            client.get(1, "deep");
            client.request(2, 10.0, RequestKind::Transaction(vec![args(&["EVAL"])]));
            client.get(3, "small");
            let exec = format!("+OK\r\n+QUEUED\r\n{}", nested(levels));
            client.server(0, format!("{}{exec}+small\r\n", nested(levels)).as_bytes());
            let said = client.said();
            assert_eq!(failure(&said[..1]), (1, "TOOLARGE".to_owned(), true), "{levels} levels");
            assert_eq!(failure(&said[1..2]), (2, "TOOLARGE".to_owned(), true), "{levels} levels");
            assert_eq!(said[2], answer(3, string("small")), "{levels} levels");
        }
        client.get(1, "no answer of any server");
        client.server(0, nested(65_537).as_bytes());
        assert_eq!(failure(&client.said()[..1]), (1, "DISCONNECTED".to_owned(), true));
        client.expect_close(0);
    }
}

#[test]
fn an_answer_of_many_elements_is_too_large_as_well() {
    let mut client = Client::ready(Resp::Three, &[("max_message_bytes", OptionValue::Number(8.0))]);
    client.get(1, "list");
    client.get(2, "small");
    client.server(0, b"*100000\r\n");
    for _ in 0..100_000 {
        client.server(0, b":1\r\n");
    }
    client.server(0, b"+x\r\n");
    let said = client.said();
    assert_eq!(failure(&said[..1]), (1, "TOOLARGE".to_owned(), true));
    assert_eq!(said[1], answer(2, string("x")));
}

#[test]
fn a_list_of_twenty_million_elements_is_an_answer_like_any_other() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.get(1, "long");
    client.server(0, b"*20000000\r\n:1\r\n%20000000\r\n:2\r\n:3\r\n");
    let said = client.said();
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn the_loss_after_a_reply_beyond_a_limit_names_the_limit() {
    let deep = "*1\r\n".repeat(65_537);
    for (reply, limit) in [
        ("*4294967295\r\n", "(too many elements in one frame at byte "),
        (deep.as_str(), "(nested too deep at byte "),
    ] {
        let mut client = Client::ready(Resp::Three, &[]);
        client.get(1, "endless");
        client.server(0, reply.as_bytes());
        let said = client.said();
        assert_eq!(failure(&said[..1]), (1, "DISCONNECTED".to_owned(), true));
        let is_down = |said: &&Said| matches!(said, Said::Event(Event::Down { .. }));
        let Some(Said::Event(Event::Down { error, .. })) = said.iter().find(is_down) else {
            panic!("{said:?}")
        };
        assert_eq!(error.code.as_str(), "PROTOCOL", "{error}");
        let text = format!("the server sent a reply beyond what this module accepts {limit}");
        assert!(error.message.starts_with(&text), "{error}");
        client.expect_close(0);
    }
}

#[test]
fn a_message_that_is_a_long_line_is_dropped_and_counted() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[("max_message_bytes", OptionValue::Number(8.0))]);
        client.said();
        let long = "x".repeat(2 << 20);
        client.push(&format!(">3\r\n+message\r\n+chat\r\n+{long}\r\n"));
        // Pushes that no server sends as a message are ignored: payloads that are not text.
        client.push(&format!(">3\r\n+message\r\n+chat\r\n-{long}\r\n"));
        client.push(&format!(">3\r\n+message\r\n+chat\r\n{}:1\r\n", "*1\r\n".repeat(200)));
        client.message("chat", "12345678");
        assert_eq!(client.said(), [Said::TooLarge(2 << 20), message(1, "12345678")]);
    }
}

#[test]
fn a_push_of_another_kind_may_be_long_and_deep() {
    let mut client = Client::subscribed(Resp::Three, &[]);
    client.said();
    client.get(1, "small");
    client.push(&format!(">2\r\n+monitor\r\n+{}\r\n", "x".repeat(6 << 20)));
    client.push(&format!(">2\r\n+invalidate\r\n{}:1\r\n", "*1\r\n".repeat(1000)));
    client.push(&format!(">2\r\n+{}\r\n:1\r\n", "x".repeat(6 << 20)));
    client.server(0, b"+small\r\n");
    assert_eq!(client.said(), [answer(1, string("small"))]);
}

/// Redis closes a connection with subscriptions before it sends the first byte of an answer over its limit.
#[test]
fn a_loss_with_a_command_under_way_names_the_limit_on_answers() {
    const LIMIT: &str = "client-output-buffer-limit pubsub";
    type Prepare = fn(&mut Client);
    let cases: [(Resp, bool, Prepare); 7] = [
        (Resp::Three, true, |client| client.get(1, "large")),
        (Resp::Three, true, |client| {
            client.get(1, "large");
            client.server(0, b"$41943040\r\nx");
        }),
        (Resp::Three, true, |client| {
            client.request(1, 10.0, RequestKind::Transaction(vec![args(&["GET", "large"])]));
        }),
        // The commands' own connection has no such limit.
        (Resp::Two, false, |client| client.get(1, "large")),
        // No answer to these is large.
        (Resp::Three, false, |client| client.publish(1, "chat", "hello")),
        (Resp::Three, false, |client| client.request(1, 10.0, RequestKind::Ping)),
        // This one has waited too long for Redis to have cut it: it blocks.
        (Resp::Three, false, |client| {
            client.request(1, 1000.0, RequestKind::Command(args(&["BLPOP", "list", "0"])));
            for _ in 0..14 {
                client.advance(5.0);
                client.server(0, b">1\r\n+x\r\n");
            }
        }),
    ];
    let lose = |mut client: Client| {
        client.said();
        client.lost(0, LinkError::Eof);
        let said = client.said();
        let is_down = |said: &&Said| matches!(said, Said::Event(Event::Down { .. }));
        let Some(Said::Event(Event::Down { error, .. })) = said.iter().find(is_down) else {
            panic!("{said:?}")
        };
        error.message.clone()
    };
    for (at, (resp, named, prepare)) in cases.into_iter().enumerate() {
        let mut client = Client::subscribed(resp, &[]);
        prepare(&mut client);
        client.commands(0);
        let message = lose(client);
        assert_eq!(message.contains(LIMIT), named, "case {at}: {message}");
    }
    // Without a subscription there is no limit, and without a command no reason to name it.
    let mut client = Client::ready(Resp::Three, &[]);
    client.get(1, "large");
    let message = lose(client);
    assert!(!message.contains(LIMIT), "{message}");
    let message = lose(Client::subscribed(Resp::Three, &[]));
    assert!(!message.contains(LIMIT), "{message}");
}
