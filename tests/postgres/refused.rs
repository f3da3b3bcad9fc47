//! A server that refuses clients: the error says what to change there.

use real_postgres::RealPostgres;
use realtime::model::Code;

use crate::toy::Game;
use crate::{LONG, connect, subscribe};

#[test]
fn a_refused_client_is_told_which_limit_or_rule_it_was() {
    if !real_postgres::is_expected() {
        return eprintln!("skipped: no PostgreSQL");
    }
    let postgres = RealPostgres::builder()
        .hba("hostssl all safe 127.0.0.1/32 trust\nhost all free,limited,nobody 127.0.0.1/32 trust")
        .sql("CREATE ROLE safe LOGIN")
        .sql("CREATE ROLE nobody")
        .sql("CREATE ROLE limited LOGIN CONNECTION LIMIT 0")
        .sql("CREATE ROLE free LOGIN")
        .sql("CREATE DATABASE small CONNECTION LIMIT 0")
        .start()
        .expect("a server");
    let mut game = Game::start();
    let url = |place: &str| {
        let (user, database) = place.split_once('@').expect("user and database");
        format!("postgres://{user}:@127.0.0.1:{}/{database}?sslmode=disable", postgres.port())
    };
    let refused = [
        (
            "safe@postgres",
            "28000",
            "the role safe in from here without TLS: see pg_hba.conf, whose hostssl lines",
        ),
        ("nobody@postgres", "28000", "ALTER ROLE nobody LOGIN"),
        ("limited@postgres", "53300", "ALTER ROLE limited CONNECTION LIMIT"),
        ("free@small", "53300", "ALTER DATABASE small CONNECTION LIMIT"),
    ];
    for (place, code, words) in refused {
        let error = connect(&mut game, &url(place), &[]).wait_down();
        assert_eq!(error.code, Code::Server(code.into()), "{place}: {error}");
        assert!(error.message.contains(words), "{place}: {error}");
        assert!(!error.message.contains("max_connections"), "{place}: {error}");
    }
    assert!(game.shutdown(LONG));
}

#[test]
fn a_server_that_is_full_is_told_apart_from_a_role_at_its_limit() {
    if !real_postgres::is_expected() {
        return eprintln!("skipped: no PostgreSQL");
    }
    // Three of the four connections are for superusers, and a client with a subscription needs two.
    let postgres = RealPostgres::builder()
        .configuration("max_connections = 4\nmax_wal_senders = 0")
        .sql("CREATE ROLE free LOGIN")
        .start()
        .expect("a server");
    let mut game = Game::start();
    let url = format!("postgres://free:@127.0.0.1:{}/postgres", postgres.port());
    let mut client = connect(&mut game, &url, &[]);
    subscribe(&game, &client, "chat");
    let error = client.wait_down();
    assert_eq!(error.code, Code::Server("53300".into()), "{error}");
    assert!(error.message.contains("raise max_connections"), "{error}");
    assert!(game.shutdown(LONG));
}
