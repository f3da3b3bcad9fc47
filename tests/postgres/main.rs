//! The PostgreSQL backend through the real worker, against a real server.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod cuts;
mod pooler;
mod refused;
mod standby;
#[path = "../toy/mod.rs"]
mod toy;

use std::time::{Duration, Instant};

use real_postgres::RealPostgres;
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{
    Args, Code, Command, Error, Event, ReplyTo, Request, RequestKind, RequestSlot, Role, Rows,
    SubscriptionSlot, Topic, TopicKind, Value,
};
use toy::{Client, Game, Seen};

const LONG: Duration = Duration::from_secs(60);
const CHAT: SubscriptionSlot = SubscriptionSlot::new(1, 0);
const ANSWER: RequestSlot = RequestSlot::new(3, 0);

fn connect(game: &mut Game, url: &str, pairs: &[(&str, OptionValue)]) -> Client {
    let fast = [("reconnect_max", OptionValue::Number(0.1))];
    let pairs = fast.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let backend =
        configure(Options { url: Some(url.to_owned()), pairs, ..Options::default() }).expect("good options");
    if let Some(tls) = backend.tls() {
        realtime::backend::PrepareTls::prepare_tls(&game.spawner, tls).expect("good certificates");
    }
    game.open(&*backend)
}

/// A server with a certificate of this authority, which lets in who comes by this kind of connection (pg_hba.conf).
#[cfg(feature = "tls")]
fn with_tls(authority: &certificates::Authority, kind: &str) -> RealPostgres {
    let identity = authority.issue(&["127.0.0.1"]);
    RealPostgres::builder()
        .configuration("ssl = on\nssl_cert_file = 'tls.crt'\nssl_key_file = 'tls.key'")
        .hba(&format!("{kind} all all 127.0.0.1/32 trust"))
        .secret("tls.crt", &identity.certificate)
        .secret("tls.key", &identity.key)
        .start()
        .expect("a server")
}

fn request(game: &Game, client: &Client, kind: RequestKind) {
    let ticket = client.consumer.ticket(ReplyTo::Callback(ANSWER), 100).expect("room for a request");
    game.command(client, Command::Request(Request { ticket, deadline: Instant::now() + LONG, kind }));
}

fn args(words: &[&str]) -> Args {
    words.iter().collect()
}

fn ask(game: &Game, client: &mut Client, words: &[&str]) -> Result<Rows, Error> {
    request(game, client, RequestKind::Command(args(words)));
    client.wait_answer().map(|value| match value {
        Value::Rows(rows) => *rows,
        other => panic!("rows, not {other:?}"),
    })
}

fn subscribe(game: &Game, client: &Client, name: &str) {
    let topic = Topic { kind: TopicKind::Channel, name: name.as_bytes().into() };
    game.command(client, Command::Subscribe { topic, slot: CHAT });
}

fn text(text: &str) -> Value {
    Value::String(text.as_bytes().into())
}

fn server() -> Option<RealPostgres> {
    if !real_postgres::is_expected() {
        eprintln!("skipped: no PostgreSQL");
        return None;
    }
    Some(RealPostgres::builder().start().expect("a server"))
}

#[test]
fn messages_statements_and_transactions_in_order() {
    let Some(postgres) = server() else { return };
    let mut game = Game::start();
    let mut client = connect(&mut game, &postgres.url(), &[]);
    subscribe(&game, &client, "chat \"one\"");
    let message = "ž ".repeat(2600) + &"x".repeat(199);
    assert_eq!(message.len(), 7999);
    request(&game, &client, RequestKind::Publish(args(&["chat \"one\"", &message])));
    let (mut got, mut ready) = ((None, None), None);
    while got.0.is_none() || got.1.is_none() || ready.is_none() {
        match client.wait() {
            Seen::Event(Event::Ready(info)) => ready = Some(info),
            Seen::Event(Event::Subscribed(_)) => {}
            Seen::Message(slot, payload) => got.0 = Some((slot, payload)),
            Seen::Answer(_, result) => got.1 = Some(result),
            other => panic!("{other:?}"),
        }
    }
    let ready = ready.expect("ready");
    assert!(ready.first && ready.role == Some(Role::Master));
    assert!(ready.version.is_some_and(|version| version.contains('.')));
    assert_eq!(got, (Some((CHAT, message.into())), Some(Ok(Value::Null))));

    ask(&game, &mut client, &["CREATE TABLE bans (id int8 PRIMARY KEY, name text, at timestamptz)"]).unwrap();
    let inserted =
        ask(&game, &mut client, &["INSERT INTO bans VALUES ($1, $2), (9, NULL)", "7", "bob"]).unwrap();
    assert_eq!((inserted.affected, inserted.values.len()), (Some(2), 0));
    let rows =
        ask(&game, &mut client, &["SELECT id, name, ARRAY[1, NULL] AS list FROM bans ORDER BY id"]).unwrap();
    assert_eq!(rows.columns, [&b"id"[..], b"name", b"list"].map(Box::from));
    let list = || Value::Array(vec![Value::Integer(1), Value::Null]);
    let expected = [Value::Integer(7), text("bob"), list(), Value::Integer(9), Value::Null, list()];
    assert_eq!((rows.affected, &rows.values[..]), (Some(2), &expected[..]));

    let error = ask(&game, &mut client, &["INSERT INTO bans VALUES (7)"]).unwrap_err();
    assert_eq!(error.code, Code::Server("23505".into()), "{error}");

    let all = ["UPDATE bans SET name = 'x' RETURNING id", "SELECT pg_notify('chat \"one\"', 'done')"];
    request(&game, &client, RequestKind::Transaction(all.iter().map(|sql| args(&[sql])).collect()));
    let Ok(Value::Array(results)) = client.wait_for("an answer", answer) else { panic!("an array") };
    let [Value::Rows(first), Value::Rows(_)] = &results[..] else { panic!("{results:?}") };
    assert_eq!(first.values, [Value::Integer(7), Value::Integer(9)]);

    let all = ["DELETE FROM bans", "SELECT 1/0", "SELECT 1"];
    request(&game, &client, RequestKind::Transaction(all.iter().map(|sql| args(&[sql])).collect()));
    let error = client.wait_for("an answer", answer).unwrap_err();
    assert!(error.message.starts_with("statement 2 of 3 failed"), "{error}");
    let count = ask(&game, &mut client, &["SELECT count(*) FROM bans"]).unwrap();
    assert_eq!(count.values, [Value::Integer(2)], "nothing of it was done");

    request(&game, &client, RequestKind::Ping);
    assert!(matches!(client.wait_answer(), Ok(Value::Double(seconds)) if seconds > 0.0));
    game.command(&client, Command::Disconnect { deadline: Instant::now() + LONG });
    client.wait_for("the end", |seen| (seen == Seen::Event(Event::Closed)).then_some(()));
    assert!(game.shutdown(LONG));
}

fn answer(seen: Seen) -> Option<Result<Value, Error>> {
    match seen {
        Seen::Answer(_, result) => Some(result),
        _ => None,
    }
}

#[test]
fn a_server_that_goes_and_comes_back_leaves_a_gap_and_everything_else_as_it_was() {
    let Some(mut postgres) = server() else { return };
    let mut game = Game::start();
    let mut client = connect(&mut game, &postgres.url(), &[]);
    subscribe(&game, &client, "chat");
    client.wait_ready();
    for how in [RealPostgres::stop, RealPostgres::kill] {
        how(&mut postgres);
        let error = client.wait_down();
        assert!(
            matches!(&error.code, Code::Server(code) if &**code == "57P01" || &**code == "57P02"),
            "{error}"
        );
        postgres.start().expect("the server again");
        client.wait_for("the gap", |seen| {
            matches!(seen, Seen::Event(Event::Gap { topics: None, .. })).then_some(())
        });
        client.wait_ready();
        postgres.psql("NOTIFY chat, 'hello'").expect("a message");
        assert_eq!(client.wait_message(), (CHAT, b"hello".to_vec()));
    }
    // An administrator ends the connections.
    postgres
        .psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'realtime'")
        .expect("an end");
    assert_eq!(client.wait_down().code, Code::Server("57P01".into()));
    client.wait_ready();
    assert!(game.shutdown(LONG));
}

#[test]
fn a_server_that_stands_still_is_lost_and_a_slow_statement_is_not() {
    let Some(postgres) = server() else { return };
    let mut game = Game::start();
    // Longer than a server stands still on a busy machine, and together shorter than the statement.
    let pairs = [("ping_interval", OptionValue::Number(1.0)), ("ping_timeout", OptionValue::Number(4.0))];
    let mut client = connect(&mut game, &postgres.url(), &pairs);
    subscribe(&game, &client, "chat");
    client.wait_ready();
    request(&game, &client, RequestKind::Command(args(&["SELECT pg_sleep(7), 1 AS one"])));
    postgres.psql("NOTIFY chat, 'meanwhile'").expect("a message");
    assert_eq!(client.wait(), Seen::Message(CHAT, b"meanwhile".to_vec()), "before the statement's answer");
    let Seen::Answer(_, Ok(Value::Rows(_))) = client.wait() else {
        panic!("the answer, and nothing was lost")
    };
    postgres.signal("STOP").expect("a signal");
    assert!(client.wait_down().message.contains("nothing came"));
    postgres.signal("CONT").expect("a signal");
    client.wait_ready();
    assert!(game.shutdown(LONG));
}

#[test]
fn a_statement_whose_caller_has_given_up_is_ended() {
    let Some(postgres) = server() else { return };
    let mut game = Game::start();
    let mut client = connect(&mut game, &postgres.url(), &[]);
    client.wait_ready();
    for kind in [
        RequestKind::Command(args(&["SELECT pg_sleep(3600)"])),
        RequestKind::Transaction(vec![args(&["SELECT pg_sleep(3600)"])]),
    ] {
        let ticket = client.consumer.ticket(ReplyTo::Callback(ANSWER), 100).expect("room for a request");
        // Long enough to be sent, even if the worker has to wait for a processor first.
        let deadline = Instant::now() + Duration::from_secs(2);
        game.command(&client, Command::Request(Request { ticket, deadline, kind }));
        let Seen::Answer(_, Err(error)) = client.wait() else { panic!("its time is up") };
        assert_eq!((error.code, error.sent), (Code::Timeout, true));
        request(&game, &client, RequestKind::Command(args(&["SELECT 1 AS n"])));
        let answer = client.wait();
        assert!(matches!(&answer, Seen::Answer(_, Ok(Value::Rows(_)))), "on the same connection: {answer:?}");
    }
    assert!(game.shutdown(LONG));
}

#[test]
fn every_login_by_password_is_spoken_and_a_wrong_one_is_named() {
    if !real_postgres::is_expected() {
        return eprintln!("skipped: no PostgreSQL");
    }
    let postgres = RealPostgres::builder()
        .hba("host all scram 127.0.0.1/32 scram-sha-256\nhost all md5 127.0.0.1/32 md5\nhost all plain 127.0.0.1/32 password")
        .sql("SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD 'geheim'")
        .sql("SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD 'geheim'")
        .sql("CREATE ROLE plain LOGIN PASSWORD 'geheim'")
        .start()
        .expect("a server");
    let mut game = Game::start();
    let port = postgres.port();
    for role in ["scram", "md5", "plain"] {
        let mut client =
            connect(&mut game, &format!("postgres://{role}:geheim@127.0.0.1:{port}/postgres"), &[]);
        client.wait_ready();
        let mut client =
            connect(&mut game, &format!("postgres://{role}:secret!@127.0.0.1:{port}/postgres"), &[]);
        let error = client.wait_down();
        assert_eq!(error.code, Code::Server("28P01".into()), "{error}");
        assert!(!error.message.contains("secret!"));
    }
    let mut client = connect(&mut game, &format!("postgres://nobody:x@127.0.0.1:{port}/postgres"), &[]);
    assert!(client.wait_down().message.contains("pg_hba.conf"));
    let mut client = connect(&mut game, &format!("postgres://scram:geheim@127.0.0.1:{port}/nowhere"), &[]);
    assert!(client.wait_down().message.contains("there is no database nowhere"));
    assert!(game.shutdown(LONG));
}

#[test]
fn a_statement_whose_plan_is_stale_is_prepared_anew() {
    let Some(postgres) = server() else { return };
    let mut game = Game::start();
    let mut client = connect(&mut game, &postgres.url(), &[]);
    ask(&game, &mut client, &["CREATE TABLE t AS SELECT 1 AS a"]).unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&game, &mut client, &["SELECT * FROM t"]).unwrap().values, [Value::Integer(1)]);
    }
    let prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT * FROM t'";
    assert_eq!(ask(&game, &mut client, &[prepared]).unwrap().values, [Value::Integer(1)], "it is kept");
    postgres.psql("ALTER TABLE t ALTER a TYPE text").unwrap();
    assert_eq!(ask(&game, &mut client, &["SELECT * FROM t"]).unwrap().values, [text("1")]);
    for _ in 0..3 {
        let error = ask(&game, &mut client, &["SELECT nothing"]).unwrap_err();
        assert_eq!(error.code, Code::Server("42703".into()));
        // A statement that is parsed, and fails: it must not be left on the server each time.
        let error = ask(&game, &mut client, &["SELECT 1 / a::int - 1 / (a::int - 1) FROM t"]).unwrap_err();
        assert_eq!(error.code, Code::Server("22012".into()));
    }
    let prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '% / %'";
    let count = ask(&game, &mut client, &[prepared]).unwrap().values.remove(0);
    assert!(matches!(count, Value::Integer(..=1)), "{count:?}");
    assert!(game.shutdown(LONG));
}

#[test]
fn an_answer_that_is_too_large_is_an_error_and_the_link_lives() {
    let Some(postgres) = server() else { return };
    let mut game = Game::start();
    let pairs = [("max_message_bytes", OptionValue::Number(100_000.0))];
    let mut client = connect(&mut game, &postgres.url(), &pairs);
    for sql in ["SELECT repeat('x', 200000)", "SELECT repeat('x', 1000) FROM generate_series(1, 200)"] {
        assert_eq!(ask(&game, &mut client, &[sql]).unwrap_err().code, Code::TooLarge);
        assert_eq!(ask(&game, &mut client, &["SELECT 1 AS a"]).unwrap().values, [Value::Integer(1)]);
    }
    assert!(game.shutdown(LONG));
}

#[test]
fn a_hundred_thousand_messages_arrive_in_order() {
    let Some(postgres) = server() else { return };
    let mut game = Game::start();
    let mut client = connect(&mut game, &postgres.url(), &[]);
    subscribe(&game, &client, "chat");
    client.wait_ready();
    let sql = "SELECT pg_notify('chat', n::text) FROM generate_series(1, 100000) AS n";
    postgres.psql(&format!("SELECT count(*) FROM ({sql}) AS all_of_them")).unwrap();
    for n in 1..=100_000 {
        assert_eq!(client.wait_message().1, n.to_string().as_bytes());
    }
    assert!(game.shutdown(LONG));
}

#[cfg(feature = "tls")]
#[test]
fn tls_is_as_sslmode_says() {
    if !real_postgres::is_expected() {
        return eprintln!("skipped: no PostgreSQL");
    }
    let authority = certificates::Authority::new("realtime's tests");
    let postgres = with_tls(&authority, "hostssl");
    let mut game = Game::start();
    let ca = |text: &str| ("tls_ca", OptionValue::String(text.as_bytes().to_vec()));
    let connect = |game: &mut Game, mode: &str, pairs: &[(&str, OptionValue)]| {
        connect(game, &format!("{}?sslmode={mode}", postgres.url()), pairs)
    };
    for (mode, pairs) in
        [("verify-full", vec![ca(&authority.certificate)]), ("require", vec![]), ("prefer", vec![])]
    {
        let mut client = connect(&mut game, mode, &pairs);
        let ready = client.wait_for(mode, |seen| match seen {
            Seen::Event(Event::Ready(ready)) => Some(ready),
            _ => None,
        });
        assert_eq!(ready.tls, Some("TLSv1.3"), "{mode}");
    }
    let other = certificates::Authority::new("another");
    let mut client = connect(&mut game, "verify-full", &[ca(&other.certificate)]);
    assert_eq!(client.wait_down().code, Code::Tls);
    let mut client = connect(&mut game, "disable", &[]);
    assert!(client.wait_down().message.contains("pg_hba.conf"));
    // One that lets nobody in who comes by TLS.
    let plain = with_tls(&authority, "hostnossl");
    for (mode, is_let_in) in [("require", false), ("prefer", true)] {
        let mut client = crate::connect(&mut game, &format!("{}?sslmode={mode}", plain.url()), &[]);
        if is_let_in {
            client.wait_ready();
        } else {
            assert!(client.wait_down().message.contains("pg_hba.conf"));
        }
    }
    assert!(game.shutdown(LONG));
}
