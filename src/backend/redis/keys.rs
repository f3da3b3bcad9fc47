//! Finds the keys among a command's arguments.

use super::check::words;
use crate::model::Args;

/// Commands all of whose arguments are keys.
const ALL: [&[u8]; 14] = [
    b"del",
    b"exists",
    b"mget",
    b"pfcount",
    b"pfmerge",
    b"sdiff",
    b"sdiffstore",
    b"sinter",
    b"sinterstore",
    b"sunion",
    b"sunionstore",
    b"touch",
    b"unlink",
    b"watch",
];
/// Commands whose first two arguments are keys.
const TWO: [&[u8]; 9] = [
    b"copy",
    b"geosearchstore",
    b"lcs",
    b"lmove",
    b"rename",
    b"renamenx",
    b"rpoplpush",
    b"smove",
    b"zrangestore",
];
/// Commands whose first argument says how many keys follow it.
const COUNTED: [&[u8]; 7] =
    [b"lmpop", b"sintercard", b"zdiff", b"zinter", b"zintercard", b"zmpop", b"zunion"];
/// Commands whose second argument says how many keys follow it. The first one is a key, too, or a script.
const COUNTED_SECOND: [&[u8]; 9] = [
    b"eval",
    b"eval_ro",
    b"evalsha",
    b"evalsha_ro",
    b"fcall",
    b"fcall_ro",
    b"zdiffstore",
    b"zinterstore",
    b"zunionstore",
];
/// Commands with a word as the first argument and a key as the second.
const SECOND: [&[u8]; 4] = [b"memory", b"object", b"xgroup", b"xinfo"];
/// Commands without keys, or with keys that are not looked for.
const NONE: [&[u8]; 30] = [
    b"acl",
    b"auth",
    b"client",
    b"cluster",
    b"command",
    b"config",
    b"dbsize",
    b"echo",
    b"failover",
    b"flushall",
    b"flushdb",
    b"function",
    b"hello",
    b"info",
    b"keys",
    b"lastsave",
    b"latency",
    b"lolwut",
    b"migrate",
    b"module",
    b"ping",
    b"publish",
    b"pubsub",
    b"randomkey",
    b"role",
    b"scan",
    b"script",
    b"slowlog",
    b"swapdb",
    b"time",
];

/// A command's keys. Most commands have one, after the name.
pub(super) fn keys_of(args: &Args) -> Vec<&[u8]> {
    let name = args.get(0).unwrap_or_default().to_ascii_lowercase();
    let is_in = |list: &[&[u8]]| list.contains(&&*name);
    let rest = words(args).skip(1);
    let count = |at| args.get(at).and_then(|count| str::from_utf8(count).ok()?.parse().ok()).unwrap_or(0);
    match &*name {
        b"mset" | b"msetnx" => rest.step_by(2).collect(),
        b"bitop" => rest.skip(1).collect(),
        b"xread" | b"xreadgroup" => {
            let streams: Vec<_> =
                rest.skip_while(|word| !word.eq_ignore_ascii_case(b"streams")).skip(1).collect();
            streams[..streams.len() / 2].to_vec()
        }
        _ if is_in(&ALL) => rest.collect(),
        _ if is_in(&TWO) => rest.take(2).collect(),
        _ if is_in(&COUNTED) => rest.skip(1).take(count(1)).collect(),
        _ if is_in(&COUNTED_SECOND) => {
            let target = name.ends_with(b"store").then(|| args.get(1)).flatten();
            target.into_iter().chain(rest.skip(2).take(count(2))).collect()
        }
        _ if is_in(&SECOND) => rest.skip(1).take(1).collect(),
        _ if is_in(&NONE) => Vec::new(),
        _ => rest.take(1).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_and_values_are_none() {
        for (command, keys) in [
            ("GET a", "a"),
            ("hset a field value", "a"),
            ("DEL a b", "a b"),
            ("MSET a 1 b 2", "a b"),
            ("RENAME a b", "a b"),
            ("EVAL script 2 a b x", "a b"),
            ("ZUNIONSTORE a 2 b c WEIGHTS 1 2", "a b c"),
            ("ZUNION 2 a b WITHSCORES", "a b"),
            ("ZUNION x a b", ""),
            ("OBJECT ENCODING a", "a"),
            ("BITOP AND a b c", "a b c"),
            ("XREAD COUNT 1 STREAMS a b 0 0", "a b"),
            ("XREAD", ""),
            ("AUTH secret", ""),
            ("PING", ""),
            ("PUBLISH chat hello", ""),
            ("SCRIPT LOAD text", ""),
            ("LCS a b LEN", "a b"),
        ] {
            let args: Args = command.split(' ').collect();
            let found: Vec<_> = keys_of(&args).into_iter().map(String::from_utf8_lossy).collect();
            assert_eq!(found.join(" "), keys, "{command}");
        }
    }
}
