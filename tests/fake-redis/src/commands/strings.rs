//! Strings, and numbers in them.

use crate::commands::data::integer;
use crate::commands::keys::{MILLISECONDS, moment};
use crate::commands::{Call, Command, Outcome};
use crate::failure::Failure;
use crate::keyspace::Value;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("get", 2, "string", get),
    Command::new("set", -3, "string", set),
    Command::new("setnx", 3, "string", set_if_missing),
    Command::new("getdel", 2, "string", get_and_remove),
    Command::new("mget", -2, "string", get_many),
    Command::new("mset", -3, "string", set_many),
    Command::new("append", 3, "string", append),
    Command::new("strlen", 2, "string", length),
    Command::new("incr", 2, "string", |call| add(call, 1)),
    Command::new("decr", 2, "string", |call| add(call, -1)),
    Command::new("incrby", 3, "string", |call| add(call, integer(&call.args[2])?)),
    Command::new("decrby", 3, "string", |call| {
        let by = integer(&call.args[2])?.checked_neg();
        add(call, by.ok_or(Failure::of("ERR decrement would overflow"))?)
    }),
];

fn read(call: &mut Call<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
    Ok(call.database().read::<Vec<u8>>(key)?.cloned())
}

fn get(call: &mut Call<'_>) -> Outcome {
    let value = read(call, &call.args[1])?;
    call.reply().bulk_or_null(value);
    Ok(())
}

/// The options of SET after key and value.
#[derive(Default)]
struct SetOptions {
    /// Only if the key is there already, or only if it is not.
    exists: Option<bool>,
    get: bool,
    keep_expiry: bool,
    /// Amount and unit, in milliseconds.
    expires: Option<(i64, i64)>,
}

impl SetOptions {
    fn parse(mut words: &[Vec<u8>]) -> Result<SetOptions, Failure> {
        let mut options = SetOptions::default();
        while let Some((word, rest)) = words.split_first() {
            words = rest;
            let expiry_free = !options.keep_expiry && options.expires.is_none();
            match word.to_ascii_lowercase().as_slice() {
                b"nx" if options.exists.is_none_or(|exists| !exists) => options.exists = Some(false),
                b"xx" if options.exists.is_none_or(|exists| exists) => options.exists = Some(true),
                b"get" => options.get = true,
                b"keepttl" if options.expires.is_none() => options.keep_expiry = true,
                unit @ (b"ex" | b"px") if expiry_free => {
                    let (amount, rest) = rest.split_first().ok_or(Failure::SYNTAX)?;
                    let amount = integer(amount)?;
                    options.expires = Some((amount, if unit == b"ex" { MILLISECONDS } else { 1 }));
                    words = rest;
                }
                _ => return Err(Failure::SYNTAX),
            }
        }
        Ok(options)
    }
}

fn set(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (&call.args[1], &call.args[2]);
    let options = SetOptions::parse(&call.args[3..])?;
    let mut expires = None;
    if let Some((amount, unit)) = options.expires {
        let at = if amount > 0 { moment(amount, unit) } else { None };
        expires = Some(at.ok_or(Failure::of("ERR invalid expire time in 'set' command"))?);
    }
    let old = if options.get { read(call, key)? } else { None };
    let database = call.database();
    let present = database.value(key).is_some();
    let fits = options.exists.is_none_or(|wanted| wanted == present);
    if fits {
        if options.keep_expiry {
            expires = database.expiry(key).flatten();
        }
        database.set(key, Value::String(value.clone()), expires);
    }
    match (options.get, fits) {
        (true, _) => call.reply().bulk_or_null(old),
        (false, true) => call.reply().ok(),
        (false, false) => call.reply().null(),
    }
    Ok(())
}

fn set_if_missing(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (&call.args[1], &call.args[2]);
    let database = call.database();
    let missing = database.value(key).is_none();
    if missing {
        database.set(key, Value::String(value.clone()), None);
    }
    call.reply().integer(missing.into());
    Ok(())
}

fn get_and_remove(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let value = read(call, key)?;
    call.database().remove(key);
    call.reply().bulk_or_null(value);
    Ok(())
}

fn get_many(call: &mut Call<'_>) -> Outcome {
    // A key of another type counts as missing here.
    let values: Vec<_> = call.args[1..].iter().map(|key| read(call, key).ok().flatten()).collect();
    let mut reply = call.reply();
    reply.array(values.len());
    values.into_iter().for_each(|value| reply.bulk_or_null(value));
    Ok(())
}

fn set_many(call: &mut Call<'_>) -> Outcome {
    let pairs = call.args[1..].chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(Failure::wrong_number_of_arguments("mset"));
    }
    let database = call.database();
    pairs.for_each(|pair| database.set(&pair[0], Value::String(pair[1].clone()), None));
    call.reply().ok();
    Ok(())
}

fn append(call: &mut Call<'_>) -> Outcome {
    let (key, more) = (&call.args[1], &call.args[2]);
    let length = call.database().update(key, |value: &mut Vec<u8>| {
        value.extend_from_slice(more);
        Ok(value.len())
    })?;
    call.reply().count(length);
    Ok(())
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let length = call.database().read::<Vec<u8>>(key)?.map_or(0, Vec::len);
    call.reply().count(length);
    Ok(())
}

fn add(call: &mut Call<'_>, by: i64) -> Outcome {
    let key = &call.args[1];
    let sum = call.database().update(key, |value: &mut Vec<u8>| {
        let number = if value.is_empty() { 0 } else { integer(value)? };
        let sum = number.checked_add(by).ok_or(Failure::OVERFLOW)?;
        *value = sum.to_string().into_bytes();
        Ok(sum)
    })?;
    call.reply().integer(sum);
    Ok(())
}
