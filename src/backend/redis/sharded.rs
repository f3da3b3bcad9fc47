//! Sharded channels: each is in a hash slot, and a cluster delivers its messages within the slot's shard only. See
//! <https://redis.io/docs/latest/develop/pubsub/#sharded-pubsub>
//!
//! When a node loses a hash slot, it ends the subscriptions to the slot's channels, unasked, and the
//! connection stays. The push about that may overtake an SUNSUBSCRIBE: then it is taken for the confirmation,
//! and the node refuses the command later.

use std::time::{Duration, Instant};

use super::connection::Expectation;
use super::protocol::MOVED;
use super::reply::Reply;
use super::session::RedisSession;
use super::sharded_error::is_of_slots;
use super::shards::delivery_of;
use crate::backend::toolbox::{Batch, InFlight, Operation};
use crate::model::{Code, Error, TopicKind};

/// How long a node may keep holding a slot after another one has taken it: it learns that from the cluster's bus,
/// where each node contacts some of the others every second. See
/// <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>
pub(super) const LAG: Duration = Duration::from_secs(5);

/// Whether the refusal of this batch means that it is done: a node that has lost the hash slot has no subscribers to
/// its names.
pub(super) fn is_gone(batch: &Batch, error: &Error) -> bool {
    (batch.operation(), batch.kind()) == (Operation::Unsubscribe, TopicKind::ShardedChannel)
        && error.code.as_str() == MOVED
}

impl RedisSession {
    /// The server ended a subscription, unasked.
    pub(super) fn ended_by_server(&mut self, i: usize, kind: TopicKind, name: &[u8], now: Instant) {
        let heard = self.links[i].connection().map_or(now, |connection| connection.liveness.heard_before());
        // Messages published at the slot's new node in the meantime were missed.
        let silent_since = heard.checked_sub(LAG).unwrap_or(heard);
        let text = "the server ended the subscription, as it does when a hash slot moves to another node";
        let delivery = delivery_of(&mut self.delivery, &mut self.shards, &self.links[i]);
        delivery.ended(kind, name, &Error::unsent(Code::Disconnected, text), silent_since);
        self.count_confirmed();
    }

    /// Whether this is the answer to an SUNSUBSCRIBE that counts as confirmed already; the fence follows it.
    pub(super) fn is_late_refusal(&self, i: usize, reply: &Reply) -> bool {
        let Err(error) = reply else { return false };
        let front = self.links[i].connection().and_then(|connection| connection.pipeline.front());
        // If the user lacks the right, the error is reported.
        matches!(front, Some(InFlight { expectation: Expectation::Fence(_), .. }))
            && (is_of_slots(error) || error.message.contains("'sunsubscribe'"))
    }
}
