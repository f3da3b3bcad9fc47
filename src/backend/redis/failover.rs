//! What happens when the server is no longer a master, or the address leads to another one.

use std::time::Instant;

use super::acl::{nodes_forbidden, refusal_kind};
use super::cluster_state::StateVerdict;
use super::connection::{Expectation, LinkRole};
use super::failure::Failure;
use super::nodes::nodes;
use super::protocol::is_refusal;
use super::reply::Reply;
use super::role::{RoleQuestion, RoleTurn, RoleVerdict};
use super::security::AddressSource;
use super::sentinel::SentinelWatch;
use super::session::RedisSession;
use crate::backend::toolbox::{Probe, RefusalKind};
use crate::model::{Event, Role, Sink, Value};

impl RedisSession {
    /// Asks for the role, unless that question is in flight. Returns whether the role is being watched.
    pub(super) fn ask_role(&mut self, i: usize, now: Instant) -> bool {
        let Some(connection) = self.links[i].up_mut() else { return false };
        match self.role.ask(now) {
            RoleTurn::Unwatched => return false,
            RoleTurn::UnderWay => {}
            RoleTurn::Ask { question, is_master } => {
                connection.send(Expectation::Role(question, now), question.words());
                if !is_master {
                    connection.ask_serving();
                }
                if self.endpoints.tells_nodes() {
                    connection.send(Expectation::ClusterInfo(now), &[b"CLUSTER", b"INFO"]);
                }
                self.ask_nodes(i, now);
            }
        }
        true
    }

    /// The answer to a question for the role.
    pub(super) fn role_answered(
        &mut self,
        i: usize,
        question: RoleQuestion,
        reply: &Reply,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        match self.role.answered(question, reply, now, &self.config) {
            RoleVerdict::Nothing => {}
            RoleVerdict::Role(role, asked) => self.note_role(Some(role), asked),
            RoleVerdict::Demoted => self.demoted(now, sink),
            RoleVerdict::AskAnother => drop(self.ask_role(i, now)),
        }
    }

    /// A link is up: if the other one leads to another server, that one is renewed. Not while the session closes,
    /// because that would lose the answers that are still awaited.
    pub(super) fn watch_address(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        if self.closing.is_some() {
            return;
        }
        let is_cluster = self.server.is_cluster();
        let others = LinkRole::EVERY_SESSION.map(|role| self.link_for(role));
        for other in others.into_iter().filter(|&other| other != i && !is_cluster) {
            if let Some(connection) = self.links[i].up()
                && let Some(older) = self.links[other].up()
                && self.address.renews(connection, older)
            {
                // The subscriptions' link may have led to the wrong server since it was made.
                self.role.doubt_since((older.role == LinkRole::Subscriptions).then_some(older.made));
                self.fail(other, Failure::Moved, now, sink);
                self.lose_to_new_master();
            }
        }
    }

    /// Why we pass over the server that accepted us, if we do: another one may be the master, or the cluster that
    /// named it has removed it. Any node of a cluster will do.
    pub(super) fn passes_over(&self, i: usize) -> Option<Failure> {
        if self.links[i].role() != LinkRole::Commands || self.server.is_cluster() {
            return None;
        }
        if self.endpoints.is_learned() && self.server.mode.is_some() {
            return Some(Failure::LeftCluster);
        }
        if self.config.replica || self.server.role != Some(Role::Replica) {
            return None;
        }
        match self.watch {
            Some(_) => Some(Failure::NamedReplica),
            None => self.endpoints.are_alternatives().then_some(Failure::Replica),
        }
    }

    /// Where the current address came from.
    pub(super) fn address_source(&self) -> AddressSource {
        match self.watch {
            Some(_) => AddressSource::Sentinels,
            None if self.endpoints.is_learned() => AddressSource::Cluster,
            None => AddressSource::Options,
        }
    }

    /// Asks a cluster for its nodes, if it is time.
    pub(super) fn ask_nodes(&mut self, i: usize, now: Instant) {
        if let Some(connection) = self.links[i].up_mut()
            && self.endpoints.asks_nodes(now)
        {
            connection.send(Expectation::Nodes, &[b"CLUSTER", b"SLOTS"]);
        }
    }

    /// The cluster's answer.
    pub(super) fn nodes_answered(&mut self, i: usize, reply: &Reply, now: Instant, sink: &mut dyn Sink) {
        match reply {
            // The server knows no node, not even itself: it was reset. A configured address is kept, because
            // the owner chose it.
            Ok(Value::Array(none))
                if none.is_empty()
                    && self.endpoints.is_learned()
                    && self.links[i].role() == LinkRole::Commands
                    && self.closing.is_none() =>
            {
                self.leave(|| Failure::LeftCluster, now, sink);
            }
            Ok(reply) => {
                self.slots_answered(i, reply, now, sink);
                let nodes = nodes(reply, self.endpoints.present(), &self.config);
                self.endpoints.learn(nodes);
            }
            Err(error) if is_refusal(error) => {
                if self.endpoints.nodes_refused() && refusal_kind(error) == RefusalKind::Forbidden {
                    sink.event(Event::Notice(nodes_forbidden(&self.config).into()));
                }
            }
            // The server is loading, or runs a script: it is asked again later.
            Err(_) => {}
        }
    }

    /// The node in use answered CLUSTER INFO, which was sent at `asked`.
    pub(super) fn cluster_info_answered(
        &mut self,
        reply: &Reply,
        asked: Instant,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let (Ok(Value::String(info)), Some(cluster)) = (reply, &mut self.cluster) else { return };
        match cluster.info_answered(info, asked) {
            StateVerdict::Unchanged => {}
            StateVerdict::Changed => drop(self.endpoints.hurry(now)),
            StateVerdict::CutOff if self.closing.is_some() => {}
            StateVerdict::CutOff => {
                let since = cluster.state.cut_off_since();
                self.leave(|| Failure::CutOff, now, sink);
                since.into_iter().for_each(|since| self.delivery.lost_earlier(since));
            }
        }
    }

    /// The server reported its role, to a question sent at `asked`.
    pub(super) fn note_role(&mut self, role: Option<Role>, asked: Instant) {
        self.server.set_role(role);
        self.counters.set_role(role);
        if let Some(since) = self.role.note(role, asked) {
            self.delivery.lost_earlier(since);
        }
    }

    /// The connection to the master was lost, or the server is no longer a master.
    pub(super) fn lose_to_new_master(&mut self) {
        let confirmed = self.watch.as_mut().and_then(SentinelWatch::take_confirmed);
        if let Some(since) = self.role.take_master_seen().into_iter().chain(confirmed).min() {
            self.delivery.lost_earlier(since);
        }
    }

    /// The server was a master and is a replica now. If there is one address, it may lead to another server by now.
    /// If it does not, the client stays.
    fn demoted(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.server.is_cluster() {
            // Any node will do: a message published on one reaches all.
            self.note_role(Some(Role::Replica), now);
        } else if self.closing.is_none() {
            self.leave(|| Failure::Demoted, now, sink);
            self.lose_to_new_master();
        }
    }

    /// The server cannot be used any more: gives up both links to it.
    fn leave(&mut self, why: fn() -> Failure, now: Instant, sink: &mut dyn Sink) {
        for role in [LinkRole::Commands, LinkRole::Subscriptions] {
            let i = self.link_for(role);
            if self.links[i].is_up() {
                self.fail(i, why(), now, sink);
            }
        }
    }

    /// From when messages may be missing if a link with the subscriptions ends now.
    pub(super) fn missing_since(&self, subscriber: usize, now: Instant) -> Instant {
        let heard = self.links[subscriber].connection().map_or(now, |connection| connection.liveness.heard());
        let since = self.delivery.missing_since(heard);
        // Bytes that came after the last message or probe do not prove that messages are delivered.
        let unproved = self.probe.as_ref().and_then(Probe::unproved_since);
        unproved.map_or(since, |unproved| unproved.min(since))
    }
}
