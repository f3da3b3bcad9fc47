//! Links for the sharded channels of a cluster: chooses the link of each channel, and handles the loss of one.
//!
//! A channel goes to the node that holds its hash slot, or to a replica of it if the node cannot be reached: both
//! receive the messages published in their shard. Where a channel is confirmed it stays, until the node ends the
//! subscription or the link is lost. The node knows best: it ends the subscription when it loses the slot, refuses it
//! from then on, and names the new node.

use std::time::{Duration, Instant};

use super::acl::listed;
use super::cluster::{AT_ONCE, link_to_shard};
use super::connection::LinkRole;
use super::failure::Failure;
use super::redirection::Redirection;
use super::session::RedisSession;
use super::sharded::LAG;
use super::shards::delivery_of;
use crate::backend::toolbox::{Batch, Delivery, Handover, Operation, RefusedTopics};
use crate::backend::{Action, Endpoint};
use crate::model::{Code, Error, Sink, SubscriptionSlot, Topic, TopicKind};

const SHARDED: TopicKind = TopicKind::ShardedChannel;
/// How long a node that claims a slot is believed, although the node that lists the slots does not know of it
/// yet.
const NEWS: Duration = Duration::from_secs(10);

impl RedisSession {
    /// Subscribes to a sharded channel, at its node if the nodes are known. Returns false if it belongs to the plain
    /// subscriptions.
    pub(super) fn subscribe_at_shard(
        &mut self,
        topic: &Topic,
        slot: SubscriptionSlot,
        now: Instant,
        sink: &mut dyn Sink,
    ) -> bool {
        if topic.kind != SHARDED || self.delivery.contains(SHARDED, &topic.name) {
            return false;
        }
        if self.shards.with_channel(&topic.name).is_none() {
            let Some(i) = self.shard_for(&topic.name, now) else { return false };
            let number = self.delivery.next_number();
            let delivery = self.shards.of_mut(self.links[i].id());
            let event = delivery.and_then(|delivery| delivery.subscribe_as(number, topic, slot));
            event.into_iter().for_each(|event| sink.event(event));
            return true;
        }
        let number = self.delivery.next_number();
        if let Some(delivery) = self.shards.with_channel(&topic.name)
            && let Some(event) = delivery.subscribe_as(number, topic, slot)
        {
            sink.event(event);
        }
        true
    }

    /// Drops a topic.
    pub(super) fn unsubscribe(&mut self, topic: &Topic) {
        if topic.kind == SHARDED && self.shards.with_channel(&topic.name).is_some() {
            let number = self.delivery.next_number();
            let delivery = self.shards.with_channel(&topic.name);
            delivery.into_iter().for_each(|delivery| delivery.unsubscribe_as(number, topic));
        } else {
            self.delivery.unsubscribe(topic);
        }
    }

    /// The link for a sharded channel; opens one if there is none. `None` if its node is not known, or if there are
    /// too many links.
    fn shard_for(&mut self, name: &[u8], now: Instant) -> Option<usize> {
        let node = self.cluster.as_ref()?.node_of_channel(name, &self.links)?;
        if let Some(i) = link_to_shard(node, &self.links) {
            return Some(i);
        }
        let node = node.clone();
        let id = self.open(LinkRole::Shard, node, now)?;
        self.links.iter().position(|link| link.id() == id)
    }

    /// Puts topics that were handed over where they belong now.
    fn place(&mut self, topics: Vec<Handover>, now: Instant, sink: &mut dyn Sink) {
        for topic in topics {
            let event = match self.shard_for(topic.name(), now) {
                Some(i) => delivery_of(&mut self.delivery, &mut self.shards, &self.links[i]).take(topic),
                // The server of the plain subscriptions is asked instead, and will name the right node.
                None => {
                    if self.delivery.is_empty()
                        && let Some(probe) = &mut self.probe
                    {
                        probe.begin(now);
                    }
                    let silence = topic.silence().map(|(since, error)| (since, error.clone()));
                    let subscriber = self.links[self.subscriber()].up();
                    // On a new connection, the gap of all topics that is reported before `ready` covers this
                    // topic, too.
                    let is_new = subscriber.is_none_or(|connection| !connection.is_proved());
                    let event = self.delivery.take(topic);
                    if let Some((since, error)) = silence.filter(|_| is_new) {
                        self.delivery.lost_before_ready(since, error);
                    }
                    event
                }
            };
            event.into_iter().for_each(|event| sink.event(event));
        }
    }

    /// The holders of hash slots may have changed: topics that are not subscribed yet go where they belong now.
    pub(super) fn place_anew(&mut self, now: Instant, sink: &mut dyn Sink) {
        let Some(cluster) = &self.cluster else { return };
        let error = Error::unsent(Code::Disconnected, "its hash slot is at another node of the cluster");
        let links = &self.links;
        let node = |name: &[u8]| cluster.node_of_channel(name, links);
        let mut topics = self.delivery.give_up(SHARDED, |name| node(name).is_some(), &error, now);
        for link in links {
            let Some(delivery) = self.shards.of_mut(link.id()) else { continue };
            let is_elsewhere = |name: &[u8]| node(name).is_some_and(|node| link.endpoint() != Some(node));
            topics.extend(delivery.give_up(SHARDED, is_elsewhere, &error, now));
        }
        self.place(topics, now, sink);
    }

    /// A node refused an SSUBSCRIBE. Gives the batch back, unless another node holds the hash slot and gets it.
    pub(super) fn batch_redirected(
        &mut self,
        i: usize,
        batch: Batch,
        refusal: &Error,
        now: Instant,
        sink: &mut dyn Sink,
    ) -> Option<Batch> {
        let used = self.links[i].endpoint().unwrap_or(self.endpoints.present());
        let redirection = Redirection::parse(refusal, used, &self.config);
        let (Some(Redirection::Moved { hash_slot, node: Some(node) }), Some(cluster)) =
            (redirection, &mut self.cluster)
        else {
            return Some(batch);
        };
        let is_subscribe = (batch.operation(), batch.kind()) == (Operation::Subscribe, SHARDED);
        let is_here = self.links[i].role() == LinkRole::Shard && self.links[i].endpoint() == Some(&node);
        let delivery = delivery_of(&mut self.delivery, &mut self.shards, &self.links[i]);
        let text = format!("its hash slot is at the node {node} of the cluster");
        let is_lost = delivery.redirections(&batch) >= AT_ONCE;
        self.endpoints.hurry(now);
        if !is_subscribe || is_here || is_lost || !cluster.moved(hash_slot, node, &self.links) {
            return Some(batch);
        }
        cluster.has_news = true;
        let topics = delivery.redirect(batch, &Error::unsent(Code::Disconnected, text), now);
        self.place(topics, now, sink);
        None
    }

    /// A link of a shard is up.
    pub(super) fn shard_up(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        self.shards.note_change();
        if self.closing.is_none()
            && let Some(delivery) = self.shards.of_mut(self.links[i].id())
        {
            delivery.connected(now, sink);
        }
        self.check_ready(now, sink);
    }

    /// A link of a shard was lost, or could not be made: its channels go to any node that can be reached. Messages
    /// published after `since` may be missing.
    pub(super) fn shard_lost(
        &mut self,
        i: usize,
        since: Instant,
        error: &Error,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let Some(delivery) = self.shards.of_mut(self.links[i].id()) else { return };
        let topics = delivery.disconnect(since, error);
        self.shards.note_change();
        self.count_confirmed();
        self.place(topics, now, sink);
        self.check_ready(now, sink);
    }

    /// The pause after the loss of a link of a shard is over: its channels are subscribed again, at any node that can
    /// be reached.
    pub(super) fn shard_again(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        let error = self.links[i].error().cloned();
        self.links[i].close();
        if let Some(error) = error {
            self.shard_lost(i, now, &error, now, sink);
        }
    }

    /// From when messages may be missing on a link of a shard that ends now.
    pub(super) fn shard_silent_since(&self, i: usize, failure: &Failure, now: Instant) -> Instant {
        let Some(connection) = self.links[i].connection() else { return now };
        let heard = connection.liveness.heard();
        if !matches!(failure, Failure::LeftCluster) {
            return heard;
        }
        // Another node may have taken its place since the cluster last named it, and the node that named it may have
        // been cut off.
        let cut_off = self.cluster.as_ref().and_then(|cluster| cluster.state.cut_off_since());
        connection.named.checked_sub(LAG).into_iter().chain(cut_off).fold(heard, Instant::min)
    }

    /// The cluster listed its nodes: a link to a node that is not listed any more delivers nothing.
    pub(super) fn leave_shards(&mut self, known: &[Endpoint], now: Instant, sink: &mut dyn Sink) {
        for i in 0..self.links.len() {
            let link = &mut self.links[i];
            let is_known = link.endpoint().is_some_and(|node| known.contains(node));
            let Some(connection) = link.up_mut().filter(|connection| connection.role == LinkRole::Shard)
            else {
                continue;
            };
            if is_known {
                connection.named = now;
            } else if connection.made + NEWS <= now {
                // Nodes learn of a new one within some seconds.
                self.fail(i, Failure::LeftCluster, now, sink);
            }
        }
    }

    /// The server is not a node of a cluster: sharded channels are subscribed with the plain ones.
    pub(super) fn close_shards(&mut self, now: Instant, sink: &mut dyn Sink) {
        for i in 0..self.links.len() {
            if self.links[i].role() != LinkRole::Shard {
                continue;
            }
            let since = self.links[i].connection().map_or(now, |connection| connection.liveness.heard());
            if self.links[i].is_open() || self.links[i].is_under_way() {
                self.actions.push_back(Action::Close(self.links[i].id()));
            }
            self.links[i].close();
            let error = Error::unsent(Code::Disconnected, "the server is not part of a cluster any more");
            self.shard_lost(i, since, &error, now, sink);
        }
    }

    /// Disconnect was asked for. If sharded channels were delivered, returns from when messages may be missing.
    pub(super) fn end_shards(&mut self, now: Instant) -> Option<Instant> {
        let links = self.links.iter().filter(|link| link.role() == LinkRole::Shard);
        let ends = links.filter_map(|link| {
            let heard = link.connection().map_or(now, |connection| connection.liveness.heard());
            let delivery = self.shards.of_mut(link.id())?;
            delivery.end(delivery.missing_since(heard))
        });
        ends.min()
    }

    /// Whether each link of a shard has restored its topics, or cannot be made for now.
    pub(super) fn are_shards_restored(&self) -> bool {
        let is_lost = |id| self.links.iter().any(|link| link.id() == id && link.error().is_some());
        self.shards.each().all(|(id, it)| it.is_empty() || it.is_restored() || is_lost(id))
    }

    /// The number of confirmed topics has changed.
    pub(super) fn count_confirmed(&self) {
        let shards = self.shards.all().map(Delivery::confirmed).sum::<u64>();
        self.counters.set_confirmed(self.delivery.confirmed() + shards);
    }

    /// Reports topics that are heard again. Returns whether a `ready` has to follow.
    pub(super) fn tell_regained(&mut self, now: Instant, sink: &mut dyn Sink) -> bool {
        self.delivery.tell_regained(now, sink);
        let mut owes_ready = self.delivery.take_owed_ready();
        for delivery in self.shards.all_mut() {
            delivery.tell_regained(now, sink);
            owes_ready |= delivery.take_owed_ready();
        }
        owes_ready
    }

    /// Notes which topics are refused or at nodes that cannot be reached, if that has changed.
    pub(super) fn note_refused(&mut self) {
        let mut has_changed = self.delivery.take_refused_changed() | self.shards.take_changed();
        self.shards.all_mut().for_each(|delivery| has_changed |= delivery.take_refused_changed());
        if !has_changed {
            return;
        }
        let (mut unreached, mut error, mut topics) = (0, None, Vec::new());
        for link in self.links.iter().filter(|link| !link.is_up()) {
            let delivery = self.shards.of(link.id()).filter(|delivery| !delivery.is_empty());
            let (Some(delivery), Some(cause)) = (delivery, link.error()) else { continue };
            unreached += delivery.wanted();
            error = error.or(Some(cause));
            topics.append(&mut delivery.wanted_topics());
        }
        let reason = error.map(|error| format!("sharded channels ({unreached}): {error}"));
        let count = unreached
            + self.delivery.refused_count()
            + self.shards.all().map(Delivery::refused_count).sum::<usize>();
        let mut refused = None;
        for delivery in std::iter::once(&mut self.delivery).chain(self.shards.all_mut()) {
            if delivery.refused_count() > 0 {
                let mut found = RefusedTopics { count, ..delivery.refused_topics() };
                topics.append(&mut found.wanted);
                refused = refused.or_else(|| listed(&found, &self.config));
            }
        }
        self.counters.set_refused(count as u64, refused.or(reason), topics);
    }
}
