//! Sharded channels: each is in a hash slot, and a cluster's nodes keep what is published there within the slot's shard. See
//! <https://redis.io/docs/latest/develop/pubsub/#sharded-pubsub>
//!
//! When a node loses a hash slot, it ends the subscriptions to its channels, unasked, and the connection stays. That may overtake
//! an SUNSUBSCRIBE: the unasked push then passes for its confirmation, and the node refuses the command, late.

use std::time::{Duration, Instant};

use super::connection::Expectation;
use super::protocol::MOVED;
use super::reply::Reply;
use super::session::RedisSession;
use super::sharded_error::is_of_slots;
use super::shards::delivery_of;
use crate::backend::toolbox::{Batch, InFlight, Operation};
use crate::model::{Code, Error, TopicKind};

/// How long a node may go on holding a slot after another one has taken it: it hears of that from the cluster's bus, where each
/// node speaks to some of the others each second. See <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>
pub(super) const LAG: Duration = Duration::from_secs(5);

/// Whether a refusal of this batch means that it has happened: a node that has lost their hash slot subscribes nobody to its names.
pub(super) fn is_gone(batch: &Batch, error: &Error) -> bool {
    (batch.operation(), batch.kind()) == (Operation::Unsubscribe, TopicKind::ShardedChannel)
        && error.code.as_str() == MOVED
}

impl RedisSession {
    /// The server ended a subscription, unasked.
    pub(super) fn ended_by_server(&mut self, i: usize, kind: TopicKind, name: &[u8], now: Instant) {
        let heard = self.links[i].connection().map_or(now, |connection| connection.liveness.heard_before());
        // What was published at the slot's new node meanwhile did not come.
        let silent_since = heard.checked_sub(LAG).unwrap_or(heard);
        let text = "the server ended the subscription, as it does when a hash slot moves to another node";
        let delivery = delivery_of(&mut self.delivery, &mut self.shards, &self.links[i]);
        delivery.ended(kind, name, &Error::unsent(Code::Disconnected, text), silent_since);
        self.count_confirmed();
    }

    /// Whether this is the answer to an SUNSUBSCRIBE that passes for confirmed, which the fence follows.
    pub(super) fn is_late_refusal(&self, i: usize, reply: &Reply) -> bool {
        let Err(error) = reply else { return false };
        let front = self.links[i].connection().and_then(|connection| connection.pipeline.front());
        // A user without the right to it is told so.
        matches!(front, Some(InFlight { expectation: Expectation::Fence(_), .. }))
            && (is_of_slots(error) || error.message.contains("'sunsubscribe'"))
    }
}
