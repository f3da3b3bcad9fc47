//! Sharded channels: each is in a hash slot, and a cluster's nodes keep what is published there within the slot's shard. See
//! <https://redis.io/docs/latest/develop/pubsub/#sharded-pubsub>
//!
//! When a node loses a hash slot, it ends the subscriptions to its channels, unasked, and the connection stays. That may overtake
//! an SUNSUBSCRIBE: the unasked push then passes for its confirmation, and the node refuses the command, late.

use std::time::Instant;

use super::connection::Expectation;
use super::hash_slot::HashSlot;
use super::reply::Reply;
use super::session::RedisSession;
use crate::backend::toolbox::{Batch, InFlight, Operation};
use crate::model::{Code, Error, TopicKind};

/// The codes with which a node refuses a command because of its hash slot. No command without a slot is refused like this.
const OF_SLOTS: [&str; 5] = ["ASK", "CLUSTERDOWN", "CROSSSLOT", "MOVED", "TRYAGAIN"];

/// The server's code for what is at another node.
const MOVED: &str = "MOVED";

/// Which names one command may have: sharded channels of one hash slot only.
pub(super) fn group_of(kind: TopicKind, name: &[u8]) -> u16 {
    if kind == TopicKind::ShardedChannel { HashSlot::of(name).number() } else { 0 }
}

/// An error of the server's about a sharded channel, in words for owners.
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

/// Whether these are words for a command that the server does not have.
fn is_unknown(message: &str) -> bool {
    ["unknown", "unsupported"]
        .iter()
        .any(|word| message.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}

/// Whether a refusal of this batch means that it has happened: a node that has lost their hash slot subscribes nobody to its names.
pub(super) fn is_gone(batch: &Batch, error: &Error) -> bool {
    (batch.operation(), batch.kind()) == (Operation::Unsubscribe, TopicKind::ShardedChannel)
        && error.code.as_str() == MOVED
}

impl RedisSession {
    /// The server ended a subscription, unasked.
    pub(super) fn ended_by_server(&mut self, i: usize, kind: TopicKind, name: &[u8], now: Instant) {
        let heard = self.links[i].connection().map_or(now, |connection| connection.liveness.heard_before());
        let text = "the server ended the subscription, as it does when a hash slot moves to another node";
        self.delivery.ended(kind, name, &Error::unsent(Code::Disconnected, text), heard);
        self.counters.set_confirmed(self.delivery.confirmed());
    }

    /// Whether this is the answer to an SUNSUBSCRIBE that passes for confirmed, which the fence follows.
    pub(super) fn is_late_refusal(&self, i: usize, reply: &Reply) -> bool {
        let Err(error) = reply else { return false };
        let front = self.links[i].connection().and_then(|connection| connection.pipeline.front());
        // A PING has no hash slot, and a user without the right to it is told so.
        matches!(front, Some(InFlight { expectation: Expectation::Fence(_), .. }))
            && (OF_SLOTS.contains(&error.code.as_str()) || error.message.contains("'sunsubscribe'"))
    }
}
