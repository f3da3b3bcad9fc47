//! Subscribing and publishing.

use std::iter;

use crate::acl::User;
use crate::commands::{Call, Command, Outcome};
use crate::failure::Failure;
use crate::glob;
use crate::pubsub::Kind;
use crate::request::Request;
use crate::state::State;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("subscribe", -2, "pubsub", |call| join(call, Kind::Channel))
        .without_data()
        .when_subscribed(),
    Command::new("psubscribe", -2, "pubsub", |call| join(call, Kind::Pattern))
        .without_data()
        .when_subscribed(),
    Command::new("ssubscribe", -2, "pubsub", |call| join(call, Kind::Sharded))
        .without_data()
        .when_subscribed(),
    Command::new("unsubscribe", -1, "pubsub", |call| leave(call, Kind::Channel))
        .without_data()
        .when_subscribed(),
    Command::new("punsubscribe", -1, "pubsub", |call| leave(call, Kind::Pattern))
        .without_data()
        .when_subscribed(),
    Command::new("sunsubscribe", -1, "pubsub", |call| leave(call, Kind::Sharded))
        .without_data()
        .when_subscribed(),
    Command::new("publish", 3, "pubsub", |call| publish(call, Kind::Channel)).without_data(),
    Command::new("spublish", 3, "pubsub", |call| publish(call, Kind::Sharded)).without_data(),
    Command::container(
        "pubsub",
        "pubsub",
        &[
            Command::new("pubsub|channels", -2, "pubsub", |call| channels(call, Kind::Channel))
                .without_data(),
            Command::new("pubsub|numsub", -2, "pubsub", |call| subscriber_counts(call, Kind::Channel))
                .without_data(),
            Command::new("pubsub|shardchannels", -2, "pubsub", |call| channels(call, Kind::Sharded))
                .without_data(),
            Command::new("pubsub|shardnumsub", -2, "pubsub", |call| subscriber_counts(call, Kind::Sharded))
                .without_data(),
            Command::new("pubsub|numpat", 2, "pubsub", pattern_count).without_data(),
        ],
    ),
];

/// Whether the user may use each channel of the command: one forbidden channel refuses the whole command.
pub(super) fn channels_allowed(user: &User, command: &Command, request: &Request) -> bool {
    match command.name {
        "subscribe" | "ssubscribe" => request[1..].iter().all(|channel| user.may_use_channel(channel)),
        "psubscribe" => request[1..].iter().all(|pattern| user.may_use_pattern(pattern)),
        "publish" | "spublish" => user.may_use_channel(&request[1]),
        _ => true,
    }
}

/// The error for the first name in the command that the test refuses.
pub(super) fn refused(state: &State, command: &Command, request: &Request) -> Option<Failure> {
    let concerned = matches!(
        command.name,
        "subscribe" | "psubscribe" | "ssubscribe" | "unsubscribe" | "punsubscribe" | "sunsubscribe"
    );
    let mut names = request[1..].iter().filter(|_| concerned);
    names.find_map(|name| state.refused_topics.get(name)).cloned()
}

/// One confirmation for each argument, whether it changes anything or not.
fn join(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let word = match kind {
        Kind::Channel => "subscribe",
        Kind::Pattern => "psubscribe",
        Kind::Sharded => "ssubscribe",
    };
    for name in &call.args[1..] {
        if call.session().names(kind).insert(name.clone()) {
            call.state.pubsub.add(kind, name, call.id);
        }
        confirm(call, kind, word, Some(name));
    }
    Ok(())
}

/// One confirmation for each argument, or for each subscribed name, or, without any, one without a name.
fn leave(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let word = match kind {
        Kind::Channel => "unsubscribe",
        Kind::Pattern => "punsubscribe",
        Kind::Sharded => "sunsubscribe",
    };
    let names: Vec<Vec<u8>> = match &call.args[1..] {
        [] => call.session().names(kind).iter().cloned().collect(),
        names => names.to_vec(),
    };
    for name in &names {
        drop_name(call, kind, name);
        confirm(call, kind, word, Some(name));
    }
    if names.is_empty() {
        confirm(call, kind, word, None);
    }
    Ok(())
}

fn drop_name(call: &mut Call<'_>, kind: Kind, name: &[u8]) {
    if call.session().names(kind).remove(name) {
        call.state.pubsub.remove(kind, name, call.id);
    }
}

/// Leaves all of them, without any output.
pub(super) fn leave_all(call: &mut Call<'_>) {
    for kind in Kind::ALL {
        for name in call.session().names(kind).clone() {
            drop_name(call, kind, &name);
        }
    }
}

fn confirm(call: &mut Call<'_>, kind: Kind, word: &str, name: Option<&Vec<u8>>) {
    let subscriptions = call.session().counted(kind);
    let mut push = call.push();
    push.push(3);
    push.bulk(word);
    push.bulk_or_null(name);
    push.count(subscriptions);
}

fn publish(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let receivers = call.state.publish(kind, &call.args[1], &call.args[2]);
    call.reply().count(receivers);
    Ok(())
}

fn channels(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let pattern = call.args.get(2);
    let wanted = |channel: &&[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, channel));
    let found: Vec<Vec<u8>> = call.state.pubsub.channels(kind).filter(wanted).map(<[u8]>::to_vec).collect();
    let mut reply = call.reply();
    reply.array(found.len());
    found.iter().for_each(|channel| reply.bulk(channel));
    Ok(())
}

fn subscriber_counts(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let asked = &call.args[2..];
    let pubsub = &call.state.pubsub;
    let count = |channel: &Vec<u8>| match kind {
        Kind::Sharded => pubsub.sharded_subscribers(channel).len(),
        Kind::Channel | Kind::Pattern => pubsub.subscribers(channel).len(),
    };
    let counts: Vec<usize> = asked.iter().map(count).collect();
    let mut reply = call.reply();
    // An array of pairs, not a map, under RESP3 too.
    reply.array(asked.len() * 2);
    for (channel, count) in iter::zip(asked, counts) {
        reply.bulk(channel);
        reply.count(count);
    }
    Ok(())
}

fn pattern_count(call: &mut Call<'_>) -> Outcome {
    let patterns = call.state.pubsub.pattern_count();
    call.reply().count(patterns);
    Ok(())
}
