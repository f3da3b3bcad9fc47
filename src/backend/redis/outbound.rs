//! Decides what is sent and when: requests in order, subscriptions in batches, neither faster than the link drains.

use std::time::Instant;

use resp::Encoder;

use super::connection::{Connection, Expectation, LinkRole};
use super::failure::Failure;
use super::link::Link;
use super::protocol::{MAX_NAME, PROBE_PREFIX, command_of};
use super::request::{encode, is_publish, validate};
use super::session::RedisSession;
use super::shards::delivery_of;
use super::slots::slot_of_request;
use crate::backend::toolbox::PendingRequest;
use crate::model::{Code, Error, Event, LinkId, Request, Sink, SubscriptionSlot, Topic};

/// Nothing more is encoded while this many bytes wait to be written: a command that is not encoded can still time out
/// unsent, and memory stays bounded.
const HIGH_WATER: usize = 256 << 10;

impl RedisSession {
    /// Subscribes to a topic. Reserved names are refused.
    pub(super) fn subscribe(
        &mut self,
        topic: Topic,
        slot: SubscriptionSlot,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let refusal = if topic.name.len() > MAX_NAME {
            Some(format!("a name may have {MAX_NAME} bytes, not {}", topic.name.len()))
        } else if topic.name.starts_with(PROBE_PREFIX) {
            let prefix = PROBE_PREFIX.escape_ascii();
            Some(format!("names that begin with {prefix} belong to the option verify_delivery"))
        } else {
            None
        };
        if let Some(text) = refusal {
            let error = Error::unsent(Code::Unsupported, text);
            return sink.event(Event::SubscribeFailed { topic, error });
        }
        if self.subscribe_at_shard(&topic, slot, now, sink) {
            return;
        }
        if self.delivery.is_empty()
            && let Some(probe) = &mut self.probe
        {
            probe.begin(now);
        }
        if let Some(event) = self.delivery.subscribe(&topic, slot) {
            sink.event(event);
        }
    }

    /// Accepts a request.
    pub(super) fn request(&mut self, request: Request, now: Instant, sink: &mut dyn Sink) {
        if let Err(error) = validate(&request.kind) {
            self.requests.refuse(request, error, sink);
        } else if request.deadline <= now {
            self.requests.refuse(request, timeout_unsent(self.outage()), sink);
        } else {
            let hash_slot = match &mut self.cluster {
                Some(cluster) => {
                    cluster.requested(now);
                    slot_of_request(&request.kind)
                }
                None => Ok(None),
            };
            match hash_slot {
                Ok(hash_slot) => self.requests.accept(request, hash_slot, &self.delivery, now),
                Err(error) => self.requests.refuse(request, error, sink),
            }
        }
    }

    /// Encodes everything that may be sent on a link now.
    pub(super) fn pump(&mut self, i: usize, now: Instant) {
        if self.cluster.is_some() {
            self.distribute(now);
        } else if self.links[i].role() == LinkRole::Commands {
            self.pump_requests(i, now);
        }
        if self.is_subscriber(i) || self.links[i].role() == LinkRole::Shard {
            self.pump_subscriptions(i, now);
        }
    }

    /// While the server serves no data, only publishes are sent.
    fn pump_requests(&mut self, i: usize, now: Instant) {
        let Some(connection) = self.links[i].up_mut() else { return };
        let publishes_alone = connection.serving.outage().is_some();
        let is_publish = |request: &PendingRequest| is_publish(request.kind());
        if publishes_alone && !self.requests.backlog().any(is_publish) {
            return;
        }
        let mut others = Vec::new();
        while has_room(connection)
            && let Some(request) = self.requests.next(&self.delivery, now)
        {
            if publishes_alone && !is_publish(&request) {
                others.push(request);
                continue;
            }
            connection
                .pipeline
                .send_request(request, now, |kind, out| Expectation::Replies(encode(kind, out)));
        }
        self.requests.put_back(others);
    }

    fn pump_subscriptions(&mut self, i: usize, now: Instant) {
        let delivery = delivery_of(&mut self.delivery, &mut self.shards, &self.links[i]);
        let Some(connection) = self.links[i].up_mut() else { return };
        while has_room(connection)
            && let Some(batch) = delivery.next_batch()
        {
            connection.used = now;
            connection.pipeline.send(|out| {
                let mut encoder = Encoder::new(out);
                encoder
                    .array(batch.names().len() + 1)
                    .bulk_string(command_of(batch.operation(), batch.kind()).as_bytes());
                for name in batch.names() {
                    encoder.bulk_string(name);
                }
                Expectation::Batch(batch)
            });
            connection.liveness.expect_confirmation(now);
            connection.send_fence(self.fence_tokens.next());
        }
        // The channel of the probes is subscribed once all topics of addons are restored.
        if let Some(probe) = &mut self.probe
            && connection.role != LinkRole::Shard
            && !self.delivery.is_empty()
            && self.delivery.is_restored()
            && probe.subscribe()
        {
            connection.send(Expectation::ProbeChannel, &[b"SUBSCRIBE", probe.channel()]);
        }
    }

    /// Why the server serves no data, as far as the link of the commands knows.
    fn outage(&self) -> Option<&Error> {
        self.links[self.link_for(LinkRole::Commands)].up()?.serving.outage()
    }

    /// Answers requests that have timed out.
    pub(super) fn expire(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.requests.due().is_none_or(|due| due > now) {
            return;
        }
        let is_paused = |link: &&Link| link.connection().is_some_and(|it| it.liveness.is_paused());
        let paused: Vec<_> = self.links.iter().filter(is_paused).map(Link::id).collect();
        let outage = self.outage().cloned();
        let failed = |link: &Link| Some((link.endpoint()?.clone(), link.error()?.clone()));
        let (failed, cluster) = (self.links.iter().filter_map(failed).collect::<Vec<_>>(), &self.cluster);
        let node_error = |request: &PendingRequest| {
            let holder = cluster.as_ref()?.slots.node_of(request.partition?)?;
            failed.iter().find(|(node, _)| node == holder).map(|(_, error)| error)
        };
        let error = |request: &PendingRequest, sent_on: Option<LinkId>| match (sent_on, &request.detour) {
            (Some(link), _) => timeout_sent(paused.contains(&link)),
            (None, Some(detour)) => timeout_refused(&detour.refusal),
            (None, None) => timeout_unsent(node_error(request).or(outage.as_ref())),
        };
        let pipelines = self.links.iter_mut().filter_map(|link| {
            let id = link.id();
            Some((id, &mut link.connection_mut()?.pipeline))
        });
        self.requests.expire(now, pipelines, error, sink);
        // A server that keeps sending but stops answering looks alive; the list of missing answers must not grow for
        // ever. While it is us who do not read, nothing is missing.
        for i in 0..self.links.len() {
            let late = self.links[i].connection().map_or(0, Connection::late);
            if late > self.config.limits.max_pending && !paused.contains(&self.links[i].id()) {
                self.fail(i, Failure::Unanswered(late), now, sink);
            }
        }
    }
}

/// Whether more may be encoded for a connection.
pub(super) fn has_room(connection: &Connection) -> bool {
    connection.pipeline.pending().len() < HIGH_WATER
}

fn timeout_unsent(outage: Option<&Error>) -> Error {
    const TEXT: &str = "the command could not be sent in time and never will be";
    match outage {
        Some(error) => Error::unsent(Code::Timeout, format!("{TEXT}: {error}")),
        None => Error::unsent(Code::Timeout, TEXT),
    }
}

/// The error for a timeout if the cluster's last answer to the command was this refusal.
fn timeout_refused(refusal: &Error) -> Error {
    let text = format!("no node of the cluster ran the command in time, and none will: {refusal}");
    Error::unsent(Code::Timeout, text)
}

fn timeout_sent(paused: bool) -> Error {
    Error::sent(
        Code::Timeout,
        if paused { PAUSED } else { "no answer came in time; the command may have run" },
    )
}

/// The text for a timeout while reading was paused: the answer may have arrived, but nobody read it. A script
/// that blocks until the answer comes, and so lets no callback run, waits for itself.
const PAUSED: &str = "no answer could be read in time: the queue to the callbacks is full, and the connection stands \
                      still until they have run; the command may have run";
