//! One rule of `ACL SETUSER`: <https://redis.io/docs/latest/commands/acl-setuser/>

use crate::model::printable;

/// The longest name that is written out, in bytes.
pub(super) const NAME_BYTES: usize = 200;

/// A rule, as the server takes it.
pub(super) type Rule = Vec<u8>;

/// A rule for exactly this name. A rule cannot contain white space or NUL; a question mark matches either.
pub(super) fn exact_rule(sign: u8, name: &[u8]) -> Option<Rule> {
    let mut rule = vec![sign];
    for &byte in name {
        match byte {
            b'*' | b'?' | b'[' | b'\\' => rule.extend([b'\\', byte]),
            byte if is_space(byte) => rule.push(b'?'),
            byte => rule.push(byte),
        }
    }
    (name.len() <= NAME_BYTES).then_some(rule)
}

/// A rule for exactly this pattern, which must occur in it unchanged. A pattern with white space cannot be written as
/// a rule.
pub(super) fn pattern_rule(pattern: &[u8]) -> Option<Rule> {
    let fits = pattern.len() <= NAME_BYTES && !pattern.iter().any(|&byte| is_space(byte));
    fits.then(|| [b"&", pattern].concat())
}

/// Whether Redis refuses a rule with this byte.
fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t'..=b'\r' | b' ')
}

/// A word as it is typed at the prompt of redis-cli, and, unless it has unusual bytes, after `redis-cli` in a shell,
/// too.
pub(super) fn quoted(word: &[u8]) -> String {
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-.:/+@%=,".contains(b);
    let text = printable(word, word.len());
    if !word.is_empty() && word.iter().all(is_plain) {
        text
    } else if text.as_bytes() == word && !word.contains(&b'\'') && !word.ends_with(b"\\") {
        // At the prompt only \' has a meaning here.
        format!("'{text}'")
    } else {
        // A shell gives some characters a meaning even here, so those are escaped, too.
        let escaped = |&b: &u8| match b {
            b if is_plain(&b) || b" &~|*?[]".contains(&b) => char::from(b).to_string(),
            b => format!("\\x{b:02x}"),
        };
        format!("\"{}\"", word.iter().map(escaped).collect::<String>())
    }
}
