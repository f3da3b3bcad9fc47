//! The options of a PostgreSQL client: reads URL and table into settings.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Endpoint;
use crate::backend::options::{OptionError, OptionSet, OptionValue, Options};
use crate::backend::tls::{Tls, Trust};
use crate::backend::tls_options::TlsOptions;
use crate::backend::url::{Host, Url, bad_port};
use crate::model::Limits;

const DEFAULT_PORT: u16 = 5432;
const LOCAL_HOST: &str = "127.0.0.1";
/// The default name of the connection in the server's views.
const NAME: &str = "realtime";
/// The option that sets it, named as in libpq's URLs.
const URL_NAME: &str = "application_name";

/// The keys that a URL's query may have, as in libpq's URLs. The options about TLS are no longer in it.
const QUERY_KEYS: [&str; 6] = ["sslmode", "target_session_attrs", URL_NAME, "connect_timeout", "host", PORT];
const PORT: &str = "port";

/// Which servers the client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Any.
    Any,
    /// One that accepts writes.
    ReadWrite,
    /// One that refuses writes.
    ReadOnly,
    /// One that is not a hot standby.
    Primary,
    /// A hot standby.
    Standby,
    /// A hot standby, or any server if no host is a standby.
    PreferStandby,
}

/// How links are secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Security {
    pub(super) tls: Arc<Tls>,
    options: TlsOptions,
    /// If the server does not speak TLS, the link goes on without it.
    pub(super) is_optional: bool,
}

impl Security {
    /// Whose certificates the options trust. `tls` trusts everyone if `sslmode` asks for no check.
    pub(super) fn trust(&self) -> &Trust {
        &self.options.settings().trust
    }

    /// The name that the server's certificate must have.
    pub(super) fn name(&self, endpoint: &Endpoint) -> String {
        match endpoint {
            Endpoint::Tcp { host, .. } => self.options.name(host),
            Endpoint::Unix(_) => self.options.name("localhost"),
        }
    }
}

/// A password. Debug output hides it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password(pub(super) Vec<u8>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// All settings of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    /// Never empty.
    pub(super) hosts: Vec<Endpoint>,
    pub(super) user: String,
    pub(super) password: Option<Password>,
    pub(super) database: String,
    /// The connection's name in the server's views.
    pub(super) name: String,
    pub(super) target: Target,
    pub(super) security: Option<Security>,
    pub(super) connect_timeout: Duration,
    pub(super) command_timeout: Duration,
    pub(super) ping_interval: Duration,
    pub(super) ping_timeout: Duration,
    pub(super) reconnect_min: Duration,
    pub(super) reconnect_max: Duration,
    pub(super) verify_delivery: bool,
    pub(super) max_message_bytes: usize,
    pub(super) limits: Limits,
}

/// The settings that the URL gives.
#[derive(Debug, Default)]
struct Place {
    hosts: Vec<Endpoint>,
    user: Option<String>,
    password: Option<Password>,
    database: Option<String>,
}

impl Config {
    pub(super) fn new(options: Options) -> Result<Self, OptionError> {
        let Options { url, is_place_fixed, mut pairs, .. } = options;
        let mut place = Place::default();
        let has_url = url.is_some();
        if let Some(url) = url {
            let mut url = Url::parse(&url)?;
            take_port(&mut url)?;
            place = Place::of(&url)?;
            for (key, value) in url.query {
                if !QUERY_KEYS.contains(&key.as_str()) {
                    let known = QUERY_KEYS.join(", ");
                    return Err(OptionError::Url(format!(
                        "a URL's query may have {known}, and the options that begin with tls; other options go into the table"
                    )));
                }
                let key = if key == URL_NAME { "name".into() } else { key };
                if pairs.iter().any(|(other, _)| *other == key) {
                    return Err(OptionError::invalid(&key, "is given by the URL already; give it once"));
                }
                if key == "host" {
                    let [Host { name, port }] = &url.hosts[..] else { return Err(two_hosts()) };
                    if !name.is_empty() {
                        return Err(two_hosts());
                    }
                    place.hosts = split_hosts(&value, *port)?;
                    continue;
                }
                let value = match value.parse() {
                    Ok(number) if key == "connect_timeout" => OptionValue::Number(number),
                    _ => OptionValue::String(value.into()),
                };
                pairs.push((key, value));
            }
        }
        let mut set = OptionSet::new(pairs, |set| Self::read(set, Place::default(), false))?;
        if is_place_fixed && let Some(key) = ["host", "port"].into_iter().find(|key| set.has(key)) {
            return Err(OptionError::Place { key: key.into() });
        }
        Self::read(&mut set, place, has_url)
    }

    fn read(set: &mut OptionSet, place: Place, has_url: bool) -> Result<Self, OptionError> {
        let hosts = hosts(set, place.hosts, has_url)?;
        let user = given_once(set, "user", place.user)?.unwrap_or_else(|| "postgres".into());
        let password = match place.password {
            Some(password) => set.given_once("password").map(|()| Some(password))?,
            None => set.bytes("password")?.filter(|password| !password.is_empty()).map(Password),
        };
        if password.as_ref().is_some_and(|password| password.0.contains(&0)) {
            return Err(OptionError::invalid("password", "has a zero byte, which no password has"));
        }
        let database = given_once(set, "database", place.database)?.unwrap_or_else(|| user.clone());
        let name = set.text("name")?.unwrap_or_else(|| NAME.into());
        for (key, text) in [("user", &user), ("database", &database), ("name", &name)] {
            if text.contains('\0') {
                return Err(OptionError::invalid(key, "has a zero byte in it"));
            }
        }
        let security = security(set, &hosts)?;
        let max_message_bytes = set.max_message_bytes()?;
        let limits = set.limits()?;
        if max_message_bytes > limits.queue_bytes {
            return Err(OptionError::invalid("max_message_bytes", "may not exceed queue_bytes"));
        }
        let mut seconds = |key, default: f64| {
            set.seconds(key).map(|time| time.unwrap_or_else(|| Duration::from_secs_f64(default)))
        };
        let (connect_timeout, command_timeout) =
            (seconds("connect_timeout", 5.0)?, seconds("command_timeout", 10.0)?);
        let (ping_interval, ping_timeout) = (seconds("ping_interval", 15.0)?, seconds("ping_timeout", 5.0)?);
        let (reconnect_min, reconnect_max) =
            (seconds("reconnect_min", 0.1)?, seconds("reconnect_max", 30.0)?);
        if reconnect_min > reconnect_max {
            return Err(OptionError::invalid("reconnect_min", "may not exceed reconnect_max"));
        }
        Ok(Self {
            hosts,
            user,
            password,
            database,
            name,
            target: target(set)?,
            security,
            connect_timeout,
            command_timeout,
            ping_interval,
            ping_timeout,
            reconnect_min,
            reconnect_max,
            verify_delivery: set.boolean("verify_delivery")?.unwrap_or(false),
            max_message_bytes,
            limits,
        })
    }

    /// Removes the password from a text of the server.
    pub(super) fn without_password(&self, text: String) -> String {
        match self.password.as_ref().map(|password| std::str::from_utf8(&password.0)) {
            Some(Ok(password)) if text.contains(password) => text.replace(password, "[password]"),
            _ => text,
        }
    }
}

impl Place {
    fn of(url: &Url) -> Result<Self, OptionError> {
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec())
                .map_err(|_| OptionError::Url("user and database of a URL are UTF-8 text".into()))
        };
        let not_empty = |bytes: &[u8]| if bytes.is_empty() { Ok(None) } else { text(bytes).map(Some) };
        let (user, password) = match &url.credentials {
            Some((user, password)) => {
                (not_empty(user)?, Some(password.clone()).filter(|it| !it.is_empty()).map(Password))
            }
            None => (None, None),
        };
        let database = not_empty(url.path.strip_prefix(b"/").unwrap_or(&url.path))?;
        let hosts = url.hosts.iter().map(|host| {
            let name = if host.name.is_empty() { LOCAL_HOST } else { &host.name };
            endpoint(name, host.port)
        });
        Ok(Self { hosts: hosts.collect(), user, password, database })
    }
}

/// A host that is a path is the directory of a Unix socket, as in libpq, or the socket itself.
fn endpoint(host: &str, port: Option<u16>) -> Endpoint {
    let port = port.unwrap_or(DEFAULT_PORT);
    if !host.starts_with('/') {
        return Endpoint::Tcp { host: host.into(), port };
    }
    let name = format!(".s.PGSQL.{port}");
    let is_socket = host.rsplit('/').next().is_some_and(|last| last.starts_with(".s.PGSQL."));
    Endpoint::Unix(if is_socket { PathBuf::from(host) } else { PathBuf::from(host).join(name) })
}

fn hosts(set: &mut OptionSet, place: Vec<Endpoint>, has_url: bool) -> Result<Vec<Endpoint>, OptionError> {
    if has_url {
        set.given_once("host")?;
        set.given_once("port")?;
        return Ok(place);
    }
    let host = set.text("host")?.unwrap_or_else(|| LOCAL_HOST.into());
    let port = set.whole("port", 1..=65_535)?.and_then(|port| u16::try_from(port).ok());
    split_hosts(&host, port)
}

/// Splits a list of hosts at its commas. All get this port.
fn split_hosts(hosts: &str, port: Option<u16>) -> Result<Vec<Endpoint>, OptionError> {
    if hosts.split(',').any(str::is_empty) {
        return Err(OptionError::invalid("host", "has a comma with no host before or after it"));
    }
    Ok(hosts.split(',').map(|host| endpoint(host, port)).collect())
}

/// Moves a port from the query to the host.
fn take_port(url: &mut Url) -> Result<(), OptionError> {
    let Some(i) = url.query.iter().position(|(key, _)| key == PORT) else { return Ok(()) };
    let (_, value) = url.query.remove(i);
    let [Host { port: port @ None, .. }] = &mut url.hosts[..] else {
        return Err(OptionError::Url("the URL names a port twice, or has several hosts for one port".into()));
    };
    *port = Some(value.parse().ok().filter(|&port| port > 0).ok_or_else(bad_port)?);
    Ok(())
}

fn two_hosts() -> OptionError {
    OptionError::Url("the URL names a host twice".into())
}

fn given_once(
    set: &mut OptionSet,
    key: &'static str,
    given: Option<String>,
) -> Result<Option<String>, OptionError> {
    match given {
        Some(given) => set.given_once(key).map(|()| Some(given)),
        None => set.text(key),
    }
}

fn target(set: &mut OptionSet) -> Result<Target, OptionError> {
    match set.text("target_session_attrs")?.as_deref() {
        None | Some("primary") => Ok(Target::Primary),
        Some("any") => Ok(Target::Any),
        Some("read-write") => Ok(Target::ReadWrite),
        Some("read-only") => Ok(Target::ReadOnly),
        Some("standby") => Ok(Target::Standby),
        Some("prefer-standby") => Ok(Target::PreferStandby),
        Some(_) => Err(OptionError::invalid(
            "target_session_attrs",
            "must be \"primary\", \"any\", \"read-write\", \"read-only\", \"standby\" or \"prefer-standby\"",
        )),
    }
}

/// Reads `sslmode`, with libpq's meanings, and the options for TLS.
fn security(set: &mut OptionSet, hosts: &[Endpoint]) -> Result<Option<Security>, OptionError> {
    let mode = set.text("sslmode")?;
    let is_local = hosts.iter().all(is_local);
    let wants_tls = set.has("tls");
    let (is_wanted, is_optional, is_verified) = match mode.as_deref() {
        Some("disable") => (false, false, false),
        Some("prefer") => (cfg!(feature = "tls"), true, false),
        Some("require") => (true, false, false),
        Some("verify-full") => (true, false, true),
        Some(_) => {
            return Err(OptionError::invalid(
                "sslmode",
                "must be \"disable\", \"prefer\", \"require\" or \"verify-full\"",
            ));
        }
        None if wants_tls => (false, false, true),
        None if is_local => (false, false, false),
        None if cfg!(feature = "tls") => (true, false, true),
        None => {
            return Err(OptionError::Url(
                "PostgreSQL beyond this machine is reached through TLS, which this file of the module does not have: \
                 write sslmode=disable if the network between is your own"
                    .into(),
            ));
        }
    };
    let Some(options) = TlsOptions::take(set, is_wanted.then_some("postgres"))? else { return Ok(None) };
    let settings = options.settings();
    let tls = match settings.trust {
        // As in libpq: the certificate is checked only if a certificate authority is given.
        Trust::Public if !is_verified => {
            Arc::new(Tls { trust: Trust::Everyone, identity: settings.identity.clone() })
        }
        _ => Arc::clone(settings),
    };
    Ok(Some(Security { tls, options, is_optional }))
}

/// Whether the connection stays on this machine.
fn is_local(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Unix(_) => true,
        Endpoint::Tcp { host, .. } => {
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown_to_whoever_debugs_it() {
        let given = OptionValue::String(b"hush".to_vec());
        for (url, pairs) in [
            ("postgres://bob:hush@127.0.0.1/game", vec![]),
            ("postgres://127.0.0.1/game", vec![("password".to_owned(), given)]),
        ] {
            let config =
                Config::new(Options { url: Some(url.to_owned()), pairs, ..Options::default() }).unwrap();
            assert_eq!(config.password, Some(Password(b"hush".to_vec())));
            let shown = format!("{config:?}");
            assert!(shown.contains("127.0.0.1") && !shown.contains("hush"), "{shown}");
            assert!(!shown.contains(&format!("{:?}", b"hush")), "{shown}");
        }
    }
}
