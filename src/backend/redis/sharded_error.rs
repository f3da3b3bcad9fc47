//! Errors of servers about sharded channels.

use super::protocol::{CROSS_SLOT, MOVED};
use super::redirection::is_redirection;
use crate::model::Error;

/// Whether the server refuses a command because of its hash slot. A PING has none.
pub(super) fn is_of_slots(error: &Error) -> bool {
    is_redirection(error) || error.code.as_str() == CROSS_SLOT
}

/// A server's error about a sharded channel, in words for owners.
pub(super) fn in_words(error: Error) -> Error {
    let message = match error.code.as_str() {
        MOVED => match error.message.split_once(' ') {
            Some((slot, node)) => {
                format!("hash slot {slot} is at the node {node}, not at the one that was asked")
            }
            None => return error,
        },
        "ERR" if is_unknown(&error.message) => {
            format!("sharded channels need Redis 7.0 or Valkey; the server says: {}", error.message)
        }
        _ => return error,
    };
    Error { message: message.into(), ..error }
}

/// Whether the server's words mean that it does not have the command.
fn is_unknown(message: &str) -> bool {
    ["unknown", "unsupported"]
        .iter()
        .any(|word| message.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}
