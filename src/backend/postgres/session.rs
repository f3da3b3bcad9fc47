//! A client's session: its parts, and the state that all of them share. Both links lead to one server and are lost
//! together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::advice;
use super::check::PROBE_PREFIX;
use super::config::{Config, Security, Target};
use super::connection::{CANCEL, COMMANDS, Expectation, Greeting, Link, SUBSCRIPTIONS};
use super::encode::{Encoder, quoted};
use crate::backend::tls_notices::SecurityNotices;
use crate::backend::toolbox::{Backoff, Delivery, Pipeline, Probe, ProbeSign, Requests};
use crate::backend::{Action, Endpoint, Start};
use crate::model::{
    Args, Code, Error, Event, LinkId, Ready, RequestKind, RequestName, Role, SessionCounters, Sink, State,
};

pub(super) struct PostgresSession {
    pub(super) config: Arc<Config>,
    pub(super) counters: SessionCounters,
    pub(super) requests: Requests,
    pub(super) delivery: Delivery,
    pub(super) probe: Probe,
    pub(super) encoder: Encoder,
    pub(super) commands: Link,
    pub(super) subscriptions: Link,
    pub(super) cancel: Link,
    pub(super) actions: VecDeque<Action>,
    backoff: Backoff,
    /// The host in use, or the next to try.
    pub(super) host: usize,
    /// The errors of the hosts that failed in this round.
    said: Vec<(Endpoint, Error)>,
    /// In the last round no host was a standby, which is preferred. So any host will do.
    takes_any: bool,
    /// The server refused TLS, and `sslmode=prefer` goes on without it.
    pub(super) is_plain: bool,
    pub(super) retry_at: Option<Instant>,
    /// The server's role in replication.
    pub(super) role: Option<Role>,
    /// There is a pooler. It may run every transaction on another connection to the server, and then neither messages
    /// nor prepared statements work. So nothing is sent until a probe has arrived.
    pub(super) is_pooled: bool,
    /// Messages arrive on this connection, as far as is known: a notification has come, or the server refused
    /// the probe.
    pub(super) is_proved: bool,
    /// The number of logins so far.
    connections: u64,
    /// The channel of the probes is confirmed, and the first probe is not published yet.
    pub(super) owes_probe: bool,
    is_ready: bool,
    was_ready: bool,
    security: SecurityNotices,
    /// The deadline for closing, once the main thread has asked for it.
    pub(super) closing: Option<Instant>,
    has_ended: bool,
}

impl PostgresSession {
    pub(super) fn new(config: Arc<Config>, Start { now, seed, counters }: Start) -> Self {
        let mut session = Self {
            counters: SessionCounters::new(counters),
            requests: Requests::new(name),
            delivery: Delivery::new(seed),
            probe: Probe::new(PROBE_PREFIX, seed, now, config.ping_interval, config.ping_timeout),
            encoder: Encoder::default(),
            commands: Link::Idle,
            subscriptions: Link::Idle,
            cancel: Link::Idle,
            actions: VecDeque::new(),
            backoff: Backoff::new(seed, config.reconnect_min, config.reconnect_max),
            host: usize::try_from(seed % config.hosts.len() as u64).unwrap_or(0),
            said: Vec::new(),
            takes_any: false,
            is_plain: false,
            retry_at: None,
            role: None,
            is_pooled: false,
            is_proved: false,
            connections: 0,
            owes_probe: false,
            is_ready: false,
            was_ready: false,
            security: SecurityNotices::default(),
            closing: None,
            has_ended: false,
            config,
        };
        session.connect(now);
        session
    }

    pub(super) fn link(&self, id: LinkId) -> &Link {
        match id {
            SUBSCRIPTIONS => &self.subscriptions,
            CANCEL => &self.cancel,
            _ => &self.commands,
        }
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> &mut Link {
        match id {
            SUBSCRIPTIONS => &mut self.subscriptions,
            CANCEL => &mut self.cancel,
            _ => &mut self.commands,
        }
    }

    /// Whether the session is over.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether the session is closing or over.
    pub(super) fn is_closing(&self) -> bool {
        self.has_ended || self.closing.is_some()
    }

    /// Begins the next attempt.
    pub(super) fn connect(&mut self, now: Instant) {
        self.counters.set_state(State::Connecting);
        self.retry_at = None;
        let endpoint = self.config.hosts[self.host].clone();
        self.counters.set_address(Some(endpoint.to_string()));
        self.make(COMMANDS, endpoint, now);
    }

    /// The address for a link. Other links go to the same server as the one for commands.
    pub(super) fn endpoint_of(&self, link: LinkId) -> Endpoint {
        match self.commands.connection().and_then(|connection| connection.peer) {
            Some(peer) if link != COMMANDS => {
                Endpoint::Tcp { host: peer.ip().to_string(), port: peer.port() }
            }
            _ => self.config.hosts[self.host].clone(),
        }
    }

    pub(super) fn make(&mut self, link: LinkId, endpoint: Endpoint, now: Instant) {
        let deadline = now + self.config.connect_timeout;
        *self.link_mut(link) = Link::Connecting { deadline };
        self.actions.push_back(Action::Connect { link, endpoint, after: None, deadline });
    }

    /// Handles every loss of the server and every failed attempt. `lost`: the link that is closed already.
    pub(super) fn fail(&mut self, lost: Option<LinkId>, error: Error, now: Instant, sink: &mut dyn Sink) {
        let was_up = self.commands.up().is_some();
        self.end_cancel(false);
        for id in [COMMANDS, SUBSCRIPTIONS] {
            let link = std::mem::replace(self.link_mut(id), Link::Idle);
            if !matches!(link, Link::Idle) && lost != Some(id) {
                self.actions.push_back(Action::Close(id));
            }
            let Link::Connected(connection) = link else { continue };
            if id == SUBSCRIPTIONS && connection.is_up() {
                let heard = connection.liveness.heard();
                let proved = self.probe.unproved_since().filter(|_| self.config.verify_delivery);
                let since = proved.map_or(heard, |proved| proved.min(heard));
                self.delivery.lost(self.delivery.missing_since(since), &error);
            }
            self.requests.lost(connection.pipeline, &error, sink);
        }
        self.probe.disconnected();
        self.probe.unanswered();
        (self.is_ready, self.is_pooled, self.is_proved, self.owes_probe) = (false, false, false, false);
        self.is_plain = false;
        self.counters.set_confirmed(self.delivery.confirmed());
        self.try_next(was_up, error, now, sink);
    }

    /// Decides when and where to try next.
    fn try_next(&mut self, was_up: bool, error: Error, now: Instant, sink: &mut dyn Sink) {
        let hosts = self.config.hosts.len();
        let here = self.config.hosts[self.host].clone();
        self.host = (self.host + 1) % hosts;
        let lasted = was_up && hosts > 1 && self.backoff.lost(now);
        if was_up {
            self.said.clear();
        } else {
            self.said.push((here, error.clone()));
        }
        let is_round_over = !was_up && self.said.len() >= hosts;
        if is_round_over && self.config.target == Target::PreferStandby && !self.takes_any {
            self.takes_any = true;
            self.said.clear();
            return self.connect(now);
        }
        // Untried hosts of the round come next, without a delay.
        if lasted || !was_up && !is_round_over {
            if lasted {
                sink.event(Event::Down { error, retry_in: Some(Duration::ZERO) });
            }
            return self.connect(now);
        }
        let error = if was_up || hosts == 1 { error } else { all_said(&self.said, error) };
        self.said.clear();
        self.takes_any = false;
        let retry_in = self.backoff.next(now);
        self.retry_at = Some(now + retry_in);
        self.counters.set_state(State::Waiting);
        sink.event(Event::Down { error, retry_in: Some(retry_in) });
    }

    /// The server has told its role. If it is acceptable, the link is ready for commands.
    pub(super) fn greeted(
        &mut self,
        greeting: &Greeting,
        now: Instant,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let &Greeting { is_standby, is_read_only, is_pooled } = greeting;
        self.set_role(is_standby);
        let (is_wanted, wanted) = match self.config.target {
            Target::Any => (true, ""),
            Target::Primary => (!is_standby, "a primary"),
            Target::Standby => (is_standby, "a standby"),
            Target::PreferStandby => (is_standby || self.takes_any, "a standby"),
            Target::ReadWrite => (!is_read_only, "one that takes writes"),
            Target::ReadOnly => (is_read_only, "one that takes no writes"),
        };
        if !is_wanted {
            return Err(advice::not_wanted(is_standby, wanted));
        }
        self.is_pooled = is_pooled;
        self.connections += 1;
        self.up(COMMANDS, now, sink);
        Ok(())
    }

    /// Sets the server's role in replication.
    pub(super) fn set_role(&mut self, is_standby: bool) {
        self.role = Some(if is_standby { Role::Replica } else { Role::Master });
        self.counters.set_role(self.role);
    }

    /// Whether the link for subscriptions is needed.
    pub(super) fn needs_delivery(&self) -> bool {
        self.is_pooled || !self.delivery.is_empty()
    }

    /// Whether more than the first probe may be sent.
    pub(super) fn may_send(&self) -> bool {
        self.is_proved || !self.is_pooled
    }

    /// The handshake of a link is complete.
    pub(super) fn up(&mut self, link: LinkId, now: Instant, sink: &mut dyn Sink) {
        let Some(connection) = self.link_mut(link).connection_mut() else { return };
        connection.admit(now);
        if link == SUBSCRIPTIONS {
            self.delivery.connected(now, sink);
        }
    }

    /// Ends each call that may have changed something.
    pub(super) fn settle(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.finish_if_done(now, sink);
        self.cancel_abandoned(now);
        if self.commands.up().is_some() && matches!(self.subscriptions, Link::Idle) && self.needs_delivery() {
            let endpoint = self.endpoint_of(SUBSCRIPTIONS);
            self.make(SUBSCRIPTIONS, endpoint, now);
        }
        if self.owes_probe && self.publish_first_probe(now) {
            self.owes_probe = false;
        }
        self.counters.set_confirmed(self.delivery.confirmed());
        if let Some(refused) = self.delivery.refused() {
            let one = refused.some.first().map(|topic| topic.error.message.to_string());
            self.counters.set_refused(refused.count as u64, one, refused.wanted);
        }
        let serves = self.commands.up().is_some()
            && (!self.needs_delivery()
                || self.subscriptions.up().is_some() && self.delivery.is_restored() && self.is_proved);
        if !serves || self.closing.is_some() || self.retry_at.is_some() {
            return;
        }
        if self.is_ready {
            self.delivery.tell_regained(now, sink);
            if self.delivery.take_owed_ready() {
                self.tell_ready(sink);
            }
        } else {
            self.is_ready = true;
            self.backoff.good(now);
            self.said.clear();
            self.takes_any = false;
            self.delivery.settle();
            self.delivery.forget_regained();
            self.counters.set_state(State::Ready);
            if self.was_ready {
                self.counters.reconnected();
            }
            self.tell_ready(sink);
            self.was_ready = true;
        }
    }

    fn tell_ready(&mut self, sink: &mut dyn Sink) {
        let connection = self.commands.up();
        let mut ready = Ready {
            first: !self.was_ready,
            address: Some(self.config.hosts[self.host].to_string().into()),
            protocol: Some(3),
            server: Some(super::SERVER.into()),
            version: connection.and_then(|connection| connection.version.clone()),
            role: self.role,
            times: connection.map(|connection| connection.times).unwrap_or_default(),
            ..Ready::default()
        };
        if let Some((connection, how)) = connection.and_then(|up| Some((up, up.secured.as_ref()?))) {
            let trust = self.config.security.as_ref().map(Security::trust);
            self.security.tell(&mut ready, how, trust, connection.made);
        }
        sink.event(Event::Ready(ready));
    }

    /// Publishes the first probe of a connection, if a link is free for it. Returns whether it did.
    fn publish_first_probe(&mut self, now: Instant) -> bool {
        let can_publish = self.commands.up().is_some_and(|connection| !connection.is_blocked);
        let is_due = can_publish && self.probe.check(now) == ProbeSign::Publish;
        if is_due {
            self.send_probe();
        }
        is_due
    }

    /// Publishes a probe.
    pub(super) fn send_probe(&mut self) {
        // Without a prepared statement: behind a pooler, another client may have taken its name.
        let channel = quoted(&String::from_utf8_lossy(self.probe.channel()));
        let sql = format!("NOTIFY {channel}, '{}'", self.proof());
        let Some(connection) = self.commands.up_mut() else { return };
        let encoder = &mut self.encoder;
        connection.pipeline.send(|out| {
            encoder.query(out, &sql);
            Expectation::Probe
        });
    }

    /// The text of this connection's probes.
    pub(super) fn proof(&self) -> String {
        self.connections.to_string()
    }

    /// The main thread asks to close the session.
    pub(super) fn disconnect(&mut self, deadline: Instant, now: Instant, sink: &mut dyn Sink) {
        self.closing = Some(deadline);
        let heard = self.subscriptions.up().map_or(now, |connection| connection.liveness.heard());
        if let Some(since) = self.delivery.end(self.delivery.missing_since(heard)) {
            let lasted = now.saturating_duration_since(since);
            sink.event(Event::Gap { lasted, error: Error::closed(), topics: None });
        }
    }

    fn finish_if_done(&mut self, now: Instant, sink: &mut dyn Sink) {
        let Some(deadline) = self.closing else { return };
        if deadline <= now {
            let links = [&mut self.commands, &mut self.subscriptions];
            let pipelines: Vec<Pipeline<_>> = links
                .into_iter()
                .filter_map(|link| link.connection_mut().map(|it| std::mem::take(&mut it.pipeline)))
                .collect();
            let error = |sent| Error { sent, ..Error::unsent(Code::Closed, "the client was closed") };
            self.requests.end(pipelines, error, sink);
        }
        if self.requests.is_empty() {
            (self.closing, self.retry_at, self.has_ended) = (None, None, true);
            (self.commands, self.subscriptions, self.cancel) = (Link::Idle, Link::Idle, Link::Idle);
            self.counters.set_state(State::Closed);
            self.counters.set_address(None);
            sink.event(Event::Closed);
            self.actions.push_back(Action::Finish);
        }
    }
}

/// Joins the errors of all hosts of a round.
fn all_said(said: &[(Endpoint, Error)], last: Error) -> Error {
    let each: Vec<_> = said.iter().map(|(host, error)| format!("{host}: {}", error.message)).collect();
    Error { message: format!("none of the servers can be used. {}", each.join(" | ")).into(), ..last }
}

/// The name of a request in errors: of a statement only the first word.
fn name(kind: &RequestKind) -> RequestName<'_> {
    match kind {
        RequestKind::Publish(args) => RequestName { command: b"NOTIFY", channel: args.get(0) },
        RequestKind::SPublish(args) => RequestName { command: b"SPUBLISH", channel: args.get(0) },
        RequestKind::Command(args) => RequestName { command: first_word(args), channel: None },
        RequestKind::Transaction(_) => RequestName { command: b"BEGIN", channel: None },
        RequestKind::Ping => RequestName { command: b"PING", channel: None },
    }
}

fn first_word(args: &Args) -> &[u8] {
    let sql = args.get(0).unwrap_or_default().trim_ascii_start();
    let end = sql.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(sql.len());
    if end == 0 { b"SQL" } else { &sql[..end] }
}
