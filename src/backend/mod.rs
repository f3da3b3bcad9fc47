//! Backends: a backend is a client's protocol as a state machine that does no I/O, and the options that configure it.
//!
//! The event loop passes a [`Session`] bytes, commands and the time; it gets back bytes to write, wishes about links,
//! and the time of the next call. Messages, answers and events go straight into the [`Sink`].
//!
//! The code of a new backend is a new folder here, its `mod` line and a row in [`SCHEMES`]; docs/backends.md has the
//! rest.

mod link;
mod options;
#[cfg_attr(not(feature = "postgres"), path = "no_postgres.rs")]
mod postgres;
mod redis;
mod tls;
mod tls_advice;
mod tls_notices;
#[cfg_attr(not(feature = "tls"), path = "no_tls_options.rs")]
mod tls_options;
pub mod toolbox;
mod url;

use std::any::Any;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{Args, Command, Counters, Limits, LinkId, Room, Sink, TopicKind};

use link::seconds;
pub use link::{Connected, LinkError, Stage};
pub use options::{OptionError, OptionSet, OptionValue, Options};
pub use tls::{Expiry, Identity, Pem, PrepareTls, Secured, Tls, TlsError, TlsFault, Trust};
pub use tls::{FILE_OPTIONS, PEM_BEGIN, take_url_options};

/// The table of backends. The first row serves options without a URL.
pub const SCHEMES: &[Scheme] = &[redis::SCHEME, postgres::SCHEME];

/// The operations of a client that take no command. Each caller has its own words for them.
pub const OPERATIONS: [&str; 9] = [
    "Connect",
    "Subscribe",
    "PSubscribe",
    "SSubscribe",
    "Unsubscribe",
    "PUnsubscribe",
    "SUnsubscribe",
    "Transaction",
    "Disconnect",
];

/// Makes a backend from URL and options: the one whose row names the URL's scheme.
///
/// ```
/// use realtime::backend::{Options, configure};
///
/// let url = Some("redis://user:secret@10.0.0.5:6379/0".to_owned());
/// let backend = configure(Options { url, ..Options::default() })?;
/// assert_eq!(backend.address(), "10.0.0.5:6379");
/// # Ok::<(), realtime::backend::OptionError>(())
/// ```
///
/// # Errors
///
/// An unknown scheme, or any error that the backend finds in the options.
pub fn configure(mut options: Options) -> Result<Arc<dyn Backend>, OptionError> {
    let Some(url) = &mut options.url else {
        return (SCHEMES[0].configure)(options);
    };
    *url = trim_url(url).to_owned();
    let (scheme, _) = url::split_scheme(url)?;
    match SCHEMES.iter().find(|row| row.names.contains(&scheme.as_str())) {
        Some(row) => (row.configure)(options),
        None => {
            let known: Vec<_> =
                SCHEMES.iter().flat_map(|row| row.names).map(|name| format!("{name}://")).collect();
            Err(OptionError::Url(format!(
                "unknown URL scheme {scheme}://; the schemes are {}",
                known.join(", ")
            )))
        }
    }
}

/// A URL without the white space and the pair of quotes that panels, files and shells may leave around it.
pub fn trim_url(url: &str) -> &str {
    let url = url.trim();
    let within = |quote: char| url.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).map_or(url, str::trim)
}

/// One row of the table of backends.
#[derive(Debug, Clone, Copy)]
pub struct Scheme {
    /// URL schemes that it serves, without `://`.
    pub names: &'static [&'static str],
    /// Makes a backend from URL and options.
    ///
    /// # Errors
    ///
    /// Any error in them, naming the key.
    pub configure: fn(Options) -> Result<Arc<dyn Backend>, OptionError>,
}

/// A configured backend: all of its options are known and valid. Lives on the main thread.
pub trait Backend: Any + Send + Sync {
    /// A session that has not connected yet; its first [`Session::poll_action`] says what it needs.
    fn session(&self, start: Start) -> Box<dyn Session>;

    /// Refuses a command that would break the session, such as SUBSCRIBE, and names what to use instead. `call` gives
    /// the caller's words for one of the [`OPERATIONS`].
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    fn check(&self, args: &Args, call: fn(&str) -> String) -> Result<(), String>;

    /// Whether [`Backend::check`] refuses a command only because it blocks its connection, as BLPOP does. A client
    /// that does nothing else may send it.
    fn blocks(&self, args: &Args) -> bool;

    /// Refuses a topic that the backend does not have, in the call that subscribes to it or publishes on it.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    fn check_topic(&self, _kind: TopicKind, _name: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// Refuses a message that the backend does not carry, in the call that publishes it.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    fn check_message(&self, _message: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// The bounds of the queues that the session will use.
    fn limits(&self) -> Limits;

    /// The default time after which a request without an answer fails.
    fn command_timeout(&self) -> Duration;

    /// The servers' address, for people. Contains no secret.
    fn address(&self) -> String;

    /// The kind of server, if it is always the same. Otherwise it is known once a server has answered.
    fn server(&self) -> Option<&'static str> {
        None
    }

    /// The TLS settings of its links, if they are secured.
    fn tls(&self) -> Option<&Arc<Tls>> {
        None
    }

    /// Whether `other` has the same settings, so that a second Connect need not reconnect. As `&dyn Any` it can be
    /// checked for the same type of backend.
    fn same_settings(&self, other: &dyn Backend) -> bool;
}

/// The input of a new session.
#[derive(Debug, Clone)]
pub struct Start {
    /// The time.
    pub now: Instant,
    /// Seed of its random numbers.
    pub seed: u64,
    /// Its counters, which it writes through [`SessionCounters`](crate::model::SessionCounters).
    pub counters: Arc<Counters>,
}

/// A client's protocol, without I/O. Calls carry the time wherever it matters; none blocks, panics or loops.
///
/// # What the event loop calls, and when
///
/// - **Commands** ([`handle_command`](Session::handle_command)) in the order in which the main thread gave them.
/// - **Links.** A link begins with an [`Action::Connect`]. It is connected from
///   [`handle_connected`](Session::handle_connected) on, until [`handle_disconnected`](Session::handle_disconnected)
///   or the session's own [`Action::Close`], after which there are no more calls about it. A link that cannot be made
///   ends with [`handle_disconnected`](Session::handle_disconnected), too, at the action's deadline at the latest.
///   After an [`Action::Secure`] nothing is read from a connected link or written to it, until
///   [`handle_secured`](Session::handle_secured) or its end; the session decides how long that may take.
/// - **Input.** Before each read of a link the loop asks for the [`room_needed`](Session::room_needed), and reads if
///   the queue has it: [`READ_BYTES`] at most, and the session always takes all of them. If there is no room and
///   bytes may wait, [`handle_paused`](Session::handle_paused) is called once, and
///   [`handle_resumed`](Session::handle_resumed) before the next read. The queue exceeds its limits by one read at
///   most, so a session need not count what it hands over.
/// - **Output.** [`poll_transmit`](Session::poll_transmit) and [`transmitted`](Session::transmitted) until nothing is left or
///   the link takes no more.
/// - **Wishes and time.** [`poll_action`](Session::poll_action) until it has none, in order: after each call about a
///   link or the time, after writing, and after the commands that came together. At the end of a turn
///   [`poll_timeout`](Session::poll_timeout); when that time has come, [`handle_timeout`](Session::handle_timeout),
///   after the reading of that turn, so that a standstill of this process does not count as silence.
///
/// A call about a link that the session does not know, or that is not connected, changes nothing (except
/// [`handle_connected`](Session::handle_connected) and [`handle_disconnected`](Session::handle_disconnected) of a
/// link that is being made). `now` never goes back.
///
/// [`READ_BYTES`]: crate::model::READ_BYTES
pub trait Session: Send {
    /// A command from the main thread.
    fn handle_command(&mut self, now: Instant, command: Command, sink: &mut dyn Sink);

    /// The link asked for by [`Action::Connect`] is connected. `how` says how it was made.
    fn handle_connected(&mut self, link: LinkId, now: Instant, how: Connected, sink: &mut dyn Sink);

    /// The link is secured, as [`Action::Secure`] asked for. A session that never asks need not implement it.
    fn handle_secured(&mut self, _link: LinkId, _now: Instant, _how: Secured, _sink: &mut dyn Sink) {}

    /// The link is gone, or could not be made. Not called for links that the session itself closed.
    fn handle_disconnected(&mut self, link: LinkId, now: Instant, cause: LinkError, sink: &mut dyn Sink);

    /// What a read of the link may deliver now.
    fn room_needed(&self, link: LinkId) -> Room;

    /// Bytes arrived. The session takes all of them.
    fn handle_input(&mut self, link: LinkId, now: Instant, bytes: &[u8], sink: &mut dyn Sink);

    /// Bytes may wait on the link, and the queue has no room for them: from now on silence means nothing.
    fn handle_paused(&mut self, link: LinkId);

    /// The queue has room again, and the link is read again.
    fn handle_resumed(&mut self, link: LinkId, now: Instant);

    /// Bytes to be written to the link, in order; empty if there are none.
    fn poll_transmit(&mut self, link: LinkId, now: Instant) -> &[u8];

    /// The first `n` of those bytes were written.
    fn transmitted(&mut self, link: LinkId, n: usize);

    /// The next wish, to be carried out in order; `None` when there is none.
    fn poll_action(&mut self) -> Option<Action>;

    /// When [`Session::handle_timeout`] is due.
    fn poll_timeout(&self) -> Option<Instant>;

    /// The time that [`Session::poll_timeout`] named has come. May be called early.
    fn handle_timeout(&mut self, now: Instant, sink: &mut dyn Sink);
}

/// A wish: something that a session asks of the event loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make this link. All addresses of the endpoint's name are tried, within the deadline: in the resolver's order,
    /// or, if `after` is given, in ascending order as a ring that begins with the address after `after`. An
    /// existing link with this number is closed first, without further calls about it.
    Connect {
        /// Which link.
        link: LinkId,
        /// Where to.
        endpoint: Endpoint,
        /// The last peer, if it accepted the connection but could not be used. The others are tried first.
        after: Option<SocketAddr>,
        /// When the loop gives up and reports the failure. Until the link is up, only the loop watches this
        /// deadline.
        deadline: Instant,
    },
    /// Secure this link, which is connected: from now on all bytes go through TLS, first its handshake. The session
    /// has nothing left to write when it asks for this, and treats everything received so far as unsecured.
    Secure {
        /// Which link.
        link: LinkId,
        /// The settings.
        tls: Arc<Tls>,
        /// The server's name or address, as in its certificate.
        name: String,
    },
    /// Close this link, or stop making it. There are no further calls about it.
    Close(LinkId),
    /// The session has ended: close all of its links and forget it.
    Finish,
}

/// Where a link leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A host's name or address, and a port.
    Tcp {
        /// Name, or IPv4 or IPv6 address without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Whether it has a name, which may have several addresses.
    pub(crate) fn is_name(&self) -> bool {
        matches!(self, Self::Tcp { host, .. } if host.parse::<IpAddr>().is_err())
    }
}

impl fmt::Display for Endpoint {
    /// In the form of a URL: `host:port`, `[address]:port` for IPv6, or the socket's path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_neither_an_address_nor_a_path() {
        let tcp = |host: &str| Endpoint::Tcp { host: host.into(), port: 6379 };
        assert!(tcp("localhost").is_name() && tcp("10.0.0.1.example").is_name());
        assert!(!tcp("10.0.0.1").is_name() && !tcp("::1").is_name());
        assert!(!Endpoint::Unix("/run/redis.sock".into()).is_name());
    }
}
