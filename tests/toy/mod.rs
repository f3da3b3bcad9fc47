//! A backend that is not Redis, to show that the loop and the queues know none: a protocol of lines, with its own
//! options. It exists only in the tests, and shows what the toolbox leaves to a backend.
//!
//! ```text
//! client: SUB topic            server: MSG topic text     to every subscriber
//!         PUB topic text               OK                 to the publisher
//!         PING                         PONG
//! ```

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test file uses its part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests give numbers that fit")]

mod game;
mod options;

pub use game::{Client, Game, Seen, eventually};
pub use options::{SCHEME, Toy};

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use realtime::backend::toolbox::{
    Backoff, Delivery, Liveness, Operation, PendingRequest, Pipeline, Requests, Sign,
};
use realtime::backend::{Action, Connected, LinkError, Session, Start};
use realtime::model::{
    Code, Command, Error, Event, LinkId, Ready, RequestKind, RequestName, Room, SessionCounters, Sink, State,
    TopicKind, Value,
};

const LINK: LinkId = LinkId(0);

pub struct ToySession {
    toy: Toy,
    counters: SessionCounters,
    requests: Requests,
    delivery: Delivery,
    backoff: Backoff,
    connection: Option<Connection>,
    retry_at: Option<Instant>,
    was_ready: bool,
    closing: Option<Instant>,
    actions: VecDeque<Action>,
}

struct Connection {
    /// OK answers a request, PONG none.
    pipeline: Pipeline<()>,
    liveness: Liveness,
    /// The beginning of a line.
    partial: Vec<u8>,
}

impl ToySession {
    pub(super) fn new(toy: Toy, Start { now, seed, counters }: Start) -> Self {
        let mut session = Self {
            backoff: Backoff::new(seed, toy.retry, toy.retry),
            toy,
            counters: SessionCounters::new(counters),
            requests: Requests::new(|_| RequestName { command: b"PUB", channel: None }),
            delivery: Delivery::new(seed),
            connection: None,
            retry_at: None,
            was_ready: false,
            closing: None,
            actions: VecDeque::new(),
        };
        session.connect(now);
        session
    }

    fn connect(&mut self, now: Instant) {
        self.counters.set_state(State::Connecting);
        self.retry_at = None;
        let (endpoint, deadline) = (self.toy.endpoint.clone(), now + self.toy.connect);
        self.actions.push_back(Action::Connect { link: LINK, endpoint, after: None, deadline });
    }

    fn fail(&mut self, error: Error, now: Instant, sink: &mut dyn Sink) {
        if let Some(Connection { pipeline, liveness, .. }) = self.connection.take() {
            self.delivery.lost(self.delivery.missing_since(liveness.heard()), &error);
            self.requests.lost(pipeline, &error, sink);
        }
        self.counters.set_state(State::Waiting);
        let retry_in = self.backoff.next(now);
        self.retry_at = Some(now + retry_in);
        sink.event(Event::Down { error, retry_in: Some(retry_in) });
    }

    fn finish_if_done(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.closing.is_some_and(|deadline| deadline <= now) {
            let pipeline = self.connection.take().map(|connection| connection.pipeline);
            let error = |sent| Error { sent, ..Error::unsent(Code::Closed, "the client was closed") };
            self.requests.end(pipeline, error, sink);
        }
        if self.closing.is_some() && self.requests.is_empty() {
            self.counters.set_state(State::Closed);
            sink.event(Event::Closed);
            self.actions.push_back(Action::Finish);
            (self.closing, self.retry_at) = (None, None);
        }
    }

    fn line(&mut self, line: &[u8], now: Instant, sink: &mut dyn Sink) {
        if matches!(line, b"OK" | b"PONG") {
            let connection = self.connection.as_mut().expect("what brought the line");
            connection.liveness.pong();
            if let Some(request) = connection.pipeline.pop_front().expect("an answer to nothing").request {
                self.requests.answer(request, Ok(Value::Boolean(true)), sink);
            }
            return;
        }
        assert_ne!(line, b"PANIC", "the server told us to panic");
        let rest = line.strip_prefix(b"MSG ").expect("MSG or OK");
        let space = rest.iter().position(|&byte| byte == b' ').expect("a topic and a text");
        if let Some(slot) = self.delivery.slot(TopicKind::Channel, &rest[..space]) {
            self.delivery.tell_gaps(now, sink);
            sink.message(slot, None, &rest[space + 1..]);
        }
    }
}

impl Session for ToySession {
    fn handle_connected(&mut self, _: LinkId, now: Instant, _: Connected, sink: &mut dyn Sink) {
        let liveness = Liveness::new(now, self.toy.silence, self.toy.silence);
        self.connection = Some(Connection { pipeline: Pipeline::default(), liveness, partial: Vec::new() });
        self.counters.set_state(State::Ready);
        self.delivery.connected(now, sink);
        let first = !std::mem::replace(&mut self.was_ready, true);
        sink.event(Event::Ready(Ready { first, protocol: Some(1), ..Ready::default() }));
    }

    fn room_needed(&self, _: LinkId) -> Room {
        Room::Messages
    }

    fn handle_input(&mut self, _: LinkId, now: Instant, bytes: &[u8], sink: &mut dyn Sink) {
        let Some(connection) = &mut self.connection else { return };
        connection.liveness.hear(now);
        let mut all = std::mem::take(&mut connection.partial);
        all.extend(bytes);
        let mut lines = all.split(|&byte| byte == b'\n');
        let partial = lines.next_back().unwrap_or_default().to_vec();
        connection.liveness.understood(now, bytes.len(), !partial.is_empty());
        connection.partial = partial;
        lines.for_each(|line| self.line(line, now, sink));
        self.finish_if_done(now, sink);
    }

    fn handle_paused(&mut self, _: LinkId) {
        self.connection.iter_mut().for_each(|connection| connection.liveness.pause());
    }

    fn handle_resumed(&mut self, _: LinkId, now: Instant) {
        self.connection.iter_mut().for_each(|connection| connection.liveness.resume(now));
    }

    fn handle_command(&mut self, now: Instant, command: Command, sink: &mut dyn Sink) {
        match command {
            Command::Subscribe { topic, slot } => drop(self.delivery.subscribe(&topic, slot)),
            Command::Unsubscribe(topic) => self.delivery.unsubscribe(&topic),
            Command::Request(request) if matches!(request.kind, RequestKind::Publish(_)) => {
                self.requests.accept(request, None, &self.delivery, now);
            }
            Command::Request(request) => {
                self.requests.refuse(request, Error::unsent(Code::Unsupported, "a toy only publishes"), sink);
            }
            Command::Disconnect { deadline } => self.closing = Some(deadline),
        }
        self.finish_if_done(now, sink);
    }

    fn handle_timeout(&mut self, now: Instant, sink: &mut dyn Sink) {
        let pipeline = self.connection.as_mut().map(|connection| (LINK, &mut connection.pipeline));
        let error = |_: &PendingRequest, sent_on: Option<LinkId>| Error {
            sent: sent_on.is_some(),
            ..Error::unsent(Code::Timeout, "no answer in time")
        };
        self.requests.expire(now, pipeline, error, sink);
        if self.retry_at.is_some_and(|at| at <= now) {
            self.connect(now);
        }
        match self.connection.as_mut().map(|connection| connection.liveness.check(now)) {
            Some(Sign::Quiet) => {
                self.connection.as_mut().unwrap().pipeline.send(|out| out.extend(b"PING\n"));
            }
            Some(Sign::Silent(silence)) => {
                self.actions.push_back(Action::Close(LINK));
                let text = format!("nothing came for {silence:?}");
                self.fail(Error::sent(Code::Disconnected, text), now, sink);
            }
            _ => {}
        }
        self.finish_if_done(now, sink);
    }

    fn handle_disconnected(&mut self, _: LinkId, now: Instant, cause: LinkError, sink: &mut dyn Sink) {
        self.fail(Error::sent(cause.code(), cause.to_string()), now, sink);
        self.finish_if_done(now, sink);
    }

    fn poll_transmit(&mut self, _: LinkId, now: Instant) -> &[u8] {
        let Some(Connection { pipeline, .. }) = &mut self.connection else { return &[] };
        while let Some(mut batch) = self.delivery.next_batch() {
            for name in batch.names().to_vec() {
                if batch.operation() == Operation::Subscribe {
                    pipeline.tell(&[b"SUB ", &*name, b"\n"].concat());
                }
                // The server confirms nothing.
                batch.tick_off(batch.operation(), batch.kind(), &name);
                self.delivery.confirm(&batch, &name);
            }
        }
        while let Some(request) = self.requests.next(&self.delivery, now) {
            pipeline.send_request(request, now, |kind, out| {
                let RequestKind::Publish(args) = kind else { unreachable!() };
                let [topic, text] = [0, 1].map(|n| args.get(n).unwrap_or_default());
                out.extend([b"PUB ", topic, b" ", text, b"\n"].concat());
            });
        }
        pipeline.pending()
    }

    fn transmitted(&mut self, _: LinkId, n: usize) {
        self.connection.iter_mut().for_each(|connection| connection.pipeline.transmitted(n));
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let liveness = self.connection.as_ref().and_then(|connection| connection.liveness.due());
        self.retry_at.into_iter().chain(self.closing).chain(liveness).chain(self.requests.due()).min()
    }
}
