//! Handles the server's answers.

use std::time::Instant;

use super::acl::{RefusedCommand, explained, explained_event, refusal_kind};
use super::connection::{Expectation, LinkRole};
use super::failure::Failure;
use super::handshake;
use super::protocol::{HandshakeStep, NO_PERMISSION, Version, is_unserved};
use super::reply::Reply;
use super::request::is_publish;
use super::server::Server;
use super::serving::ServingVerdict;
use super::session::RedisSession;
use super::sharded::is_gone;
use super::shards::delivery_of;
use super::slots::explain_cross_slot;
use crate::backend::toolbox::{InFlight, PendingRequest};
use crate::model::{Error, Event, RequestKind, Sink, Topic, TopicKind, Value};

impl RedisSession {
    /// Handles an answer: it belongs to the oldest request in flight.
    pub(super) fn answered(&mut self, i: usize, now: Instant, reply: Reply, sink: &mut dyn Sink) {
        if let Err(error) = &reply {
            self.note_error(i, error, now);
        }
        let is_late_refusal = self.is_late_refusal(i, &reply);
        let Some(connection) = self.links[i].connection_mut() else { return };
        connection.liveness.answered(now);
        if is_late_refusal {
            return;
        }
        match connection.pipeline.front_mut() {
            None => {
                // No command awaits an answer. An error here says why the server is about to hang up.
                let failure = reply.map_or_else(Failure::Unasked, |_| Failure::OutOfStep);
                self.fail(i, failure, now, sink);
            }
            // A publish is answered with the number of receivers. A list here is a message that was taken for an
            // answer.
            Some(InFlight { request: Some(request), .. })
                if is_publish(request.kind()) && matches!(reply, Ok(Value::Array(_))) =>
            {
                self.fail(i, Failure::OutOfStep, now, sink);
            }
            Some(InFlight { request, expectation: Expectation::Replies(replies), .. }) => {
                let Some(result) = replies.take(request.as_ref(), reply, &self.config) else { return };
                let (is_stuck, redirection) = (replies.is_stuck(), replies.take_redirection());
                connection.used = now;
                if let Some(request) = connection.pipeline.pop_front().and_then(|command| command.request) {
                    match redirection {
                        Some(refusal) => self.redirected(i, request, (*refusal, result), now, sink),
                        None => self.request_answered(request, result, now, sink),
                    }
                }
                if is_stuck {
                    self.fail(i, Failure::InsideTransaction, now, sink);
                }
            }
            Some(_) => {
                if let Some(command) = connection.pipeline.pop_front() {
                    self.own_answered(i, command.expectation, reply, now, sink);
                }
            }
        }
    }

    /// All answers to a request have come.
    #[inline(always)]
    pub(super) fn request_answered(
        &mut self,
        request: PendingRequest,
        mut result: Reply,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        match (request.kind(), &mut result) {
            (kind, Ok(_)) if is_publish(kind) => self.counters.published(),
            (RequestKind::Ping, Ok(pong)) => {
                self.note_round_trip(request.since(), now);
                *pong = Value::Double(now.saturating_duration_since(request.since()).as_secs_f64());
            }
            (_, Err(error)) => explain_cross_slot(error),
            _ => {}
        }
        self.requests.answer(request, result, sink);
    }

    /// The answer to a question of the session's own.
    fn own_answered(
        &mut self,
        i: usize,
        expectation: Expectation,
        reply: Reply,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let delivery = delivery_of(&mut self.delivery, &mut self.shards, &self.links[i]);
        let Some(connection) = self.links[i].connection_mut() else { return };
        match expectation {
            Expectation::Handshake(step) => self.handshake_answered(i, step, reply, now, sink),
            Expectation::Batch(mut batch) => match reply {
                Err(error) if is_gone(&batch, &error) => {
                    delivery.confirm_rest(&mut batch);
                    connection.liveness.confirmed(now, delivery.awaits_confirmation());
                    self.count_confirmed();
                }
                Err(error) => {
                    let Some(batch) = self.batch_redirected(i, batch, &error, now, sink) else {
                        self.batch_answered(i, now);
                        return self.check_ready(now, sink);
                    };
                    let delivery = delivery_of(&mut self.delivery, &mut self.shards, &self.links[i]);
                    let events = delivery.refuse(batch, &error, refusal_kind(&error), now);
                    self.batch_answered(i, now);
                    events.into_iter().for_each(|event| sink.event(explained_event(event, &self.config)));
                    self.check_ready(now, sink);
                }
                Ok(reply) => self.not_confirmed(i, &reply, now, sink),
            },
            Expectation::Fence(token) => match reply {
                Ok(Value::String(echo)) if connection.is_fence(token, &echo) => {}
                // A user without the right to PING gets an error, which is fine, too.
                Err(_) => {}
                Ok(_) => self.fail(i, Failure::OutOfStep, now, sink),
            },
            Expectation::Liveness(since) => {
                connection.liveness.pong();
                if !connection.role.is_nodes() {
                    self.note_round_trip(since, now);
                }
            }
            Expectation::Role(question, since) => {
                self.note_round_trip(since, now);
                self.role_answered(i, question, &reply, now, sink);
            }
            Expectation::Serving => match connection.serving.answered(reply, now, &self.config) {
                ServingVerdict::Unchanged => {}
                ServingVerdict::Failed(failure) => self.fail(i, failure, now, sink),
                // The errors of the requests that wait for the node report it.
                _ if connection.role.is_nodes() => {}
                ServingVerdict::Serves => self.check_ready(now, sink),
                ServingVerdict::Outage { error, since, is_news } => {
                    self.delivery.unserved(since, error.clone());
                    if is_news {
                        self.unserved(error, sink);
                    }
                }
            },
            Expectation::Nodes => self.nodes_answered(i, &reply, now, sink),
            Expectation::ClusterInfo(asked) => self.cluster_info_answered(&reply, asked, now, sink),
            Expectation::ProbeChannel => match reply {
                Err(error) => self.probe_channel_refused(error, now, sink),
                Ok(reply) => self.not_confirmed(i, &reply, now, sink),
            },
            Expectation::Probe => self.probe_answered(i, reply, now, sink),
            Expectation::Replies(_) | Expectation::Sentinel(_) => {}
        }
    }

    /// A batch is complete.
    fn batch_answered(&mut self, i: usize, now: Instant) {
        let delivery = delivery_of(&mut self.delivery, &mut self.shards, &self.links[i]);
        if let Some(connection) = self.links[i].connection_mut() {
            connection.liveness.confirmed(now, delivery.awaits_confirmation());
        }
    }

    /// The answer to one step of the handshake.
    fn handshake_answered(
        &mut self,
        i: usize,
        step: HandshakeStep,
        reply: Reply,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let Some(connection) = self.links[i].connection_mut() else { return };
        let mut node = Server::default();
        // The server of the link of the commands describes itself for the client, not a node for commands on its keys.
        let server = if connection.role.is_nodes() { &mut node } else { &mut self.server };
        match handshake::answer(connection, &self.config, server, step, reply, now) {
            Err(failure) => self.fail(i, failure, now, sink),
            Ok(()) if !connection.pipeline.is_empty() => {}
            Ok(()) => match self.passes_over(i) {
                Some(failure) => self.pass_over(i, failure, now, sink),
                None => self.up(i, now, sink),
            },
        }
    }

    /// An answer came where a confirmation is awaited. A server that speaks RESP2 confirms with a list, which looks like an answer.
    fn not_confirmed(&mut self, i: usize, reply: &Value, now: Instant, sink: &mut dyn Sink) {
        let version = self.links[i].connection().map(|connection| connection.version);
        if version == Some(Version::Resp3) && is_confirmation(reply) {
            self.speaks_resp2(i, now, sink);
        } else {
            self.fail(i, Failure::OutOfStep, now, sink);
        }
    }

    /// An error may mean that the server is a replica, or has no data to serve. The link that was refused
    /// asks whether this holds for all commands. The link of the subscriptions does not ask: before the
    /// client is ready, its refusal counts as the outage.
    fn note_error(&mut self, i: usize, error: &Error, now: Instant) {
        let is_ready = self.ready;
        let Some(connection) = self.links[i].up_mut() else { return };
        let is_commands_answer = match connection.pipeline.front().map(|command| &command.expectation) {
            Some(Expectation::Replies(_)) => {
                if connection.role == LinkRole::Commands {
                    self.role.command_refused(error, now);
                }
                true
            }
            Some(Expectation::Liveness(_)) => true,
            _ => false,
        };
        if !is_commands_answer || !is_unserved(error) {
            return;
        }
        if connection.role == LinkRole::Shard {
            // Refusals of subscriptions are reported for each channel.
        } else if connection.role != LinkRole::Subscriptions {
            if connection.serving.outage().is_none() {
                connection.ask_serving();
            }
        } else if !is_ready {
            self.delivery.unserved(connection.serving.served(), error.clone());
        }
    }

    /// The channel of the probes was refused.
    fn probe_channel_refused(&mut self, error: Error, now: Instant, sink: &mut dyn Sink) {
        let Some(probe) = &mut self.probe else { return };
        if probe.channel_refused(&error, refusal_kind(&error), now) {
            let topic = Topic { kind: TopicKind::Channel, name: probe.channel().into() };
            sink.event(Event::SubscribeFailed { topic, error: self.probe_error(error, "subscribe") });
        }
    }

    /// The server's answer to a probe. An error that may pass decides nothing: the next probe may succeed.
    fn probe_answered(&mut self, i: usize, reply: Reply, now: Instant, sink: &mut dyn Sink) {
        let Some(probe) = &mut self.probe else { return };
        match reply {
            Ok(Value::Integer(_)) => probe.taken(now),
            Ok(_) => self.fail(i, Failure::OutOfStep, now, sink),
            // An ACL, or a command that the server does not have. Other errors are expected to pass, such as `BUSY`,
            // `LOADING` and `MASTERDOWN`.
            Err(error) if matches!(error.code.as_str(), NO_PERMISSION | "ERR") => {
                if probe.refused(&error, refusal_kind(&error), now) {
                    let channel = Some(probe.channel().into());
                    let error = self.probe_error(error, "publish");
                    sink.event(Event::RequestFailed { command: b"PUBLISH"[..].into(), channel, error });
                }
            }
            Err(_) => probe.unanswered(),
        }
    }

    /// The error reported for a refused probe.
    fn probe_error(&self, error: Error, command: &'static str) -> Error {
        let words = error.message.trim_end_matches('.');
        let message = format!("{words}; verify_delivery rests until the server takes its probes");
        let error = Error { message: message.into(), ..error };
        explained(error, RefusedCommand::Probe(command), &self.config)
    }

    fn note_round_trip(&self, since: Instant, now: Instant) {
        self.counters.set_round_trip(now.saturating_duration_since(since));
    }
}

/// Whether a list is RESP2's confirmation of a subscription.
fn is_confirmation(reply: &Value) -> bool {
    let Value::Array(items) = reply else { return false };
    matches!(items.first(), Some(Value::String(kind)) if matches!(&**kind, b"subscribe" | b"psubscribe" | b"ssubscribe"))
}
