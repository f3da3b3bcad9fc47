//! Sentinels and nodes of a cluster in the test's own process: where the worker connects when another server is
//! named.

use fake_redis::{FakeRedis, Mode, Role};
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{Event, RequestKind, Value};

use super::toy::{Client, Game, Seen, eventually};
use super::{CHANNEL, LONG, args, request};

fn start(mode: Mode) -> FakeRedis {
    FakeRedis::builder().mode(mode).start().expect("a server")
}

fn address(server: &FakeRedis) -> String {
    format!("127.0.0.1:{}", server.port())
}

/// No PING is due while the test runs: only announcements make it look elsewhere.
fn connect(game: &mut Game, url: &str, protocol: u8) -> Client {
    let pairs = [("protocol", f64::from(protocol)), ("ping_interval", 600.0), ("reconnect_max", 0.1)];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), OptionValue::Number(value))).into();
    let options = Options { url: Some(url.to_owned()), pairs, ..Options::default() };
    game.open(&*configure(options).expect("good options"))
}

/// Waits until the client has reported that messages may be missing, and is ready at this server.
fn wait_for_switch(client: &mut Client, server: &FakeRedis) {
    client.wait_for("a gap", |seen| matches!(seen, Seen::Event(Event::Gap { .. })).then_some(()));
    let address = address(server);
    client.wait_for("the other master", |seen| match seen {
        Seen::Event(Event::Ready(ready)) => (ready.address.as_deref() == Some(&*address)).then_some(()),
        _ => None,
    });
}

/// A message that is published at this server reaches the client.
fn hear(client: &mut Client, server: &FakeRedis) {
    eventually("a subscription", || (server.publish("chat", "x") == 1).then_some(()));
    assert_eq!(client.wait_message(), (CHANNEL, b"x".to_vec()));
}

#[test]
fn a_failover_that_sentinels_announce_is_followed_and_so_is_one_that_another_sentinel_tells() {
    for protocol in [2, 3] {
        let servers = [(); 2].map(|()| FakeRedis::start().expect("a server"));
        let sentinels = [(); 2].map(|()| start(Mode::Sentinel));
        let name_master = |master: usize| {
            servers[master].set_role(Role::Master);
            servers[1 - master].set_role(Role::Replica);
            sentinels.iter().for_each(|one| one.name_master("mymaster", "127.0.0.1", servers[master].port()));
        };
        name_master(0);
        sentinels[0].set_other_sentinels(&[("127.0.0.1", sentinels[1].port())]);
        let mut game = Game::start();
        // It gets the address of one Sentinel, and learns the other one's.
        let url = format!("redis-sentinel://{}/mymaster", address(&sentinels[0]));
        let mut client = connect(&mut game, &url, protocol);
        game.subscribe(&client, "chat", CHANNEL.index);
        client.wait_ready();
        hear(&mut client, &servers[0]);

        // Both servers keep serving: only the Sentinel announces the failover.
        name_master(1);
        wait_for_switch(&mut client, &servers[1]);
        hear(&mut client, &servers[1]);

        sentinels[0].stop().expect("the end of a Sentinel");
        let other = address(&sentinels[1]);
        eventually("the other Sentinel", || {
            (client.counters.sentinel()[0].as_deref() == Some(&*other)).then_some(())
        });
        name_master(0);
        wait_for_switch(&mut client, &servers[0]);
        hear(&mut client, &servers[0]);
        assert!(game.shutdown(LONG));
    }
}

/// Sends a command and waits for its answer.
fn ask(game: &Game, client: &mut Client, words: &[&str]) -> Value {
    let words: Vec<_> = words.iter().map(|word| word.as_bytes()).collect();
    request(game, client, RequestKind::Command(args(&words)));
    client.wait_answer().expect("an answer")
}

#[test]
fn commands_on_a_hash_slot_that_moves_run_once_at_the_node_that_has_the_key() {
    for protocol in [2, 3] {
        let [from, to] = [(); 2].map(|()| start(Mode::Cluster));
        let mut game = Game::start();
        let mut client = connect(&mut game, &from.url(), protocol);
        client.wait_ready();
        assert_eq!(ask(&game, &mut client, &["INCR", "{eu}stays"]), Value::Integer(1));
        to.import_slot("eu", &address(&from));
        from.migrate_slot("eu", &address(&to));
        for n in 1..=2 {
            assert_eq!(ask(&game, &mut client, &["INCR", "{eu}gone"]), Value::Integer(n));
            assert_eq!(ask(&game, &mut client, &["INCR", "{eu}stays"]), Value::Integer(n + 1));
        }
        let commands = vec![args(&[b"INCR", b"{eu}gone"]), args(&[b"INCR", b"{eu}gone"])];
        request(&game, &client, RequestKind::Transaction(commands));
        let counts = Value::Array(vec![Value::Integer(3), Value::Integer(4)]);
        assert_eq!(client.wait_answer(), Ok(counts));
        assert_eq!(to.look(|state| state.received("asking")), 3, "once for each request that was asked on");

        to.move_slot("eu", None);
        from.move_slot("eu", Some(&address(&to)));
        assert_eq!(ask(&game, &mut client, &["INCR", "{eu}gone"]), Value::Integer(5));
        assert_eq!(to.look(|state| state.received("asking")), 3, "the node holds the slot");
        assert!(game.shutdown(LONG));
    }
}
