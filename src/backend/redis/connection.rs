//! Links come and go: attempts, handshakes, losses, liveness.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::config::Protocol;
use super::failure::{Circumstances, Failure, add_details};
use super::handshake::{self, Server, Step};
use super::link::{Awaits, Link, Phase, Version};
use super::role::Watch;
use super::session::{COMMANDS, Core, Loss, SUBSCRIBER};
use super::verify::Verify;
use crate::backend::{Action, Connected, Stage};
use crate::model::{Code, Error, Event, Ready, Sink, Value};

/// How long after a look in the middle of a frame the server's answers are looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Core {
    /// Begins an attempt.
    pub(super) fn connect(&mut self, i: usize, now: Instant) {
        let deadline = now + self.config.connect_timeout;
        let link = &mut self.links[i];
        link.phase = Phase::Connecting { deadline };
        self.actions.push_back(Action::Connect {
            link: link.id,
            endpoint: self.config.endpoint.clone(),
            after: self.failed_peer,
            deadline,
        });
    }

    /// The event loop made the link: says hello on it. Returns whether the link was asked for.
    pub(super) fn connected(&mut self, i: usize, now: Instant, how: Connected) -> bool {
        let version = match (self.config.protocol, self.protocol) {
            (Protocol::Resp2, _) | (Protocol::Auto, Some(Version::Resp2)) => Version::Resp2,
            (Protocol::Auto, _) if self.resp2_alone => Version::Resp2,
            (Protocol::Resp3, _) | (Protocol::Auto, _) => Version::Resp3,
        };
        let link = &mut self.links[i];
        let Phase::Connecting { deadline } = link.phase else { return false };
        link.reset(now);
        link.made = Some((now, how.slowest));
        link.peer = how.peer;
        link.phase = Phase::Handshaking { deadline };
        if i == COMMANDS {
            self.server = Server::default();
        }
        handshake::begin(link, &self.config, version);
        true
    }

    /// The answer to one step of the handshake.
    pub(super) fn handshake_answer(
        &mut self,
        i: usize,
        step: Step,
        reply: Result<Value, Error>,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let link = &mut self.links[i];
        match handshake::answer(link, &self.config, &mut self.server, step, reply, now) {
            Err(failure) => self.fail(i, failure, now, sink),
            Ok(()) if link.in_flight.is_empty() => self.up(i, now, sink),
            Ok(()) => {}
        }
    }

    /// The server let us in.
    fn up(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        let link = &mut self.links[i];
        link.phase = Phase::Up;
        self.protocol.get_or_insert(link.version);
        self.watch_address(i, now, sink);
        if i == COMMANDS {
            self.watch_server();
            self.watch_role(now);
        }
        if self.subscriber() == i && self.closing.is_none() {
            self.tell_gap(now, sink);
            self.topics.connected();
        }
        if let Some(unserved) = &self.links[i].unserved {
            let error = unserved.error.clone();
            self.lose_service(i, error);
        }
        self.tell_unserved(i, sink);
        self.check_ready(now, sink);
    }

    /// Tells that messages may be missing, if they may. Stands before the first one on a new connection, and before the first
    /// one after the server ceased to serve.
    #[inline]
    pub(super) fn tell_gaps(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.loss.is_some() {
            self.tell_gap(now, sink);
        }
        self.tell_regained(now, sink);
    }

    #[cold]
    fn tell_gap(&mut self, now: Instant, sink: &mut dyn Sink) {
        if let Some(Loss { since, error }) = self.loss.take()
            && self.topics.was_confirmed()
        {
            self.gap_told = Some(now);
            let lasted = now.saturating_duration_since(since);
            sink.event(Event::Gap { lasted, error, topics: None });
        }
    }

    /// The client is ready; tells of it.
    pub(super) fn tell_ready(&mut self, first: bool, sink: &mut dyn Sink) {
        let Some(protocol) = self.protocol else { return };
        self.owes_ready = false;
        let notice = self.replica_notice().or_else(|| self.address.notice());
        sink.event(Event::Ready(Ready {
            first,
            protocol: Some(protocol as u8),
            notice,
            ..self.server.ready()
        }));
    }

    /// A link is lost or could not be made: answers what was under way on it, tells of it, and arranges the next attempt.
    pub(super) fn fail(&mut self, i: usize, failure: Failure, now: Instant, sink: &mut dyn Sink) {
        // What is told of the connection comes before its end.
        self.tell_regained(now, sink);
        self.address.lost(&failure);
        let needed = self.is_needed(i);
        let asked = self.is_subscribed(i) && self.links[i].awaits_command(now);
        let link = &mut self.links[i];
        if !failure.is_link_gone() {
            self.actions.push_back(Action::Close(link.id));
        }
        let proved = link.proved;
        // What cannot be connected to has no peer: the event loop has tried the other addresses already.
        if !proved || matches!(failure, Failure::Undelivered(_)) {
            self.failed_peer = link.peer.or(self.failed_peer);
        }
        let seen = Circumstances {
            opening: link.opening(),
            was_new: !link.is_up(),
            lagged: link.is_slow_consumer(now),
            asked,
        };
        let mut error = failure.into_error(&self.config, seen);
        let peer = link.peer.filter(|_| !proved && self.config.endpoint.is_name());
        add_details(&mut error, peer, &self.config, &self.origin);
        self.salvage(i, &error, sink);
        if self.subscriber() == i {
            self.lose_subscriptions(i, &error);
        }
        self.links[i].reset(now);
        self.links[i].phase = Phase::Idle;
        if i == COMMANDS
            && let Some(verify) = &mut self.verify
        {
            verify.unanswered();
        }
        if i == COMMANDS && !self.links[SUBSCRIBER].is_up() {
            self.abandon_attempt(SUBSCRIBER, now);
        }
        if !self.links.iter().any(Link::is_up) {
            self.protocol = None;
        }
        if !needed || self.closing.is_some() {
            return;
        }
        let retry_in = self.links[i].backoff.next(now);
        self.links[i].phase = Phase::Waiting { until: now + retry_in };
        // A link that was fine and is lost while the client is down anyway is no news.
        if std::mem::take(&mut self.ready) || !proved {
            self.update_state();
            sink.event(Event::Down { error, retry_in: Some(retry_in) });
        }
    }

    /// Whether the server counts the link as a subscriber's.
    fn is_subscribed(&self, i: usize) -> bool {
        self.subscriber() == i && self.topics.confirmed() > 0
    }

    /// Since when messages may be missing if the subscriptions end now.
    pub(super) fn missing_since(&self, subscriber: usize) -> Instant {
        // A gap was told on this connection, but not every subscription was back: the new gap joins the old one.
        let restored = self.topics.is_restored() && !self.topics.is_deaf();
        let since = self.gap_told.filter(|_| !restored).unwrap_or(self.links[subscriber].heard);
        // A probe is missing: what came since was no message.
        let unproved = self.verify.as_ref().and_then(Verify::unproved_since);
        unproved.map_or(since, |unproved| unproved.min(since))
    }

    /// The subscriptions' link is lost: remembers since when messages may be missing.
    fn lose_subscriptions(&mut self, i: usize, error: &Error) {
        if self.topics.was_confirmed() {
            let since = self.missing_since(i);
            match &mut self.loss {
                // The server ceased to serve before, as far as the link of the commands knows. This one may have been silent longer.
                Some(loss) => loss.since = loss.since.min(since),
                none => *none = Some(Loss { since, error: error.clone() }),
            }
        }
        if let Some(verify) = &mut self.verify {
            verify.disconnected();
        }
        (self.gap_told, self.settled) = (None, false);
        self.batches = 0;
        self.topics.disconnected();
        self.counters.confirmed.store(0, Ordering::Relaxed);
    }

    /// Answers what may have reached the server, and puts the rest back to the front of the backlog.
    fn salvage(&mut self, i: usize, cause: &Error, sink: &mut dyn Sink) {
        let link = &mut self.links[i];
        let sent = link.transmit.sent();
        let mut unsent = Vec::new();
        for entry in link.in_flight.drain(..) {
            match entry.awaits {
                Awaits::Request(asked) if entry.start < sent => {
                    let text = format!("the connection was lost before the answer came ({})", cause.message);
                    self.pending -= 1;
                    asked.answer(Err(Error::sent(Code::Disconnected, text)), sink);
                }
                Awaits::Request(asked) => unsent.push(asked),
                _ => {}
            }
        }
        for asked in unsent.into_iter().rev() {
            self.backlog.push_front(asked);
        }
    }

    /// Stops making a link that has no use at present.
    fn abandon_attempt(&mut self, i: usize, now: Instant) {
        let link = &mut self.links[i];
        if matches!(link.phase, Phase::Connecting { .. } | Phase::Handshaking { .. }) {
            self.actions.push_back(Action::Close(link.id));
            link.reset(now);
            link.phase = Phase::Idle;
        }
    }

    /// What is due on a link by now.
    pub(super) fn link_timeout(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        let link = &mut self.links[i];
        if link.timer(self.config.ping_interval, self.config.ping_timeout).is_none_or(|due| due > now) {
            return;
        }
        match link.phase {
            Phase::Idle => {}
            Phase::Connecting { .. } => self.fail(i, Failure::ConnectTimeout, now, sink),
            Phase::Handshaking { .. } => {
                let (made, slowest) = link.made.take().unwrap_or((now, None));
                let waited = now.saturating_duration_since(made);
                let slowest = slowest.filter(|stage| stage.took() > waited);
                if let Some(stage) = &slowest {
                    // This peer had too little time to be blamed.
                    link.peer = None;
                    if let Stage::Connect { address, .. } = stage {
                        self.failed_peer = address.parse().ok().or(self.failed_peer);
                    }
                }
                self.fail(i, Failure::HandshakeTimeout { waited, slowest }, now, sink);
            }
            // The subscriber link follows the other one, which then finds it idle.
            Phase::Waiting { .. } if i == SUBSCRIBER => link.phase = Phase::Idle,
            Phase::Waiting { .. } => self.connect(i, now),
            Phase::Up => self.up_timeout(i, now, sink),
        }
    }

    /// What is due on a link that is up.
    fn up_timeout(&mut self, i: usize, now: Instant, sink: &mut dyn Sink) {
        let (interval, timeout) = (self.config.ping_interval, self.config.ping_timeout);
        let link = &mut self.links[i];
        if let Some(since) = link.confirming.filter(|since| *since + interval + timeout <= now) {
            if !link.within_frame {
                let waited = now.saturating_duration_since(since);
                return self.fail(i, Failure::Unconfirmed(waited), now, sink);
            }
            // It may be a long answer.
            link.confirming = Some(now + LOOK_AGAIN - interval - timeout);
        }
        if let Some(unserved) = &mut link.unserved
            && unserved.ask_at.take_if(|at| *at <= now).is_some()
        {
            link.ask_serving();
        }
        if link.dead_at.is_some_and(|at| at <= now) {
            let silence = now.saturating_duration_since(link.listening);
            return self.fail(i, Failure::Silent(silence), now, sink);
        }
        let is_silent = link.dead_at.is_none() && link.listening + interval <= now;
        if is_silent {
            link.dead_at = Some(now + timeout);
        }
        let asks_role = link.watch.as_ref().and_then(Watch::due).is_some_and(|due| due <= now);
        if (is_silent || asks_role)
            && !link.ask_role(now, interval)
            && !std::mem::replace(&mut link.liveness_in_flight, true)
        {
            link.send(Awaits::Liveness { since: now }, &[b"PING"]);
        }
    }
}
