//! Nodes of a cluster between which a hash slot moves, and Sentinels that announce a failover.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so by panicking")]

mod support;

use fake_redis::{FakeRedis, Mode, Reaction};
use support::client::Client;

fn start(mode: Mode) -> FakeRedis {
    FakeRedis::builder().mode(mode).start().unwrap()
}

fn address(server: &FakeRedis) -> String {
    format!("127.0.0.1:{}", server.port())
}

/// Two nodes, and a client of each. The hash slot of `{eu}` is migrating from the first to the second.
fn nodes() -> [(FakeRedis, Client); 2] {
    let [from, to] = [(); 2].map(|()| {
        let server = start(Mode::Cluster);
        let client = Client::connect(&server);
        (server, client)
    });
    from.0.migrate_slot("eu", &address(&to.0));
    to.0.import_slot("eu", &address(&from.0));
    [from, to]
}

#[test]
fn a_key_that_is_gone_is_asked_for_at_the_other_node() {
    let [(from, mut a), (to, mut b)] = nodes();
    let ask = format!("-ASK 6893 {}\r\n", address(&to));
    let moved = format!("-MOVED 6893 {}\r\n", address(&from));
    a.ask("GET {eu}k", ask.as_bytes());
    a.ask("SET other x", b"+OK\r\n");
    b.ask("SET {eu}k v", moved.as_bytes());
    for (command, answer) in [("SET {eu}k v", &b"+OK\r\n"[..]), ("GET {eu}k", b"$1\r\nv\r\n")] {
        b.ask("ASKING", b"+OK\r\n");
        b.ask(command, answer);
        // It holds for one command, whatever its result.
        b.ask("GET {eu}k", moved.as_bytes());
    }
    to.on_next("get", Reaction::Answer(b"-BUSY a script\r\n".to_vec()));
    b.ask("ASKING", b"+OK\r\n");
    b.ask("GET {eu}k", b"-BUSY a script\r\n");
    b.ask("GET {eu}k", moved.as_bytes());
    b.ask("ASKING", b"+OK\r\n");
    b.ask("MGET {eu}k {eu}l", b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
    // A channel is served by the node that holds its slot.
    a.ask("SPUBLISH {eu}c x", b":0\r\n");
    b.ask("SPUBLISH {eu}c x", moved.as_bytes());
    to.move_slot("eu", None);
    b.ask("GET {eu}k", b"$1\r\nv\r\n");
    from.move_slot("eu", Some(&address(&to)));
    a.ask("GET {eu}k", format!("-MOVED 6893 {}\r\n", address(&to)).as_bytes());
    a.ask("MSET other x {eu}k y", b"-CROSSSLOT Keys in request don't hash to the same slot\r\n");
}

#[test]
fn keys_that_are_still_here_are_served_here() {
    let [(from, mut a), (to, _b)] = nodes();
    from.move_slot("eu", None);
    a.ask("SET {eu}k v", b"+OK\r\n");
    from.migrate_slot("eu", &address(&to));
    a.ask("GET {eu}k", b"$1\r\nv\r\n");
    // Each key of each command is checked: these are not here.
    let ask = format!("-ASK 6893 {}\r\n", address(&to));
    for command in ["MSET {eu}l x", "MGET {eu}l {eu}m", "DEL {eu}l", "RENAME {eu}l {eu}m", "HSET {eu}h f v"] {
        a.ask(command, ask.as_bytes());
    }
    for command in ["MGET {eu}k {eu}l", "MSET {eu}l v {eu}k x", "RENAME {eu}k {eu}l"] {
        a.ask(command, b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
    }
    a.ask("DBSIZE", b":1\r\n");
}

#[test]
fn asking_holds_for_a_whole_transaction_and_not_beyond() {
    let [(from, _a), (_to, mut b)] = nodes();
    b.ask("ASKING", b"+OK\r\n");
    b.ask("MULTI", b"+OK\r\n");
    b.ask("INCR {eu}n", b"+QUEUED\r\n");
    b.ask("INCR {eu}n", b"+QUEUED\r\n");
    b.ask("EXEC", b"*2\r\n:1\r\n:2\r\n");
    b.ask("INCR {eu}n", format!("-MOVED 6893 {}\r\n", address(&from)).as_bytes());
}

#[test]
fn a_node_tells_which_hash_slots_are_elsewhere() {
    let server = start(Mode::Cluster);
    let mut client = Client::connect(&server);
    let port = server.port();
    client.ask("CLUSTER SLOTS", format!("*1\r\n{}", range(0, 16_383, "", port)).as_bytes());
    server.move_slot("eu", Some("10.0.0.2:6379"));
    server.migrate_slot("other", "10.0.0.2:6379");
    let ranges =
        [range(0, 6892, "", port), range(6893, 6893, "10.0.0.2", 6379), range(6894, 16_383, "", port)];
    client.ask("CLUSTER SLOTS", format!("*3\r\n{}", ranges.concat()).as_bytes());
}

/// A range of hash slots in an answer to CLUSTER SLOTS.
fn range(first: u16, last: u16, host: &str, port: u16) -> String {
    format!("*3\r\n:{first}\r\n:{last}\r\n*2\r\n${}\r\n{host}\r\n:{port}\r\n", host.len())
}

#[test]
fn a_switch_is_announced_and_the_other_sentinels_are_told() {
    let server = start(Mode::Sentinel);
    let mut client = Client::connect(&server);
    let hello = b"%6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n\
                  $4\r\nmode\r\n$8\r\nsentinel\r\n$7\r\nmodules\r\n*0\r\n";
    client.ask("HELLO 3", hello);
    client.ask("SUBSCRIBE +switch-master", b">3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
    client.ask("SENTINEL MASTERS", b"*0\r\n");
    server.name_master("mymaster", "127.0.0.1", 1);
    server.name_master("mymaster", "127.0.0.1", 1);
    server.name_master("mymaster", "::1", 2);
    let switch = b">3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$26\r\nmymaster 127.0.0.1 1 ::1 2\r\n";
    client.expect(switch, "once");
    client.ask("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", b"*2\r\n$3\r\n::1\r\n$1\r\n2\r\n");
    server.set_other_sentinels(&[("127.0.0.1", 3), ("127.0.0.1", 4)]);
    let fields = |name: &str, port: &str, flags: &str| {
        let words =
            ["name", name, "ip", if port == "2" { "::1" } else { "127.0.0.1" }, "port", port, "flags", flags];
        let words = words.map(|word| format!("${}\r\n{word}\r\n", word.len()));
        format!("%4\r\n{}", words.concat())
    };
    let others = ["3", "4"].map(|port| fields(&format!("127.0.0.1:{port}"), port, "sentinel"));
    client.ask("SENTINEL SENTINELS mymaster", format!("*2\r\n{}", others.concat()).as_bytes());
    client.ask("SENTINEL MASTERS", format!("*1\r\n{}", fields("mymaster", "2", "master")).as_bytes());
    let reached = b"+OK 3 usable Sentinels. Quorum and failover authorization can be reached\r\n";
    client.ask("SENTINEL CKQUORUM mymaster", reached);
    server.set_quorum(false);
    client.ask("SENTINEL CKQUORUM mymaster", b"-NOQUORUM 1 usable Sentinels. {any}\r\n");
}
