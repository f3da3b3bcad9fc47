//! How requests, clients and the worker end.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use realtime::model::{Code, Event, ReplyTo, State};

use crate::toy::{Game, Seen};
use crate::{ANSWER, LONG, echo, listener, port, serve};

/// Long enough for a request to be sent, even if the worker has to wait for a processor first.
const SHORT: Duration = Duration::from_secs(2);

/// An answer that comes too late is not the next request's.
#[test]
fn a_request_whose_time_is_up_is_answered_and_its_late_answer_is_nobodys() {
    let listener = listener();
    let (go, wait) = sync_channel(1);
    let server = serve(&listener, move |stream| {
        let mut lines = BufReader::new(&stream).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "PUB a x");
        wait.recv().unwrap();
        (&stream).write_all(b"OK\n").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "PUB b y");
        (&stream).write_all(b"OK\n").unwrap();
    });
    let mut game = Game::start();
    let mut client = game.connect(&port(&listener));
    client.wait_ready();
    game.publish_within(&client, "a", b"x", ReplyTo::Callback(ANSWER), SHORT);
    assert_eq!(client.wait_answer().unwrap_err().code, Code::Timeout);
    game.publish(&client, "b", b"y", ReplyTo::Callback(ANSWER));
    go.send(()).unwrap();
    assert!(client.wait_answer().is_ok());
    server.join().unwrap();
}

#[test]
fn what_was_accepted_is_sent_before_the_worker_ends() {
    const MESSAGES: usize = 1_000;
    let listener = listener();
    let server = serve(&listener, |stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let got = lines.by_ref().take(MESSAGES).map(Result::unwrap).collect::<Vec<_>>();
        (&stream).write_all("OK\n".repeat(MESSAGES).as_bytes()).unwrap();
        (got, lines.next().is_none())
    });
    let mut game = Game::start();
    let mut client = game.connect(&port(&listener));
    for n in 0..MESSAGES {
        game.publish(&client, "log", n.to_string().as_bytes(), ReplyTo::Nobody);
    }
    assert!(game.shutdown(LONG));
    let (got, closed) = server.join().unwrap();
    assert_eq!(got, (0..MESSAGES).map(|n| format!("PUB log {n}")).collect::<Vec<_>>());
    assert!(closed);
    client.wait_for("closed", |seen| (seen == Seen::Event(Event::Closed)).then_some(()));
    assert_eq!(client.consumer.pending(), 0);
}

#[test]
fn the_end_comes_in_time_when_the_server_does_not_answer() {
    let listener = listener();
    let mut game = Game::start();
    let mut client = game.connect(&port(&listener));
    let (_stream, _) = listener.accept().unwrap();
    game.publish(&client, "log", b"x", ReplyTo::Callback(ANSWER));
    let before = Instant::now();
    assert!(game.shutdown(Duration::from_millis(50)));
    assert!(before.elapsed() < LONG);
    assert_eq!(client.wait_answer().unwrap_err().code, Code::Closed);
    assert_eq!(client.wait(), Seen::Event(Event::Closed));
    assert_eq!(client.counters.state(), State::Closed);
}

#[test]
fn a_client_that_panics_ends_alone() {
    let bad = listener();
    let server = serve(&bad, |mut stream| {
        stream.write_all(b"PANIC\n").unwrap();
        // Until the client hangs up.
        let _ = stream.read(&mut [0]);
    });
    let good = listener();
    let echoing = serve(&good, |stream| echo(stream.try_clone().unwrap(), stream));
    let mut game = Game::start();
    let mut fine = game.connect(&port(&good));
    game.subscribe(&fine, "chat", 1);
    fine.wait_ready();
    let mut broken = game.connect(&port(&bad));
    let (caller, answer) = sync_channel(1);
    game.publish(&broken, "chat", b"x", ReplyTo::Caller(caller));
    let error = broken.wait_down();
    assert_eq!(error.code, Code::Closed);
    assert!(error.message.contains("the server told us to panic"), "{error}");
    assert_eq!(broken.wait(), Seen::Event(Event::Closed));
    assert!(answer.recv_timeout(LONG).is_err());
    server.join().unwrap();
    game.publish(&fine, "chat", b"still here", ReplyTo::Nobody);
    assert_eq!(fine.wait_message().1, b"still here");
    assert!(game.shutdown(LONG));
    echoing.join().unwrap();
}
