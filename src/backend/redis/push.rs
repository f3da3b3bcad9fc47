//! Pushes: messages and confirmations of subscriptions.

use resp::{Element, Items, Value};

use crate::backend::toolbox::Operation;
use crate::model::TopicKind;

/// A push of RESP3, or an array in its place on RESP2's subscriber link.
#[derive(Debug, Clone, Copy)]
pub(super) enum Push<'a> {
    /// A message.
    Message(Message<'a>),
    /// One name of a SUBSCRIBE or UNSUBSCRIBE was handled.
    Confirmation { operation: Operation, kind: TopicKind, name: Element<'a> },
    /// The answer to a PING in RESP2's subscribed mode: its echo.
    Pong(Element<'a>),
}

/// Channel and message of a push in the most frequent form: a channel's message that was kept whole.
#[inline]
pub(super) fn plain_message<'a>(mut items: Items<'a>) -> Option<(&'a [u8], &'a [u8])> {
    if items.next()?.as_bytes()? != b"message" {
        return None;
    }
    Some((items.next()?.as_bytes()?, items.next()?.as_bytes()?))
}

/// A message. Parts that were not kept because they were too long are missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) kind: TopicKind,
    /// The name that was subscribed to.
    pub(super) topic: Element<'a>,
    /// The channel of a pattern's message.
    pub(super) channel: Option<Element<'a>>,
    pub(super) payload: Option<Element<'a>>,
}

impl<'a> Push<'a> {
    /// Parses a push; `None` for unknown kinds and for shapes that no server sends. `truncated`: the frame was not
    /// kept to its end.
    #[inline(always)]
    pub(super) fn parse(mut items: Items<'a>, truncated: bool) -> Option<Self> {
        use Operation::{Subscribe, Unsubscribe};
        use TopicKind::{Channel, Pattern, ShardedChannel};
        let kind = items.next()?.as_bytes()?;
        let first = items.next()?;
        let confirmation = |operation, kind| Some(Self::Confirmation { operation, kind, name: first });
        let message = |kind, channel, payload: Option<_>| {
            (payload.is_some() || truncated).then_some(Self::Message(Message {
                kind,
                topic: first,
                channel,
                payload,
            }))
        };
        match kind {
            b"message" => message(Channel, None, items.next()),
            b"pmessage" => {
                let channel = items.next();
                message(Pattern, channel, items.next())
            }
            b"smessage" => message(ShardedChannel, None, items.next()),
            b"subscribe" => confirmation(Subscribe, Channel),
            b"psubscribe" => confirmation(Subscribe, Pattern),
            b"unsubscribe" => confirmation(Unsubscribe, Channel),
            b"punsubscribe" => confirmation(Unsubscribe, Pattern),
            b"ssubscribe" => confirmation(Subscribe, ShardedChannel),
            b"sunsubscribe" => confirmation(Unsubscribe, ShardedChannel),
            b"pong" if items.next().is_none() => Some(Self::Pong(first)),
            _ => None,
        }
    }
}

impl Message<'_> {
    /// The payload's length in bytes, as far as it is known; `None` if it is not a payload.
    pub(super) fn payload_len(&self) -> Option<u64> {
        match self.payload.map(|payload| payload.value()) {
            Some(Value::Skipped { len }) => Some(len),
            Some(value) => value.as_bytes().map(|payload| payload.len() as u64),
            // The names before it were so long that the frame was not kept to its end.
            None => Some(0),
        }
    }
}
