//! What the main thread asks of a session.

use std::time::Instant;

use super::{Args, SubscriptionSlot, Ticket, Topic};

/// What the main thread asks of a client's session. Commands of one client take effect in the order in which they were
/// handed over.
#[derive(Debug)]
pub enum Command {
    /// Receive what is sent to `topic`, for as long as no Unsubscribe comes. Messages name `slot`. For a topic that is
    /// wanted already, the new slot takes the old one's place.
    Subscribe {
        /// The channel, pattern or sharded channel.
        topic: Topic,
        /// What its messages will carry.
        slot: SubscriptionSlot,
    },
    /// Receive no more from this topic.
    Unsubscribe(Topic),
    /// Something that gets exactly one answer.
    Request(Request),
    /// Send what was accepted, wait for answers until `deadline`, answer the rest with `CLOSED`, and end. From now on no
    /// message is for anyone; if a subscription was confirmed, an [`Event::Gap`] says so, for a session that takes over.
    ///
    /// [`Event::Gap`]: crate::model::Event::Gap
    Disconnect {
        /// When waiting ends.
        deadline: Instant,
    },
}

/// A command that gets exactly one answer.
#[derive(Debug)]
pub struct Request {
    /// Where the answer goes; given up with the answer, so that there can be only one.
    pub ticket: Ticket,
    /// When it is answered with `TIMEOUT` at the latest.
    pub deadline: Instant,
    /// What is asked.
    pub kind: RequestKind,
}

/// What a request asks.
#[derive(Debug)]
pub enum RequestKind {
    /// Send a message: two arguments, channel and message. Its answer is the number of receivers, or [`Value::Null`] if the
    /// server does not count them.
    ///
    /// [`Value::Null`]: super::Value::Null
    Publish(Args),
    /// Likewise for a sharded channel. Its answer is the number of receivers at the node that took it.
    SPublish(Args),
    /// Any command that the backend's check let through. Its answer is the server's.
    Command(Args),
    /// Commands to be run in one piece. Its answer is an array of theirs.
    Transaction(Vec<Args>),
    /// A round trip. Its answer is the time that it took, in seconds.
    Ping,
}
