//! Words of the protocol that several parts of the session know.

use crate::backend::toolbox::Operation;
use crate::model::{Error, TopicKind};

/// The version of the protocol that a link speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Resp2 = 2,
    Resp3 = 3,
}

/// The longest name of a channel or pattern. Names, and what little else stands beside a payload, are kept up to this
/// size however small `max_message_bytes` is.
pub(super) const MAX_NAME: usize = 64 << 10;

/// The user that a password without a user belongs to.
pub(super) const DEFAULT_USER: &[u8] = b"default";

/// The answer to a PING that says nothing.
pub(super) const PONG: &[u8] = b"PONG";

/// The server's code for what the ACL forbids.
pub(super) const NO_PERMISSION: &str = "NOPERM";

/// A Sentinel's code for that it does not reach enough of the others.
pub(super) const NO_QUORUM: &str = "NOQUORUM";

/// The codes with which a node of a cluster refuses a command because of its hash slot.
pub(super) const MOVED: &str = "MOVED";
pub(super) const ASK: &str = "ASK";
pub(super) const TRY_AGAIN: &str = "TRYAGAIN";
pub(super) const CLUSTER_DOWN: &str = "CLUSTERDOWN";
pub(super) const CROSS_SLOT: &str = "CROSSSLOT";

/// What the channels of probes begin with, of every client of every server. No addon is handed anything of them.
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

/// Whether an error is about the connection, whatever it seems to answer: a server that turns a client away says so at
/// once, before it has read a command.
pub(super) fn turns_away(error: &Error) -> bool {
    matches!(error.code.as_str(), "NOAUTH" | "DENIED") || error.message.contains("max number of clients")
}

/// Whether the server refuses a command that others take: it does not know it, says so in words of its own, or forbids it.
/// For HELLO that need not hold for RESP2, and AUTH shows whether it was the login that was refused. Redis 6.0 with `user
/// default off` forbids HELLO to everybody who is not logged in yet.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.code.as_str(), "ERR" | "NOPROTO" | "NOPERM") && !turns_away(error)
}

/// The value of one of INFO's lines.
pub(super) fn info_field<'a>(info: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut lines = info.split(|&b| b == b'\n');
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(b":")).map(<[u8]>::trim_ascii_end)
}

/// What a Sentinel is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SentinelQuestion {
    Hello,
    Auth,
    /// To be told of switches.
    Subscribe,
    /// Where the master is.
    Master,
    /// Whether it reaches enough other Sentinels for a failover.
    Quorum,
    /// Where the other Sentinels are.
    Sentinels,
    /// Which masters it watches.
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
