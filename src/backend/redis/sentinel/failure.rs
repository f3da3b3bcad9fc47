//! Why a Sentinel cannot be used, in words for owners.

use std::net::SocketAddr;

use crate::backend::Endpoint;
use crate::backend::redis::acl::user;
use crate::backend::redis::acl_rule::quoted;
use crate::backend::redis::advice::with_words;
use crate::backend::redis::config::Config;
use crate::backend::redis::failure::{Circumstances, Failure};
use crate::backend::redis::protocol::{NO_PERMISSION, NO_QUORUM};
use crate::model::{Code, Error};

/// Why a Sentinel cannot be used.
#[derive(Debug)]
pub(super) enum WatchFailure {
    /// The connection failed like any other.
    Connection(Failure),
    /// The Sentinel refuses the login or a question.
    Refused(Error),
    /// The server has no command SENTINEL.
    NotSentinel,
    /// The Sentinel has no master of this name, but has these, if it lists them.
    UnknownMaster(Option<Vec<String>>),
    /// The address that it gave is not valid.
    BadAddress,
    /// The server that it named as the master is a replica.
    NamesReplica(Endpoint),
    /// It has lost the other Sentinels: it would not see a failover that they agree on.
    NoQuorum(Error),
}

impl WatchFailure {
    /// See [`Failure::last_tried`].
    pub(super) fn last_tried(&self) -> Option<SocketAddr> {
        if let Self::Connection(failure) = self { failure.last_tried() } else { None }
    }

    /// Whether the event loop knows that the link is gone.
    pub(super) fn is_link_gone(&self) -> bool {
        matches!(self, Self::Connection(failure) if failure.is_link_gone())
    }

    /// The error to report about a Sentinel that was asked for this master.
    pub(super) fn into_error(self, master: &str, config: &Config, seen: Circumstances<'_>) -> Error {
        match self {
            Self::Connection(failure) => failure.into_error(config, seen),
            Self::Refused(error) => refused(error, config),
            Self::NotSentinel => Error::unsent(
                Code::Unsupported,
                "a Redis answers there, not a Sentinel: write the addresses of Sentinels (their port is mostly 26379), or a URL that \
                 begins with redis://",
            ),
            Self::UnknownMaster(known) => {
                Error::unsent(Code::Unsupported, unknown_master(master, known.as_deref()))
            }
            Self::BadAddress => {
                Error::unsent(Code::Protocol, format!("the address that it gives for {master} is not valid"))
            }
            Self::NamesReplica(endpoint) => Error::unsent(
                Code::Unsupported,
                format!(
                    "it names {endpoint} as the master, which is a replica: a failover is under way, or it is out of date"
                ),
            ),
            Self::NoQuorum(error) => no_quorum(error, config),
        }
    }
}

fn unknown_master(master: &str, known: Option<&[String]>) -> String {
    let known = match known {
        None => String::new(),
        Some([]) => ", it watches no master at all".to_owned(),
        Some([one]) => format!(", it watches \"{one}\" alone"),
        Some([firsts @ .., last]) => format!(", it watches \"{}\" and {last}", firsts.join("\", \"")),
    };
    format!(
        "it knows no master called \"{master}\"{known}; the name is the one in sentinel.conf (sentinel monitor NAME …)"
    )
}

/// The rights that a user of a Sentinel needs, as rules of an ACL.
const RIGHTS: [&[u8]; 6] = [
    b"+subscribe",
    b"&+switch-master",
    b"+sentinel|get-master-addr-by-name",
    b"+sentinel|ckquorum",
    b"+sentinel|sentinels",
    b"+sentinel|masters",
];

/// What to do if its ACL forbids a question of the client.
fn allow(config: &Config) -> String {
    let rules: String = RIGHTS.iter().map(|rule| format!(" {}", quoted(rule))).collect();
    format!(
        "; to allow all that a client asks, type into redis-cli on the Sentinel's port: ACL SETUSER {}{rules}",
        user(config)
    )
}

fn is_forbidden(error: &Error) -> bool {
    error.code.as_str() == NO_PERMISSION
}

/// The Sentinel's own words about a login speak of options that nobody set.
fn refused(error: Error, config: &Config) -> Error {
    if is_forbidden(&error) {
        let ours = format!("its ACL forbids what a client asks of it{}", allow(config));
        return Error::unsent(error.code, with_words(&ours, &error.message));
    }
    let text = error.message.to_ascii_lowercase();
    let is_login = matches!(error.code.as_str(), "NOAUTH" | "WRONGPASS")
        || text.contains("auth")
        || text.contains("password");
    let message = if !is_login {
        with_words("it refuses what a client asks of it", &error.message)
    } else if config.credentials.is_none() {
        with_words("it wants a password of its own: set the option sentinel_password", &error.message)
    } else {
        with_words("it does not take sentinel_username and sentinel_password", &error.message)
    };
    Error::unsent(error.code, message)
}

/// Why the master that it names is not confirmed.
pub(super) fn no_quorum(error: Error, config: &Config) -> Error {
    let ours = if error.code.as_str() == NO_QUORUM {
        "it does not reach enough of the other Sentinels for a failover, so it would not see one of theirs"
            .into()
    } else {
        let allow = if is_forbidden(&error) { allow(config) } else { String::new() };
        format!(
            "it does not say whether it reaches enough of the other Sentinels for a failover (SENTINEL CKQUORUM){allow}"
        )
    };
    Error::unsent(error.code, with_words(&ours, &error.message))
}
