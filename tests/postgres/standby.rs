//! Several servers: a hot standby, and its promotion.

use real_postgres::RealPostgres;
use realtime::backend::OptionValue;
use realtime::model::{Event, Role, Value};

use crate::toy::{Client, Game, Seen, eventually};
use crate::{CHAT, LONG, ask, connect, server, subscribe};

/// A primary with a hot standby.
fn pair() -> Option<(RealPostgres, RealPostgres)> {
    let primary = server()?;
    let standby = primary.standby().expect("a standby");
    Some((primary, standby))
}

fn url(servers: &[&RealPostgres]) -> String {
    let hosts: Vec<_> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
    format!("postgres://postgres:@{}/postgres", hosts.join(","))
}

fn target(name: &str) -> [(&'static str, OptionValue); 1] {
    [("target_session_attrs", OptionValue::String(name.into()))]
}

/// The port of the server that the client is connected to.
fn port(game: &Game, client: &mut Client) -> String {
    let rows = ask(game, client, &["SELECT current_setting('port') AS port"]).unwrap();
    let Value::String(port) = &rows.values[0] else { panic!("{rows:?}") };
    String::from_utf8(port.to_vec()).unwrap()
}

#[test]
fn each_target_finds_its_server_among_several() {
    let Some((primary, standby)) = pair() else { return };
    let mut game = Game::start();
    for (name, wanted) in [
        ("primary", &primary),
        ("read-write", &primary),
        ("standby", &standby),
        ("read-only", &standby),
        ("prefer-standby", &standby),
    ] {
        // Whichever comes first.
        for hosts in [url(&[&primary, &standby]), url(&[&standby, &primary])] {
            let mut client = connect(&mut game, &hosts, &target(name));
            client.wait_ready();
            assert_eq!(port(&game, &mut client), wanted.port().to_string(), "{name} of {hosts}");
        }
    }
    for name in ["any", "prefer-standby"] {
        let mut client = connect(&mut game, &url(&[&primary]), &target(name));
        client.wait_ready();
        assert_eq!(port(&game, &mut client), primary.port().to_string(), "{name} takes what there is");
    }
    for (name, server, reason) in [
        ("primary", &standby, "is a hot standby, which supports neither LISTEN nor NOTIFY"),
        ("read-write", &standby, "is a hot standby"),
        ("standby", &primary, "is not what target_session_attrs wants: a standby"),
        ("read-only", &primary, "is not what target_session_attrs wants: one that takes no writes"),
    ] {
        let mut client = connect(&mut game, &url(&[server]), &target(name));
        let error = client.wait_down();
        assert!(error.message.contains(reason), "{name}: {error}");
    }
    // A primary that takes no writes: read-only, and still a primary.
    primary.psql("ALTER SYSTEM SET default_transaction_read_only = on").unwrap();
    primary.psql("SELECT pg_reload_conf()").unwrap();
    eventually("the setting", || {
        primary.psql("SHOW default_transaction_read_only").ok().filter(|value| value == "on")
    });
    for (name, is_wanted) in [("primary", true), ("read-only", true), ("read-write", false)] {
        let mut client = connect(&mut game, &url(&[&primary]), &target(name));
        let is_ready = client.wait_for("ready or not", |seen| match seen {
            Seen::Event(Event::Ready(_)) => Some(true),
            Seen::Event(Event::Down { .. }) => Some(false),
            _ => None,
        });
        assert_eq!(is_ready, is_wanted, "{name}");
    }
    assert!(game.shutdown(LONG));
}

#[test]
fn a_standby_is_passed_over_and_followed_once_it_is_the_primary() {
    let Some((mut primary, standby)) = pair() else { return };
    let mut game = Game::start();
    let mut client = connect(&mut game, &url(&[&standby, &primary]), &[]);
    subscribe(&game, &client, "chat");
    client.wait_ready();
    primary.psql("NOTIFY chat, 'before'").expect("a message");
    assert_eq!(client.wait_message(), (CHAT, b"before".to_vec()));
    primary.kill();
    client.wait_down();
    standby.promote().expect("a promotion");
    client.wait_for("the gap", |seen| matches!(seen, Seen::Event(Event::Gap { .. })).then_some(()));
    client.wait_ready();
    standby.psql("NOTIFY chat, 'after'").expect("a message");
    assert_eq!(client.wait_message(), (CHAT, b"after".to_vec()));
    assert!(game.shutdown(LONG));
}

#[test]
fn a_client_of_a_standby_hears_once_it_is_promoted_and_is_told_so() {
    let Some((_primary, standby)) = pair() else { return };
    let mut game = Game::start();
    let mut client = connect(&mut game, &url(&[&standby]), &target("any"));
    client.wait_ready();
    subscribe(&game, &client, "chat");
    let refused = client.wait_for("a refusal", |seen| match seen {
        Seen::Event(Event::SubscribeFailed { error, .. }) => Some(error),
        _ => None,
    });
    assert!(refused.message.contains("recovery"), "{refused}");
    standby.promote().expect("a promotion");
    // The server reports it, and the connection stays.
    eventually("the new role", || (client.counters.role() == Some(Role::Master)).then_some(()));
    client.wait_for("the subscription", |seen| match seen {
        Seen::Event(Event::Subscribed(_)) => Some(()),
        Seen::Event(Event::Down { error, .. }) => panic!("{error}"),
        _ => None,
    });
    standby.psql("NOTIFY chat, 'hello'").expect("a message");
    assert_eq!(client.wait_message(), (CHAT, b"hello".to_vec()));
    assert!(game.shutdown(LONG));
}
