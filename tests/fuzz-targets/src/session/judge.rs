//! What a session may tell the main thread, and what not.

use std::collections::{HashMap, HashSet};

use realtime::model::{
    About, Code, DropReason, Error, Event, Flow, ReplyTo, Sink, Slot, Ticket, Topic, TopicKind, Value,
};

use super::PASSWORD;

/// A sink that keeps nothing but what it needs to judge by.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// Requests that wait for their answer.
    pub(super) pending: HashSet<u32>,
    /// What is wanted, and the slot that its messages must name.
    pub(super) wanted: HashMap<Topic, Slot>,
    /// Disconnect was called.
    pub(super) closing: bool,
    /// The last word was spoken.
    pub(super) closed: bool,
    /// Say Stop to everything.
    pub(super) full: bool,
    /// Stop was said since the last look.
    pub(super) stopped: bool,
    /// Messages may be so long.
    pub(super) longest: usize,
    /// The server said the password itself.
    pub(super) password_known: bool,
    told: HashSet<Topic>,
    ready: bool,
    was_ready: bool,
    /// A gap named some topics, and no `ready` followed.
    owes_ready: bool,
    subscribed_once: bool,
}

impl Judge {
    /// Messages may have `longest` bytes.
    pub(super) fn new(longest: usize) -> Self {
        Self { longest, ..Self::default() }
    }

    fn flow(&mut self) -> Flow {
        self.stopped |= self.full;
        if self.full { Flow::Stop } else { Flow::Go }
    }

    /// An Unsubscribe: what is confirmed later is told again.
    pub(super) fn unwanted(&mut self, topic: &Topic) {
        self.wanted.remove(topic);
        self.told.remove(topic);
    }

    fn no_secret(&self, error: &Error) {
        let text = error.to_string();
        assert!(self.password_known || !text.contains(PASSWORD), "a password in {text}");
    }
}

impl Sink for Judge {
    fn message(&mut self, slot: Slot, channel: Option<&[u8]>, payload: &[u8]) -> Flow {
        assert!(!self.closing, "a message behind Disconnect");
        let (topic, _) =
            self.wanted.iter().find(|(_, wanted)| **wanted == slot).expect("a message that nobody wants");
        assert_eq!(
            channel.is_some(),
            topic.kind == TopicKind::Pattern,
            "patterns' messages name their channel"
        );
        assert!(payload.len() <= self.longest, "a message of {} bytes", payload.len());
        self.flow()
    }

    fn dropped(&mut self, _bytes: u64, reason: DropReason) -> Flow {
        assert!(!self.closing, "a message behind Disconnect");
        assert_eq!(reason, DropReason::TooLarge, "overflow is the queue's business");
        self.flow()
    }

    fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, _about: About<'_>) -> Flow {
        let ReplyTo::Callback(Slot { index, .. }) = ticket.to else {
            panic!("nobody asked with {:?}", ticket.to)
        };
        assert!(self.pending.remove(&index), "a second answer to request {index}: {result:?}");
        match result {
            Err(error) => {
                assert!(!self.closed || error.code == Code::Closed, "behind the end: {error}");
                self.no_secret(&error);
            }
            Ok(value) => assert!(!self.closed, "behind the end: {value:?}"),
        }
        self.flow()
    }

    fn event(&mut self, event: Event) -> Flow {
        assert!(!self.closed, "behind the end: {event:?}");
        match event {
            Event::Ready(ready) => {
                let owed = std::mem::take(&mut self.owes_ready);
                assert!(owed || !self.ready, "ready twice without being down");
                assert_eq!(ready.first, !self.was_ready);
                assert!(matches!(ready.protocol, 2 | 3));
                self.ready = true;
                self.was_ready = true;
            }
            Event::Down { error, .. } => {
                self.no_secret(&error);
                (self.ready, self.owes_ready) = (false, false);
            }
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
                // The judge's own memory is not the session's.
                allocation_counter::opt_out(|| is_news = self.told.insert(topic.clone()));
                assert!(is_news, "{topic} is told twice to be confirmed");
            }
            Event::SubscribeFailed { topic, error } => {
                self.no_secret(&error);
                assert!(self.wanted.contains_key(&topic), "{topic} is not wanted");
            }
            Event::Closed => {
                assert!(self.closing, "nobody asked for the end");
                assert!(self.pending.is_empty(), "unanswered at the end: {:?}", self.pending);
                self.closed = true;
            }
            Event::Dropped { .. } | Event::RequestFailed { .. } => {
                panic!("not a session's to tell: {event:?}")
            }
        }
        self.flow()
    }
}
