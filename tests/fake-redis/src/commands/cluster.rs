//! Questions to a node of a cluster, and the keys and channels that decide whether it answers a command.

use crate::commands::{Call, Command, Outcome};
use crate::failure::Failure;
use crate::faults::Mode;
use crate::hash_slots::{COUNT, HashSlots, Named};
use crate::request::Request;
use crate::socket::Address;
use crate::state::State;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("asking", 1, "connection", asking).without_data(),
    Command::container("cluster", "slow", &[Command::new("cluster|slots", 2, "slow", slots).without_data()]),
];

/// The error of a command that belongs to another node.
pub(super) fn redirection(
    state: &mut State,
    id: u64,
    command: &Command,
    request: &Request,
) -> Option<Failure> {
    let named = match command.name {
        "ssubscribe" | "sunsubscribe" => Named::Channels(words(&request[1..])),
        "spublish" => Named::Channels(words(&request[1..2])),
        _ => Named::Keys(keys(command, request)),
    };
    state.redirect(id, &named)
}

fn words(words: &[Vec<u8>]) -> Vec<&[u8]> {
    words.iter().map(Vec::as_slice).collect()
}

/// The keys of a command, which has a valid number of arguments.
fn keys<'a>(command: &Command, request: &'a Request) -> Vec<&'a [u8]> {
    match (command.name, command.category) {
        ("dbsize" | "flushall" | "flushdb" | "keys", _) => Vec::new(),
        ("del" | "exists" | "mget" | "watch", _) => words(&request[1..]),
        ("mset", _) => request[1..].iter().step_by(2).map(Vec::as_slice).collect(),
        ("rename", _) => words(&request[1..3]),
        (_, "hash" | "keyspace" | "list" | "set" | "sortedset" | "string") => words(&request[1..2]),
        _ => Vec::new(),
    }
}

fn require_cluster(call: &Call<'_>) -> Outcome {
    let is_node = call.state.settings.mode == Mode::Cluster;
    if is_node { Ok(()) } else { Err(Failure::of("ERR This instance has cluster support disabled")) }
}

/// The next command, or transaction, may be about a hash slot that is being imported.
fn asking(call: &mut Call<'_>) -> Outcome {
    require_cluster(call)?;
    call.session().asking = true;
    call.reply().ok();
    Ok(())
}

/// Ranges of hash slots and their nodes. This node has the address at which it is asked.
fn slots(call: &mut Call<'_>) -> Outcome {
    require_cluster(call)?;
    let Address::Tcp(port) = call.state.address else { return Err(Failure::of("ERR a socket has no port")) };
    let ranges = ranges(&call.state.slots, port);
    let mut reply = call.reply();
    reply.array(ranges.len());
    for (first, last, (host, port)) in ranges {
        reply.array(3);
        reply.integer(first.into());
        reply.integer(last.into());
        reply.array(2);
        reply.bulk(host);
        reply.integer(port.into());
    }
    Ok(())
}

/// Each hash slot that another node holds, and the ranges of this node's own between them.
fn ranges(slots: &HashSlots, port: u16) -> Vec<(u16, u16, (String, u16))> {
    let here = || (String::new(), port);
    let mut ranges = Vec::new();
    let mut next = 0;
    for (&slot, place) in &slots.0 {
        let Some((host, port)) = place.holder().and_then(|node| node.rsplit_once(':')) else { continue };
        if next < slot {
            ranges.push((next, slot - 1, here()));
        }
        ranges.push((slot, slot, (host.to_owned(), port.parse().unwrap_or(0))));
        next = slot + 1;
    }
    if next < COUNT {
        ranges.push((next, COUNT - 1, here()));
    }
    ranges
}
