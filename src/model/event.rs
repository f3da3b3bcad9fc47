//! Events of a session other than messages and answers.

use std::borrow::Cow;
use std::time::Duration;

use super::{Error, Topic};

/// A change that the main thread is informed of, in order with messages and answers. Never dropped.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Connected, and every wanted subscription is confirmed or refused.
    Ready(Ready),
    /// A link was lost or could not be made.
    Down {
        /// Why.
        error: Error,
        /// How long until the next attempt; `None` if there will be none.
        retry_in: Option<Duration>,
    },
    /// The subscriber link was lost and is back, or topics that were refused on it, or that the server ended, are
    /// heard again: messages sent in between may be missing. Comes exactly between the last message before and the
    /// first one after.
    Gap {
        /// Time since the last byte on the old link, or since the last message if answers came but messages did not.
        /// If it is about some topics only, the time since the first of them fell silent.
        lasted: Duration,
        /// Why the link was lost, or the first topic was refused or ended; `CLOSED` after a Disconnect.
        error: Error,
        /// The topics whose messages may be missing; `None`: all topics.
        topics: Option<Box<[Topic]>>,
    },
    /// Messages that will reach no callback.
    Dropped {
        /// How many.
        count: u64,
        /// The total size of their payloads in bytes.
        bytes: u64,
        /// Why.
        reason: DropReason,
    },
    /// A subscription was confirmed for the first time.
    Subscribed(Topic),
    /// A subscription was refused.
    SubscribeFailed {
        /// Which one.
        topic: Topic,
        /// Why.
        error: Error,
    },
    /// A request without a callback failed.
    RequestFailed {
        /// Name of the command, as it was called. Never its arguments.
        command: Box<[u8]>,
        /// The channel of a Publish or `SPublish`.
        channel: Option<Box<[u8]>>,
        /// Why.
        error: Error,
    },
    /// A line for the console, whatever scripts listen to: something that the owner of this server should know.
    Notice(Cow<'static, str>),
    /// The session ended; nothing follows.
    Closed,
}

/// The backend's knowledge of the server once a client is ready.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ready {
    /// Whether the client was never ready before.
    pub first: bool,
    /// The server's address, as it was configured or as another server named it.
    pub address: Option<Box<str>>,
    /// The protocol version in use, if the protocol has versions.
    pub protocol: Option<u8>,
    /// The server's own name, if it gives one.
    pub server: Option<Box<str>>,
    /// The server's version, if it gives one.
    pub version: Option<Box<str>>,
    /// The server's role, if it gives one.
    pub role: Option<Role>,
    /// How the server is deployed, if it says so, such as `"standalone"` or `"cluster"`.
    pub mode: Option<Box<str>>,
    /// The version of TLS that secures the connection, such as `TLSv1.3`; `None` if it is not secured.
    pub tls: Option<&'static str>,
    /// When the server's certificate expires, in seconds since 1970, if the connection is secured.
    pub tls_expires: Option<u64>,
    /// How long it took to make the connection.
    pub times: ConnectTimes,
    /// Lines for the console about the connection, whatever scripts listen to.
    pub notices: Vec<Cow<'static, str>>,
}

/// How long the stages of connecting took; `None` for stages that were not needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectTimes {
    /// Looking up the server's name.
    pub lookup: Option<Duration>,
    /// Connecting to the address, and to those that were tried before it.
    pub connect: Option<Duration>,
    /// Securing the connection.
    pub tls: Option<Duration>,
    /// The handshake of the protocol, with the login.
    pub login: Option<Duration>,
}

/// The role of a server in its deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// It takes writes, and messages published there reach its replicas.
    Master = 1,
    /// It follows a master.
    Replica = 2,
}

impl Role {
    /// The role as Lua sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Replica => "replica",
        }
    }
}

/// Why messages were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The queue to the main thread was full.
    Overflow,
    /// The message was larger than `max_message_bytes`.
    TooLarge,
}

impl DropReason {
    /// The reason as Lua sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::TooLarge => "too_large",
        }
    }
}
