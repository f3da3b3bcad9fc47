//! Sets. Their members come in the order of the bytes; Redis promises none.

use std::collections::BTreeSet;

use crate::commands::{Call, Command, Outcome};

type Set = BTreeSet<Vec<u8>>;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("sadd", -3, "set", add),
    Command::new("srem", -3, "set", remove),
    Command::new("smembers", 2, "set", members),
    Command::new("sismember", 3, "set", contains),
    Command::new("scard", 2, "set", length),
];

fn add(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (&call.args[1], &call.args[2..]);
    let new = call.database().update(key, |set: &mut Set| {
        Ok(members.iter().filter(|member| set.insert(member.to_vec())).count())
    })?;
    call.reply().count(new);
    Ok(())
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (&call.args[1], &call.args[2..]);
    let removed = call
        .database()
        .update(key, |set: &mut Set| Ok(members.iter().filter(|member| set.remove(*member)).count()))?;
    call.reply().count(removed);
    Ok(())
}

fn members(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let members = call.database().read::<Set>(key)?.cloned().unwrap_or_default();
    let mut reply = call.reply();
    reply.set(members.len());
    members.iter().for_each(|member| reply.bulk(member));
    Ok(())
}

fn contains(call: &mut Call<'_>) -> Outcome {
    let (key, member) = (&call.args[1], &call.args[2]);
    let found = call.database().read::<Set>(key)?.is_some_and(|set| set.contains(member));
    call.reply().integer(found.into());
    Ok(())
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let length = call.database().read::<Set>(key)?.map_or(0, BTreeSet::len);
    call.reply().count(length);
    Ok(())
}
