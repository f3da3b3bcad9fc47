//! Checks in the call itself: what is refused, why, and what to use instead.

use crate::model::{Args, TopicKind};

/// The prefix of the channels for probes.
pub(super) const PROBE_PREFIX: &[u8] = b"realtime:probe:";
/// The longest name of a channel in bytes: PostgreSQL truncates longer ones.
const MAX_NAME: usize = 63;
/// The longest message in bytes.
const MAX_MESSAGE: usize = 7999;
/// The most parameters of one statement.
const MAX_PARAMETERS: usize = 65_535;

/// Refuses a kind of topic that PostgreSQL does not have, and names that it cannot take.
pub(super) fn topic(kind: TopicKind, name: &[u8]) -> Result<(), String> {
    match kind {
        TopicKind::Channel => {}
        TopicKind::Pattern => {
            return Err("PostgreSQL has no patterns: subscribe to each channel by its name".into());
        }
        TopicKind::ShardedChannel => {
            return Err("PostgreSQL has no sharded channels, only plain ones".into());
        }
    }
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(format!(
            "the name of a channel has 1 to {MAX_NAME} bytes in PostgreSQL, not {}",
            name.len()
        ));
    }
    if name.starts_with(PROBE_PREFIX) {
        return Err("channels that begin with realtime:probe: are the module's own".into());
    }
    text(name)
        .map_err(|problem| format!("the name of a channel is text in PostgreSQL, and this one {problem}"))
}

/// Refuses a message that PostgreSQL cannot carry.
pub(super) fn message(message: &[u8]) -> Result<(), String> {
    if message.len() > MAX_MESSAGE {
        return Err(format!(
            "a message has up to {MAX_MESSAGE} bytes in PostgreSQL, not {}: put it into a table, and publish where it is",
            message.len()
        ));
    }
    text(message).map_err(|problem| {
        format!(
            "a message is text in PostgreSQL, and this one {problem}: encode it, as util.Base64Encode does"
        )
    })
}

fn text(bytes: &[u8]) -> Result<(), &'static str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(()),
        Ok(_) => Err("has a zero byte"),
        Err(_) => Err("is not UTF-8"),
    }
}

/// Refuses a statement that would break the session. `call` writes an operation as the caller would.
pub(super) fn statement(args: &Args, call: fn(&str) -> String) -> Result<(), String> {
    let Some(sql) = args.get(0) else { return Err("the statement is NULL".into()) };
    text(sql).map_err(|problem| format!("a statement is text, and this one {problem}"))?;
    if args.len() > MAX_PARAMETERS + 1 {
        return Err(format!("a statement has up to {MAX_PARAMETERS} parameters"));
    }
    for (value, n) in args.iter().skip(1).zip(1..) {
        let value = value.unwrap_or_default();
        text(value).map_err(|problem| {
            format!("parameter ${n} {problem}; bytes are written as hexadecimal digits: decode($1, 'hex')")
        })?;
    }
    let mut words = Words(sql);
    let word = words.next().unwrap_or_default();
    let instead = match word.as_str() {
        "LISTEN" => format!("use {}", call("Subscribe")),
        "UNLISTEN" => format!("use {}", call("Unsubscribe")),
        "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE" => {
            format!("use {}, which begins and ends it", call("Transaction"))
        }
        "COPY" => "use INSERT, with several rows if there are many".into(),
        "PREPARE" | "DEALLOCATE" => "statements are prepared and kept by themselves".into(),
        "DISCARD" => "it would end the session's own statements and subscriptions".into(),
        "SET" | "RESET"
            if !matches!(words.next().as_deref(), Some("LOCAL" | "TRANSACTION" | "CONSTRAINTS")) =>
        {
            format!(
                "a setting is lost with the connection: use SET LOCAL in a {}, or ALTER ROLE … SET once",
                call("Transaction")
            )
        }
        _ => return Ok(()),
    };
    Err(format!("{word} would break the session; {instead}"))
}

/// Whether a failed statement has changed nothing. A procedure may commit halfway, and so may statements that cannot
/// run in a transaction.
pub(super) fn is_all_or_nothing(sql: &str) -> bool {
    let word = Words(sql.as_bytes()).next().unwrap_or_default();
    let known = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE", "NOTIFY"];
    known.contains(&word.as_str())
}

/// The words of a statement in upper case, comments left out.
struct Words<'a>(&'a [u8]);

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            let rest = self.0.trim_ascii_start();
            self.0 = if let Some(rest) = rest.strip_prefix(b"--") {
                let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                &rest[end.unwrap_or(rest.len())..]
            } else if let Some(rest) = rest.strip_prefix(b"\x0b") {
                // PostgreSQL 16 and newer treat it as white space; Rust does not.
                rest
            } else if rest.starts_with(b"/*") {
                after_comment(rest)
            } else if let Some(rest) = rest.strip_prefix(b"(").or_else(|| rest.strip_prefix(b";")) {
                rest
            } else {
                let end = rest
                    .iter()
                    .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
                    .unwrap_or(rest.len());
                let (word, rest) = rest.split_at(end);
                self.0 = rest;
                return (!word.is_empty()).then(|| String::from_utf8_lossy(word).to_ascii_uppercase());
            };
        }
    }
}

/// The text after a comment. Comments can be nested.
fn after_comment(text: &[u8]) -> &[u8] {
    let (mut rest, mut depth) = (text, 0_usize);
    loop {
        match rest {
            [b'/', b'*', after @ ..] => (rest, depth) = (after, depth + 1),
            [b'*', b'/', after @ ..] => {
                (rest, depth) = (after, depth - 1);
                if depth == 0 {
                    return rest;
                }
            }
            [_, after @ ..] => rest = after,
            [] => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_words(operation: &str) -> String {
        format!("client:{operation}")
    }

    #[test]
    fn statements_that_would_break_the_session_are_refused_with_what_to_use() {
        for (sql, expected) in [
            ("listen chat", "LISTEN would break the session; use client:Subscribe"),
            (
                " -- a\n/* b /* c */ */ ( UNLISTEN *",
                "UNLISTEN would break the session; use client:Unsubscribe",
            ),
            (";BEGIN", "BEGIN would break the session; use client:Transaction, which begins and ends it"),
            ("COPY t FROM STDIN", "use INSERT"),
            ("DISCARD ALL", "the session's own"),
            ("set search_path = a", "use SET LOCAL"),
            ("-- a\rBEGIN", "BEGIN would break the session"),
            ("\x0bBEGIN", "BEGIN would break the session"),
            ("SELECT 1\0", "has a zero byte"),
        ] {
            let problem = statement(&[sql].iter().collect(), in_words).unwrap_err();
            assert!(problem.contains(expected), "{sql:?}: {problem}");
        }
        for sql in [
            "SELECT 1",
            "SET LOCAL a = 1",
            "Set Transaction READ ONLY",
            "SET CONSTRAINTS ALL DEFERRED",
            "notify x",
            "",
            "/* ",
            "beginning",
        ] {
            assert_eq!(statement(&[sql].iter().collect(), in_words), Ok(()), "{sql:?}");
        }
        let mut args: Args = ["SELECT $1, $2"].iter().collect();
        args.push_null();
        args.push(b"a\xff");
        assert!(statement(&args, in_words).unwrap_err().starts_with("parameter $2 is not UTF-8"));
    }

    #[test]
    fn what_postgresql_would_cut_or_refuse_is_refused_in_the_call() {
        assert_eq!(topic(TopicKind::Channel, &[b'a'; 63]), Ok(()));
        assert_eq!(topic(TopicKind::Channel, "ž".as_bytes()), Ok(()));
        for name in [&[b'a'; 64][..], b"", b"a\0", b"\xff", b"realtime:probe:x"] {
            assert!(topic(TopicKind::Channel, name).is_err(), "{}", name.escape_ascii());
        }
        for kind in [TopicKind::Pattern, TopicKind::ShardedChannel] {
            assert!(topic(kind, b"a").unwrap_err().starts_with("PostgreSQL has no"));
        }
        assert_eq!((message(&[b'a'; 7999]), message(b"")), (Ok(()), Ok(())));
        for bytes in [&[b'a'; 8000][..], b"a\0", b"\xff"] {
            assert!(message(bytes).is_err());
        }
    }
}
