//! The session: its parts, and the decisions that need all of them. The functions that the event loop calls are in
//! `handlers`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::address::AddressWatch;
use super::cluster::Cluster;
use super::config::Config;
use super::connection::{Connection, FenceTokens, LinkRole, circumstances};
use super::endpoints::{Endpoints, Life, Turn};
use super::failure::{Circumstances, Failure, add_details};
use super::hash_slot::group_of;
use super::link::Link;
use super::protocol::{PROBE_PREFIX, Version};
use super::request::request_name;
use super::role::RoleWatch;
use super::sentinel::SentinelWatch;
use super::server::Server;
use super::serving::ASK_AGAIN;
use super::shards::Shards;
use crate::backend::tls_notices::SecurityNotices;
use crate::backend::toolbox::{Backoff, Delivery, Probe, Requests};
use crate::backend::{Action, Start};
use crate::model::{Code, Error, Event, LinkId, Ready, SessionCounters, Sink, State};

/// A client's conversation with a Redis server.
pub(super) struct RedisSession {
    pub(super) config: Arc<Config>,
    /// Where the configuration came from, for errors.
    pub(super) origin: Arc<str>,
    pub(super) counters: SessionCounters,
    /// The links of every session come first, then the others, each with its server's endpoint.
    pub(super) links: Vec<Link>,
    pub(super) requests: Requests,
    /// The subscriptions, except sharded channels on links of their own.
    pub(super) delivery: Delivery,
    /// Sharded channels on links of their own.
    pub(super) shards: Shards,
    /// Checks whether messages are delivered, if the settings ask for it.
    pub(super) probe: Option<Probe>,
    pub(super) role: RoleWatch,
    pub(super) fence_tokens: FenceTokens,
    pub(super) address: AddressWatch,
    pub(super) endpoints: Endpoints,
    /// The watch through Sentinels, if the settings name some.
    pub(super) watch: Option<SentinelWatch>,
    /// The state of the cluster, while the server is a node of one.
    pub(super) cluster: Option<Box<Cluster>>,
    /// The seed of the next link that is added.
    pub(super) next_seed: u64,
    pub(super) security: SecurityNotices,
    pub(super) actions: VecDeque<Action>,
    /// The version in use, decided by the first link that comes up and for as long as one is.
    pub(super) version: Option<Version>,
    /// The server granted RESP3 and then spoke RESP2: it is not asked for RESP3 again.
    pub(super) resp2_alone: bool,
    pub(super) server: Server,
    pub(super) ready: bool,
    was_ready: bool,
    /// Disconnect was called: the deadline for the end.
    pub(super) closing: Option<Instant>,
    pub(super) closed: bool,
}

impl RedisSession {
    pub(super) fn new(config: Arc<Config>, origin: Arc<str>, start: Start) -> Self {
        let Start { now, seed, counters } = start;
        // Each gets its own sequence of random numbers, so that links that back off at the same time do so
        // differently.
        let mut seeds = (0..).map(|n| seed.wrapping_add(n));
        let mut seed = || seeds.next().unwrap_or_default();
        let mut ids = (0..).map(LinkId);
        let links = LinkRole::EVERY_SESSION.map(|role| {
            let backoff = Backoff::new(seed(), config.reconnect_min, config.reconnect_max);
            Link::new(ids.next().unwrap_or(LinkId(0)), role, backoff)
        });
        let (probe, delivery) = (seed(), Delivery::new(seed()).grouped_by(group_of));
        let probe = config
            .verify_delivery
            .then(|| Probe::new(PROBE_PREFIX, probe, now, config.ping_interval, config.ping_timeout));
        let endpoints = Endpoints::new(&config, seed());
        let watch = SentinelWatch::new(&config, seed(), seed(), now);
        let mut session = Self {
            origin,
            counters: SessionCounters::new(counters),
            links: links.into(),
            requests: Requests::new(request_name),
            delivery,
            shards: Shards::default(),
            probe,
            role: RoleWatch::default(),
            fence_tokens: FenceTokens::default(),
            address: AddressWatch::default(),
            endpoints,
            watch,
            cluster: None,
            next_seed: seed(),
            security: SecurityNotices::default(),
            actions: VecDeque::new(),
            version: None,
            resp2_alone: false,
            server: Server::default(),
            ready: false,
            was_ready: false,
            closing: None,
            closed: false,
            config,
        };
        // With Sentinels the address is not known yet.
        session.connect(session.link_for(LinkRole::Commands), now);
        session.update_state();
        session
    }

    /// The server accepted us.
    pub(super) fn up(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        self.links[i].handshaken(now);
        self.cluster.iter_mut().for_each(|cluster| cluster.linked());
        if self.links[i].role() == LinkRole::Shard {
            return self.shard_up(i, now, sink);
        }
        let Some(connection) = self.links[i].up().filter(|connection| !connection.role.is_nodes()) else {
            return;
        };
        let (version, made) = (connection.version, connection.made);
        let (outage, served) = (connection.serving.outage().cloned(), connection.serving.served());
        self.version.get_or_insert(version);
        if self.config.cluster {
            self.server.believe_cluster();
        }
        self.watch_address(i, now, sink);
        if let Some(connection) = self.links[i].up()
            && connection.role == LinkRole::Commands
        {
            // Messages published on another server than the last one were missed.
            if self.address.may_be_new(connection) {
                self.lose_to_new_master();
            }
            self.endpoints.connected();
            if self.server.is_cluster() {
                self.endpoints.is_cluster(now);
                self.ask_nodes(i, now);
                self.enter_cluster(sink);
            } else {
                self.leave_cluster(now, sink);
                // The address does not lead to the cluster any more.
                self.endpoints.learn([]);
            }
            let role = self.server.role;
            self.role.begin(version, role, now, self.config.ping_interval);
            self.note_role(role, made);
            self.watch.iter_mut().for_each(|watch| watch.connected_to_master(made));
        }
        if self.is_subscriber(i) && self.closing.is_none() {
            self.delivery.connected(now, sink);
        }
        if let Some(error) = outage {
            self.delivery.unserved(served, error.clone());
            sink.event(Event::Down { error, retry_in: Some(ASK_AGAIN) });
        }
        self.check_ready(now, sink);
    }

    /// The server granted RESP3, but speaks RESP2.
    pub(super) fn speaks_resp2(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        self.resp2_alone = true;
        self.fail(i, Failure::Resp2Spoken, now, sink);
    }

    /// The server stopped serving data, or has a new reason for it.
    pub(super) fn unserved(&mut self, error: Error, sink: &mut dyn Sink) {
        self.ready = false;
        self.update_state();
        sink.event(Event::Down { error, retry_in: Some(ASK_AGAIN) });
    }

    /// Emits `ready`.
    fn tell_ready(&mut self, first: bool, sink: &mut dyn Sink) {
        let Some(version) = self.version else { return };
        self.delivery.take_owed_ready();
        // The nodes of a cluster forward published messages to each other, replicas too.
        let role = self.server.role.filter(|_| !self.server.is_cluster());
        let notice = self.role.notice(role, &self.config).or_else(|| self.address.notice());
        let link = &self.links[self.link_for(LinkRole::Commands)];
        let (address, times) = (link.endpoint(), link.up().map(|connection| connection.times));
        let mut ready = Ready {
            first,
            address: address.map(|address| address.to_string().into()),
            protocol: Some(version as u8),
            times: times.unwrap_or_default(),
            notices: notice.map(Into::into).into_iter().collect(),
            ..self.server.ready()
        };
        self.add_security(&mut ready);
        sink.event(Event::Ready(ready));
    }

    /// A link was lost or could not be made: answers the requests in flight on it, reports it, and arranges the next
    /// attempt.
    pub(super) fn fail(&mut self, i: usize, failure: Failure, now: Instant, sink: &mut dyn Sink) {
        if self.links[i].role().is_nodes() {
            return self.node_failed(i, failure, now, sink);
        }
        // Events about the connection come before its end.
        self.delivery.tell_regained(now, sink);
        self.address.lost(&failure);
        let (is_needed, is_subscriber, was_up) =
            (self.is_needed(i), self.is_subscriber(i), self.links[i].is_up());
        let since = self.missing_since(i, now);
        if !failure.is_link_gone() {
            self.actions.push_back(Action::Close(self.links[i].id()));
        }
        let closed = self.links[i].close();
        let connection = closed.as_deref();
        let proved = connection.is_some_and(Connection::is_proved);
        let endpoint = self.links[i].endpoint().unwrap_or(self.endpoints.present()).clone();
        let mut peer = connection.and_then(|connection| connection.peer);
        let mut failed_peer = failure.last_tried();
        if matches!(failure, Failure::HandshakeTimeout { slowest: Some(_), .. }) {
            // This peer had too little time to be blamed.
            peer = None;
        }
        // A failed connect has no peer: the event loop has tried the other addresses already, or says where it
        // stopped.
        if !proved || matches!(failure, Failure::Undelivered(_)) {
            failed_peer = peer.or(failed_peer);
        }
        if let Some(peer) = failed_peer {
            self.endpoints.peer_failed(&endpoint, peer);
        }
        let is_subscribed = is_subscriber && self.delivery.confirmed() > 0;
        let asked = is_subscribed && connection.is_some_and(|connection| connection.awaits_large_answer(now));
        let circumstances = circumstances(connection, !was_up, &self.config, now);
        let seen = Circumstances { asked, address_source: self.address_source(), ..circumstances };
        let (spares_address, is_switch) = (failure.spares_address(), matches!(failure, Failure::Switched(_)));
        let mut error = failure.into_error(&self.config, seen);
        let peer = peer.filter(|_| !proved && endpoint.is_name());
        add_details(&mut error, peer, &self.config, &self.origin);
        let error = if is_switch { error } else { self.named_error(&endpoint, error) };
        if let Some(connection) = closed {
            let text = format!("the connection was lost before the answer came ({})", error.message);
            let lost = Error::sent(Code::Disconnected, text);
            self.requests.lost(connection.pipeline, &lost, sink);
            self.cluster.iter_mut().for_each(|cluster| cluster.lost(self.links[i].id()));
        }
        if is_subscriber {
            self.delivery.lost(since, &error);
            self.probe.iter_mut().for_each(Probe::disconnected);
            self.count_confirmed();
        }
        if self.links[i].role() == LinkRole::Commands {
            self.role.disconnected();
            self.probe.iter_mut().for_each(Probe::unanswered);
            self.abandon_attempts();
            if !is_switch {
                self.watch.iter_mut().for_each(|watch| watch.master_lost(now));
            }
        }
        if !self.links.iter().any(|link| link.is_up() && !link.role().is_nodes()) {
            self.version = None;
        }
        let life = Life::of(was_up, self.links[i].lost(now));
        if !is_needed || self.closing.is_some() {
            return;
        }
        let turn = match self.links[i].role() {
            LinkRole::Commands if is_switch => Turn::Next,
            LinkRole::Commands if !spares_address => self.endpoints.failed(error.clone(), life),
            _ => Turn::RoundOver(error.clone()),
        };
        let was_ready = std::mem::take(&mut self.ready);
        let (error, retry_in) = match turn {
            Turn::Next => {
                self.connect(i, now);
                (error, Duration::ZERO)
            }
            // The last address's error is reported with the others, unless the address was in use until now.
            Turn::RoundOver(round) => (if was_ready { error } else { round }, self.links[i].back_off(now)),
        };
        // While there are others to try, an address that cannot be used is no news, and neither is the loss of a
        // working link while the client is down anyway.
        let is_news = !proved && !self.links[i].is_under_way();
        if was_ready || is_news {
            self.update_state();
            sink.event(Event::Down { error, retry_in: Some(retry_in) });
        }
    }

    /// Ends each call: carries out the consequences of everything that happened in it.
    pub(super) fn settle(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.closed {
            return;
        }
        self.take_watch_news(now, sink);
        self.settle_links(now);
        if let Some(deadline) = self.closing {
            let commands = self.link_for(LinkRole::Commands);
            let is_away = self.links[commands].is_idle() || self.links[commands].is_waiting();
            let may_be_sent = self.cluster.as_ref().is_some_and(|cluster| cluster.due().is_some());
            let is_hopeless = is_away && !may_be_sent && !self.links.iter().any(Link::may_answer);
            if self.requests.is_empty() || is_hopeless || deadline <= now {
                self.finish(sink);
                return;
            }
        }
        let subscriber = self.subscriber();
        if self.links[subscriber].is_idle()
            && self.is_needed(subscriber)
            && self.links[self.link_for(LinkRole::Commands)].is_up()
        {
            self.connect(subscriber, now);
        }
        self.check_ready(now, sink);
        // Some topics may be delivered again, and others refused.
        if self.tell_regained(now, sink) && self.ready {
            self.tell_ready(false, sink);
        }
        self.note_refused();
        self.update_state();
    }

    /// Emits `ready` once the client is ready.
    pub(super) fn check_ready(&mut self, now: Instant, sink: &mut dyn Sink) {
        let restored = self.delivery.is_restored();
        let mut all_serve = true;
        for i in 0..self.links.len() {
            let of_shard = || self.shards.of(self.links[i].id()).is_none_or(Delivery::is_restored);
            let has_done_all = if self.is_subscriber(i) { restored } else { of_shard() };
            all_serve &= self.links[i].serves(has_done_all, now) || !self.is_needed(i);
        }
        if !all_serve || !self.are_shards_restored() || self.closing.is_some() {
            return;
        }
        // The link of the subscriptions may be a new one although the client was ready all the time: there were no
        // subscriptions when the old one was lost.
        self.delivery.settle();
        if self.ready {
            return;
        }
        self.delivery.tell_gaps(now, sink);
        let first = !std::mem::replace(&mut self.was_ready, true);
        self.ready = true;
        if !first {
            self.counters.reconnected();
        }
        self.update_state();
        self.tell_ready(first, sink);
    }

    pub(super) fn update_state(&self) {
        let waits = |i: usize| self.is_needed(i) && self.links[i].is_waiting();
        self.counters.set_state(if self.closed {
            State::Closed
        } else if self.ready {
            State::Ready
        } else if (0..self.links.len()).any(waits) || self.awaits_sentinels() {
            State::Waiting
        } else {
            State::Connecting
        });
    }

    /// Handles a Disconnect.
    pub(super) fn close(&mut self, now: Instant, deadline: Instant, sink: &mut dyn Sink) {
        let plain = self.delivery.end(self.missing_since(self.subscriber(), now));
        if let Some(since) = plain.into_iter().chain(self.end_shards(now)).min() {
            // This server will not be asked again whether it is a master, and its role will not be compared with the
            // next server's.
            let confirmed = self.watch.as_ref().and_then(SentinelWatch::confirmed);
            let since = self.role.master_seen().into_iter().chain(confirmed).fold(since, Instant::min);
            let lasted = now.saturating_duration_since(since);
            sink.event(Event::Gap { lasted, error: Error::closed(), topics: None });
        }
        self.closing = Some(self.closing.map_or(deadline, |earlier| earlier.min(deadline)));
    }

    /// The session ends: requests that still wait are answered.
    fn finish(&mut self, sink: &mut dyn Sink) {
        let connections = self.links.iter_mut().filter_map(Link::close);
        self.requests.end(connections.map(|connection| connection.pipeline), ended, sink);
        self.ready = false;
        self.closed = true;
        self.end_watch();
        self.counters.set_confirmed(0);
        self.counters.set_refused(0, None, Vec::new());
        self.counters.set_address(None);
        self.counters.set_nodes(Vec::new());
        self.update_state();
        sink.event(Event::Closed);
        self.actions.push_back(Action::Finish);
    }
}

/// The error of a request that had no answer when the client was disconnected.
pub(super) fn ended(sent: bool) -> Error {
    let text = "the client was disconnected before the answer came";
    if sent { Error::sent(Code::Closed, text) } else { Error::unsent(Code::Closed, text) }
}
