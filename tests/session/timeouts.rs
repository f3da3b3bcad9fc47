//! Requests that time out: before they are sent, in flight, and after others.

use realtime::backend::OptionValue;
use realtime::model::{Event, RequestKind, Room};

use crate::client::{BOTH, Client, Resp, args};
use crate::sink::{Said, answer, failure, string};

#[test]
fn a_command_that_times_out_unsent_is_never_sent() {
    for resp in BOTH {
        // Offline.
        let mut client = Client::new("redis://server", &[]);
        client.request(1, 3.0, RequestKind::Command(args(&["GET", "a"])));
        client.request(2, 4.5, RequestKind::Command(args(&["GET", "b"])));
        client.advance(3.5);
        assert_eq!(failure(&client.said()), (1, "TIMEOUT".to_owned(), false));
        client.handshake(resp);
        client.said();
        assert_eq!(client.commands(0), ["GET b"]);
        // Encoded, but not transmitted: cut out between its neighbours, one of which is on its way.
        client.server(0, b"+b\r\n");
        client.said();
        client.set_writable(0, 5);
        client.get(3, "c");
        client.request(4, 1.0, RequestKind::Command(args(&["GET", "d"])));
        client.get(5, "e");
        client.request(6, 1.0, RequestKind::Command(args(&["GET", "f"])));
        client.get(7, "g");
        client.advance(1.5);
        let said = client.said();
        assert_eq!(failure(&said[..1]), (4, "TIMEOUT".to_owned(), false));
        assert_eq!(failure(&said[1..]), (6, "TIMEOUT".to_owned(), false));
        client.set_writable(0, usize::MAX);
        assert_eq!(client.commands(0), ["GET c", "GET e", "GET g"]);
        client.server(0, b"+c\r\n+e\r\n+g\r\n");
        assert_eq!(client.said(), [answer(3, string("c")), answer(5, string("e")), answer(7, string("g"))]);
    }
}

#[test]
fn a_command_whose_time_is_up_is_not_sent_though_no_timer_fired_yet() {
    let mut client = Client::new("redis://server", &[]);
    client.request(1, 3.0, RequestKind::Command(args(&["GET", "a"])));
    client.connected(0);
    client.driver.now += std::time::Duration::from_secs(4);
    client.hello(Resp::Three);
    assert_eq!(client.commands(0), Vec::<String>::new());
    client.said();
    client.advance(0.0);
    assert_eq!(failure(&client.said()), (1, "TIMEOUT".to_owned(), false));
}

#[test]
fn a_late_answer_finds_nobody_and_shifts_nothing() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.request(1, 1.0, RequestKind::Command(args(&["GET", "slow"])));
        let slow = RequestKind::Transaction(vec![args(&["GET", "a"]), args(&["GET", "b"])]);
        client.request(2, 1.0, slow);
        client.get(3, "quick");
        client.advance(1.5);
        let said = client.said();
        assert_eq!(failure(&said[..1]), (1, "TIMEOUT".to_owned(), true));
        assert_eq!(failure(&said[1..]), (2, "TIMEOUT".to_owned(), true));
        client.server(0, b"+slow\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+a\r\n+b\r\n+quick\r\n");
        assert_eq!(client.said(), [answer(3, string("quick"))]);
    }
}

#[test]
fn a_server_that_sends_but_answers_no_more_is_left_before_what_it_owes_passes_max_pending() {
    let mut client = Client::ready(Resp::Three, &[("max_pending", OptionValue::Number(3.0))]);
    client.subscribe("chat", 1);
    client.confirm("subscribe", "chat");
    client.fence(1);
    client.said();
    for id in 1..=4 {
        client.request(id, 1.0, RequestKind::Command(args(&["GET", "a"])));
        // Alive by every other measure.
        client.message("chat", "x");
        client.said();
        client.advance(1.5);
        let said = client.said();
        assert_eq!(failure(&said[..1]), (id, "TIMEOUT".to_owned(), true));
        if id <= 3 {
            assert_eq!(said.len(), 1, "{said:?}");
            continue;
        }
        let [_, Said::Event(Event::Down { error, .. })] = &said[..] else { panic!("{said:?}") };
        assert_eq!(error.code.as_str(), "DISCONNECTED");
        assert!(error.message.contains("4 commands without an answer"), "{error}");
        client.expect_close(0);
    }
}

#[test]
fn a_timeout_says_if_it_was_us_who_read_nothing() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.subscribe("chat", 1);
    client.confirm("subscribe", "chat");
    client.fence(1);
    client.said();
    client.driver.queue.full = Some(Room::Messages);
    client.push(">3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n$1\r\nx\r\n");
    client.said();
    client.request(1, 1.0, RequestKind::Command(args(&["GET", "a"])));
    client.advance(1.5);
    let said = client.said();
    let [Said::Answer { result: Err(error), .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(error.code.as_str(), "TIMEOUT");
    assert!(error.message.contains("queue to the callbacks is full"), "{error}");
}

#[test]
fn a_half_written_command_counts_as_sent() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.set_writable(0, 1);
    client.request(1, 1.0, RequestKind::Command(args(&["GET", "a"])));
    client.advance(1.5);
    assert_eq!(failure(&client.said()), (1, "TIMEOUT".to_owned(), true));
    client.set_writable(0, usize::MAX);
    assert_eq!(client.commands(0), ["GET a"], "what has begun is finished, or the stream is broken");
}
