//! Servers and clients that refuse each other: which limit, which rule, which key.

use real_postgres::RealPostgres;
#[cfg(feature = "tls")]
use realtime::backend::OptionValue;
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

/// The command of docs/postgres.md for this server, and the digits that it prints.
#[cfg(feature = "tls")]
fn pin_as_on_the_page(postgres: &RealPostgres) -> String {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/postgres.md")).expect("the page");
    let command = page.lines().find(|line| line.starts_with("openssl s_client ")).expect("the command");
    let command = command.replace(":5432 ", &format!(":{} ", postgres.port()));
    let output = std::process::Command::new("bash").args(["-c", &command]).output().expect("bash");
    String::from_utf8_lossy(&output.stdout).chars().take_while(char::is_ascii_hexdigit).collect()
}

#[cfg(feature = "tls")]
#[test]
fn the_steps_of_the_page_lead_to_a_server_with_a_certificate_of_its_own() {
    if !real_postgres::is_expected() {
        return eprintln!("skipped: no PostgreSQL");
    }
    let own = certificates::Authority::new("its own");
    let (postgres, other) = (crate::with_tls(&own, "hostssl"), crate::with_tls(&own, "hostssl"));
    let mut game = Game::start();
    let url = format!("{}?sslmode=verify-full", postgres.url());
    let pin =
        |server: &RealPostgres| [("tls_pin", OptionValue::String(pin_as_on_the_page(server).into_bytes()))];
    let error = connect(&mut game, &url, &[]).wait_down();
    assert!(error.code == Code::Tls && error.message.contains("tls_pin"), "{error}");
    connect(&mut game, &url, &pin(&postgres)).wait_ready();
    let error = connect(&mut game, &url, &pin(&other)).wait_down();
    assert!(error.code == Code::Tls && error.message.contains("another public key"), "{error}");
    assert!(game.shutdown(LONG));
}
