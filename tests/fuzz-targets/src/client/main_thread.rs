//! Checks a session's output for the main thread.

use std::collections::{HashMap, HashSet};

use realtime::model::{
    Code, DropReason, Error, Event, ReplyTo, RequestName, RequestSlot, Room, Sink, SubscriptionSlot, Ticket,
    Topic, TopicKind, Value,
};
use session_driver::Queue;

use super::{PASSWORD, PROBES};

/// The session's output, for further checks beside the ones here.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    /// A message for this slot, and how it begins.
    Message(SubscriptionSlot, Box<[u8]>),
    /// The answer to the request with this number.
    Answer(u32, Result<Value, Error>),
    /// A change of state.
    Event(Event),
}

/// Bytes of a message that are kept of it.
const MESSAGE_START: usize = 16;

/// The main thread's side of a session: checks that its input keeps the promises, and stores only what that needs.
#[derive(Debug, Default)]
pub(crate) struct MainThread {
    /// Requests that wait for their answer.
    pub(crate) pending: HashSet<u32>,
    /// The wanted topics, and the slots that their messages must have.
    pub(crate) wanted: HashMap<Topic, SubscriptionSlot>,
    /// Disconnect was called.
    pub(crate) closing: bool,
    /// The last word was spoken.
    pub(crate) closed: bool,
    /// The queue is full: no link is read that brings anything.
    pub(crate) full: bool,
    /// The longest allowed message.
    pub(crate) longest: usize,
    /// The server itself sent the password.
    pub(crate) password_known: bool,
    /// The output since the last check, if it is recorded.
    pub(crate) heard: Option<Vec<Heard>>,
    told: HashSet<Topic>,
    ready: bool,
    was_ready: bool,
    /// A gap named some topics, and no `ready` followed.
    owes_ready: bool,
    subscribed_once: bool,
}

impl MainThread {
    /// Messages may have `longest` bytes.
    pub(crate) fn new(longest: usize) -> Self {
        Self { longest, ..Self::default() }
    }

    /// An Unsubscribe: a later confirmation is reported again.
    pub(crate) fn unwanted(&mut self, topic: &Topic) {
        self.wanted.remove(topic);
        self.told.remove(topic);
    }

    /// Records output for later checks. Its memory does not count as the session's.
    fn note(&mut self, heard: impl FnOnce() -> Heard) {
        if let Some(all) = &mut self.heard {
            allocation_counter::opt_out(|| all.push(heard()));
        }
    }

    fn no_secret(&self, error: &Error) {
        self.no_secret_in(&error.to_string());
    }

    fn no_secret_in(&self, text: &str) {
        assert!(self.password_known || !text.contains(PASSWORD), "a password in {text}");
    }
}

impl Queue for MainThread {
    fn is_full(&mut self, need: Room) -> bool {
        self.full && need != Room::None
    }
}

impl Sink for MainThread {
    fn message(&mut self, slot: SubscriptionSlot, channel: Option<&[u8]>, payload: &[u8]) {
        assert!(!self.closing, "a message behind Disconnect");
        let (topic, _) =
            self.wanted.iter().find(|(_, wanted)| **wanted == slot).expect("a message that nobody wants");
        assert_eq!(
            channel.is_some(),
            topic.kind == TopicKind::Pattern,
            "patterns' messages name their channel"
        );
        assert!(payload.len() <= self.longest, "a message of {} bytes", payload.len());
        self.note(|| Heard::Message(slot, payload[..payload.len().min(MESSAGE_START)].into()));
    }

    fn dropped(&mut self, _bytes: u64, reason: DropReason) {
        assert!(!self.closing, "a message behind Disconnect");
        assert_eq!(reason, DropReason::TooLarge, "overflow is the queue's business");
    }

    fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, _about: RequestName<'_>) {
        let ReplyTo::Callback(RequestSlot { index, .. }) = ticket.to else {
            panic!("nobody asked with {:?}", ticket.to)
        };
        assert!(self.pending.remove(&index), "a second answer to request {index}: {result:?}");
        self.note(|| Heard::Answer(index, result.clone()));
        match result {
            Err(error) => {
                assert!(!self.closed || error.code == Code::Closed, "behind the end: {error}");
                self.no_secret(&error);
            }
            Ok(value) => assert!(!self.closed, "behind the end: {value:?}"),
        }
    }

    fn event(&mut self, event: Event) {
        assert!(!self.closed, "behind the end: {event:?}");
        self.note(|| Heard::Event(event.clone()));
        match event {
            Event::Ready(ready) => {
                let owed = std::mem::take(&mut self.owes_ready);
                assert!(owed || !self.ready, "ready twice without being down");
                assert_eq!(ready.first, !self.was_ready);
                assert!(matches!(ready.protocol, Some(2 | 3)));
                self.ready = true;
                self.was_ready = true;
            }
            Event::Down { error, .. } => {
                self.no_secret(&error);
                (self.ready, self.owes_ready) = (false, false);
            }
            Event::Notice(text) => self.no_secret_in(&text),
            Event::Gap { error, topics, .. } => {
                self.no_secret(&error);
                assert!(self.subscribed_once, "a gap, but nothing was ever confirmed");
                for topic in topics.iter().flatten() {
                    assert!(self.wanted.contains_key(topic), "a gap of {topic}, which is not wanted");
                    assert!(self.told.contains(topic), "a gap of {topic}, which was never confirmed");
                }
                self.owes_ready |= topics.is_some();
            }
            Event::Subscribed(topic) => {
                assert!(self.wanted.contains_key(&topic), "{topic} is not wanted");
                self.subscribed_once = true;
                let mut is_news = false;
                // The checks' own memory does not count as the session's.
                allocation_counter::opt_out(|| is_news = self.told.insert(topic.clone()));
                assert!(is_news, "{topic} is told twice to be confirmed");
            }
            Event::SubscribeFailed { topic, error } => {
                self.no_secret(&error);
                let is_probes = topic.name.starts_with(PROBES);
                assert!(is_probes || self.wanted.contains_key(&topic), "{topic} is not wanted");
            }
            Event::Closed => {
                assert!(self.closing, "nobody asked for the end");
                assert!(self.pending.is_empty(), "unanswered at the end: {:?}", self.pending);
                self.closed = true;
            }
            // A probe of the option verify_delivery was refused.
            Event::RequestFailed { channel: Some(channel), error, .. } if channel.starts_with(PROBES) => {
                self.no_secret(&error);
            }
            Event::Dropped { .. } | Event::RequestFailed { .. } => {
                panic!("not a session's to tell: {event:?}")
            }
        }
    }
}
