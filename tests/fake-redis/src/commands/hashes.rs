//! Hashes.

use std::iter;

use crate::commands::{Call, Command, Outcome};
use crate::failure::Failure;
use crate::keyspace::Hash;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("hset", -4, "hash", set),
    Command::new("hget", 3, "hash", get),
    Command::new("hmget", -3, "hash", get_many),
    Command::new("hgetall", 2, "hash", all),
    Command::new("hdel", -3, "hash", remove),
    Command::new("hexists", 3, "hash", exists),
    Command::new("hlen", 2, "hash", length),
];

fn set(call: &mut Call<'_>) -> Outcome {
    let pairs = call.args[2..].chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(Failure::wrong_number_of_arguments("hset"));
    }
    let key = &call.args[1];
    let new = call
        .database()
        .update(key, |hash: &mut Hash| Ok(pairs.filter(|pair| hash.set(&pair[0], &pair[1])).count()))?;
    call.reply().count(new);
    Ok(())
}

fn get(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (&call.args[1], &call.args[2]);
    let value = call.database().read::<Hash>(key)?.and_then(|hash| hash.get(field)).map(<[u8]>::to_vec);
    call.reply().bulk_or_null(value);
    Ok(())
}

fn get_many(call: &mut Call<'_>) -> Outcome {
    let (key, fields) = (&call.args[1], &call.args[2..]);
    let values: Vec<Option<Vec<u8>>> = match call.database().read::<Hash>(key)? {
        Some(hash) => fields.iter().map(|field| hash.get(field).map(<[u8]>::to_vec)).collect(),
        None => iter::repeat_n(None, fields.len()).collect(),
    };
    let mut reply = call.reply();
    reply.array(values.len());
    values.into_iter().for_each(|value| reply.bulk_or_null(value));
    Ok(())
}

fn all(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = match call.database().read::<Hash>(key)? {
        Some(hash) => hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect(),
        None => Vec::new(),
    };
    let mut reply = call.reply();
    reply.map(pairs.len());
    for (field, value) in pairs {
        reply.bulk(field);
        reply.bulk(value);
    }
    Ok(())
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (key, fields) = (&call.args[1], &call.args[2..]);
    let removed = call
        .database()
        .update(key, |hash: &mut Hash| Ok(fields.iter().filter(|field| hash.remove(field)).count()))?;
    call.reply().count(removed);
    Ok(())
}

fn exists(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (&call.args[1], &call.args[2]);
    let found = call.database().read::<Hash>(key)?.is_some_and(|hash| hash.get(field).is_some());
    call.reply().integer(found.into());
    Ok(())
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let length = call.database().read::<Hash>(key)?.map_or(0, Hash::len);
    call.reply().count(length);
    Ok(())
}
