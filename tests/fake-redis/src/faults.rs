//! Faults that can be injected, and their targets.

use std::time::Duration;

/// How a connection is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Close {
    /// Normally: the client reads everything that was sent, then the end of the stream.
    #[default]
    Fin,
    /// With a TCP reset: the client's next read or write fails. On a Unix socket the same as [`Close::Fin`].
    Reset,
}

/// The connections that a call affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All that are open now.
    All,
    /// Those with at least one subscription.
    Subscribers,
    /// The one with this id, as `CLIENT ID` reports it: 1 for the first connection of a server, never used again.
    Id(u64),
    /// Those with this name, set with `CLIENT SETNAME` or `HELLO`.
    Name(String),
}

/// The faults of a connection. The default: none.
///
/// ```
/// use fake_redis::Faults;
///
/// let trickle = Faults { pieces: vec![1], ..Faults::default() };
/// assert!(trickle.read && trickle.write);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Whether the server reads. If not, the client's bytes pile up in the system's buffers until its writes stall.
    pub read: bool,
    /// Whether the server writes. If not, commands still run and their replies wait.
    pub write: bool,
    /// Whether published messages arrive. If not, everything else works, and `PUBLISH` counts the connection as a
    /// receiver.
    pub deliver: bool,
    /// Sizes of the single writes in bytes, used in turn, over and over (a zero counts as one). Empty: as much as the
    /// socket accepts. The system may join writes again before the client reads.
    pub pieces: Vec<usize>,
    /// How long each byte waits before it may be written.
    pub delay: Duration,
    /// Ends the connection once this many bytes were read from it, counted from its start. Commands that were read
    /// still run, and as much as possible of their replies is written.
    pub cut_after_received: Option<u64>,
    /// Ends the connection once this many bytes were written to it, counted from its start.
    pub cut_after_sent: Option<u64>,
    /// How the two cuts end it.
    pub cut_with: Close,
    /// Bytes that an accepted connection gets at once, before any reply.
    pub greeting: Vec<u8>,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            read: true,
            write: true,
            deliver: true,
            pieces: Vec::new(),
            delay: Duration::ZERO,
            cut_after_received: None,
            cut_after_sent: None,
            cut_with: Close::Fin,
            greeting: Vec::new(),
        }
    }
}

impl Faults {
    /// Sends `bytes` to a connection and ends it, like a server that accepts no more clients.
    #[must_use]
    pub fn turn_away(bytes: impl Into<Vec<u8>>) -> Faults {
        let greeting = bytes.into();
        Faults { cut_after_sent: Some(greeting.len() as u64), greeting, ..Faults::default() }
    }
}

/// The reaction to a command in place of, or after, its usual answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It does not run; these bytes are its answer. Empty: no answer at all.
    Answer(Vec<u8>),
    /// It does not run; the connection ends.
    Close(Close),
    /// It runs, and the connection ends before its answer goes out.
    RunThenClose(Close),
}

/// Whether `HELLO` works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hello {
    /// As in Redis 6 and later: both protocol versions.
    #[default]
    Full,
    /// Refuses protocol version 3 with `-NOPROTO`.
    NoProto,
    /// Is an unknown command, as in Redis 5.
    Unknown,
    /// Is forbidden, as in Redis 6.0 with `user default off`. AUTH works.
    NoPermission,
    /// Grants protocol version 3 with a flat list, and continues in version 2.
    GrantedAsList,
    /// Answers with a map that says version 2, and continues in version 2.
    GrantedAsMap,
    /// Answers `+OK`, and continues in version 2.
    GrantedAsOk,
}

impl Hello {
    /// Whether the server grants protocol version 3 and does not speak it.
    pub(crate) fn is_empty_promise(self) -> bool {
        matches!(self, Hello::GrantedAsList | Hello::GrantedAsMap | Hello::GrantedAsOk)
    }
}

/// The server's role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It takes writes.
    #[default]
    Master,
    /// It refuses writes with `-READONLY`.
    Replica,
}

/// How the server is deployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// On its own.
    #[default]
    Standalone,
    /// As a node of a cluster, which holds all hash slots until [`FakeRedis::move_slot`](crate::FakeRedis::move_slot) says otherwise.
    Cluster,
    /// As a Sentinel, which watches no master until [`FakeRedis::name_master`](crate::FakeRedis::name_master) names one.
    Sentinel,
}

impl Mode {
    /// The word of `HELLO` and `INFO` for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::Standalone => "standalone",
            Mode::Cluster => "cluster",
            Mode::Sentinel => "sentinel",
        }
    }
}

/// Whether the server answers commands that need its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It does.
    #[default]
    Serving,
    /// `-LOADING`, as after a start.
    Loading,
    /// `-MASTERDOWN`, as a replica that lost its master.
    MasterDown,
}
