//! Requests in a cluster: chooses the link for each, handles refusals by nodes, and keeps the links that this needs.

use std::time::{Duration, Instant};

use super::cluster::{Cluster, MAX_REDIRECTIONS, PAUSE, asks, link_to, link_to_shard};
use super::connection::{Expectation, LinkRole, circumstances};
use super::failure::{Circumstances, Failure, add_details};
use super::link::Link;
use super::nodes::{nodes, slots};
use super::outbound::has_room;
use super::redirection::Redirection;
use super::reply::Reply;
use super::request::{encode, encode_asking, is_publish};
use super::security::AddressSource;
use super::session::RedisSession;
use super::slots::slot_of_request;
use crate::backend::toolbox::{Backoff, Delivery, Detour, PendingRequest};
use crate::backend::{Action, Endpoint};
use crate::model::{Code, Error, LinkId, RequestKind, Sink, Value};

/// The most links to nodes at a time, beside those of every session. In a larger cluster they are shared among the
/// masters in turn.
const MAX_NODE_LINKS: usize = 64;
/// A link to a node without a request for this long is closed.
pub(super) const UNUSED: Duration = Duration::from_secs(60);

impl RedisSession {
    /// The server that accepted us is a node of a cluster.
    pub(super) fn enter_cluster(&mut self, sink: &mut dyn Sink) {
        if self.cluster.is_none() {
            self.requests.partition(slot_of_request, sink);
        }
        self.cluster.get_or_insert_default().has_news = true;
    }

    /// The server that accepted us is not a node of a cluster: the links to nodes are of no use.
    pub(super) fn leave_cluster(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.cluster.take().is_none() {
            return;
        }
        self.counters.set_nodes(Vec::new());
        self.close_shards(now, sink);
        for link in self.links.iter_mut().filter(|link| link.role() == LinkRole::Node) {
            if link.is_open() || link.is_under_way() {
                self.actions.push_back(Action::Close(link.id()));
            }
            if let Some(connection) = link.close() {
                let text = "the connection to a node was closed before the answer came: the server is not part of a cluster any more";
                let error = Error::sent(Code::Disconnected, text);
                self.requests.lost(connection.pipeline, &error, sink);
            }
        }
    }

    /// Sends every request that may be sent now, each on its link, and opens the missing links.
    pub(super) fn distribute(&mut self, now: Instant) {
        let Some(mut cluster) = self.cluster.take_if(|cluster| cluster.has_news) else { return };
        // A node that cannot be reached does not hold requests back.
        let is_lost = |id| self.links.iter().any(|link| link.id() == id && link.error().is_some());
        let shards = self.shards.each().filter(|&(id, _)| !is_lost(id)).map(|(_, delivery)| delivery);
        let deliveries: Vec<_> = std::iter::once(&self.delivery).chain(shards).collect();
        let holds_back = |number| deliveries.iter().any(|delivery| delivery.holds_back(number));
        let (mut pass, links) = (cluster.begin(), &mut self.links);
        let is_held_back = self.requests.send_each(holds_back, now, |mut request| {
            match cluster.link_for(&mut pass, &mut request, links, takes, now) {
                Some(i) => {
                    send(&mut cluster, &mut links[i], request, now);
                    None
                }
                None => Some(request),
            }
        });
        cluster.is_stalled |= is_held_back;
        let waits = cluster.waits();
        self.cluster = Some(cluster);
        for node in pass.wanted {
            self.open(LinkRole::Node, node, now);
        }
        if waits {
            self.endpoints.hurry(now);
        }
    }

    /// The link to a node with this role; opens one if there is none. `None` if too many are in use.
    pub(super) fn open(&mut self, role: LinkRole, node: Endpoint, now: Instant) -> Option<LinkId> {
        let open = if role == LinkRole::Shard { link_to_shard } else { link_to };
        if let Some(i) = open(&node, &self.links) {
            return Some(self.links[i].id());
        }
        let is_idle = |link: &Link| link.role() == role && link.endpoint() == Some(&node);
        let i = match self.links.iter().position(is_idle) {
            Some(i) => i,
            None => self.add_node_link(role, now)?,
        };
        self.connect_to(i, node, now + self.config.connect_timeout);
        Some(self.links[i].id())
    }

    /// Adds a link to the list. If there are too many, the one that was unused for longest is closed.
    fn add_node_link(&mut self, role: LinkRole, now: Instant) -> Option<usize> {
        let in_use = |link: &Link| link.role() == role && !link.is_idle();
        if self.links.iter().filter(|link| in_use(link)).count() >= MAX_NODE_LINKS {
            let used = |i: usize| {
                let connection = self.links[i].up().filter(|_| in_use(&self.links[i]) && self.is_spare(i))?;
                connection.is_unused(Duration::ZERO, now).then_some(connection.used)
            };
            let unused = (0..self.links.len()).filter_map(|i| Some((used(i)?, i)));
            let Some((_, oldest)) = unused.min() else {
                self.cluster.iter_mut().for_each(|cluster| cluster.is_stalled = true);
                return None;
            };
            let id = self.links[oldest].id();
            self.actions.push_back(Action::Close(id));
            self.links[oldest].close();
            self.cluster.iter_mut().for_each(|cluster| cluster.lost(id));
        }
        let is_free = |id: &LinkId| self.links.iter().all(|link| link.id() != *id);
        let id = (0..=u8::MAX).map(LinkId).find(is_free)?;
        let mut seed = || {
            self.next_seed = self.next_seed.wrapping_add(1);
            self.next_seed.wrapping_sub(1)
        };
        let backoff = Backoff::new(seed(), self.config.reconnect_min, self.config.reconnect_max);
        if role == LinkRole::Shard {
            self.shards.add(id, seed());
        }
        self.links.push(Link::new(id, role, backoff));
        Some(self.links.len() - 1)
    }

    /// Whether a link to a node may be closed when it was unused for a while.
    pub(super) fn is_spare(&self, i: usize) -> bool {
        let has_nothing = self.shards.of(self.links[i].id()).is_none_or(Delivery::is_empty);
        has_nothing && self.links[i].up().is_some_and(|connection| connection.pipeline.is_empty())
    }

    /// Ends each call: sends what may be sent now, and removes links that are closed.
    pub(super) fn settle_links(&mut self, now: Instant) {
        let is_due = |cluster: &Cluster| cluster.is_stalled || cluster.due().is_some_and(|due| due <= now);
        self.cluster.iter_mut().for_each(|cluster| cluster.has_news |= is_due(cluster));
        self.distribute(now);
        // A link that is connecting or waiting for channels that have moved elsewhere is of no use.
        for link in self.links.iter_mut().filter(|link| link.role() == LinkRole::Shard && link.is_under_way())
        {
            if self.shards.of(link.id()).is_none_or(Delivery::is_empty) {
                self.actions.push_back(Action::Close(link.id()));
                link.close();
            }
        }
        self.links.retain(|link| !link.role().is_nodes() || !link.is_idle());
        self.shards.retain(|id| self.links.iter().any(|link| link.id() == id));
        if let Some(nodes) = self.cluster.as_mut().and_then(|cluster| cluster.take_nodes(&self.links)) {
            self.counters.set_nodes(nodes);
        }
    }

    /// A node refused a request without running it: `refusal` says why. `result` is its answer if it cannot be sent
    /// again.
    pub(super) fn redirected(
        &mut self,
        i: usize,
        mut request: PendingRequest,
        (refusal, result): (Error, Reply),
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let used = self.links[i].endpoint().unwrap_or(self.endpoints.present());
        let redirection = Redirection::parse(&refusal, used, &self.config);
        let (Some(redirection), Some(cluster)) = (redirection, &mut self.cluster) else {
            return self.request_answered(request, result, now, sink);
        };
        let asked = asks(&request, &self.links[i]);
        let mut redirections = request.detour.as_ref().map_or(0, |detour| detour.redirections);
        if let Redirection::Moved { hash_slot, .. } | Redirection::Ask { hash_slot, .. } = redirection {
            redirections += 1;
            // The arguments that we took for keys may be something else.
            request
                .partition
                .replace(hash_slot)
                .into_iter()
                .for_each(|hash_slot| cluster.note_under_way(hash_slot, &self.links[i], asked));
        }
        if redirections > MAX_REDIRECTIONS {
            let text = format!(
                "the nodes of the cluster sent the command on {MAX_REDIRECTIONS} times, and none ran it: {}; they do not agree who \
                 has its keys (redis-cli --cluster check HOST:PORT)",
                refusal.message
            );
            let error = Error::unsent(refusal.code, text);
            return self.request_answered(request, Err(error), now, sink);
        }
        request
            .partition
            .into_iter()
            .for_each(|hash_slot| cluster.note_under_way(hash_slot, &self.links[i], asked));
        let (mut pause, mut only) = (Cluster::pause(redirections), None);
        match redirection {
            Redirection::Moved { hash_slot, node } => {
                if !node.is_some_and(|node| cluster.moved(hash_slot, node, &self.links)) {
                    pause = Some(PAUSE);
                }
                self.endpoints.hurry(now);
            }
            Redirection::Ask { node, .. } => {
                only = self.open(LinkRole::Node, node, now);
                if only.is_none() {
                    // Too many links are in use: that is not the nodes' fault.
                    redirections -= 1;
                    pause = Some(PAUSE);
                }
            }
            Redirection::TryAgain => pause = Some(PAUSE),
            Redirection::Down => {
                pause = Some(PAUSE);
                self.endpoints.hurry(now);
            }
        }
        let not_before = pause.map(|pause| now + pause);
        request.detour = Some(Box::new(Detour { redirections, only, not_before, refusal }));
        self.requests.put_back(vec![request]);
        self.cluster.iter_mut().for_each(|cluster| cluster.has_news = true);
    }

    /// A link to a node was lost or could not be made: answers the requests in flight on it. The client stays ready.
    pub(super) fn node_failed(&mut self, i: usize, failure: Failure, now: Instant, sink: &mut dyn Sink) {
        let (id, was_up) = (self.links[i].id(), self.links[i].is_up());
        let since = self.shard_silent_since(i, &failure, now);
        // Events about the connection come before its end.
        if let Some(delivery) = self.shards.of_mut(id) {
            delivery.tell_regained(now, sink);
        }
        if !failure.is_link_gone() {
            self.actions.push_back(Action::Close(id));
        }
        let closed = self.links[i].close();
        let connection = closed.as_deref();
        let node = self.links[i].endpoint().unwrap_or(self.endpoints.present()).clone();
        let peer = connection.and_then(|connection| connection.peer);
        if let Some(peer) = peer.or_else(|| failure.last_tried()).filter(|_| !was_up) {
            self.endpoints.peer_failed(&node, peer);
        }
        let address_source = AddressSource::Cluster;
        let seen = Circumstances { address_source, ..circumstances(connection, !was_up, &self.config, now) };
        let mut error = failure.into_error(&self.config, seen);
        add_details(&mut error, peer.filter(|_| !was_up && node.is_name()), &self.config, &self.origin);
        error.message = format!("the node {node} of the cluster: {}", error.message).into();
        if let Some(connection) = closed {
            let text = format!("the connection was lost before the answer came ({})", error.message);
            let lost = Error::sent(Code::Disconnected, text);
            self.requests.lost(connection.pipeline, &lost, sink);
        }
        self.links[i].set_error(error.clone());
        self.links[i].lost(now);
        self.links[i].back_off(now);
        if let Some(cluster) = &mut self.cluster {
            cluster.lost(id);
            if !self.endpoints.hurry(now) {
                // Only the other nodes report its successor, with MOVED.
                cluster.slots.forget(&node);
            }
        }
        self.shard_lost(i, since, &error, now, sink);
    }

    /// The cluster reported who holds its slots.
    pub(super) fn slots_answered(&mut self, i: usize, reply: &Value, now: Instant, sink: &mut dyn Sink) {
        let used = self.links[i].endpoint().unwrap_or(self.endpoints.present());
        if let Some(cluster) = &mut self.cluster {
            let known = nodes(reply, used, &self.config);
            cluster.learn(slots(reply, used, &self.config), &self.links);
            self.leave_shards(&known, now, sink);
            self.place_anew(now, sink);
        }
        self.distribute(now);
    }
}

/// Whether a link accepts a request.
fn takes(link: &Link, kind: &RequestKind) -> bool {
    link.up().is_some_and(|connection| {
        let serves = connection.serving.outage().is_none();
        has_room(connection) && (serves || is_publish(kind))
    })
}

/// Sends a request on a link that is up.
fn send(cluster: &mut Cluster, link: &mut Link, request: PendingRequest, now: Instant) {
    let hash_slot = request.partition;
    let asks = asks(&request, link);
    let was_refused = request.detour.is_some();
    let Some(connection) = link.up_mut() else { return };
    connection.used = now;
    let encode = if asks { encode_asking } else { encode };
    connection.pipeline.send_request(request, now, |kind, out| Expectation::Replies(encode(kind, out)));
    if was_refused && let Some(hash_slot) = hash_slot {
        // The next request for the slot may go to another node once this one is answered: to the node that
        // holds the slot, or to the one that an ASK names.
        cluster.note_under_way(hash_slot, link, asks);
    }
}
