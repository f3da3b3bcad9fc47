//! Keys of any type.

use std::time::Instant;

use crate::commands::data::integer;
use crate::commands::{Call, Command, Outcome};
use crate::failure::Failure;
use crate::glob;
use crate::keyspace::{Value, after, milliseconds_left};

pub(super) const MILLISECONDS: i64 = 1000;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("del", -2, "keyspace", del),
    Command::new("exists", -2, "keyspace", exists),
    Command::new("expire", 3, "keyspace", |call| expire(call, MILLISECONDS)),
    Command::new("pexpire", 3, "keyspace", |call| expire(call, 1)),
    Command::new("ttl", 2, "keyspace", |call| time_to_live(call, MILLISECONDS.unsigned_abs())),
    Command::new("pttl", 2, "keyspace", |call| time_to_live(call, 1)),
    Command::new("persist", 2, "keyspace", persist),
    Command::new("rename", 3, "keyspace", rename),
    Command::new("type", 2, "keyspace", type_name),
    Command::new("keys", 2, "keyspace", keys),
    Command::new("dbsize", 1, "keyspace", size),
    Command::new("flushdb", 1, "keyspace", flush),
    Command::new("flushall", 1, "keyspace", flush_all),
];

fn del(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let database = call.database();
    let removed = args[1..].iter().filter(|key| database.remove(key).is_some()).count();
    call.reply().count(removed);
    Ok(())
}

fn exists(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let database = call.database();
    let found = args[1..].iter().filter(|key| database.value(key).is_some()).count();
    call.reply().count(found);
    Ok(())
}

/// A moment from now, given in units of so many milliseconds; `None` if the clock does not reach that far.
pub(super) fn moment(amount: i64, unit: i64) -> Option<Instant> {
    after(u64::try_from(amount.checked_mul(unit)?).ok()?)
}

fn expire(call: &mut Call<'_>, unit: i64) -> Outcome {
    let args = call.args;
    let amount = integer(&args[2])?;
    let key = &args[1];
    let done = if amount <= 0 {
        call.database().remove(key).is_some()
    } else {
        let name = call.command.name;
        let invalid = || Failure::quoting(format!("ERR invalid expire time in '{name}' command"));
        let at = moment(amount, unit).ok_or_else(invalid)?;
        call.database().set_expiry(key, Some(at))
    };
    call.reply().integer(done.into());
    Ok(())
}

fn time_to_live(call: &mut Call<'_>, unit: u64) -> Outcome {
    const NO_KEY: i64 = -2;
    const STAYS: i64 = -1;
    let args = call.args;
    let left = match call.database().expiry(&args[1]) {
        None => NO_KEY,
        Some(None) => STAYS,
        // Rounded to the nearest unit, as in Redis.
        Some(Some(at)) => i64::try_from((milliseconds_left(at) + unit / 2) / unit).unwrap_or(i64::MAX),
    };
    call.reply().integer(left);
    Ok(())
}

fn persist(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let database = call.database();
    let done = database.expiry(&args[1]).flatten().is_some() && database.set_expiry(&args[1], None);
    call.reply().integer(done.into());
    Ok(())
}

fn rename(call: &mut Call<'_>) -> Outcome {
    let (from, to) = (&call.args[1], &call.args[2]);
    let database = call.database();
    let (Some(expires), Some(value)) = (database.expiry(from), database.remove(from)) else {
        return Err(Failure::of("ERR no such key"));
    };
    database.set(to, value, expires);
    call.reply().ok();
    Ok(())
}

fn type_name(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let name = call.database().value(&args[1]).map_or("none", Value::type_name);
    call.reply().simple(name);
    Ok(())
}

fn keys(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let found: Vec<Vec<u8>> =
        call.database().keys().filter(|key| glob::matches(&args[1], key)).map(<[u8]>::to_vec).collect();
    let mut reply = call.reply();
    reply.array(found.len());
    found.iter().for_each(|key| reply.bulk(key));
    Ok(())
}

fn size(call: &mut Call<'_>) -> Outcome {
    let keys = call.database().keys().count();
    call.reply().count(keys);
    Ok(())
}

fn flush(call: &mut Call<'_>) -> Outcome {
    call.database().clear();
    call.reply().ok();
    Ok(())
}

fn flush_all(call: &mut Call<'_>) -> Outcome {
    call.state.databases.iter_mut().for_each(crate::keyspace::Database::clear);
    call.reply().ok();
    Ok(())
}
