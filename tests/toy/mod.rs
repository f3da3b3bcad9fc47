//! A backend that is not Redis, to show that the loop and the queues know none: a protocol of lines, with options of
//! its own. It lives in the tests entirely.
//!
//! ```text
//! client: SUB topic            server: MSG topic text     to every subscriber
//!         PUB topic text               OK                 to the publisher
//! ```

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test file uses its part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests give numbers that fit")]

mod game;

pub use game::{Client, Game, Seen, eventually};

use std::any::Any;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use realtime::backend::{
    Action, Backend, Connected, Endpoint, LinkError, OptionError, OptionValue, Options, Scheme, Session,
    Start,
};
use realtime::model::{
    Args, Code, Command, Counters, Error, Event, Limits, LinkId, Overflow, Ready, Request, RequestKind,
    RequestName, Room, Sink, State, SubscriptionSlot, Ticket, Topic, Value,
};

/// The row that this backend would have in the table.
pub const SCHEME: Scheme = Scheme { names: &["toy"], configure };

const LINK: LinkId = LinkId(0);

#[derive(Debug, Clone, PartialEq)]
pub struct Toy {
    pub endpoint: Endpoint,
    pub retry: Duration,
    pub connect: Duration,
    pub limits: Limits,
}

fn configure(options: Options) -> Result<Arc<dyn Backend>, OptionError> {
    let (mut host, mut port, mut path) = (String::from("127.0.0.1"), 0, None);
    let limits = Limits {
        queue_events: 65_536,
        queue_bytes: 32 << 20,
        overflow: Overflow::DropOldest,
        max_pending: 10_000,
        pending_bytes: 32 << 20,
    };
    let mut toy = Toy {
        endpoint: Endpoint::Unix(PathBuf::new()),
        retry: Duration::from_millis(20),
        connect: Duration::from_secs(30),
        limits,
    };
    for (key, value) in options.pairs {
        match (key.as_str(), value) {
            ("host", OptionValue::String(bytes)) => host = String::from_utf8_lossy(&bytes).into(),
            ("port", OptionValue::Number(number)) => port = number as u16,
            ("path", OptionValue::String(bytes)) => {
                path = Some(PathBuf::from(String::from_utf8_lossy(&bytes).into_owned()));
            }
            ("retry", OptionValue::Number(seconds)) => toy.retry = Duration::from_secs_f64(seconds),
            ("connect", OptionValue::Number(seconds)) => toy.connect = Duration::from_secs_f64(seconds),
            ("queue_events", OptionValue::Number(number)) => toy.limits.queue_events = number as usize,
            ("pause", OptionValue::Boolean(true)) => toy.limits.overflow = Overflow::Pause,
            _ => return Err(OptionError::Unknown { key, known: "host, port, path …".into() }),
        }
    }
    toy.endpoint = path.map_or(Endpoint::Tcp { host, port }, Endpoint::Unix);
    Ok(Arc::new(toy))
}

impl Backend for Toy {
    fn session(&self, start: Start) -> Box<dyn Session> {
        let mut session = ToySession {
            toy: self.clone(),
            counters: start.counters,
            up: false,
            ever_up: false,
            partial: Vec::new(),
            out: Vec::new(),
            sent: 0,
            wanted: Vec::new(),
            unsent: VecDeque::new(),
            in_flight: VecDeque::new(),
            actions: VecDeque::new(),
            retry_at: None,
            closing: None,
        };
        session.connect(start.now);
        Box::new(session)
    }

    fn check(&self, _: &Args) -> Result<(), String> {
        Err("a toy has no commands".into())
    }

    fn blocks(&self, _: &Args) -> bool {
        false
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn command_timeout(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn address(&self) -> String {
        format!("{:?}", self.endpoint)
    }

    fn same_settings(&self, other: &dyn Backend) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref() == Some(self)
    }
}

struct ToySession {
    toy: Toy,
    counters: Arc<Counters>,
    up: bool,
    ever_up: bool,
    /// The beginning of a line.
    partial: Vec<u8>,
    out: Vec<u8>,
    sent: usize,
    wanted: Vec<(Box<[u8]>, SubscriptionSlot)>,
    unsent: VecDeque<(Ticket, Args)>,
    in_flight: VecDeque<Ticket>,
    actions: VecDeque<Action>,
    retry_at: Option<Instant>,
    closing: Option<Instant>,
}

impl ToySession {
    fn connect(&mut self, now: Instant) {
        self.counters.set_state(State::Connecting);
        self.retry_at = None;
        let (endpoint, deadline) = (self.toy.endpoint.clone(), now + self.toy.connect);
        self.actions.push_back(Action::Connect { link: LINK, endpoint, after: None, deadline });
    }

    fn publish(&mut self, ticket: Ticket, args: &Args) {
        let line =
            [&b"PUB "[..], args.get(0).unwrap_or_default(), b" ", args.get(1).unwrap_or_default(), b"\n"];
        self.out.extend(line.concat());
        self.in_flight.push_back(ticket);
    }

    fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, sink: &mut dyn Sink) {
        sink.answer(ticket, result, RequestName { command: b"PUB", channel: None });
    }

    fn finish_if_done(&mut self, sink: &mut dyn Sink) {
        if self.closing.is_some() && self.unsent.is_empty() && self.in_flight.is_empty() {
            self.counters.set_state(State::Closed);
            sink.event(Event::Closed);
            self.actions.push_back(Action::Finish);
            (self.closing, self.retry_at) = (None, None);
        }
    }

    fn fail_all(&mut self, error: &Error, sink: &mut dyn Sink) {
        let unsent = self.unsent.drain(..).map(|(ticket, _)| ticket);
        for ticket in self.in_flight.drain(..).chain(unsent).collect::<Vec<_>>() {
            self.answer(ticket, Err(error.clone()), sink);
        }
    }

    fn line(&mut self, line: &[u8], sink: &mut dyn Sink) {
        if line == b"OK" {
            let ticket = self.in_flight.pop_front().expect("an answer to nothing");
            return self.answer(ticket, Ok(Value::Boolean(true)), sink);
        }
        assert_ne!(line, b"PANIC", "the server told us to panic");
        let rest = line.strip_prefix(b"MSG ").expect("MSG or OK");
        let space = rest.iter().position(|&byte| byte == b' ').expect("a topic and a text");
        let (topic, text) = (&rest[..space], &rest[space + 1..]);
        if let Some((_, slot)) = self.wanted.iter().find(|(name, _)| **name == *topic) {
            sink.message(*slot, None, text);
        }
    }
}

impl Session for ToySession {
    fn handle_connected(&mut self, link: LinkId, _: Instant, _: Connected, sink: &mut dyn Sink) {
        assert_eq!(link, LINK);
        self.up = true;
        self.counters.set_state(State::Ready);
        let first = !std::mem::replace(&mut self.ever_up, true);
        (self.partial, self.out, self.sent) = (Vec::new(), Vec::new(), 0);
        for (topic, _) in &self.wanted {
            self.out.extend([b"SUB ", &**topic, b"\n"].concat());
        }
        while let Some((ticket, args)) = self.unsent.pop_front() {
            self.publish(ticket, &args);
        }
        sink.event(Event::Ready(Ready { first, protocol: Some(1), ..Ready::default() }));
    }

    fn room_needed(&self, _: LinkId) -> Room {
        Room::Messages
    }

    fn handle_input(&mut self, _: LinkId, _: Instant, bytes: &[u8], sink: &mut dyn Sink) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let mut line = std::mem::take(&mut self.partial);
            line.extend(&rest[..end]);
            rest = &rest[end + 1..];
            self.line(&line, sink);
        }
        self.partial.extend(rest);
        self.finish_if_done(sink);
    }

    fn handle_paused(&mut self, _: LinkId) {}

    fn handle_resumed(&mut self, _: LinkId, _: Instant) {}

    fn handle_command(&mut self, now: Instant, command: Command, sink: &mut dyn Sink) {
        match command {
            Command::Subscribe { topic: Topic { name, .. }, slot } => {
                if self.up {
                    self.out.extend([b"SUB ", &*name, b"\n"].concat());
                }
                self.wanted.push((name, slot));
            }
            Command::Unsubscribe(topic) => self.wanted.retain(|(name, _)| *name != topic.name),
            Command::Request(Request { ticket, kind: RequestKind::Publish(args), .. }) => {
                if self.up {
                    self.publish(ticket, &args);
                } else {
                    self.unsent.push_back((ticket, args));
                }
            }
            Command::Request(Request { ticket, .. }) => {
                let error = Error::unsent(Code::Unsupported, "a toy only publishes");
                self.answer(ticket, Err(error), sink);
            }
            Command::Disconnect { deadline } => {
                self.closing = Some(deadline.max(now));
                self.finish_if_done(sink);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.closing.is_some_and(|deadline| deadline <= now) {
            self.fail_all(&Error::unsent(Code::Closed, "the client was closed"), sink);
            self.finish_if_done(sink);
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.connect(now);
        }
    }

    fn handle_disconnected(&mut self, _: LinkId, now: Instant, cause: LinkError, sink: &mut dyn Sink) {
        self.up = false;
        self.counters.set_state(State::Waiting);
        let code = match &cause {
            LinkError::Resolve { .. } => Code::Resolve,
            LinkError::Connect { .. } => Code::Refused,
            LinkError::TimedOut(_) => Code::Timeout,
            LinkError::Eof | LinkError::Io(_) => Code::Disconnected,
        };
        let error = Error::sent(code, cause.to_string());
        for ticket in std::mem::take(&mut self.in_flight) {
            self.answer(ticket, Err(error.clone()), sink);
        }
        sink.event(Event::Down { error, retry_in: Some(self.toy.retry) });
        self.retry_at = Some(now + self.toy.retry);
        self.finish_if_done(sink);
    }

    fn poll_transmit(&mut self, _: LinkId, _: Instant) -> &[u8] {
        &self.out[self.sent..]
    }

    fn transmitted(&mut self, _: LinkId, n: usize) {
        self.sent += n;
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at.into_iter().chain(self.closing).min()
    }
}
