//! Why a connection failed, and the one place where that becomes the error that addons see.
//!
//! Every failure is retried with backoff: a server may come back, a name may be registered, a password, an ACL or a
//! protocol version may be corrected while the game server runs. Options that can never work are refused before there
//! is a session.

use std::net::SocketAddr;
use std::time::Duration;

use resp::DecodeError;

use super::acl::{RefusedCommand, explained};
use super::advice;
use super::config::{Config, Protocol};
use super::login::Credentials;
use super::protocol::HandshakeStep;
use super::security::{self, AddressSource};
use super::texts::ERROR_CHARACTERS;
use crate::backend::{Endpoint, LinkError, Stage, TlsFault, seconds};
use crate::model::{Code, Error, NAME_CHARACTERS, printable};

/// Why a connection failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The event loop lost it or could not make it.
    Link(LinkError),
    /// There was a connection, but the handshake did not end within `connect_timeout`.
    HandshakeTimeout {
        /// How long the handshake took.
        waited: Duration,
        /// The stage before it, if one took longer.
        slowest: Option<Stage>,
    },
    /// Not a byte was received for this long, although a PING was sent.
    Silent(Duration),
    /// Messages were received for this long, but no answers, and a SUBSCRIBE or UNSUBSCRIBE waits for its
    /// confirmation.
    Unconfirmed(Duration),
    /// The server refused a step of the handshake.
    Refused { step: HandshakeStep, error: Error },
    /// The server sent a reply that nothing had asked for.
    Unasked(Error),
    /// The server refused HELLO, and the settings demand RESP3.
    NoResp3(Error),
    /// The server granted RESP3 and confirmed a subscription in RESP2, whose messages cannot be told from answers.
    Resp2Spoken,
    /// The answer to HELLO is not one that a server of Redis' protocol gives.
    NotHello,
    /// It is not a Redis server but a Sentinel.
    Sentinel,
    /// It is a replica, although a Sentinel names it as the master.
    NamedReplica,
    /// A Sentinel names this server as the master instead.
    Switched(Endpoint),
    /// It is not a node of a cluster, and the settings demand one.
    NotCluster,
    /// It is a replica, and one of the owner's other addresses may be a master.
    Replica,
    /// A cluster named it, and it does not belong to the cluster any more.
    LeftCluster,
    /// A node of a cluster does not reach most of the masters, so it receives nothing that is published elsewhere.
    CutOff,
    /// The answer to the handshake's PING is neither an error nor PONG.
    NotPong,
    /// The bytes received are not RESP, or exceed a limit of the parser.
    Decode(DecodeError),
    /// An answer that belongs to no command, or to another one than the next.
    OutOfStep,
    /// This many commands timed out on it, and their answers never came.
    Unanswered(usize),
    /// The server did not end a transaction at EXEC: it runs no further command on this connection.
    InsideTransaction,
    /// The server was a master and has become a replica.
    Demoted,
    /// The client's other link leads to another server than before.
    Moved,
    /// The server ended a subscription that the client wants.
    Unsubscribed,
    /// The server accepted a probe and did not deliver it for this long, although it answers.
    Undelivered(Duration),
}

/// The state of a connection when it failed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Circumstances<'a> {
    /// Its first bytes.
    pub(super) opening: &'a [u8],
    /// TLS was wanted, and was not in place yet.
    pub(super) unsecured: bool,
    /// The handshake never completed.
    pub(super) was_new: bool,
    /// Messages wait to be read from it, or did lately, because the main thread did not keep up.
    pub(super) lagged: bool,
    /// It had subscriptions, and a command that was sent recently had no answer yet.
    pub(super) asked: bool,
    /// Where its address came from.
    pub(super) address_source: AddressSource,
}

impl Failure {
    /// Whether the event loop knows that the link is gone.
    pub(super) fn is_link_gone(&self) -> bool {
        matches!(self, Self::Link(_))
    }

    /// The address of a name that was tried last, if there was no time for the other addresses of the name.
    pub(super) fn last_tried(&self) -> Option<SocketAddr> {
        match self {
            Self::Link(LinkError::TimedOut(_, last)) => *last,
            Self::HandshakeTimeout { slowest: Some(Stage::Connect { address, .. }), .. } => {
                address.parse().ok()
            }
            _ => None,
        }
    }

    /// Whether the address is not to blame: only the connection had to be renewed.
    pub(super) fn spares_address(&self) -> bool {
        matches!(self, Self::Moved | Self::Resp2Spoken)
    }

    /// The error to report.
    pub(super) fn into_error(self, config: &Config, seen: Circumstances<'_>) -> Error {
        let is_sentinel = config.sentinel.is_some();
        let setting =
            self.may_be_plain_port(&seen).then(|| security::tls_ports(seen.address_source)).flatten();
        let mut error = self.of_redis_url(config, seen);
        setting.into_iter().for_each(|setting| error.message.to_mut().push_str(setting));
        if is_sentinel { with_sentinel_url(error) } else { error }
    }

    /// Whether TLS was attempted on what may be a port without it.
    fn may_be_plain_port(&self, seen: &Circumstances<'_>) -> bool {
        let is_sign = match self {
            Self::Link(LinkError::Tls(error)) => error.fault == TlsFault::NotTls,
            Self::Link(LinkError::Eof | LinkError::Io(_)) | Self::HandshakeTimeout { slowest: None, .. } => {
                true
            }
            _ => false,
        };
        seen.unsecured && is_sign
    }

    /// The same, except that the text always speaks of redis:// or rediss:// URLs.
    fn of_redis_url(self, config: &Config, seen: Circumstances<'_>) -> Error {
        if let Some(stranger) = advice::stranger(seen.opening, config) {
            return Error::unsent(Code::Protocol, stranger);
        }
        match self {
            // Without TLS in the settings these cannot happen.
            Self::Link(LinkError::Tls(error)) if config.tls.is_some() => {
                Error::unsent(Code::Tls, security::advice(&error, config))
            }
            Self::Link(cause) => link_error(&cause, seen),
            Self::HandshakeTimeout { slowest: Some(stage), .. } => {
                link_error(&LinkError::TimedOut(stage, None), seen)
            }
            Self::HandshakeTimeout { waited, slowest: None } if seen.unsecured => {
                Error::unsent(Code::Timeout, security::no_handshake(seconds(waited), seen.address_source))
            }
            Self::HandshakeTimeout { waited, slowest: None } => {
                let waited = seconds(waited);
                let text = format!(
                    "the server was reached but did not answer within {waited} s; it hangs, or it waits for TLS (then \
                     write rediss://)"
                );
                Error::unsent(Code::Timeout, text)
            }
            Self::Silent(silence) => Error::unsent(
                Code::Disconnected,
                format!(
                    "the server sent nothing for {:.1} s, not even an answer to PING",
                    silence.as_secs_f64()
                ),
            ),
            Self::Unconfirmed(waited) => Error::unsent(
                Code::Disconnected,
                format!(
                    "the server sent messages but no answer for {:.1} s, and a SUBSCRIBE or UNSUBSCRIBE waits for one",
                    waited.as_secs_f64()
                ),
            ),
            Self::Refused { error, .. } if has_code(&error, "NOAUTH") && config.credentials.is_none() => {
                // The server's own words are about HELLO, which no addon sent.
                let message = "the server wants a password and none was given; put it into the URL \
                               (redis://:password@host) or into the option password";
                Error { message: message.into(), ..error }
            }
            Self::Refused { step: HandshakeStep::Auth, error }
                if config.credentials.as_ref().is_some_and(|login| login.user.is_some())
                    && error.message.contains("wrong number of arguments") =>
            {
                // AUTH takes only a password on this server.
                let text = "the server knows no users, as Redis before 6.0: leave the user out, as in \
                            redis://:password@host";
                Error::unsent(Code::Auth, text)
            }
            Self::Refused { step: HandshakeStep::Select, error } => {
                let in_cluster = config.cluster || error.message.contains("cluster mode");
                let error = refused(HandshakeStep::Select, error);
                if in_cluster {
                    Error { message: format!("{}; {NO_DATABASES}", error.message).into(), ..error }
                } else {
                    explained(error, RefusedCommand::Plain("select"), config)
                }
            }
            Self::Refused { step, error } => refused(step, error),
            // A server that turns a client away sends this error at once, before it has read anything.
            Self::Unasked(error) if seen.was_new && matches!(error.code.as_str(), "DENIED" | "ERR") => {
                refused(HandshakeStep::Ping, error)
            }
            Self::Unasked(error) => {
                Error { message: format!("the server said: {}", error.message).into(), ..error }
            }
            Self::NoResp3(error) => Error::unsent(
                Code::Unsupported,
                format!(
                    "the server refused RESP3 (HELLO 3): {}; leave out the option protocol, or set it to 2",
                    error.message.trim_end_matches('.')
                ),
            ),
            Self::Resp2Spoken if config.protocol == Protocol::Resp3 => Error::unsent(
                Code::Unsupported,
                "the server granted RESP3 and speaks RESP2; leave out the option protocol, or set it to 2",
            ),
            Self::Resp2Spoken => Error::unsent(
                Code::Disconnected,
                "the server granted RESP3 and speaks RESP2; the client connects again, with RESP2",
            ),
            Self::NotHello => {
                Error::unsent(Code::Protocol, "the server answered HELLO with something other than a map")
            }
            Self::Sentinel => Error::unsent(
                Code::Unsupported,
                "a Sentinel answers there, not the Redis that it watches; write redis-sentinel://host:26379/NAME, with the addresses \
                 of the Sentinels and the name of the master (SENTINEL masters in redis-cli -p 26379 tells it)",
            ),
            Self::NotCluster if config.cluster => Error::unsent(
                Code::Unsupported,
                "the server is not a node of a cluster (cluster-enabled in its configuration), and the URL wants one; if that is \
                 as it should be, let the URL begin with redis:// or rediss://",
            ),
            Self::NotCluster => Error::unsent(
                Code::Unsupported,
                "the server that the cluster named is not a node of a cluster",
            ),
            Self::Replica => Error::unsent(
                Code::Unsupported,
                "the server is a replica, and messages published on it do not reach its master; promote one of the servers, or \
                 set the option replica = true",
            ),
            Self::NamedReplica => Error::unsent(
                Code::Unsupported,
                "the server is a replica, although a Sentinel names it as the master: a failover is under way, or that Sentinel is \
                 out of date; the Sentinels are asked again",
            ),
            Self::Switched(master) => Error::unsent(
                Code::Disconnected,
                format!("the Sentinels have made {master} the master; the connection goes there"),
            ),
            Self::LeftCluster => Error::unsent(
                Code::Unsupported,
                "the cluster listed this server as a node, but it has left the cluster; if no node answers, check the address \
                 in the settings",
            ),
            Self::CutOff => Error::unsent(
                Code::Disconnected,
                "the server does not reach most of the masters of its cluster (cluster_state:fail in CLUSTER INFO), so messages \
                 published elsewhere do not arrive there; the connection goes to another node",
            ),
            Self::NotPong => {
                Error::unsent(Code::Protocol, "the server answered PING with something other than PONG")
            }
            Self::Decode(error) => Error::unsent(Code::Protocol, advice::undecodable(error)),
            Self::OutOfStep => Error::unsent(
                Code::Protocol,
                "the server's answers do not match the commands; the connection was closed",
            ),
            Self::Unanswered(commands) => Error::unsent(
                Code::Disconnected,
                format!(
                    "the server sends, but left {commands} commands without an answer; the client connects again"
                ),
            ),
            Self::InsideTransaction => Error::unsent(
                Code::Disconnected,
                "the server refused EXEC and would have run no later command; the client connects again",
            ),
            Self::Demoted => Error::unsent(
                Code::Disconnected,
                "the server has become a replica; the client connects again, in case the address leads to the new master",
            ),
            Self::Moved => Error::unsent(
                Code::Disconnected,
                "one of the two connections leads to another server than before; the client makes the other one anew, too",
            ),
            Self::Unsubscribed => Error::unsent(
                Code::Disconnected,
                "the server ended a subscription; the client connects again",
            ),
            Self::Undelivered(waited) => Error::unsent(
                Code::Disconnected,
                format!(
                    "the server answers PING but delivers no messages: verify_delivery's probe did not come back within \
                     {:.1} s; the client connects again",
                    waited.as_secs_f64()
                ),
            ),
        }
    }
}

/// Adds to an error which of a name's addresses it is about. If the settings may be wrong, it also names the user and
/// where the settings came from.
pub(super) fn add_details(error: &mut Error, peer: Option<SocketAddr>, config: &Config, origin: &str) {
    let mut notes = Vec::new();
    notes.extend(peer.map(|peer| format!("at {peer}")));
    if matches!(error.code.as_str(), "WRONGPASS" | "NOAUTH" | "AUTH" | "REFUSED") {
        let login = config.credentials.as_ref();
        let user = login.and_then(Credentials::user_to_show);
        notes.extend(user.map(|user| format!("user {}", printable(user, NAME_CHARACTERS))));
        notes.extend((!origin.is_empty()).then(|| origin.to_owned()));
    }
    if !notes.is_empty() {
        let text = error.message.trim_end_matches('.');
        error.message = format!("{text} ({})", notes.join(", ")).into();
    }
}

/// If an error says how a URL is written, makes it say so for a URL that names Sentinels.
fn with_sentinel_url(error: Error) -> Error {
    if !error.message.contains("://") {
        return error;
    }
    let message =
        error.message.replace("rediss://", "rediss-sentinel://").replace("redis://", "redis-sentinel://");
    Error { message: message.into(), ..error }
}

fn link_error(cause: &LinkError, seen: Circumstances<'_>) -> Error {
    let lost = matches!(cause, LinkError::Eof | LinkError::Truncated | LinkError::Io(_));
    let hint = if lost && seen.lagged {
        "; the likely reason: messages were not read as fast as they came, and the server drops a client whose output \
         buffer is full (client-output-buffer-limit pubsub)"
    } else if lost && seen.asked {
        // Seen from Redis 7.0: it closes the connection before it sends the first byte of such an answer, so this
        // cannot be told from a restart at that moment.
        "; if a command asked for more than 32 MB, that is the reason: Redis closes a connection with subscriptions \
         whose answers are larger (client-output-buffer-limit pubsub)"
    } else if lost && seen.unsecured {
        &security::hung_up(seen.address_source)
    } else if lost && seen.was_new && seen.opening.is_empty() {
        " before it answered; does it speak plain Redis protocol on this port, without TLS? A proxy that hangs up at \
         HELLO needs the option protocol = 2"
    } else {
        advice::unreachable(cause)
    };
    let words = printable(cause.to_string().as_bytes(), ERROR_CHARACTERS);
    Error::unsent(cause.code(), format!("{words}{hint}"))
}

/// Of a cluster.
const NO_DATABASES: &str = "a cluster has database 0 alone, except a Valkey 9 with cluster-databases: leave the number out of \
                            the URL, or the option db out";

/// The server's own code is kept, and a bare `ERR` about a login becomes `AUTH`.
fn refused(step: HandshakeStep, error: Error) -> Error {
    let text = error.message.to_ascii_lowercase();
    let about_login = text.contains("auth") || text.contains("password");
    let words = if error.code.as_str() == "DENIED" && text.contains("protected mode") {
        advice::protected_mode(&error.message)
    } else if text.contains("max number of clients") {
        advice::full(&error.message)
    } else if step == HandshakeStep::Select {
        format!("the server refused the database (SELECT): {}", error.message)
    } else if about_login || step == HandshakeStep::Auth {
        advice::login(error.code.as_str(), &error.message)
    } else {
        format!("the server refused the connection: {}", error.message)
    };
    let code = match (&error.code, step) {
        (_, HandshakeStep::Hello | HandshakeStep::Auth) if has_code(&error, "ERR") && about_login => {
            Code::Auth
        }
        _ => error.code,
    };
    Error::unsent(code, words)
}

/// Whether the error has this code of the server's own.
fn has_code(error: &Error, code: &str) -> bool {
    matches!(&error.code, Code::Server(own) if &**own == code)
}
