//! What a server sends without being asked, and confirmations of subscriptions.

use resp::{Items, Value};

use super::batch::Operation;
use crate::model::TopicKind;

/// A push of RESP3, or an array that stands for one on RESP2's subscriber link.
#[derive(Debug, Clone, Copy)]
pub(super) enum Push<'a> {
    /// A message. What was not kept of it, since it was too long, is missing.
    Message {
        kind: TopicKind,
        /// The channel or pattern that was subscribed to.
        topic: Value<'a>,
        /// The channel of a pattern's message.
        channel: Option<Value<'a>>,
        payload: Option<Value<'a>>,
    },
    /// One name of a SUBSCRIBE or UNSUBSCRIBE was dealt with.
    Confirmation { operation: Operation, kind: TopicKind, name: Value<'a> },
    /// The answer to a PING in RESP2's subscribed mode: what it echoes.
    Pong(Value<'a>),
}

impl<'a> Push<'a> {
    /// Understands a push; `None` for unknown kinds and for shapes that no server sends. `truncated`: the frame was not
    /// kept to its end.
    #[inline]
    pub(super) fn parse(mut items: Items<'a>, truncated: bool) -> Option<Self> {
        use Operation::{Subscribe, Unsubscribe};
        use TopicKind::{Channel, Pattern};
        let mut next = || items.next().map(|item| item.value());
        let kind = next()?.as_bytes()?;
        let first = next()?;
        let confirmation = |operation, kind| Some(Self::Confirmation { operation, kind, name: first });
        match kind {
            b"message" => {
                let payload = next();
                (payload.is_some() || truncated).then_some(Self::Message {
                    kind: Channel,
                    topic: first,
                    channel: None,
                    payload,
                })
            }
            b"pmessage" => {
                let (channel, payload) = (next(), next());
                (payload.is_some() || truncated).then_some(Self::Message {
                    kind: Pattern,
                    topic: first,
                    channel,
                    payload,
                })
            }
            b"subscribe" => confirmation(Subscribe, Channel),
            b"psubscribe" => confirmation(Subscribe, Pattern),
            b"unsubscribe" => confirmation(Unsubscribe, Channel),
            b"punsubscribe" => confirmation(Unsubscribe, Pattern),
            b"pong" if next().is_none() => Some(Self::Pong(first)),
            _ => None,
        }
    }
}
