//! The worker over real sockets, with a backend that it does not know.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is a failed test")]

mod ending;
#[path = "../toy/mod.rs"]
mod toy;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use realtime::backend::OptionValue;
use realtime::model::{Code, Event, READ_BYTES, ReplyTo, RequestSlot, State, SubscriptionSlot, Value};
use socket2::{Domain, Socket, Type};
use toy::{Game, Seen, eventually};

const LONG: Duration = Duration::from_secs(60);
const ANSWER: RequestSlot = RequestSlot::new(99, 0);

fn text(value: &str) -> OptionValue {
    OptionValue::String(value.into())
}

fn port(listener: &TcpListener) -> [(&'static str, OptionValue); 1] {
    [("port", OptionValue::Number(listener.local_addr().unwrap().port().into()))]
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A port at which nothing listens, for as long as this exists: a port that is merely free might be taken.
fn closed_port() -> (Socket, [(&'static str, OptionValue); 1]) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, [("port", OptionValue::Number(port.into()))])
}

/// Serves one connection on a separate thread.
fn serve<T: Send + 'static>(
    listener: &TcpListener,
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> JoinHandle<T> {
    let listener = listener.try_clone().unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0))
}

/// Answers OK to each PUB and sends it back as a MSG, until the client disconnects.
fn echo(stream: impl Read, mut back: impl Write) {
    for line in BufReader::new(stream).split(b'\n') {
        let Ok(line) = line else { return };
        if let Some(message) = line.strip_prefix(b"PUB ") {
            let _ = back.write_all(&[b"MSG ", message, b"\nOK\n"].concat());
        }
    }
}

fn talk(mut game: Game, mut client: toy::Client) {
    game.subscribe(&client, "chat", 5);
    game.publish(&client, "chat", b"hello \xff", ReplyTo::Callback(ANSWER));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(client.wait());
    }
    assert!(matches!(&seen[0], Seen::Event(Event::Ready(ready)) if ready.first));
    assert_eq!(seen[1], Seen::Message(SubscriptionSlot::new(5, 0), b"hello \xff".into()));
    assert_eq!(seen[2], Seen::Answer(ANSWER, Ok(Value::Boolean(true))));
    assert_eq!(client.counters.bytes_out.load(Ordering::Relaxed), 9 + 17);
    assert_eq!(client.counters.bytes_in.load(Ordering::Relaxed), 17 + 3);
    assert!(game.shutdown(LONG));
    assert_eq!(client.wait(), Seen::Event(Event::Closed));
}

#[test]
fn a_backend_of_its_own_over_tcp() {
    let listener = listener();
    let server = serve(&listener, |stream| echo(stream.try_clone().unwrap(), stream));
    let mut game = Game::start();
    let client = game.connect(&port(&listener));
    talk(game, client);
    server.join().unwrap();
}

#[test]
fn a_host_by_name() {
    let listener = listener();
    let server = serve(&listener, |stream| echo(stream.try_clone().unwrap(), stream));
    let mut game = Game::start();
    let [port] = port(&listener);
    let client = game.connect(&[("host", text("localhost")), port]);
    talk(game, client);
    server.join().unwrap();
}

#[cfg(unix)]
#[test]
fn a_backend_of_its_own_over_a_unix_socket() {
    let folder = std::env::temp_dir().join(format!("realtime-worker-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        echo(stream.try_clone().unwrap(), stream);
    });
    let mut game = Game::start();
    let client = game.connect(&[("path", text(path.to_str().unwrap()))]);
    talk(game, client);
    server.join().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn options_are_the_backends_own() {
    let unknown = realtime::backend::Options {
        pairs: vec![("db".into(), OptionValue::Number(0.0))],
        ..Default::default()
    };
    assert!((toy::SCHEME.configure)(unknown).is_err());
}

#[test]
fn fifty_thousand_messages_arrive_in_order_through_a_queue_of_sixty_four() {
    const MESSAGES: usize = 50_000;
    // One read may exceed the limit.
    const MOST: usize = 64 + READ_BYTES / "MSG flood 0\n".len();
    let listener = listener();
    let server = serve(&listener, |mut stream| {
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "SUB flood\n");
        let flood: String = (0..MESSAGES).map(|n| format!("MSG flood {n}\n")).collect();
        stream.write_all(flood.as_bytes()).unwrap();
    });
    let mut game = Game::start();
    let [port] = port(&listener);
    let queue = ("queue_events", OptionValue::Number(64.0));
    let mut client = game.connect(&[port, queue, ("pause", OptionValue::Boolean(true))]);
    game.subscribe(&client, "flood", 1);
    client.wait_ready();
    for expected in 0..MESSAGES {
        assert_eq!(client.wait(), Seen::Message(SubscriptionSlot::new(1, 0), expected.to_string().into()));
        assert!(client.consumer.queued().0 <= MOST);
    }
    server.join().unwrap();
    // The end of the connection came after the messages, and is reported after them.
    assert_eq!(client.wait_down().code, Code::Disconnected);
    assert_eq!(client.dropped(), 0);
}

#[test]
fn a_full_queue_holds_up_its_own_client_alone() {
    let flooded = listener();
    let flood = serve(&flooded, |mut stream| {
        let mut sent = 0_usize;
        // Ends when the client goes.
        while stream.write_all(b"MSG flood x\n").is_ok() {
            sent += 1;
        }
        sent
    });
    let quiet = listener();
    let server = serve(&quiet, |stream| echo(stream.try_clone().unwrap(), stream));
    let mut game = Game::start();
    let [to_flood] = port(&flooded);
    let queue = ("queue_events", OptionValue::Number(10.0));
    let paused = game.connect(&[to_flood, queue, ("pause", OptionValue::Boolean(true))]);
    game.subscribe(&paused, "flood", 1);
    let mut flowing = game.connect(&port(&quiet));
    game.subscribe(&flowing, "chat", 2);
    eventually("a full queue", || (paused.consumer.queued().0 >= 10).then_some(()));
    for n in 0..100 {
        game.publish(&flowing, "chat", n.to_string().as_bytes(), ReplyTo::Nobody);
        assert_eq!(flowing.wait_message().1, n.to_string().as_bytes());
    }
    // Full, plus the excess of one read.
    assert!(paused.consumer.queued().0 < 10 + READ_BYTES / "MSG flood x\n".len());
    assert!(game.shutdown(Duration::from_millis(100)));
    assert!(flood.join().unwrap() > 10);
    server.join().unwrap();
}

#[test]
fn a_slow_reader_gets_everything_in_the_end() {
    const MESSAGES: usize = 200;
    let listener = listener();
    let (go, wait) = sync_channel::<()>(0);
    let server = serve(&listener, move |mut stream| {
        wait.recv().unwrap();
        let mut all: Vec<u8> = Vec::new();
        let mut piece = [0; 1000];
        while all.len() < MESSAGES * (9 + 100_000) {
            let n = stream.read(&mut piece).unwrap();
            all.extend(&piece[..n]);
        }
        stream.write_all("OK\n".repeat(MESSAGES).as_bytes()).unwrap();
        all
    });
    let mut game = Game::start();
    let mut client = game.connect(&port(&listener));
    client.wait_ready();
    for n in 0..MESSAGES {
        let text = vec![b'a' + u8::try_from(n % 26).unwrap(); 100_000];
        game.publish(&client, "big", &text, ReplyTo::Callback(ANSWER));
    }
    // More than the system buffers for a socket: writing has to continue when it can.
    eventually("some bytes on the way", || {
        (client.counters.bytes_out.load(Ordering::Relaxed) > 0).then_some(())
    });
    go.send(()).unwrap();
    for _ in 0..MESSAGES {
        assert!(client.wait_answer().is_ok());
    }
    let expected: Vec<u8> = (0..MESSAGES)
        .flat_map(|n| {
            [&b"PUB big "[..], &vec![b'a' + u8::try_from(n % 26).unwrap(); 100_000], b"\n"].concat()
        })
        .collect();
    assert!(server.join().unwrap() == expected);
}

#[test]
fn refused_and_unresolvable_peers_are_told_as_such() {
    let mut game = Game::start();
    let (_closed, refused) = closed_port();
    let mut client = game.connect(&refused);
    let error = client.wait_down();
    assert_eq!(error.code, Code::Refused);
    assert!(error.message.contains("127.0.0.1"), "{error}");
    assert_eq!(client.wait_down().code, Code::Refused, "it is tried again");

    // Too long for a name, so that no resolver asks the network for it.
    let name = format!("{}.invalid", "x".repeat(64));
    let mut client = game.connect(&[("host", text(&name)), ("port", OptionValue::Number(1.0))]);
    let error = client.wait_down();
    assert_eq!(error.code, Code::Resolve);
    assert!(error.message.contains(&name), "{error}");

    let mut client = game.connect(&[("path", text("/nonexistent/realtime/socket"))]);
    let error = client.wait_down();
    assert_eq!(error.code, Code::Refused);
    assert!(error.message.contains("/nonexistent/realtime/socket"), "{error}");
}

#[test]
fn a_server_that_comes_later_is_found_and_one_that_goes_is_missed() {
    let (socket, port) = closed_port();
    let mut game = Game::start();
    let mut client = game.connect(&port);
    assert_eq!(client.wait_down().code, Code::Refused);
    socket.listen(1).unwrap();
    let listener = TcpListener::from(socket);
    drop(listener.accept().unwrap());
    client.wait_ready();
    assert_eq!(client.wait_down().code, Code::Disconnected);
    let _second = listener.accept().unwrap();
    client.wait_ready();
    assert_eq!(client.counters.state(), State::Ready);
}

#[test]
fn a_server_that_stands_still_is_left_and_the_gap_is_told_before_the_next_message() {
    let listener = listener();
    let server = {
        let listener = listener.try_clone().unwrap();
        // Sends each connection one message, and is silent then, until the client hangs up.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                if stream.read_line(&mut String::new()).unwrap_or(0) == 0 {
                    return;
                }
                let _ = stream.get_mut().write_all(b"MSG chat hello\n");
                let _ = stream.read_to_end(&mut Vec::new());
            }
        })
    };
    let mut game = Game::start();
    let [port_option] = port(&listener);
    let mut client = game.connect(&[port_option, ("silence", OptionValue::Number(1.0))]);
    game.subscribe(&client, "chat", 1);
    assert_eq!(client.wait_message().1, b"hello");
    let error = client.wait_down();
    assert!(error.message.contains("nothing came for"), "{error}");
    let gap = client.wait_for("a gap", |seen| match seen {
        Seen::Event(Event::Gap { error, .. }) => Some(error),
        Seen::Message(..) => panic!("a message before the gap"),
        _ => None,
    });
    assert_eq!(gap, error);
    assert!(game.shutdown(LONG));
    drop(TcpStream::connect(listener.local_addr().unwrap()));
    server.join().unwrap();
}

#[test]
fn what_the_server_said_before_it_hung_up_is_heard() {
    let listener = listener();
    let server = serve(&listener, |mut stream| {
        // A message before its subscription would be discarded.
        stream.read_exact(&mut [0; b"SUB chat\n".len()]).unwrap();
        stream.write_all(b"MSG chat goodbye\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Whatever the client sends is refused from here on.
    });
    let mut game = Game::start();
    let mut client = game.connect(&port(&listener));
    game.subscribe(&client, "chat", 1);
    assert_eq!(client.wait_message().1, b"goodbye");
    assert_eq!(client.wait_down().code, Code::Disconnected);
    server.join().unwrap();
}

#[test]
fn a_thousand_publishes_in_a_tick_wake_the_worker_at_most_twenty_times() {
    // The server does not answer, so all publishes of a game wait: each tick has a game of its own.
    let with_game = |work: &dyn Fn(&Game, &toy::Client) -> bool| {
        let listener = listener();
        let server = serve(&listener, |mut stream| std::io::copy(&mut stream, &mut std::io::sink()));
        let mut game = Game::start();
        let mut client = game.connect(&port(&listener));
        client.wait_ready();
        let outcome = work(&game, &client).then_some(());
        // It waits that long for the answers that do not come.
        assert!(game.shutdown(Duration::from_millis(100)));
        server.join().unwrap().unwrap();
        outcome
    };
    // The machine may take the time from either thread in the middle: one undisturbed tick shows it.
    let tick = |game: &Game, client: &toy::Client| {
        let before = game.spawner.wakes();
        for _ in 0..1_000 {
            game.publish(client, "chat", b"x", ReplyTo::Nobody);
            // A slow pause between two calls of Lua.
            let began = Instant::now();
            while began.elapsed() < Duration::from_micros(25) {}
        }
        game.spawner.wakes() - before <= 20
    };
    eventually("a tick with at most twenty wake-ups", || with_game(&tick));
    // A worker that was never found asleep needed none: it does sleep, and is woken.
    let some = |game: &Game, client: &toy::Client| {
        let before = game.spawner.wakes();
        (0..100).any(|_| {
            // In time it falls asleep between two of them.
            thread::sleep(Duration::from_millis(1));
            game.publish(client, "chat", b"x", ReplyTo::Nobody);
            game.spawner.wakes() > before
        })
    };
    eventually("a wake-up", || with_game(&some));
}
