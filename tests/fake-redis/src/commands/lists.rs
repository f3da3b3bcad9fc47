//! Lists.

use std::collections::VecDeque;

use crate::commands::data::{integer, range};
use crate::commands::{Call, Command, Outcome};
use crate::failure::Failure;

type List = VecDeque<Vec<u8>>;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("lpush", -3, "list", |call| push(call, List::push_front)),
    Command::new("rpush", -3, "list", |call| push(call, List::push_back)),
    Command::new("lpop", -2, "list", |call| pop(call, List::pop_front)),
    Command::new("rpop", -2, "list", |call| pop(call, List::pop_back)),
    Command::new("lrange", 4, "list", elements),
    Command::new("llen", 2, "list", length),
];

fn push(call: &mut Call<'_>, add: fn(&mut List, Vec<u8>)) -> Outcome {
    let (key, elements) = (&call.args[1], &call.args[2..]);
    let length = call.database().update(key, |list: &mut List| {
        elements.iter().for_each(|element| add(list, element.clone()));
        Ok(list.len())
    })?;
    call.reply().count(length);
    Ok(())
}

fn pop(call: &mut Call<'_>, take: fn(&mut List) -> Option<Vec<u8>>) -> Outcome {
    if call.args.len() > 3 {
        return Err(Failure::wrong_number_of_arguments(call.command.name));
    }
    let count = match call.args.get(2) {
        Some(count) => {
            let count = integer(count).ok().and_then(|count| usize::try_from(count).ok());
            Some(count.ok_or(Failure::NOT_POSITIVE)?)
        }
        None => None,
    };
    let key = &call.args[1];
    if call.database().read::<List>(key)?.is_none() {
        match count {
            Some(_) => call.reply().null_array(),
            None => call.reply().null(),
        }
        return Ok(());
    }
    let taken: Vec<Vec<u8>> = call
        .database()
        .update(key, |list: &mut List| Ok((0..count.unwrap_or(1)).map_while(|_| take(list)).collect()))?;
    let mut reply = call.reply();
    match count {
        Some(_) => {
            reply.array(taken.len());
            taken.iter().for_each(|element| reply.bulk(element));
        }
        None => reply.bulk_or_null(taken.first()),
    }
    Ok(())
}

fn elements(call: &mut Call<'_>) -> Outcome {
    let (start, stop) = (integer(&call.args[2])?, integer(&call.args[3])?);
    let key = &call.args[1];
    let found: Vec<Vec<u8>> = match call.database().read::<List>(key)? {
        Some(list) => list.range(range(start, stop, list.len())).cloned().collect(),
        None => Vec::new(),
    };
    let mut reply = call.reply();
    reply.array(found.len());
    found.iter().for_each(|element| reply.bulk(element));
    Ok(())
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let length = call.database().read::<List>(key)?.map_or(0, List::len);
    call.reply().count(length);
    Ok(())
}
