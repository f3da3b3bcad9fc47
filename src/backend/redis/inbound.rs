//! Handles frames from the server: messages and confirmations. Answers are in `answers`.

use std::time::Instant;

use resp::{Element, Frame, Value as Resp};

use super::connection::{Expectation, LinkRole};
use super::failure::Failure;
use super::protocol::{MAX_NAME, PROBE_PREFIX};
use super::push::{Message, Push, plain_message};
use super::reply::{answer, reply};
use super::session::RedisSession;
use super::shards::delivery_of;
use crate::backend::toolbox::Operation;
use crate::model::{DropReason, Sink, SubscriptionSlot, TopicKind};

impl RedisSession {
    /// Handles a frame.
    #[inline]
    pub(super) fn frame(&mut self, i: usize, now: Instant, frame: &Frame<'_>, sink: &mut dyn Sink) {
        // RESP2 has no pushes: on its link for subscriptions, arrays take their place.
        let push = frame.root().as_push();
        let is_push = push.is_some();
        let items = push.or_else(|| match frame.value() {
            Resp::Array(items) if self.is_resp2_subscriber(i) => Some(items),
            _ => None,
        });
        // The fast path: nothing in the frame is looked at twice.
        if let Some((topic, payload)) = items.as_ref().and_then(|items| plain_message(items.clone()))
            && payload.len() <= self.config.max_message_bytes
        {
            if let Some(slot) = self.delivered(i, now, TopicKind::Channel, Some(topic), sink) {
                sink.message(slot, None, payload);
            }
            return;
        }
        match items.and_then(|items| Push::parse(items, frame.is_truncated())) {
            Some(Push::Message(message)) => self.message(i, now, &message, sink),
            Some(Push::Confirmation { operation, kind, name }) => {
                self.confirmed(i, operation, kind, name, now, sink);
            }
            Some(Push::Pong(echo)) if !is_push => {
                self.answered(i, now, answer(echo.value(), self.reply_limit(i), &self.config), sink);
            }
            // A push that is neither for us nor for a command.
            _ if is_push => {}
            _ => self.answered(i, now, reply(frame, self.reply_limit(i), &self.config), sink),
        }
    }

    /// The most bytes that an answer may have. The handshake's answers are not limited by the owner's setting, only
    /// by the decoder's limits.
    fn reply_limit(&self, i: usize) -> usize {
        let front = self.links[i].connection().and_then(|connection| connection.pipeline.front());
        let is_users = front.is_some_and(|command| command.request.is_some());
        self.config.max_message_bytes.max(if is_users { 0 } else { MAX_NAME })
    }

    /// A message came: returns the subscription that it is for, if any. Reports the gaps before it.
    #[inline(always)]
    fn delivered(
        &mut self,
        i: usize,
        now: Instant,
        kind: TopicKind,
        topic: Option<&[u8]>,
        sink: &mut dyn Sink,
    ) -> Option<SubscriptionSlot> {
        let delivery = if self.is_subscriber(i) {
            if self.links[i].is_up()
                && let Some(probe) = &mut self.probe
            {
                probe.delivered(now);
            }
            &mut self.delivery
        } else {
            self.shards.of_mut(self.links[i].id())?
        };
        let connection = self.links[i].up_mut()?;
        let slot = delivery.slot(kind, topic?)?;
        connection.liveness.brings_messages();
        delivery.tell_gaps(now, sink);
        Some(slot)
    }

    /// A message of a pattern or a sharded channel, or one that is too large.
    fn message(&mut self, i: usize, now: Instant, message: &Message<'_>, sink: &mut dyn Sink) {
        let topic = message.topic.as_bytes();
        let Some(slot) = self.delivered(i, now, message.kind, topic, sink) else { return };
        let channel = message.channel.map(|channel| channel.as_bytes());
        if let Some(Some(channel)) = channel
            && channel.starts_with(PROBE_PREFIX)
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

    /// Handles a confirmation: of the next batch, or one that nothing asked for.
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
        let delivery = delivery_of(&mut self.delivery, &mut self.shards, &self.links[i]);
        let is_shard = self.links[i].role() == LinkRole::Shard;
        let Some(connection) = self.links[i].connection_mut() else { return };
        let expectation = connection.pipeline.front_mut().map(|command| &mut command.expectation);
        if let Some(probe) = &mut self.probe
            && (operation, kind) == (Operation::Subscribe, TopicKind::Channel)
            && probe.is_confirmed_by(name)
        {
            if let Some(Expectation::ProbeChannel) = expectation {
                connection.pipeline.pop_front();
                probe.confirmed(now);
            }
            return;
        }
        if let Some(Expectation::Batch(batch)) = expectation
            && batch.tick_off(operation, kind, name)
        {
            if let Some(event) = delivery.confirm(batch, name) {
                sink.event(event);
            }
            if batch.is_complete() {
                connection.pipeline.pop_front();
            }
            connection.liveness.confirmed(now, delivery.awaits_confirmation());
            if !connection.is_proved() && !is_shard {
                // The gap of this connection, and the `ready` that follows, cover these topics, too.
                delivery.forget_regained();
            }
            self.count_confirmed();
            self.check_ready(now, sink);
        } else if operation == Operation::Unsubscribe && (is_shard || self.is_subscriber(i)) {
            if kind == TopicKind::ShardedChannel {
                self.ended_by_server(i, kind, name, now);
            } else if !is_shard && self.delivery.is_held(kind, name) {
                self.fail(i, Failure::Unsubscribed, now, sink);
            }
        }
    }
}
