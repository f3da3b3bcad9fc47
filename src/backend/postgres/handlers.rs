//! The calls of the event loop, and the timers.

use std::time::{Duration, Instant};

use super::advice;
use super::check;
use super::connection::{CANCEL, COMMANDS, Connection, Expectation, Link, MIN_MESSAGE, SUBSCRIPTIONS, Stage};
use super::session::PostgresSession;
use super::wire::Decoder;
use crate::backend::toolbox::{PendingRequest, ProbeSign, Sign};
use crate::backend::{Action, Connected, LinkError, Secured, Session};
use crate::model::{Code, Command, Error, Event, LinkId, RequestKind, Room, Sink};

impl Session for PostgresSession {
    fn handle_command(&mut self, now: Instant, command: Command, sink: &mut dyn Sink) {
        match command {
            // After Disconnect nobody waits for messages.
            Command::Subscribe { .. } | Command::Unsubscribe(_) if self.is_closing() => {}
            Command::Request(request) if self.has_ended() => {
                self.requests.refuse(request, Error::closed(), sink);
            }
            Command::Disconnect { .. } if self.has_ended() => {}
            Command::Subscribe { topic, slot } => match check::topic(topic.kind, &topic.name) {
                Ok(()) => {
                    if self.delivery.is_empty() {
                        self.probe.begin(now);
                    }
                    if let Some(event) = self.delivery.subscribe(&topic, slot) {
                        sink.event(event);
                    }
                }
                // The client had another backend before. PostgreSQL cannot have this topic.
                Err(problem) => {
                    let error = Error::unsent(Code::Unsupported, problem);
                    sink.event(Event::SubscribeFailed { topic, error });
                }
            },
            Command::Unsubscribe(topic) => self.delivery.unsubscribe(&topic),
            Command::Request(request) => match &request.kind {
                RequestKind::SPublish(_) => {
                    let text = "PostgreSQL has no sharded channels, only plain ones";
                    self.requests.refuse(request, Error::unsent(Code::Unsupported, text), sink);
                }
                _ => self.requests.accept(request, None, &self.delivery, now),
            },
            Command::Disconnect { deadline } => self.disconnect(deadline, now, sink),
        }
        self.settle(now, sink);
    }

    fn handle_connected(&mut self, link: LinkId, now: Instant, how: Connected, sink: &mut dyn Sink) {
        let &Link::Connecting { deadline } = self.link(link) else { return };
        let (interval, timeout) = (self.config.ping_interval, self.config.ping_timeout);
        let connection = Connection::new(&how, now, deadline, interval, timeout);
        *self.link_mut(link) = Link::Connected(Box::new(connection));
        self.begin(link);
        self.settle(now, sink);
    }

    fn handle_secured(&mut self, link: LinkId, now: Instant, how: Secured, sink: &mut dyn Sink) {
        let Some(connection) = self.link_mut(link).connection_mut() else { return };
        if !matches!(connection.stage, Stage::Securing) {
            return;
        }
        connection.secure(how, now);
        connection.stage = Stage::Login(super::login::Login::default());
        self.start_up(link);
        self.settle(now, sink);
    }

    fn handle_disconnected(&mut self, link: LinkId, now: Instant, cause: LinkError, sink: &mut dyn Sink) {
        if matches!(self.link(link), Link::Idle) {
            return;
        }
        if link == CANCEL {
            self.end_cancel(true);
            return self.settle(now, sink);
        }
        let is_plain = self.link(link).connection().is_some_and(Connection::is_plain);
        let last_words = self.link_mut(link).connection_mut().and_then(|it| it.last_words.take());
        let error = match last_words {
            Some(error) => advice::about_connection(error, &self.config, is_plain),
            None => advice::link(&cause, &self.config, self.link(link).up().is_some()),
        };
        if self.retry_without_tls(link, &error, true, now) {
            return;
        }
        self.lose(Some(link), error, now, sink);
    }

    fn room_needed(&self, link: LinkId) -> Room {
        match self.link(link).up() {
            None => Room::None,
            Some(_) if link == SUBSCRIPTIONS => Room::Messages,
            Some(_) => Room::Answers,
        }
    }

    fn handle_input(&mut self, link: LinkId, now: Instant, bytes: &[u8], sink: &mut dyn Sink) {
        let Some(connection) = self.link_mut(link).connection_mut() else { return };
        connection.liveness.hear(now);
        let result = match connection.stage {
            Stage::AskedForTls => self.handle_tls_answer(link, bytes),
            Stage::Securing => Err(advice::protocol("bytes before the connection is secured")),
            _ => self.handle_messages(link, bytes, now, sink),
        };
        match result {
            Ok(()) => self.settle(now, sink),
            Err(_) if link == CANCEL => {
                self.end_cancel(false);
                self.settle(now, sink);
            }
            Err(error) if self.retry_without_tls(link, &error, false, now) => {}
            Err(error) => self.lose(None, error, now, sink),
        }
    }

    fn handle_paused(&mut self, link: LinkId) {
        if let Some(connection) = self.link_mut(link).connection_mut() {
            connection.liveness.pause();
        }
    }

    fn handle_resumed(&mut self, link: LinkId, now: Instant) {
        if let Some(connection) = self.link_mut(link).connection_mut() {
            connection.liveness.resume(now);
        }
    }

    fn poll_transmit(&mut self, link: LinkId, now: Instant) -> &[u8] {
        match link {
            SUBSCRIPTIONS => self.send_subscriptions(now),
            CANCEL => {}
            _ => self.send_commands(now),
        }
        self.link(link).connection().map_or(&[], |connection| connection.pipeline.pending())
    }

    fn transmitted(&mut self, link: LinkId, n: usize) {
        if let Some(connection) = self.link_mut(link).connection_mut() {
            connection.pipeline.transmitted(n);
        }
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let all = [
            self.retry_at,
            self.closing,
            self.requests.due(),
            self.delivery.again_due().filter(|_| self.subscriptions.up().is_some()),
            self.probe_due(),
            self.cancel_due(),
            self.link_due(COMMANDS),
            self.link_due(SUBSCRIPTIONS),
        ];
        all.into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant, sink: &mut dyn Sink) {
        let links = [(COMMANDS, &mut self.commands), (SUBSCRIPTIONS, &mut self.subscriptions)];
        let pipelines =
            links.into_iter().filter_map(|(id, link)| Some((id, &mut link.connection_mut()?.pipeline)));
        if self.requests.expire(now, pipelines, timed_out, sink)
            && let Some(connection) = self.commands.connection_mut()
        {
            connection.requests_taken_back();
        }
        if self.cancel_due().is_some_and(|due| due <= now) {
            self.end_cancel(false);
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.connect(now);
        }
        if let Some(error) = self.check_links(now).or_else(|| self.check_probe(now)) {
            return self.lose(None, error, now, sink);
        }
        if self.subscriptions.up().is_some() {
            self.delivery.ask_again(now);
        }
        self.settle(now, sink);
    }
}

impl PostgresSession {
    /// Handles the loss of the server, and ends the call.
    fn lose(&mut self, lost: Option<LinkId>, error: Error, now: Instant, sink: &mut dyn Sink) {
        self.fail(lost, error, now, sink);
        self.settle(now, sink);
    }

    fn handle_messages(
        &mut self,
        link: LinkId,
        bytes: &[u8],
        now: Instant,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let max = self.config.max_message_bytes;
        let Some(connection) = self.link_mut(link).connection_mut() else { return Ok(()) };
        // Handling a message changes the session, but never its decoder.
        let mut decoder = std::mem::replace(&mut connection.decoder, Decoder::new(0));
        let mut input = bytes;
        while let Some(message) = decoder.next(&mut input).map_err(|broken| advice::protocol(broken.0))? {
            if self.link(link).up().is_some() {
                self.message(link, message, now, sink)?;
            } else {
                self.greeting(link, message, now, sink)?;
            }
            if self.link(link).up().is_some() {
                decoder.set_max(max.max(MIN_MESSAGE));
            }
        }
        if let Some(connection) = self.link_mut(link).connection_mut() {
            let is_within = decoder.is_within_message();
            connection.decoder = decoder;
            connection.liveness.understood(now, bytes.len(), is_within);
        }
        Ok(())
    }

    /// Whether the handshake of a link goes on. Through a pooler it ends with the answer to the first LISTEN, because a
    /// pooler lets a client in before it has a connection to the server for it.
    fn is_greeting(&self, link: LinkId) -> bool {
        let waits_for_pooler = link == SUBSCRIPTIONS && !self.may_send() && self.probe.is_subscribing();
        self.link(link).connection().is_some_and(|connection| waits_for_pooler || !connection.is_up())
    }

    /// The deadline of a link for its handshake, or the next check for silence.
    fn link_due(&self, link: LinkId) -> Option<Instant> {
        let connection = self.link(link).connection()?;
        if self.is_greeting(link) {
            return Some(connection.deadline);
        }
        connection.liveness_due().filter(|_| link == COMMANDS || self.may_send())
    }

    /// Checks whether a link has been silent for too long, or its handshake is late. Pings a quiet one.
    fn check_links(&mut self, now: Instant) -> Option<Error> {
        let (timeout, may_send) = (self.config.connect_timeout, self.may_send());
        for id in [COMMANDS, SUBSCRIPTIONS] {
            let is_greeting = self.is_greeting(id);
            let Self { encoder, commands, subscriptions, .. } = self;
            let link = if id == COMMANDS { commands } else { subscriptions };
            let Some(connection) = link.connection_mut() else { continue };
            if is_greeting {
                if connection.deadline <= now {
                    return Some(advice::not_let_in(timeout));
                }
                continue;
            }
            if connection.runs_a_statement() || id == SUBSCRIPTIONS && !may_send {
                continue;
            }
            match connection.liveness.check(now) {
                Sign::Alive => {}
                Sign::Quiet => {
                    if connection.liveness.ping() {
                        connection.pipeline.send(|out| {
                            encoder.sync(out);
                            Expectation::Ping
                        });
                    }
                }
                Sign::Silent(silence) => return Some(silent("nothing came from the server", silence)),
                Sign::Unconfirmed(silence) => {
                    return Some(silent("the server did not answer a LISTEN", silence));
                }
            }
        }
        None
    }

    fn probe_due(&self) -> Option<Instant> {
        let connection = self.subscriptions.up()?;
        if self.is_proved && !self.config.verify_delivery {
            return None;
        }
        let can_publish = self.commands.up().is_some_and(|commands| !commands.is_blocked);
        self.probe.due(&connection.liveness, can_publish, self.delivery.awaits_confirmation())
    }

    /// Checks whether a published probe is late.
    fn check_probe(&mut self, now: Instant) -> Option<Error> {
        if self.probe_due().is_none_or(|due| due > now) {
            return None;
        }
        match self.probe.check(now) {
            ProbeSign::Missing(_) => Some(Error::sent(Code::Disconnected, advice::DELIVERS_NOTHING)),
            ProbeSign::Publish => {
                self.send_probe();
                None
            }
            ProbeSign::Nothing => None,
        }
    }
}

fn silent(what: &str, silence: Duration) -> Error {
    Error::sent(Code::Disconnected, format!("{what} for {:.1} s", silence.as_secs_f64()))
}

fn timed_out(_: &PendingRequest, written: Option<LinkId>) -> Error {
    let sent = written.is_some();
    let text = if sent {
        "no answer in time; the statement may still run"
    } else {
        "not sent in time: there is no connection, or an earlier request takes too long"
    };
    Error { sent, ..Error::unsent(Code::Timeout, text) }
}
