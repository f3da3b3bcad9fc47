//! Commands that would break a session that shares its links, and what to use instead of them.

use crate::backend::OPERATIONS;
use crate::model::{Args, NAME_CHARACTERS, printable};

/// Refuses a command that would stop the link for all others, change the user, database or mode of the link, or whose
/// answers cannot be told from messages.
///
/// # Errors
///
/// What to use instead.
pub(super) fn check(args: &Args, call: fn(&str) -> String) -> Result<(), String> {
    if let Some(index) = args.iter().position(|arg| arg.is_none()) {
        return Err(format!(
            "index {}: NULL, which no Redis command can hold; leave it out, or send an empty text",
            index + 1
        ));
    }
    let Some(name) = args.get(0).filter(|name| !name.is_empty()) else {
        return Err("a command needs a name, as in { \"GET\", \"key\" }".to_owned());
    };
    if name.contains(&b' ') {
        return Err(format!(
            "\"{}\" is more than a command's name: each word is an element of its own, as in {{ \"GET\", \"key\" }}",
            printable(name, NAME_CHARACTERS)
        ));
    }
    let upper = name.to_ascii_uppercase();
    let Some(instead) = instead(&upper, args) else { return Ok(()) };
    let instead = OPERATIONS.iter().fold(instead.to_owned(), |instead, operation| {
        instead.replace(&format!("{{{operation}}}"), &call(operation))
    });
    Err(format!("{} cannot be sent here: {instead}", upper.escape_ascii()))
}

/// The arguments of a command that was checked: none of them is NULL.
pub(super) fn words(args: &Args) -> impl ExactSizeIterator<Item = &[u8]> {
    args.iter().map(Option::unwrap_or_default)
}

/// Whether a command blocks: the server answers it only once there is something to return, and holds back
/// every later command until then.
pub(super) fn blocks(args: &Args) -> bool {
    args.get(0).is_some_and(|name| instead_of_blocking(&name.to_ascii_uppercase(), args).is_some())
}

/// What to use instead of a command, if it may not be sent: with operations in braces.
fn instead(name: &[u8], args: &Args) -> Option<&'static str> {
    if let Some(instead) = instead_of_blocking(name, args) {
        return Some(instead);
    }
    Some(match name {
        b"SUBSCRIBE" => "use {Subscribe}",
        b"PSUBSCRIBE" => "use {PSubscribe}",
        b"UNSUBSCRIBE" => "use {Unsubscribe}",
        b"PUNSUBSCRIBE" => "use {PUnsubscribe}",
        b"SSUBSCRIBE" => "use {SSubscribe}",
        b"SUNSUBSCRIBE" => "use {SUnsubscribe}",
        b"WAIT" | b"WAITAOF" => {
            "it would block every other command of this client; set min-replicas-to-write on the server"
        }
        b"MULTI" | b"EXEC" | b"DISCARD" => "use {Transaction}",
        b"WATCH" | b"UNWATCH" => "use {Transaction}, or EVAL to decide inside the server",
        b"HELLO" => "use the options protocol, username, password and name of {Connect}",
        b"AUTH" => "use the options username and password of {Connect}",
        b"SELECT" => "use the option db of {Connect}",
        b"QUIT" | b"RESET" => "use {Disconnect}",
        b"CLIENT" if args.get(1).is_some_and(|sub| sub.eq_ignore_ascii_case(b"REPLY")) => {
            "with REPLY off no command would get an answer; leave out the callback instead"
        }
        b"MONITOR" => "use redis-cli MONITOR",
        b"SYNC" | b"PSYNC" | b"REPLCONF" => "it is for replicas; use redis-cli --rdb for a copy of the data",
        _ => return None,
    })
}

/// What to use instead of a command that waits for an element to come. WAIT and WAITAOF are not here: they wait for
/// writes of their own connection.
fn instead_of_blocking(name: &[u8], args: &Args) -> Option<&'static str> {
    Some(match name {
        b"BLPOP" => "it would block every other command of this client; use LPOP in a timer",
        b"BRPOP" => "it would block every other command of this client; use RPOP in a timer",
        b"BLMOVE" => "it would block every other command of this client; use LMOVE in a timer",
        b"BRPOPLPUSH" => "it would block every other command of this client; use RPOPLPUSH in a timer",
        b"BLMPOP" => "it would block every other command of this client; use LMPOP in a timer",
        b"BZPOPMIN" => "it would block every other command of this client; use ZPOPMIN in a timer",
        b"BZPOPMAX" => "it would block every other command of this client; use ZPOPMAX in a timer",
        b"BZMPOP" => "it would block every other command of this client; use ZMPOP in a timer",
        b"XREAD" | b"XREADGROUP" if has_block(args) => {
            "BLOCK would block every other command of this client; leave it out and ask again in a timer"
        }
        _ => return None,
    })
}

/// Whether XREAD or XREADGROUP has a BLOCK among its options, which end at STREAMS.
fn has_block(args: &Args) -> bool {
    let mut args = words(args).skip(1);
    while let Some(arg) = args.next() {
        if arg.eq_ignore_ascii_case(b"BLOCK") {
            return true;
        }
        if arg.eq_ignore_ascii_case(b"STREAMS") {
            return false;
        }
        // Names of a group and a consumer may be any words.
        if arg.eq_ignore_ascii_case(b"GROUP") {
            args.nth(1);
        }
    }
    false
}
