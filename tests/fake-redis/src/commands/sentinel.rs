//! Commands of a Sentinel.

use crate::commands::{Call, Command, Outcome};
use crate::failure::Failure;
use crate::sentinel::HostPort;

pub(super) const COMMANDS: &[Command] = &[Command::container(
    "sentinel",
    "admin",
    &[
        Command::new("sentinel|get-master-addr-by-name", 3, "admin", address).without_data(),
        Command::new("sentinel|ckquorum", 3, "admin", quorum).without_data(),
        Command::new("sentinel|sentinels", 3, "admin", sentinels).without_data(),
        Command::new("sentinel|masters", 2, "admin", masters).without_data(),
    ],
)];

/// Whether a Sentinel has a command, or all subcommands of it. It has no data, and only a failover makes it publish.
pub(super) fn is_known(command: &str) -> bool {
    let name = command.split('|').next().unwrap_or_default();
    [
        "acl",
        "auth",
        "client",
        "command",
        "fake.reply",
        "hello",
        "info",
        "ping",
        "psubscribe",
        "punsubscribe",
        "role",
        "sentinel",
        "subscribe",
        "unsubscribe",
    ]
    .contains(&name)
}

fn address(call: &mut Call<'_>) -> Outcome {
    match call.state.watched.masters.get(&call.args[2]).cloned() {
        Some((host, port)) => {
            let mut reply = call.reply();
            reply.array(2);
            reply.bulk(host);
            reply.bulk(port.to_string());
        }
        None => call.reply().null_array(),
    }
    Ok(())
}

/// Refuses a name that is unknown.
fn check_name(call: &Call<'_>) -> Outcome {
    let is_known = call.state.watched.masters.contains_key(&call.args[2]);
    if is_known { Ok(()) } else { Err(Failure::of("ERR No such master with that name")) }
}

fn quorum(call: &mut Call<'_>) -> Outcome {
    check_name(call)?;
    let watched = &call.state.watched;
    if !watched.has_quorum {
        return Err(Failure::of(
            "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master",
        ));
    }
    let usable = watched.other_sentinels.len() + 1;
    call.reply()
        .simple(&format!("OK {usable} usable Sentinels. Quorum and failover authorization can be reached"));
    Ok(())
}

fn sentinels(call: &mut Call<'_>) -> Outcome {
    check_name(call)?;
    let others = call.state.watched.other_sentinels.clone();
    call.reply().array(others.len());
    for (host, port) in others {
        let name = format!("{host}:{port}");
        describe(call, name.as_bytes(), &(host, port), "sentinel");
    }
    Ok(())
}

fn masters(call: &mut Call<'_>) -> Outcome {
    let masters = call.state.watched.masters.clone();
    call.reply().array(masters.len());
    masters.iter().for_each(|(name, address)| describe(call, name, address, "master"));
    Ok(())
}

/// The first fields of a Sentinel's description of a server.
fn describe(call: &mut Call<'_>, name: &[u8], (host, port): &HostPort, flags: &str) {
    let mut reply = call.reply();
    reply.map(4);
    for (field, value) in [
        ("name", name),
        ("ip", host.as_bytes()),
        ("port", port.to_string().as_bytes()),
        ("flags", flags.as_bytes()),
    ] {
        reply.bulk(field);
        reply.bulk(value);
    }
}
