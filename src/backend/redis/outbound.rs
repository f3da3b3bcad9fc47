//! What is sent and when: requests in their order, subscriptions in batches, neither faster than the link drains.

use std::collections::VecDeque;
use std::time::Instant;

use resp::Encoder;

use super::failure::Failure;
use super::link::{Awaits, InFlight, Link, Unserved};
use super::reply::MAX_NAME;
use super::request::{Asked, about};
use super::session::{COMMANDS, Core};
use super::verify::{is_reserved, reserved};
use crate::model::{Code, Error, Event, Request, RequestKind, Sink, SubscriptionSlot, Topic, Value};

/// No more is encoded while this many bytes wait to be written: what is not encoded can still time out unsent, and
/// memory stays bounded.
const HIGH_WATER: usize = 256 << 10;
/// SUBSCRIBEs in flight at most.
const MAX_BATCHES: usize = 8;

impl Core {
    /// Wants a topic, unless its name is none that can be had.
    pub(super) fn subscribe(
        &mut self,
        topic: Topic,
        slot: SubscriptionSlot,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let refusal = if topic.name.len() > MAX_NAME {
            let text = format!("a name may have {MAX_NAME} bytes, not {}", topic.name.len());
            Some(Error::unsent(Code::Unsupported, text))
        } else if is_reserved(&topic.name) {
            Some(reserved())
        } else {
            None
        };
        if let Some(error) = refusal {
            return sink.event(Event::SubscribeFailed { topic, error });
        }
        if self.topics.is_empty()
            && let Some(verify) = &mut self.verify
        {
            verify.begin(now);
        }
        if let Some(event) = self.topics.subscribe(&topic, slot) {
            sink.event(event);
        }
    }

    /// Accepts a request.
    pub(super) fn request(&mut self, request: Request, now: Instant, sink: &mut dyn Sink) {
        let asked = Asked::new(request, self.topics.last_number(), now);
        if let Err(error) = asked.validate() {
            asked.answer(Err(error), sink);
        } else if asked.deadline <= now {
            asked.answer(Err(self.timeout_unsent()), sink);
        } else {
            self.due = Some(self.due.map_or(asked.deadline, |due| due.min(asked.deadline)));
            self.pending += 1;
            self.backlog.push_back(asked);
        }
    }

    /// Encodes what may be sent on a link by now.
    pub(super) fn pump(&mut self, i: usize, now: Instant) {
        if !self.links[i].is_up() {
            return;
        }
        if i == COMMANDS {
            self.pump_requests(now);
        }
        if i == self.subscriber() {
            self.pump_subscriptions(i, now);
        }
    }

    /// A request waits for every subscription made or ended before it to be confirmed or refused, so that a publish reaches
    /// the one and is not counted for the other: on two links nothing else orders them, and on one the parts of a refused
    /// SUBSCRIBE are tried again.
    ///
    /// While the server does not serve data, publishes alone go out.
    fn pump_requests(&mut self, now: Instant) {
        let link = &mut self.links[COMMANDS];
        let publishes_alone = link.unserved.is_some();
        let is_publish = |asked: &Asked| matches!(asked.kind, RequestKind::Publish(_));
        if publishes_alone && !self.backlog.iter().any(is_publish) {
            return;
        }
        let mut waiting = VecDeque::new();
        while link.transmit.len() < HIGH_WATER
            && let Some(asked) = self.backlog.front()
            && !self.topics.holds_back(asked.after)
            && asked.deadline > now
            && let Some(mut asked) = self.backlog.pop_front()
        {
            if publishes_alone && !is_publish(&asked) {
                waiting.push_back(asked);
                continue;
            }
            let start = link.transmit.end();
            asked.encode(now, link.transmit.tail());
            let end = link.transmit.end();
            link.in_flight.push_back(InFlight { start, end, awaits: Awaits::Request(asked) });
        }
        while let Some(asked) = waiting.pop_back() {
            self.backlog.push_front(asked);
        }
    }

    fn pump_subscriptions(&mut self, i: usize, now: Instant) {
        let link = &mut self.links[i];
        while link.transmit.len() < HIGH_WATER
            && self.batches < MAX_BATCHES
            && let Some(batch) = self.topics.next_batch()
        {
            self.batches += 1;
            self.last_token += 1;
            let token = self.last_token;
            let start = link.transmit.end();
            let mut encoder = Encoder::new(link.transmit.tail());
            encoder.array(batch.names.len() + 1).bulk_string(batch.command());
            for name in &batch.names {
                encoder.bulk_string(name);
            }
            let end = link.transmit.end();
            link.in_flight.push_back(InFlight { start, end, awaits: Awaits::Batch(batch) });
            link.confirming.get_or_insert(now);
            link.send(Awaits::Fence { token }, &[b"PING", &fence(token)]);
        }
        self.subscribe_to_probes(i);
    }

    /// Answers requests whose time is up. What was not transmitted of them is taken back; what was is awaited on, so
    /// that its late answer finds its place.
    pub(super) fn expire(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.pending == 0 || self.due.is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        for _ in 0..self.backlog.len() {
            match self.backlog.pop_front() {
                Some(asked) if asked.deadline <= now => {
                    self.pending -= 1;
                    asked.answer(Err(self.timeout_unsent()), sink);
                }
                Some(asked) => {
                    self.note_deadline(asked.deadline);
                    self.backlog.push_back(asked);
                }
                None => {}
            }
        }
        self.expire_in_flight(now, sink);
    }

    fn expire_in_flight(&mut self, now: Instant, sink: &mut dyn Sink) {
        let Link { transmit, paused, .. } = &self.links[COMMANDS];
        let (sent, paused) = (transmit.sent(), *paused);
        let mut cuts = Vec::new();
        let (mut cut, mut abandoned) = (0, 0);
        for _ in 0..self.links[COMMANDS].in_flight.len() {
            let Some(InFlight { start, end, awaits }) = self.links[COMMANDS].in_flight.pop_front() else {
                break;
            };
            let awaits = match awaits {
                Awaits::Request(asked) if asked.deadline <= now && start >= sent => {
                    self.pending -= 1;
                    asked.answer(Err(self.timeout_unsent()), sink);
                    cuts.push(start..end);
                    cut += end - start;
                    continue;
                }
                Awaits::Request(asked) if asked.deadline <= now => {
                    self.pending -= 1;
                    let replies = asked.replies();
                    asked.answer(Err(timeout_sent(paused)), sink);
                    abandoned += 1;
                    Awaits::Abandoned { replies }
                }
                Awaits::Abandoned { replies } => {
                    abandoned += 1;
                    Awaits::Abandoned { replies }
                }
                Awaits::Request(asked) => {
                    self.note_deadline(asked.deadline);
                    Awaits::Request(asked)
                }
                other => other,
            };
            self.links[COMMANDS].in_flight.push_back(InFlight { start: start - cut, end: end - cut, awaits });
        }
        self.links[COMMANDS].transmit.cut(&cuts);
        // A server that goes on sending, but answers no more, passes for alive; what it owes must not grow for ever. While
        // it is we who do not read, it owes nothing.
        if abandoned > self.config.limits.max_pending && !paused {
            self.fail(COMMANDS, Failure::Unanswered(abandoned), now, sink);
        }
    }

    fn timeout_unsent(&self) -> Error {
        const TEXT: &str = "the command could not be sent in time and never will be";
        match &self.links[COMMANDS].unserved {
            Some(Unserved { error, .. }) => Error::unsent(Code::Timeout, format!("{TEXT}: {error}")),
            None => Error::unsent(Code::Timeout, TEXT),
        }
    }

    fn note_deadline(&mut self, deadline: Instant) {
        self.due = Some(self.due.map_or(deadline, |due| due.min(deadline)));
    }
}

impl Asked {
    /// Gives the one answer.
    pub(super) fn answer(self, result: Result<Value, Error>, sink: &mut dyn Sink) {
        let Self { ticket, kind, .. } = self;
        sink.answer(ticket, result, about(&kind));
    }
}

/// What the fence with this number echoes.
pub(super) fn fence(token: u64) -> Vec<u8> {
    format!("realtime:{token}").into_bytes()
}

fn timeout_sent(paused: bool) -> Error {
    Error::sent(
        Code::Timeout,
        if paused { PAUSED } else { "no answer came in time; the command may have run" },
    )
}

/// Why the answer of a server that may have sent it was not seen. Whoever waits for it without letting callbacks run
/// waits for himself.
const PAUSED: &str = "no answer could be read in time: the queue to the callbacks is full, and the connection stands \
                      still until they have run; the command may have run";
