//! Requests and their one answer.

use realtime::backend::{LinkError, OptionValue};
use realtime::model::{Event, RequestKind, Value};

use crate::client::{BOTH, Client, Resp, args, every_cut};
use crate::sink::{Said, answer, failure, message, string};

#[test]
fn answers_come_in_order_however_reads_are_cut() {
    for resp in BOTH {
        every_cut(
            |client| {
                client.publish(1, "chat", "hello");
                client.get(2, "key");
                client.get(3, "missing");
                client.get(4, "list");
                assert_eq!(client.commands(0), ["PUBLISH chat hello", "GET key", "GET missing", "GET list"]);
                client.server(0, b":2\r\n$5\r\na\r\n\0b\r\n$-1\r\n-WRONGTYPE Operation against a key\r\n");
                let said = client.said();
                assert_eq!(
                    said[..3],
                    [answer(1, Value::Integer(2)), answer(2, string("a\r\n\0b")), answer(3, Value::Null),]
                );
                assert_eq!(failure(&said[3..]), (4, "WRONGTYPE".to_owned(), true));
                assert_eq!(client.driver.queue.about, [("GET".to_owned(), None)]);
            },
            || Client::ready(resp, &[]),
        );
    }
}

#[test]
fn every_type_of_answer() {
    let nested = b"*8\r\n+simple\r\n:7\r\n,1.5\r\n#t\r\n_\r\n(123456789012345678901\r\n=7\r\ntxt:abc\r\n!5\r\nERR x\r\n";
    let mut client = Client::ready(Resp::Three, &[]);
    client.get(1, "x");
    client.server(0, b"|1\r\n+ttl\r\n:3600\r\n");
    client.server(0, nested);
    let said = client.said();
    let [Said::Answer { id: 1, result: Ok(Value::Array(items)) }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(
        items[..7],
        [
            string("simple"),
            Value::Integer(7),
            Value::Double(1.5),
            Value::Boolean(true),
            Value::Null,
            string("123456789012345678901"),
            string("abc"),
        ]
    );
    let Value::Error(error) = &items[7] else { panic!("{items:?}") };
    assert_eq!(error.to_string(), "ERR: x");
    client.get(2, "x");
    client.server(0, b"%2\r\n_\r\n:1\r\n~1\r\n+a\r\n*0\r\n");
    let pairs =
        vec![(Value::Null, Value::Integer(1)), (Value::Array(vec![string("a")]), Value::Array(Vec::new()))];
    assert_eq!(client.said(), [answer(2, Value::Map(pairs))]);
}

#[test]
fn an_array_that_looks_like_a_message_is_an_answer() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        client.said();
        client.get(1, "x");
        client.server(0, b"*3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n$2\r\nhi\r\n");
        let items = vec![string("message"), string("chat"), string("hi")];
        assert_eq!(client.said(), [answer(1, Value::Array(items))]);
    }
}

#[test]
fn pushes_answer_nothing() {
    every_cut(
        |client| {
            client.get(1, "x");
            // A message without a payload, kinds unknown, pushes of no and of one element.
            client.server(
                0,
                b">2\r\n$10\r\ninvalidate\r\n*1\r\n+k\r\n>0\r\n>1\r\n+message\r\n>2\r\n+message\r\n+chat\r\n",
            );
            client.server(0, b">3\r\n+pmessage\r\n+chat\r\n+chat\r\n>1\r\n:5\r\n>3\r\n*0\r\n_\r\n_\r\n");
            assert_eq!(client.said(), []);
            // Inside of an answer, between two of its elements.
            client.server(0, b"*2\r\n+a\r\n>3\r\n+message\r\n+chat\r\n+hi\r\n+b\r\n");
            assert_eq!(
                client.said(),
                [message(1, "hi"), answer(1, Value::Array(vec![string("a"), string("b")]))]
            );
        },
        || {
            let mut client = Client::ready(Resp::Three, &[]);
            client.subscribe("chat", 1);
            client.confirm("subscribe", "chat");
            client.fence(1);
            client.said();
            client
        },
    );
}

#[test]
fn a_publish_behind_a_subscribe_waits_for_its_confirmation() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.get(1, "before");
        client.subscribe("chat", 1);
        client.publish(2, "chat", "hello");
        client.get(3, "after");
        client.subscriber_up();
        let link = client.subscriber;
        let (mut all, subscriptions) = (client.commands(0), client.commands(link));
        all.extend(subscriptions);
        assert_eq!(all, ["GET before", "SUBSCRIBE chat", "PING realtime:1"]);
        client.server(0, b"+x\r\n");
        client.confirm("subscribe", "chat");
        assert_eq!(client.commands(0), ["PUBLISH chat hello", "GET after"]);
    }
}

#[test]
fn a_publish_behind_a_refused_subscribe_goes_out() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.subscribe("secret", 1);
        client.publish(2, "chat", "hello");
        client.subscriber_up();
        client.commands(client.subscriber);
        client.server(client.subscriber, b"-NOPERM no\r\n");
        assert_eq!(client.commands(0), ["PUBLISH chat hello"]);
    }
}

#[test]
fn what_is_asked_offline_goes_out_behind_the_subscriptions() {
    for resp in BOTH {
        let mut client = Client::new("redis://server", &[]);
        client.subscribe("chat", 1);
        client.publish(1, "chat", "hello");
        client.handshake(resp);
        client.subscriber_up();
        client.commands(client.subscriber);
        assert_eq!(client.commands(0), Vec::<String>::new());
        client.confirm("subscribe", "chat");
        assert_eq!(client.commands(0), ["PUBLISH chat hello"]);
    }
}

#[test]
fn a_lost_link_answers_what_was_sent_and_keeps_the_rest() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.get(1, "sent");
        client.set_writable(0, 3);
        client.get(2, "half");
        client.get(3, "unsent");
        client.get(4, "last");
        client.lost(0, LinkError::Eof);
        let said = client.said();
        assert_eq!(failure(&said[..1]), (1, "DISCONNECTED".to_owned(), true));
        assert_eq!(failure(&said[1..2]), (2, "DISCONNECTED".to_owned(), true));
        assert!(matches!(said[2..], [Said::Event(Event::Down { .. })]), "{said:?}");
        client.set_writable(0, usize::MAX);
        client.reconnect(0);
        client.hello(resp);
        assert_eq!(client.commands(0), ["GET unsent", "GET last"]);
    }
}

#[test]
fn a_transaction_in_one_piece() {
    for resp in BOTH {
        every_cut(
            |client| {
                client.get(1, "before");
                let kind = RequestKind::Transaction(vec![args(&["INCR", "a"]), args(&["LPOP", "a"])]);
                client.request(2, 10.0, kind);
                client.get(3, "after");
                assert_eq!(
                    client.commands(0),
                    ["GET before", "MULTI", "INCR a", "LPOP a", "EXEC", "GET after"]
                );
                client.server(0, b"+x\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n-WRONGTYPE no\r\n+y\r\n");
                let said = client.said();
                let Said::Answer { id: 2, result: Ok(Value::Array(items)) } = &said[1] else {
                    panic!("{said:?}")
                };
                assert_eq!(items[0], Value::Integer(1));
                assert!(matches!(&items[1], Value::Error(error) if error.code.as_str() == "WRONGTYPE"));
                assert_eq!(said[2], answer(3, string("y")));
            },
            || Client::ready(resp, &[]),
        );
    }
}

/// The transaction stays open on the server then, which queues whatever follows.
#[test]
fn an_exec_that_ends_no_transaction_costs_the_connection() {
    for (answer, code, words) in [
        (&b"-BUSY Redis is busy running a script.\r\n"[..], "BUSY", "nothing was run"),
        (b"-NOPERM this user has no permissions to run the 'exec' command\r\n", "NOPERM", "nothing was run"),
        (b"-ERR unknown command 'EXEC'\r\n", "ERR", "nothing was run"),
        (b"-ERR upstream failure\r\n", "ERR", "may have run"),
        (b"+QUEUED\r\n", "PROTOCOL", "may have run"),
    ] {
        // The second transaction is given up before its answers come.
        for (seconds, abandoned) in [(10.0, false), (1.0, true)] {
            let mut client = Client::ready(Resp::Three, &[]);
            client.request(1, seconds, RequestKind::Transaction(vec![args(&["INCR", "a"])]));
            client.publish(2, "chat", "behind");
            client.advance(2.0);
            client.server(0, b"+OK\r\n+QUEUED\r\n");
            client.server(0, answer);
            let said = client.said();
            let [Said::Answer { id: 1, result: Err(own) }, rest @ ..] = &said[..] else { panic!("{said:?}") };
            if abandoned {
                assert_eq!(own.code.as_str(), "TIMEOUT");
            } else {
                assert_eq!((own.code.as_str(), own.sent), (code, true));
                assert!(own.message.contains(words), "{own}");
            }
            let [behind @ Said::Answer { .. }, Said::Event(Event::Down { error, .. })] = rest else {
                panic!("{said:?}")
            };
            assert_eq!(failure(std::slice::from_ref(behind)), (2, "DISCONNECTED".to_owned(), true));
            assert!(error.message.contains("EXEC"), "{error}");
            client.expect_close(0);
        }
    }
}

#[test]
fn an_exec_that_ends_the_transaction_keeps_the_connection() {
    for (answer, code) in [
        (&b"-EXECABORT Transaction discarded\r\n"[..], Some("EXECABORT")),
        (b"-ERR EXEC without MULTI\r\n", Some("ERR")),
        (b"_\r\n", None),
        (b"*-1\r\n", None),
        (b"*1\r\n$30\r\nmore than max_message_bytes...\r\n", Some("TOOLARGE")),
    ] {
        let mut client = Client::ready(Resp::Three, &[("max_message_bytes", OptionValue::Number(20.0))]);
        client.request(1, 10.0, RequestKind::Transaction(vec![args(&["INCR", "a"])]));
        client.publish(2, "chat", "behind");
        client.server(0, &[b"+OK\r\n+QUEUED\r\n", answer, b":3\r\n"].concat());
        let said = client.said();
        let [Said::Answer { id: 1, result }, behind] = &said[..] else { panic!("{said:?}") };
        assert_eq!(result.as_ref().err().map(|error| error.code.as_str()), code);
        assert_eq!(*behind, Said::Answer { id: 2, result: Ok(Value::Integer(3)) });
    }
}

#[test]
fn a_transaction_refused() {
    let mut client = Client::ready(Resp::Three, &[]);
    let kind = || RequestKind::Transaction(vec![args(&["NOPE"]), args(&["GET", "a"])]);
    client.request(1, 10.0, kind());
    client
        .server(0, b"+OK\r\n-ERR unknown command 'NOPE'\r\n+QUEUED\r\n-EXECABORT Transaction discarded\r\n");
    let said = client.said();
    assert_eq!(failure(&said), (1, "EXECABORT".to_owned(), true));
    let [Said::Answer { result: Err(error), .. }] = &said[..] else { panic!() };
    assert!(error.message.contains("unknown command 'NOPE'"), "{error}");
    // MULTI itself refused: the commands ran one by one, and the error says so.
    client.request(2, 10.0, kind());
    client.server(0, b"-NOPERM no multi\r\n-ERR unknown command 'NOPE'\r\n+a\r\n-ERR EXEC without MULTI\r\n");
    let said = client.said();
    assert_eq!(failure(&said), (2, "NOPERM".to_owned(), true));
    let [Said::Answer { result: Err(error), .. }] = &said[..] else { panic!() };
    assert!(error.message.contains("one by one"), "{error}");
    // Broken off in the middle.
    client.request(3, 10.0, kind());
    client.server(0, b"+OK\r\n+QUEUED\r\n");
    client.lost(0, LinkError::Eof);
    assert_eq!(failure(&client.said()[..1]), (3, "DISCONNECTED".to_owned(), true));
}

#[test]
fn a_ping_measures_the_round_trip() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.request(1, 10.0, RequestKind::Ping);
        assert_eq!(client.commands(0), ["PING"]);
        client.advance(0.25);
        client.server(0, b"+PONG\r\n");
        assert_eq!(client.said(), [answer(1, Value::Double(0.25))]);
        assert_eq!(client.round_trip(), 250_000_000);
    }
}

#[test]
fn commands_no_line_can_be_made_of_are_refused_rather_than_lost() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.request(1, 10.0, RequestKind::Command(args(&[])));
    client.request(2, 10.0, RequestKind::Transaction(vec![args(&["GET", "a"]), args(&[])]));
    client.request(3, 10.0, RequestKind::Publish(args(&["chat"])));
    let said = client.said();
    for (n, said) in said.iter().enumerate() {
        let (id, code, sent) = failure(std::slice::from_ref(said));
        assert_eq!((id as usize, code.as_str(), sent), (n + 1, "UNSUPPORTED", false));
    }
    assert_eq!(said.len(), 3);
    assert_eq!(client.commands(0), Vec::<String>::new());
}

#[test]
fn a_slow_link_is_not_filled_beyond_its_mark() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.set_writable(0, 0);
    let payload = "x".repeat(10_000);
    for id in 0..100 {
        client.publish(id, "chat", &payload);
    }
    let waiting = client.driver.session.poll_transmit(realtime::model::LinkId(0), client.driver.now).len();
    assert!((256 << 10..280 << 10).contains(&waiting), "{waiting} bytes are encoded");
    client.set_writable(0, usize::MAX);
    assert_eq!(client.commands(0).len(), 100, "more is encoded as it drains");
}

#[test]
fn publishing_is_counted() {
    use std::sync::atomic::Ordering::Relaxed;
    let mut client = Client::ready(Resp::Three, &[]);
    client.publish(1, "chat", "hello");
    client.publish(2, "chat", "hello");
    client.get(3, "x");
    client.server(0, b":1\r\n-NOPERM no\r\n+x\r\n");
    assert_eq!(client.counters.published.load(Relaxed), 1);
    assert_eq!(client.driver.queue.about, [("PUBLISH".to_owned(), Some("chat".to_owned()))]);
}
