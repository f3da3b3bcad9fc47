//! The server's description of itself.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::commands::{Call, Command, Outcome, TABLES, lower};
use crate::failure::Failure;
use crate::faults::{Health, Mode, Role};
use crate::pubsub::Kind;
use crate::reply::Reply;
use crate::socket::Address;
use crate::state::State;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("info", -1, "dangerous", info).without_data(),
    Command::new("role", 1, "fast", role).without_data(),
    Command::new("time", 1, "fast", time).without_data(),
    {
        let mut command = Command::new("command", -1, "connection", all_commands).without_data();
        command.subcommands = &[
            Command::new("command|count", 2, "connection", command_count).without_data(),
            Command::new("command|list", 2, "connection", command_names).without_data(),
            Command::new("command|info", -2, "connection", some_commands).without_data(),
        ];
        command
    },
];

fn info(call: &mut Call<'_>) -> Outcome {
    let wanted: Vec<String> = call.args[1..].iter().map(|section| lower(section)).collect();
    let everything = wanted.is_empty()
        || wanted.iter().any(|section| matches!(section.as_str(), "all" | "default" | "everything"));
    let text: Vec<String> = sections(call.state)
        .into_iter()
        .filter(|(name, _)| everything || wanted.contains(&name.to_ascii_lowercase()))
        .map(|(name, fields)| {
            let lines: String = fields.into_iter().map(|(key, value)| format!("{key}:{value}\r\n")).collect();
            format!("# {name}\r\n{lines}")
        })
        .collect();
    call.reply().verbatim(text.join("\r\n"));
    Ok(())
}

type Section = (&'static str, Vec<(&'static str, String)>);

fn sections(state: &mut State) -> Vec<Section> {
    #[cfg_attr(
        not(unix),
        expect(clippy::infallible_destructuring_match, reason = "on Unix there is another kind")
    )]
    let port = match state.address {
        Address::Tcp(port) => port,
        #[cfg(unix)]
        Address::Unix(_) => 0,
    };
    let subscribers =
        state.connections.iter().filter(|connection| connection.session.subscriptions() > 0).count();
    let keyspace = state.databases.iter_mut().enumerate().filter_map(|(db, database)| {
        let keys = database.keys().count();
        (keys > 0).then(|| (DATABASE_NAMES[db], format!("keys={keys},expires=0,avg_ttl=0")))
    });
    let keyspace = keyspace.collect();
    vec![
        (
            "Server",
            vec![
                ("redis_version", state.settings.version.clone()),
                ("redis_mode", state.settings.mode.name().to_owned()),
                ("process_id", std::process::id().to_string()),
                ("run_id", run_id(state)),
                ("tcp_port", port.to_string()),
                ("uptime_in_seconds", state.started.elapsed().as_secs().to_string()),
            ],
        ),
        (
            "Clients",
            vec![
                ("connected_clients", state.open().to_string()),
                ("maxclients", state.settings.max_clients.to_string()),
                ("pubsub_clients", subscribers.to_string()),
            ],
        ),
        ("Persistence", vec![("loading", u8::from(state.settings.health == Health::Loading).to_string())]),
        (
            "Stats",
            vec![
                ("total_connections_received", state.accepted().to_string()),
                ("pubsub_channels", state.pubsub.channels(Kind::Channel).count().to_string()),
                ("pubsub_patterns", state.pubsub.pattern_count().to_string()),
            ],
        ),
        ("Replication", replication(state.settings.role)),
        ("Keyspace", keyspace),
    ]
}

/// A replica's master. Nothing listens there.
const MASTER: (&str, i64) = ("127.0.0.1", 1);

/// Different for each server, as in Redis for each start.
fn run_id(state: &State) -> String {
    let mut hasher = DefaultHasher::new();
    (std::process::id(), state.address.to_string()).hash(&mut hasher);
    format!("{:040x}", hasher.finish())
}

fn replication(role: Role) -> Vec<(&'static str, String)> {
    match role {
        Role::Master => vec![("role", "master".to_owned()), ("connected_slaves", "0".to_owned())],
        Role::Replica => vec![
            ("role", "slave".to_owned()),
            ("master_host", MASTER.0.to_owned()),
            ("master_port", MASTER.1.to_string()),
            ("master_link_status", "down".to_owned()),
            ("connected_slaves", "0".to_owned()),
        ],
    }
}

fn role(call: &mut Call<'_>) -> Outcome {
    if call.state.settings.mode == Mode::Sentinel {
        let names: Vec<Vec<u8>> = call.state.watched.masters.keys().cloned().collect();
        let mut reply = call.reply();
        reply.array(2);
        reply.bulk("sentinel");
        reply.array(names.len());
        names.iter().for_each(|name| reply.bulk(name));
        return Ok(());
    }
    let role = call.state.settings.role;
    let mut reply = call.reply();
    match role {
        Role::Master => {
            reply.array(3);
            reply.bulk("master");
            reply.integer(0);
            reply.array(0);
        }
        Role::Replica => {
            reply.array(5);
            reply.bulk("slave");
            reply.bulk(MASTER.0);
            reply.integer(MASTER.1);
            reply.bulk("connect");
            reply.integer(-1);
        }
    }
    Ok(())
}

const DATABASE_NAMES: [&str; crate::state::DATABASES] = [
    "db0", "db1", "db2", "db3", "db4", "db5", "db6", "db7", "db8", "db9", "db10", "db11", "db12", "db13",
    "db14", "db15",
];

fn time(call: &mut Call<'_>) -> Outcome {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| Failure::of("ERR the clock stands before 1970"))?;
    let mut reply = call.reply();
    reply.array(2);
    reply.bulk(now.as_secs().to_string());
    reply.bulk(now.subsec_micros().to_string());
    Ok(())
}

fn command_count(call: &mut Call<'_>) -> Outcome {
    call.reply().count(Command::count());
    Ok(())
}

fn command_names(call: &mut Call<'_>) -> Outcome {
    let mut reply = call.reply();
    reply.array(Command::count());
    every_command().for_each(|command| reply.bulk(command.name));
    Ok(())
}

fn all_commands(call: &mut Call<'_>) -> Outcome {
    let mut reply = call.reply();
    reply.array(Command::count());
    every_command().for_each(|command| describe(&mut reply, command));
    Ok(())
}

fn some_commands(call: &mut Call<'_>) -> Outcome {
    let names: Vec<String> = call.args[2..].iter().map(|name| lower(name)).collect();
    let mut reply = call.reply();
    reply.array(names.len());
    for name in names {
        match Command::find_by_full_name(&name) {
            Some(command) => describe(&mut reply, command),
            None => reply.null_array(),
        }
    }
    Ok(())
}

fn every_command() -> impl Iterator<Item = &'static Command> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// Name, number of arguments, category; flags and key positions, which this server does not know, stay empty.
fn describe(reply: &mut Reply<'_>, command: &Command) {
    reply.array(10);
    reply.bulk(command.name);
    reply.integer(i64::try_from(command.arity).unwrap_or(i64::MAX));
    reply.set(0);
    (0..3).for_each(|_| reply.integer(0));
    reply.set(1);
    reply.bulk(format!("@{}", command.category));
    reply.set(0);
    reply.set(0);
    reply.array(0);
}
