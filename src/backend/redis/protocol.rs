//! Words of the protocol that several parts of the session use.

use crate::backend::toolbox::Operation;
use crate::model::{Error, TopicKind};

/// The version of the protocol that a link speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Resp2 = 2,
    Resp3 = 3,
}

/// The longest name of a channel or pattern. Names, and the few other bytes beside a payload, are kept up to this
/// size however small `max_message_bytes` is.
pub(super) const MAX_NAME: usize = 64 << 10;

/// The user of a login that has a password only.
pub(super) const DEFAULT_USER: &[u8] = b"default";

/// The answer to a PING without an argument.
pub(super) const PONG: &[u8] = b"PONG";

/// The server's code for a command that the ACL forbids.
pub(super) const NO_PERMISSION: &str = "NOPERM";

/// A Sentinel's code if it does not reach enough of the others.
pub(super) const NO_QUORUM: &str = "NOQUORUM";

/// The codes with which a node of a cluster refuses a command because of its hash slot.
pub(super) const MOVED: &str = "MOVED";
pub(super) const ASK: &str = "ASK";
pub(super) const TRY_AGAIN: &str = "TRYAGAIN";
pub(super) const CLUSTER_DOWN: &str = "CLUSTERDOWN";
pub(super) const CROSS_SLOT: &str = "CROSSSLOT";

/// The prefix of the probes' channels, for every client of every server. Addons never get messages of such channels.
pub(super) const PROBE_PREFIX: &[u8] = b"realtime:probe:";

/// The command that subscribes or unsubscribes.
pub(super) fn command_of(operation: Operation, kind: TopicKind) -> &'static str {
    match (operation, kind) {
        (Operation::Subscribe, TopicKind::Channel) => "SUBSCRIBE",
        (Operation::Subscribe, TopicKind::Pattern) => "PSUBSCRIBE",
        (Operation::Subscribe, TopicKind::ShardedChannel) => "SSUBSCRIBE",
        (Operation::Unsubscribe, TopicKind::Channel) => "UNSUBSCRIBE",
        (Operation::Unsubscribe, TopicKind::Pattern) => "PUNSUBSCRIBE",
        (Operation::Unsubscribe, TopicKind::ShardedChannel) => "SUNSUBSCRIBE",
    }
}

/// Whether an error says that the server has no data to serve.
pub(super) fn is_unserved(error: &Error) -> bool {
    matches!(error.code.as_str(), "LOADING" | "MASTERDOWN")
}

/// Whether an error is about the connection, even if it looks like an answer: a server that rejects a client says so
/// at once, before it has read a command.
pub(super) fn turns_away(error: &Error) -> bool {
    matches!(error.code.as_str(), "NOAUTH" | "DENIED") || error.message.contains("max number of clients")
}

/// Whether the server refuses a command that other servers accept: it does not know the command, has an error
/// of its own for it, or forbids it. If it refuses HELLO, it may still accept RESP2, and AUTH shows whether
/// the login was the reason. Redis 6.0 with `user default off` forbids HELLO to every client that is not
/// logged in yet.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.code.as_str(), "ERR" | "NOPROTO" | "NOPERM") && !turns_away(error)
}

/// The value of one of INFO's lines.
pub(super) fn info_field<'a>(info: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut lines = info.split(|&b| b == b'\n');
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(b":")).map(<[u8]>::trim_ascii_end)
}

/// The questions to a Sentinel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SentinelQuestion {
    Hello,
    Auth,
    /// Subscribes to announcements of switches.
    Subscribe,
    /// The address of the master.
    Master,
    /// Whether it reaches enough other Sentinels for a failover.
    Quorum,
    /// The addresses of the other Sentinels.
    Sentinels,
    /// The masters that it watches.
    Masters,
}

/// One command of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandshakeStep {
    Hello,
    Auth,
    Select,
    SetName,
    SetInfo,
    Info,
    Role,
    Replication,
    Ping,
}
