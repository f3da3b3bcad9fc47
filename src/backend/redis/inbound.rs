//! What comes from the server: messages, confirmations and answers.

use std::sync::atomic::Ordering;
use std::time::Instant;

use resp::{Element, Frame, Value as Resp};

use super::acl::explained_event;
use super::batch::Operation;
use super::failure::Failure;
use super::handshake::PONG;
use super::link::{Awaits, InFlight, Version};
use super::outbound::fence;
use super::push::{Message, Push, plain_message};
use super::reply::{MAX_NAME, answer, reply};
use super::request::Progress;
use super::session::{Core, SUBSCRIBER};
use super::verify::is_reserved;
use crate::model::{Counters, DropReason, Error, RequestKind, Sink, SubscriptionSlot, TopicKind, Value};

impl Core {
    /// One frame came.
    #[inline]
    pub(super) fn frame(&mut self, i: usize, now: Instant, frame: &Frame<'_>, sink: &mut dyn Sink) {
        // RESP2 has no type for pushes: on its subscriber link arrays are what pushes are elsewhere.
        let push = frame.root().as_push();
        let items = push.or_else(|| match frame.value() {
            Resp::Array(items) if i == SUBSCRIBER && self.links[i].version == Version::Resp2 => Some(items),
            _ => None,
        });
        // Nothing of it is looked at twice.
        if let Some((topic, payload)) = items.and_then(plain_message)
            && payload.len() <= self.config.max_message_bytes
        {
            if let Some(slot) = self.delivered(i, now, TopicKind::Channel, Some(topic)) {
                self.tell_gaps(now, sink);
                sink.message(slot, None, payload);
            }
            return;
        }
        match items.and_then(|items| Push::parse(items, frame.is_truncated())) {
            Some(Push::Message(message)) => self.message(i, now, &message, sink),
            Some(Push::Confirmation { operation, kind, name }) => {
                self.confirmed(i, operation, kind, name, now, sink);
            }
            Some(Push::Pong(echo)) if push.is_none() => {
                self.answered(i, now, answer(echo.value(), self.reply_limit(i), &self.config), sink);
            }
            // A push that means nothing to us, and nothing to any command.
            _ if push.is_some() => {}
            _ => self.answered(i, now, reply(frame, self.reply_limit(i), &self.config), sink),
        }
    }

    /// Bytes that an answer may have. The handshake's are not the user's, and no larger than the decoder lets pass.
    fn reply_limit(&self, i: usize) -> usize {
        let own = MAX_NAME.max(self.config.max_message_bytes);
        match self.links[i].in_flight.front() {
            Some(InFlight { awaits: Awaits::Request(_), .. }) => self.config.max_message_bytes,
            _ => own,
        }
    }

    /// A message came: the subscription that it is for, if it is for one.
    #[inline]
    fn delivered(
        &mut self,
        i: usize,
        now: Instant,
        kind: TopicKind,
        topic: Option<&[u8]>,
    ) -> Option<SubscriptionSlot> {
        if i != self.subscriber() || !self.links[i].is_up() {
            return None;
        }
        if let Some(verify) = &mut self.verify {
            verify.delivered(now);
        }
        let slot = self.topics.slot(kind, topic?)?;
        self.links[i].brought_messages = true;
        Some(slot)
    }

    /// A message that is a pattern's, or too large.
    fn message(&mut self, i: usize, now: Instant, message: &Message<'_>, sink: &mut dyn Sink) {
        let Some(slot) = self.delivered(i, now, message.kind, message.topic.as_bytes()) else { return };
        self.tell_gaps(now, sink);
        let channel = message.channel.map(|channel| channel.as_bytes());
        if let Some(Some(channel)) = channel
            && is_reserved(channel)
        {
            return;
        }
        match (message.payload.and_then(|payload| payload.as_bytes()), channel) {
            (Some(payload), None | Some(Some(_))) if payload.len() <= self.config.max_message_bytes => {
                sink.message(slot, channel.flatten(), payload);
            }
            _ => {
                if let Some(bytes) = message.payload_len() {
                    sink.dropped(bytes, DropReason::TooLarge);
                }
            }
        }
    }

    /// A confirmation: of the batch whose turn it is, or else of nothing that we asked for.
    fn confirmed(
        &mut self,
        i: usize,
        operation: Operation,
        kind: TopicKind,
        name: Element<'_>,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let Some(name) = name.as_bytes() else { return };
        let is_probe_channel =
            operation == Operation::Subscribe && kind == TopicKind::Channel && self.is_probe_channel(name);
        let link = &mut self.links[i];
        let sent = link.transmit.sent();
        if is_probe_channel {
            let awaited = matches!(link.in_flight.front(),
                Some(InFlight { start, awaits: Awaits::ProbeChannel, .. }) if *start < sent);
            if awaited {
                link.pop_front();
                self.probe_channel_confirmed(now);
            }
            return;
        }
        if let Some(InFlight { start, awaits: Awaits::Batch(batch), .. }) = link.in_flight.front_mut()
            && *start < sent
            && batch.tick_off(operation, kind, name)
        {
            if batch.is_complete() {
                link.pop_front();
                self.batches -= 1;
            }
            link.confirming = (self.batches > 0).then_some(now);
            if let Some(event) = self.topics.confirm(operation, kind, name) {
                sink.event(event);
            }
            self.counters.confirmed.store(self.topics.confirmed(), Ordering::Relaxed);
            if !self.links[i].proved {
                // The gap of this connection, and the `ready` to come, are about these too.
                self.topics.take_regained();
            }
            self.check_ready(now, sink);
        } else if operation == Operation::Unsubscribe
            && i == self.subscriber()
            && self.topics.is_held(kind, name)
        {
            self.fail(i, Failure::Unsubscribed, now, sink);
        }
    }

    /// An answer came: it belongs to what is longest in flight.
    fn answered(&mut self, i: usize, now: Instant, reply: Result<Value, Error>, sink: &mut dyn Sink) {
        let link = &mut self.links[i];
        let sent = link.transmit.sent();
        if link.in_flight.front().is_none_or(|entry| entry.start >= sent) {
            return self.unasked(i, now, reply, sink);
        }
        let Some(InFlight { start, end, awaits }) = link.pop_front() else { return };
        link.confirming = link.confirming.map(|_| now);
        if reply.is_err() && matches!(awaits, Awaits::Request(_) | Awaits::Abandoned { .. }) {
            self.watch_for_readonly(i, &reply, now);
            self.watch_for_unserved(i, &reply);
        }
        let link = &mut self.links[i];
        match awaits {
            Awaits::Handshake(step) => self.handshake_answer(i, step, reply, now, sink),
            Awaits::Batch(batch) => match reply {
                Err(error) => {
                    self.batches -= 1;
                    link.confirming = (self.batches > 0).then_some(now);
                    self.topics
                        .refuse(batch, &error, now, |event| sink.event(explained_event(event, &self.config)));
                    self.check_ready(now, sink);
                }
                Ok(reply) => self.no_push(i, &reply, now, sink),
            },
            Awaits::Fence { token } => match reply {
                Ok(Value::String(echo)) if *echo == *fence(token) => link.echoes = true,
                // Garnet, Envoy and YugabyteDB leave out what a PING says.
                Ok(Value::String(pong)) if *pong == *PONG && !link.echoes => {}
                // A user without the right to PING is refused, which is in order too.
                Err(_) => {}
                Ok(_) => self.fail(i, Failure::OutOfStep, now, sink),
            },
            Awaits::Liveness { since } => {
                link.liveness_in_flight = false;
                self.note_round_trip(since, now);
                self.watch_for_unserved(i, &reply);
            }
            Awaits::Role { question, since } => {
                self.note_round_trip(since, now);
                self.role_answered(question, &reply, now, sink);
            }
            Awaits::Serving => self.serving_answered(i, reply, now, sink),
            Awaits::ProbeChannel => match reply {
                Err(error) => self.probe_channel_refused(error, now, sink),
                Ok(reply) => self.no_push(i, &reply, now, sink),
            },
            Awaits::Probe => self.probe_answered(reply, now, sink),
            Awaits::Abandoned { mut replies } => {
                if !replies.count(&reply) {
                    link.in_flight.push_front(InFlight { start, end, awaits: Awaits::Abandoned { replies } });
                } else if replies.is_stuck(&reply) {
                    self.fail(i, Failure::InsideTransaction, now, sink);
                }
            }
            // A number counts receivers. A list is a message that passes for an answer.
            Awaits::Request(asked)
                if matches!(asked.kind, RequestKind::Publish(_)) && matches!(reply, Ok(Value::Array(_))) =>
            {
                link.in_flight.push_front(InFlight { start, end, awaits: Awaits::Request(asked) });
                self.fail(i, Failure::OutOfStep, now, sink);
            }
            Awaits::Request(asked) => match asked.reply(now, reply, &self.config) {
                Progress::Waits(asked) => {
                    link.in_flight.push_front(InFlight { start, end, awaits: Awaits::Request(asked) });
                }
                Progress::Done(asked, result) => {
                    if result.is_ok() {
                        match asked.kind {
                            RequestKind::Publish(_) => Counters::add(&self.counters.published, 1),
                            RequestKind::Ping => self.note_round_trip(asked.since(), now),
                            _ => {}
                        }
                    }
                    self.pending -= 1;
                    asked.answer(result, sink);
                }
                Progress::Stuck(asked, error) => {
                    self.pending -= 1;
                    asked.answer(Err(error), sink);
                    self.fail(i, Failure::InsideTransaction, now, sink);
                }
            },
        }
    }

    /// An answer came where a confirmation is awaited, which is none. Under RESP2 it has the form of one.
    fn no_push(&mut self, i: usize, reply: &Value, now: Instant, sink: &mut dyn Sink) {
        let is_resp2 = self.links[i].version == Version::Resp3 && is_confirmation(reply);
        self.resp2_alone |= is_resp2;
        self.fail(i, if is_resp2 { Failure::Resp2Spoken } else { Failure::OutOfStep }, now, sink);
    }

    /// The server says something that nobody asked for. An error is why it is about to hang up.
    fn unasked(&mut self, i: usize, now: Instant, reply: Result<Value, Error>, sink: &mut dyn Sink) {
        let failure = match reply {
            Err(error) => Failure::Unasked(error),
            Ok(_) => Failure::OutOfStep,
        };
        self.fail(i, failure, now, sink);
    }

    fn note_round_trip(&self, since: Instant, now: Instant) {
        let nanos = u64::try_from(now.saturating_duration_since(since).as_nanos()).unwrap_or(u64::MAX);
        // 0 stands for none yet.
        self.counters.round_trip.store(nanos.max(1), Ordering::Relaxed);
    }
}

/// Whether a list is RESP2's confirmation of a subscription.
fn is_confirmation(reply: &Value) -> bool {
    let Value::Array(items) = reply else { return false };
    matches!(items.first(), Some(Value::String(kind)) if matches!(&**kind, b"subscribe" | b"psubscribe"))
}
