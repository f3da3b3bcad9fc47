//! A real `redis-server` to compare with.

use std::os::unix::net::UnixStream;
use std::time::Instant;

use real_redis::RealRedis;

use super::LIMIT;
use super::client::Client;
use super::table::Setting;

/// The version whose words this crate uses.
const VERSION: real_redis::Version = (7, 0);

/// Whether there is one to compare with. If one is required, there must be.
pub fn is_there() -> bool {
    let (why, must_be) = match real_redis::version() {
        Ok(VERSION) => return true,
        Ok((major, minor)) => {
            let why =
                format!("needs a redis-server {}.{}, this one is {major}.{minor}", VERSION.0, VERSION.1);
            (why, std::env::var_os("CI").is_some())
        }
        Err(error) => (error.to_string(), real_redis::is_expected()),
    };
    assert!(!must_be, "the comparison: {why}");
    println!("left out: {why}");
    false
}

pub fn start(settings: &[Setting]) -> RealRedis {
    let mut builder = RealRedis::builder();
    for setting in settings {
        builder = match setting {
            Setting::Bare => builder,
            Setting::Debug => builder.configuration("enable-debug-command yes"),
            Setting::Replica => builder.configuration("replicaof 127.0.0.1 1"),
            Setting::Sentinel => builder.sentinel().configuration("sentinel monitor mymaster 127.0.0.1 1 2"),
            Setting::Password(password) => builder.configuration(format!("requirepass {password}")),
            Setting::User(rules) => builder.configuration(format!("user {rules}")),
            Setting::MaxClients(clients) => builder.configuration(format!("maxclients {clients}")),
        };
    }
    let server = builder.start().unwrap();
    // A Sentinel has no QUIT.
    if !settings.contains(&Setting::Sentinel) {
        wait_for_no_clients(&server);
    }
    server
}

/// The server counts the connection of the readiness check until it has seen that connection's end.
fn wait_for_no_clients(server: &RealRedis) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let mut client = connect(server);
        client.say("QUIT");
        if client.read_to_end() == b"+OK\r\n" {
            return;
        }
        assert!(Instant::now() < deadline, "redis-server holds on to a connection");
    }
}

pub fn connect(server: &RealRedis) -> Client {
    Client::unix(UnixStream::connect(server.socket()).unwrap())
}
