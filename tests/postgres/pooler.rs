//! A pgbouncer between: in session mode all works, in the other modes nothing may seem to.

use std::time::Instant;

use real_postgres::{PoolMode, Pooler, RealPostgres};
use realtime::backend::OptionValue;
use realtime::model::{Code, Command, Event, RequestKind, Value};

use crate::toy::{self, Game, Seen};
use crate::{CHAT, LONG, args, ask, connect, request, server, subscribe};

fn pooler(postgres: &RealPostgres, mode: PoolMode) -> Option<Pooler> {
    if !real_postgres::is_pooler_expected() {
        eprintln!("skipped: no pgbouncer");
        return None;
    }
    Some(Pooler::start(postgres, mode).expect("a pooler"))
}

#[test]
fn through_a_pooler_in_session_mode_all_works() {
    let Some(postgres) = server() else { return };
    let Some(pooler) = pooler(&postgres, PoolMode::Session) else { return };
    let mut game = Game::start();
    let pairs = [
        ("verify_delivery", OptionValue::Boolean(true)),
        ("ping_interval", OptionValue::Number(0.2)),
        ("ping_timeout", OptionValue::Number(30.0)),
    ];
    let mut client = connect(&mut game, &pooler.url(), &pairs);
    client.wait_ready();
    assert_eq!(ask(&game, &mut client, &["SELECT 1 AS n"]).unwrap().values, [Value::Integer(1)]);
    subscribe(&game, &client, "chat");
    request(&game, &client, RequestKind::Publish(args(&["chat", "hello"])));
    client.wait_for("the message", |seen| (seen == Seen::Message(CHAT, b"hello".to_vec())).then_some(()));
    let all = ["CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)", "SELECT pg_notify('chat', 'done')"];
    request(&game, &client, RequestKind::Transaction(all.iter().map(|sql| args(&[sql])).collect()));
    let (mut got_message, mut got_answer) = (false, false);
    while !(got_message && got_answer) {
        match client.wait() {
            Seen::Message(_, text) => got_message = text == b"done",
            Seen::Answer(_, Ok(Value::Array(_))) => got_answer = true,
            Seen::Answer(_, Ok(Value::Null)) => {}
            other => panic!("{other:?}"),
        }
    }
    // The last probes are shown in the server's view of its connections.
    let probed = "SELECT query FROM pg_stat_activity WHERE query LIKE 'NOTIFY \"realtime:probe:%'";
    toy::eventually("a probe of verify_delivery", || {
        postgres.psql(probed).ok().filter(|queries| !queries.is_empty())
    });
    assert_eq!(ask(&game, &mut client, &["SELECT n FROM t"]).unwrap().values, [Value::Integer(1)]);
    assert!(game.shutdown(LONG));
}

#[test]
fn a_pooler_in_another_mode_is_refused_before_anything_is_sent_through_it() {
    let Some(postgres) = server() else { return };
    for mode in [PoolMode::Transaction, PoolMode::Statement] {
        let Some(pooler) = pooler(&postgres, mode) else { return };
        let mut game = Game::start();
        for is_subscribed in [false, true] {
            let mut client = connect(&mut game, &pooler.url(), &[("ping_timeout", OptionValue::Number(0.5))]);
            if is_subscribed {
                subscribe(&game, &client, "chat");
            }
            request(&game, &client, RequestKind::Command(args(&["CREATE TABLE never (n int)"])));
            // Twice: the remains of the first attempt on the server's connections must not deceive the second one.
            for _ in 0..2 {
                let error = client.wait_for("the pooler's name", |seen| match seen {
                    Seen::Event(Event::Down { error, .. }) => Some(error),
                    Seen::Event(Event::Subscribed(_) | Event::Gap { .. }) => None,
                    other => panic!("{mode:?}: {other:?}"),
                });
                for words in ["pooler in transaction mode", "pool_mode = session"] {
                    assert!(error.message.contains(words), "{mode:?}: {error}");
                }
            }
            game.command(&client, Command::Disconnect { deadline: Instant::now() });
        }
        assert!(game.shutdown(LONG));
    }
    let tables = postgres.psql("SELECT count(*) FROM pg_class WHERE relname = 'never'").unwrap();
    assert_eq!(tables, "0");
}

#[test]
fn a_pooler_whose_pool_is_full_is_named_with_the_setting_to_change() {
    let Some(postgres) = server() else { return };
    if !real_postgres::is_pooler_expected() {
        return eprintln!("skipped: no pgbouncer");
    }
    // A client needs two connections.
    let pooler = Pooler::configured(&postgres, PoolMode::Session, "default_pool_size = 1").expect("a pooler");
    let mut game = Game::start();
    let mut client = connect(&mut game, &pooler.url(), &[("connect_timeout", OptionValue::Number(2.0))]);
    client.wait_for("the setting", |seen| match seen {
        Seen::Event(Event::Down { error, .. }) => {
            (error.code == Code::Timeout && error.message.contains("raise default_pool_size")).then_some(())
        }
        other => panic!("{other:?}"),
    });
    assert!(game.shutdown(LONG));
}
