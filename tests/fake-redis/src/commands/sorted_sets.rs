//! Sorted sets.

use crate::commands::data::{float, integer, range};
use crate::commands::{Call, Command, Outcome};
use crate::failure::Failure;
use crate::keyspace::SortedSet;
use crate::reply::Protocol;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("zadd", -4, "sortedset", add),
    Command::new("zincrby", 4, "sortedset", increment),
    Command::new("zrem", -3, "sortedset", remove),
    Command::new("zscore", 3, "sortedset", score),
    Command::new("zrange", -4, "sortedset", members),
    Command::new("zcard", 2, "sortedset", length),
];

/// ZADD without its options.
fn add(call: &mut Call<'_>) -> Outcome {
    let pairs = call.args[2..].chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(Failure::SYNTAX);
    }
    let scored: Result<Vec<(f64, &Vec<u8>)>, Failure> =
        pairs.map(|pair| Ok((float(&pair[0])?, &pair[1]))).collect();
    let scored = scored?;
    let key = &call.args[1];
    let new = call.database().update(key, |set: &mut SortedSet| {
        Ok(scored.iter().filter(|(score, member)| set.set(member, *score)).count())
    })?;
    call.reply().count(new);
    Ok(())
}

fn increment(call: &mut Call<'_>) -> Outcome {
    let by = float(&call.args[2])?;
    let (key, member) = (&call.args[1], &call.args[3]);
    let sum = call.database().update(key, |set: &mut SortedSet| {
        let sum = set.score(member).unwrap_or(0.0) + by;
        if sum.is_nan() {
            return Err(Failure::of("ERR resulting score is not a number (NaN)"));
        }
        set.set(member, sum);
        Ok(sum)
    })?;
    call.reply().double(sum);
    Ok(())
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (&call.args[1], &call.args[2..]);
    let removed = call
        .database()
        .update(key, |set: &mut SortedSet| Ok(members.iter().filter(|member| set.remove(member)).count()))?;
    call.reply().count(removed);
    Ok(())
}

fn score(call: &mut Call<'_>) -> Outcome {
    let (key, member) = (&call.args[1], &call.args[2]);
    let score = call.database().read::<SortedSet>(key)?.and_then(|set| set.score(member));
    match score {
        Some(score) => call.reply().double(score),
        None => call.reply().null(),
    }
    Ok(())
}

/// ZRANGE by rank.
fn members(call: &mut Call<'_>) -> Outcome {
    let with_scores = match &call.args[4..] {
        [] => false,
        [option] if option.eq_ignore_ascii_case(b"withscores") => true,
        _ => return Err(Failure::SYNTAX),
    };
    let (start, stop) = (integer(&call.args[2])?, integer(&call.args[3])?);
    let key = &call.args[1];
    let found = match call.database().read::<SortedSet>(key)? {
        Some(set) => set.members()[range(start, stop, set.members().len())].to_vec(),
        None => Vec::new(),
    };
    let pairs = call.session().protocol == Protocol::Resp3;
    let mut reply = call.reply();
    // With scores RESP3 has an array for each member, RESP2 one flat array.
    reply.array(if with_scores && !pairs { found.len() * 2 } else { found.len() });
    for (score, member) in found {
        if with_scores && pairs {
            reply.array(2);
        }
        reply.bulk(member);
        if with_scores {
            reply.double(score);
        }
    }
    Ok(())
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let length = call.database().read::<SortedSet>(key)?.map_or(0, |set| set.members().len());
    call.reply().count(length);
    Ok(())
}
