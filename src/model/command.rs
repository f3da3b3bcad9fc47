//! Commands of the main thread to a session.

use std::time::Instant;

use super::{Args, SubscriptionSlot, Ticket, Topic};

/// A command of the main thread to a client's session. Commands of one client take effect in the order in which they
/// were made.
#[derive(Debug)]
pub enum Command {
    /// Receive the messages of `topic` until an Unsubscribe. Messages carry `slot`. If the topic is subscribed
    /// already, the new slot replaces the old one.
    Subscribe {
        /// The channel, pattern or sharded channel.
        topic: Topic,
        /// The slot that its messages will carry.
        slot: SubscriptionSlot,
    },
    /// Receive no more messages from this topic.
    Unsubscribe(Topic),
    /// Something that gets exactly one answer.
    Request(Request),
    /// Send the accepted requests, wait for answers until `deadline`, answer the rest with `CLOSED`, and end. From
    /// now on messages are discarded; if a subscription was confirmed, an [`Event::Gap`] says so, for a session that
    /// takes over.
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
    /// Where the answer goes; consumed by the answer, so that there can be only one.
    pub ticket: Ticket,
    /// When it is answered with `TIMEOUT` at the latest.
    pub deadline: Instant,
    /// The kind of request.
    pub kind: RequestKind,
}

/// The kinds of requests.
#[derive(Debug)]
pub enum RequestKind {
    /// Send a message: two arguments, channel and message. Its answer is the number of receivers, or [`Value::Null`] if the
    /// server does not count them.
    ///
    /// [`Value::Null`]: super::Value::Null
    Publish(Args),
    /// The same for a sharded channel. Its answer is the number of receivers at the node that took it.
    SPublish(Args),
    /// Any command that the backend's check let through. Its answer is the server's.
    Command(Args),
    /// Commands to be run as one transaction. Its answer is an array of theirs.
    Transaction(Vec<Args>),
    /// A round trip. Its answer is the time that it took, in seconds.
    Ping,
}
