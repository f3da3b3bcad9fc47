//! Requests of a cluster: which link each is sent on, what follows when a node refuses it, and the links that this needs.

use std::time::{Duration, Instant};

use super::cluster::{Cluster, MAX_REDIRECTIONS, PAUSE, link_to};
use super::connection::{Connection, Expectation, LinkRole};
use super::failure::{Circumstances, Failure, add_details};
use super::link::Link;
use super::nodes::{nodes, slots};
use super::outbound::has_room;
use super::redirection::Redirection;
use super::reply::Reply;
use super::request::{encode, encode_asking, is_publish};
use super::session::RedisSession;
use super::slots::slot_of_request;
use crate::backend::toolbox::{Backoff, Detour, PendingRequest};
use crate::backend::{Action, Endpoint};
use crate::model::{Code, Error, LinkId, RequestKind, Sink, Value};

/// Links to nodes at a time, beside those that every session has. A cluster of more masters has them in turn.
const MAX_NODE_LINKS: usize = 64;
/// A link to a node on which nothing was asked for so long is closed.
pub(super) const UNUSED: Duration = Duration::from_secs(60);

impl RedisSession {
    /// The server that let us in is a node of a cluster.
    pub(super) fn enter_cluster(&mut self, sink: &mut dyn Sink) {
        if self.cluster.is_none() {
            self.requests.partition(slot_of_request, sink);
        }
        self.cluster.get_or_insert_default().has_news = true;
    }

    /// The server that let us in is no node of a cluster: the links to nodes have no use.
    pub(super) fn leave_cluster(&mut self, sink: &mut dyn Sink) {
        if self.cluster.take().is_none() {
            return;
        }
        self.counters.set_nodes(Vec::new());
        for link in self.links.iter_mut().filter(|link| link.role() == LinkRole::Node) {
            if link.is_open() || link.is_under_way() {
                self.actions.push_back(Action::Close(link.id()));
            }
            if let Some(connection) = link.close() {
                let text = "the connection to a node was closed before the answer came: the server is no cluster any more";
                let error = Error::sent(Code::Disconnected, text);
                self.requests.lost(connection.pipeline, &error, sink);
            }
        }
    }

    /// Sends what may be sent by now, each request on its link, and makes the links that are missing.
    pub(super) fn distribute(&mut self, now: Instant) {
        let Some(mut cluster) = self.cluster.take_if(|cluster| cluster.has_news) else { return };
        let (mut pass, links) = (cluster.begin(), &mut self.links);
        let is_held_back = self.requests.send_each(&self.delivery, now, |mut request| {
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
            self.open(node, now);
        }
        if waits {
            self.endpoints.hurry(now);
        }
    }

    /// The link to a node, which is made unless there is one. `None` if there are too many in use.
    fn open(&mut self, node: Endpoint, now: Instant) -> Option<LinkId> {
        if let Some(i) = link_to(&node, &self.links) {
            return Some(self.links[i].id());
        }
        let is_idle = |link: &Link| link.role() == LinkRole::Node && link.endpoint() == Some(&node);
        let i = match self.links.iter().position(is_idle) {
            Some(i) => i,
            None => self.add_node_link(now)?,
        };
        self.connect_to(i, node, now + self.config.connect_timeout);
        Some(self.links[i].id())
    }

    /// Adds a link to the list. If there are too many, the one that was not used for longest goes.
    fn add_node_link(&mut self, now: Instant) -> Option<usize> {
        let is_node = |link: &&mut Link| link.role() == LinkRole::Node && !link.is_idle();
        if self.links.iter_mut().filter(is_node).count() >= MAX_NODE_LINKS {
            let used = |link: &Link| {
                link.up().filter(|connection| connection.is_unused(Duration::ZERO, now)).map(|it| it.used)
            };
            let unused = self.links.iter_mut().filter(is_node).filter(|link| used(link).is_some());
            let Some(oldest) = unused.min_by_key(|link| used(link)) else {
                self.cluster.iter_mut().for_each(|cluster| cluster.is_stalled = true);
                return None;
            };
            let id = oldest.id();
            self.actions.push_back(Action::Close(id));
            oldest.close();
            self.cluster.iter_mut().for_each(|cluster| cluster.lost(id));
        }
        let is_free = |id: &LinkId| self.links.iter().all(|link| link.id() != *id);
        let id = (0..=u8::MAX).map(LinkId).find(is_free)?;
        let backoff = Backoff::new(self.next_seed, self.config.reconnect_min, self.config.reconnect_max);
        self.next_seed = self.next_seed.wrapping_add(1);
        self.links.push(Link::new(id, LinkRole::Node, backoff));
        Some(self.links.len() - 1)
    }

    /// Ends each call: sends what may be sent now, and forgets links that are closed.
    pub(super) fn settle_links(&mut self, now: Instant) {
        let is_due = |cluster: &Cluster| cluster.is_stalled || cluster.due().is_some_and(|due| due <= now);
        self.cluster.iter_mut().for_each(|cluster| cluster.has_news |= is_due(cluster));
        self.distribute(now);
        self.links.retain(|link| link.role() != LinkRole::Node || !link.is_idle());
        if let Some(nodes) = self.cluster.as_mut().and_then(|cluster| cluster.take_nodes(&self.links)) {
            self.counters.set_nodes(nodes);
        }
    }

    /// A node refused a request without having run it: `refusal` says why. `result` is its answer if it cannot be sent again.
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
        let mut redirections = request.detour.as_ref().map_or(0, |detour| detour.redirections);
        if let Redirection::Moved { slot, .. } | Redirection::Ask { slot, .. } = redirection {
            redirections += 1;
            // What we took for its keys may be none.
            request
                .partition
                .replace(slot)
                .into_iter()
                .for_each(|slot| cluster.note_under_way(slot, &self.links[i]));
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
        request.partition.into_iter().for_each(|slot| cluster.note_under_way(slot, &self.links[i]));
        let (mut pause, mut only) = (Cluster::pause(redirections), None);
        match redirection {
            Redirection::Moved { slot, node } => {
                if !node.is_some_and(|node| cluster.moved(slot, node, &self.links)) {
                    pause = Some(PAUSE);
                }
                self.endpoints.hurry(now);
            }
            Redirection::Ask { node, .. } => {
                only = self.open(node, now);
                if only.is_none() {
                    // There are too many links in use: that says nothing about the nodes.
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

    /// A link to a node is lost or could not be made: answers what was under way on it. The client goes on.
    pub(super) fn node_failed(&mut self, i: usize, failure: Failure, now: Instant, sink: &mut dyn Sink) {
        let (id, was_up) = (self.links[i].id(), self.links[i].is_up());
        if !failure.is_link_gone() {
            self.actions.push_back(Action::Close(id));
        }
        let closed = self.links[i].close();
        let connection = closed.as_deref();
        let node = self.links[i].endpoint().unwrap_or(self.endpoints.present()).clone();
        let peer = connection.and_then(|connection| connection.peer);
        if let Some(peer) = peer.filter(|_| !was_up) {
            self.endpoints.peer_failed(&node, peer);
        }
        let seen = Circumstances {
            opening: connection.map_or(&[], Connection::opening),
            was_new: !was_up,
            lagged: false,
            unsecured: self.config.tls.is_some() && connection.is_some_and(|it| it.secured.is_none()),
            asked: false,
        };
        let mut error = failure.into_error(&self.config, seen);
        add_details(&mut error, peer.filter(|_| !was_up && node.is_name()), &self.config, &self.origin);
        error.message = format!("the node {node} of the cluster: {}", error.message).into();
        if let Some(connection) = closed {
            let text = format!("the connection was lost before the answer came ({})", error.message);
            let lost = Error::sent(Code::Disconnected, text);
            self.requests.lost(connection.pipeline, &lost, sink);
        }
        self.links[i].set_error(error);
        self.links[i].back_off(now);
        if let Some(cluster) = &mut self.cluster {
            cluster.lost(id);
            if !self.endpoints.hurry(now) {
                // Nobody tells who has taken its place but the other nodes, with MOVED.
                cluster.slots.forget(&node);
            }
        }
    }

    /// The cluster told who holds its slots.
    pub(super) fn slots_answered(&mut self, i: usize, reply: &Value, now: Instant) {
        let used = self.links[i].endpoint().unwrap_or(self.endpoints.present());
        if let Some(cluster) = &mut self.cluster {
            let (slots, nodes) = (slots(reply, used, &self.config), nodes(reply, used, &self.config));
            cluster.learn(slots, nodes, &self.links);
        }
        self.distribute(now);
    }
}

/// Whether a link takes a request.
fn takes(link: &Link, kind: &RequestKind) -> bool {
    link.up().is_some_and(|connection| {
        let serves = connection.serving.outage().is_none();
        has_room(connection) && (serves || is_publish(kind))
    })
}

/// Sends a request on a link that is up.
fn send(cluster: &mut Cluster, link: &mut Link, request: PendingRequest, now: Instant) {
    let (id, slot) = (link.id(), request.partition);
    let asks = request.detour.as_ref().is_some_and(|detour| detour.only == Some(id));
    let Some(connection) = link.up_mut() else { return };
    connection.used = now;
    let encode = if asks { encode_asking } else { encode };
    connection.pipeline.send_request(request, now, |kind, out| Expectation::Replies(encode(kind, out)));
    if asks && let Some(slot) = slot {
        // The next one for the slot goes to its owner, once this one is answered.
        cluster.note_under_way(slot, link);
    }
}
