//! Records a session's output for the main thread.

use realtime::model::{
    DropReason, Error, Event, ReplyTo, RequestName, Room, Sink, SubscriptionSlot, Ticket, TopicKind, Value,
};
use session_driver::Queue;

use crate::client::topic;

/// Output of the session for the main thread.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Message { slot: u32, channel: Option<String>, payload: String },
    TooLarge(u64),
    Answer { id: u32, result: Result<Value, Error> },
    Event(Event),
}

/// A sink that records its input.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) said: Vec<Said>,
    /// Names of failed requests: command and channel.
    pub(crate) about: Vec<(String, Option<String>)>,
    /// There is no room for links that need this much.
    pub(crate) full: Option<Room>,
}

impl Queue for Recorder {
    fn is_full(&mut self, need: Room) -> bool {
        match need {
            Room::None => false,
            Room::Answers => self.full == Some(Room::Answers),
            Room::Messages => self.full.is_some(),
        }
    }
}

impl Sink for Recorder {
    fn message(&mut self, slot: SubscriptionSlot, channel: Option<&[u8]>, payload: &[u8]) {
        self.said.push(Said::Message {
            slot: slot.index,
            channel: channel.map(text),
            payload: text(payload),
        });
    }

    fn dropped(&mut self, bytes: u64, reason: DropReason) {
        assert_eq!(reason, DropReason::TooLarge, "overflow is the queue's business");
        self.said.push(Said::TooLarge(bytes));
    }

    fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, about: RequestName<'_>) {
        let ReplyTo::Callback(slot) = ticket.to else { panic!("tests use callbacks") };
        if result.is_err() {
            self.about.push((text(about.command), about.channel.map(text)));
        }
        self.said.push(Said::Answer { id: slot.index, result });
    }

    fn event(&mut self, event: Event) {
        self.said.push(Said::Event(event));
    }
}

/// Without lines for the console alone.
pub(crate) fn without_notices(said: Vec<Said>) -> Vec<Said> {
    said.into_iter().filter(|said| !matches!(said, Said::Event(Event::Notice(_)))).collect()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&b| if b.is_ascii() { char::from(b).to_string() } else { format!("\\x{b:02x}") })
        .collect()
}

pub(crate) fn subscribed(kind: TopicKind, name: &str) -> Said {
    Said::Event(Event::Subscribed(topic(kind, name)))
}

pub(crate) fn message(slot: u32, payload: &str) -> Said {
    Said::Message { slot, channel: None, payload: payload.to_owned() }
}

pub(crate) fn answer(id: u32, value: Value) -> Said {
    Said::Answer { id, result: Ok(value) }
}

pub(crate) fn string(text: &str) -> Value {
    Value::String(text.as_bytes().into())
}

/// Expects an error as this request's answer, and nothing else: its code, its text, and whether it was sent.
pub(crate) fn failure(said: &[Said]) -> (u32, String, bool) {
    match said {
        [Said::Answer { id, result: Err(error) }] => (*id, error.code.as_str().to_owned(), error.sent),
        other => panic!("expected one failed answer, not {other:?}"),
    }
}
