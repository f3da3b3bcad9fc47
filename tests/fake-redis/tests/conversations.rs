//! Whole conversations, byte by byte, with this server and with a real one: the tables contain the output of Redis
//! 7.0, and this server must have the same.
//!
//! The tables in `conversations/` read as follows, in order:
//!
//! | line | meaning |
//! | --- | --- |
//! | `# text` | a comment |
//! | `! setting` | how the server is set up |
//! | `a > WORDS` | client `a`, who connects with its first line, sends a command |
//! | `a >> bytes` | `a` sends bytes as they stand |
//! | `a < bytes` | `a` hears these bytes next; `a 2<` and `a 3<` under RESP2 and RESP3 alone |
//! | `a .` | `a` hears the end of its connection; `2.` and `3.` likewise |
//!
//! Bytes are written with `\r`, `\n`, `\0`, `\\` and `\xff`; `""` is an empty word. `{number}` stands for digits, `{any}`
//! for anything up to a line end. A table runs once in each version, after a `HELLO 3` by each client for RESP3; one that
//! is `! bare` says its own `HELLO` and runs once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so by panicking")]

mod support;

use std::collections::BTreeMap;

use support::client::Client;
use support::real;
use support::table::{Line, Protocol, Setting, Table};

use fake_redis::{FakeRedis, Mode, Role};

/// Plays a table against the server that `connect` connects to.
fn play(table: &Table, protocol: Protocol, connect: &dyn Fn() -> Client) {
    let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
    for step in &table.steps {
        if !step.protocols.contains(&protocol) {
            continue;
        }
        let place = format!("{}:{}, {protocol:?}", table.name, step.line_number);
        let client = clients.entry(&step.client).or_insert_with(|| {
            let mut client = connect();
            if !table.is_bare() && protocol == Protocol::Resp3 {
                client.say_hello_3();
            }
            client
        });
        match &step.line {
            Line::Says(bytes) => client.send(bytes),
            Line::Hears(expected) => client.expect(expected, &place),
            Line::Ends => client.expect_end(&place),
        }
    }
    for (name, client) in clients {
        client.expect_nothing_more(&format!("{}, {protocol:?}, client {name} at the end", table.name));
    }
}

fn versions(table: &Table) -> &'static [Protocol] {
    if table.is_bare() { &[Protocol::Resp2] } else { &[Protocol::Resp2, Protocol::Resp3] }
}

#[test]
fn this_server_says_what_the_tables_say() {
    for table in Table::all() {
        for protocol in versions(&table) {
            let mut builder = FakeRedis::builder();
            for setting in &table.settings {
                builder = match setting {
                    Setting::Bare | Setting::Debug => builder,
                    Setting::Replica => builder.role(Role::Replica),
                    Setting::Sentinel => builder.mode(Mode::Sentinel),
                    Setting::Password(password) => builder.password(password),
                    Setting::User(rules) => builder.user(rules),
                    Setting::MaxClients(clients) => builder.max_clients(*clients),
                };
            }
            let server = builder.start().unwrap();
            server.name_master("mymaster", "127.0.0.1", 1);
            server.set_quorum(false);
            play(&table, *protocol, &|| Client::connect(&server));
        }
    }
}

#[test]
fn a_real_server_says_what_the_tables_say() {
    if !real::is_there() {
        return;
    }
    for table in Table::all() {
        for protocol in versions(&table) {
            let server = real::start(&table.settings);
            play(&table, *protocol, &|| real::connect(&server));
        }
    }
}
