//! The functions that the event loop calls, and the time of the next call.

use std::time::Instant;

use super::connection::{Expectation, LinkRole};
use super::failure::Failure;
use super::routing::UNUSED;
use super::sentinel::SentinelWatch;
use super::session::{RedisSession, ended};
use crate::backend::toolbox::{Delivery, ProbeSign, Sign};
use crate::backend::{Action, Connected, LinkError, Secured, Session};
use crate::model::{Command, LinkId, Ready, Room, Sink};

/// The payload of a probe: says where it comes from, to anybody who watches the server.
const PROBE: &[u8] = b"verify_delivery";

impl Session for RedisSession {
    fn handle_connected(&mut self, link: LinkId, now: Instant, how: Connected, sink: &mut dyn Sink) {
        let Some(i) = self.position(link) else {
            return self.watched(link, now, sink, |watch| watch.handle_connected(now, how));
        };
        self.connected(i, now, how);
        self.settle(now, sink);
    }

    fn handle_secured(&mut self, link: LinkId, now: Instant, how: Secured, sink: &mut dyn Sink) {
        let Some(i) = self.position(link) else {
            return self.watched(link, now, sink, |watch| watch.handle_secured(now, how));
        };
        self.secured(i, how, now);
        self.settle(now, sink);
    }

    fn room_needed(&self, link: LinkId) -> Room {
        match self.position(link) {
            Some(i) if self.links[i].is_up() => {
                let of_shard = || self.shards.of(link).is_some_and(|delivery| !delivery.is_empty());
                if self.is_subscriber(i) && !self.delivery.is_empty() || of_shard() {
                    Room::Messages
                } else {
                    Room::Answers
                }
            }
            _ => Room::None,
        }
    }

    fn handle_input(&mut self, link: LinkId, now: Instant, bytes: &[u8], sink: &mut dyn Sink) {
        let Some(i) = self.position(link) else {
            return self.watched(link, now, sink, |watch| watch.handle_input(now, bytes));
        };
        let Some(mut decoder) = self.links[i].connection_mut().and_then(|it| it.hear(now, bytes)) else {
            return;
        };
        let mut input = bytes;
        // Once the link is closed, the remaining bytes belong to a connection that is gone.
        while self.links[i].is_open() {
            match decoder.feed(&mut input) {
                Ok(None) => break,
                Ok(Some(frame)) => self.frame(i, now, &frame, sink),
                Err(error) => self.fail(i, Failure::Decode(error), now, sink),
            }
        }
        if let Some(connection) = self.links[i].connection_mut() {
            connection.understood(now, bytes.len(), decoder);
        }
        self.settle(now, sink);
    }

    fn handle_paused(&mut self, link: LinkId) {
        let Some(i) = self.position(link) else { return };
        self.links[i].connection_mut().into_iter().for_each(|connection| connection.liveness.pause());
    }

    fn handle_resumed(&mut self, link: LinkId, now: Instant) {
        let Some(i) = self.position(link) else { return };
        self.links[i].connection_mut().into_iter().for_each(|connection| connection.liveness.resume(now));
    }

    fn handle_command(&mut self, now: Instant, command: Command, sink: &mut dyn Sink) {
        let is_open = self.closing.is_none() && !self.closed;
        match command {
            Command::Subscribe { topic, slot } if is_open => self.subscribe(topic, slot, now, sink),
            Command::Unsubscribe(topic) if is_open => self.unsubscribe(&topic),
            Command::Subscribe { .. } | Command::Unsubscribe(_) => {}
            // A request changes nothing that `settle` looks at.
            Command::Request(request) if is_open => return self.request(request, now, sink),
            Command::Request(request) => self.requests.refuse(request, ended(false), sink),
            Command::Disconnect { deadline } => self.close(now, deadline, sink),
        }
        self.settle(now, sink);
    }

    fn handle_timeout(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.expire(now, sink);
        for i in 0..self.links.len() {
            self.link_timeout(i, now, sink);
        }
        self.delivery.ask_again(now);
        self.shards.all_mut().for_each(|delivery| delivery.ask_again(now));
        self.probe_timeout(now, sink);
        self.watch.iter_mut().for_each(|watch| watch.handle_timeout(now));
        self.settle(now, sink);
    }

    fn handle_disconnected(&mut self, link: LinkId, now: Instant, cause: LinkError, sink: &mut dyn Sink) {
        let Some(i) = self.position(link) else {
            return self.watched(link, now, sink, |watch| watch.handle_disconnected(now, cause));
        };
        if self.links[i].is_open() || self.links[i].is_under_way() {
            self.fail(i, Failure::Link(cause), now, sink);
        }
        self.settle(now, sink);
    }

    fn poll_transmit(&mut self, link: LinkId, now: Instant) -> &[u8] {
        let Some(i) = self.position(link) else {
            return self.watch_on(link).map_or(&[], |watch| watch.poll_transmit(now));
        };
        self.pump(i, now);
        self.links[i].connection().map_or(&[], |connection| connection.pipeline.pending())
    }

    fn transmitted(&mut self, link: LinkId, n: usize) {
        let Some(i) = self.position(link) else {
            return self.watch_on(link).into_iter().for_each(|watch| watch.transmitted(n));
        };
        self.links[i].connection_mut().into_iter().for_each(|connection| connection.pipeline.transmitted(n));
        self.cluster.iter_mut().for_each(|cluster| cluster.has_news |= cluster.is_stalled);
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front().or_else(|| self.watch.as_mut()?.poll_action())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let links = (0..self.links.len()).filter_map(|i| self.link_due(i));
        let watch = self.watch.as_ref().and_then(SentinelWatch::poll_timeout);
        let again = self.cluster.as_ref().and_then(|cluster| cluster.due());
        let shards = self.shards.all().filter_map(Delivery::again_due).min();
        let others = [self.requests.due(), self.closing, self.probe_due(), self.delivery.again_due()];
        links.chain(others.into_iter().chain([watch, again, shards]).flatten()).min()
    }
}

impl RedisSession {
    fn position(&self, id: LinkId) -> Option<usize> {
        self.links.iter().position(|link| link.id() == id)
    }

    /// Adds to a `ready` how the connection of the commands is secured.
    pub(super) fn add_security(&mut self, ready: &mut Ready) {
        let commands = self.link_for(LinkRole::Commands);
        let Some(connection) = self.links[commands].up() else { return };
        let Some(how) = &connection.secured else { return };
        let trust = self.config.tls.as_ref().map(|tls| &tls.settings().trust);
        self.security.tell(ready, how, trust, connection.made);
    }

    /// When the next timer of a link is due.
    fn link_due(&self, i: usize) -> Option<Instant> {
        let Some(connection) = self.links[i].up() else { return self.links[i].due() };
        // A paused link has no timers.
        let liveness = connection.liveness.due()?;
        let of_role = match connection.role {
            LinkRole::Commands => [self.role.due(), self.endpoints.hurried_due()],
            LinkRole::Node => [connection.pipeline.is_empty().then_some(connection.used + UNUSED), None],
            LinkRole::Shard => [self.is_spare(i).then_some(connection.used + UNUSED), None],
            LinkRole::Subscriptions | LinkRole::Watch => [None, None],
        };
        connection.serving.due().into_iter().chain(of_role.into_iter().flatten()).chain([liveness]).min()
    }

    /// Runs the timers of a link that are due.
    fn link_timeout(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        if self.link_due(i).is_none_or(|due| due > now) {
            return;
        }
        let link = &mut self.links[i];
        if link.is_up() {
            self.up_timeout(i, now, sink);
        } else if let Some(connection) = link.connection() {
            let waited = now.saturating_duration_since(connection.made);
            let slowest = connection.slowest.clone().filter(|stage| stage.took() > waited);
            self.fail(i, Failure::HandshakeTimeout { waited, slowest }, now, sink);
        } else if link.role() == LinkRole::Commands {
            self.connect(i, now);
        } else if link.role() == LinkRole::Shard {
            self.shard_again(i, now, sink);
        } else {
            // The link of the subscriptions becomes idle, and is connected again once the link of the
            // commands is up. A node's link is made again if a request waits for it.
            link.close();
            self.cluster.iter_mut().for_each(|cluster| cluster.has_news = true);
        }
    }

    /// Runs the timers of a link that is up.
    fn up_timeout(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        let is_spare = self.is_spare(i);
        let Some(connection) = self.links[i].up_mut() else { return };
        if connection.role.is_nodes() && connection.is_unused(UNUSED, now) && is_spare {
            let id = self.links[i].id();
            self.links[i].close();
            self.cluster.iter_mut().for_each(|cluster| cluster.lost(id));
            return self.actions.push_back(Action::Close(id));
        }
        let sign = connection.liveness.check(now);
        match sign {
            Sign::Silent(silence) => return self.fail(i, Failure::Silent(silence), now, sink),
            Sign::Unconfirmed(waited) => return self.fail(i, Failure::Unconfirmed(waited), now, sink),
            Sign::Quiet | Sign::Alive => {}
        }
        if connection.serving.is_due(now) {
            connection.ask_serving();
        }
        let is_commands = connection.role == LinkRole::Commands;
        if is_commands && self.endpoints.hurried_due().is_some_and(|due| due <= now) {
            self.ask_nodes(i, now);
        }
        let asks_role = is_commands && self.role.due().is_some_and(|due| due <= now);
        if (sign == Sign::Quiet || asks_role)
            && !(is_commands && self.ask_role(i, now))
            && let Some(connection) = self.links[i].up_mut()
        {
            connection.ping(now);
        }
    }

    /// When to send the next probe, or to give up the last one.
    fn probe_due(&self) -> Option<Instant> {
        let probe = self.probe.as_ref()?;
        let liveness = &self.links[self.subscriber()].up()?.liveness;
        if self.closing.is_some() || self.delivery.is_empty() {
            return None;
        }
        let can_publish = self.links[self.link_for(LinkRole::Commands)].is_up();
        probe.due(liveness, can_publish, self.delivery.awaits_confirmation())
    }

    /// Sends a probe, or notes that one did not come back, when that is due.
    fn probe_timeout(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.probe_due().is_none_or(|due| due > now) {
            return;
        }
        let commands = self.link_for(LinkRole::Commands);
        let Some(probe) = &mut self.probe else { return };
        match probe.check(now) {
            ProbeSign::Nothing => {}
            ProbeSign::Missing(waited) => {
                self.fail(self.subscriber(), Failure::Undelivered(waited), now, sink);
            }
            ProbeSign::Publish => {
                if let Some(connection) = self.links[commands].up_mut() {
                    connection.send(Expectation::Probe, &[b"PUBLISH", probe.channel(), PROBE]);
                }
            }
        }
    }
}
