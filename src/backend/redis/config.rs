//! The options of the Redis backend: from URL and table to a valid [`Config`].

use std::path::PathBuf;
use std::time::Duration;

use super::login::{Credentials, SENTINELS, SERVER, credentials};
use super::sentinel_options::{
    MASTER_RULE, SENTINEL_PORT, SENTINEL_URL, is_sentinel_scheme, master_and_db, master_name,
};
use crate::backend::options::{OptionSet, shown};
use crate::backend::tls_options::TlsOptions;
use crate::backend::url::{Host, Url, is_ipv6, split_host};
use crate::backend::{Endpoint, OptionError, OptionValue, Options};
use crate::model::Limits;

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 6379;
/// The highest database number that SELECT takes.
const MAX_DB: u32 = i32::MAX as u32;
/// `sun_path` has 108 bytes on Linux, of which the last is a NUL.
const MAX_SOCKET_PATH: usize = 107;

/// Which version of the protocol to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// RESP3 if the server has it, else RESP2.
    Auto,
    Resp2,
    Resp3,
}

/// The name of the master to ask Sentinels for, and the login for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentinelOptions {
    /// The Sentinels' name for the master.
    pub(super) master: String,
    pub(super) credentials: Option<Credentials>,
}

/// Valid settings of a Redis client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    /// The addresses of the servers, or of the Sentinels if `sentinel` is set: at least one, none of them
    /// twice, in the owner's order.
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) sentinel: Option<SentinelOptions>,
    /// How its links are secured.
    pub(super) tls: Option<TlsOptions>,
    pub(super) credentials: Option<Credentials>,
    pub(super) db: u32,
    pub(super) name: Option<String>,
    pub(super) protocol: Protocol,
    /// Whether the owner says that the servers are nodes of a cluster.
    pub(super) cluster: bool,
    /// Whether the owner wants a replica.
    pub(super) replica: bool,
    pub(super) connect_timeout: Duration,
    pub(super) command_timeout: Duration,
    pub(super) ping_interval: Duration,
    pub(super) ping_timeout: Duration,
    /// Whether the client sends itself probes.
    pub(super) verify_delivery: bool,
    pub(super) reconnect_min: Duration,
    pub(super) reconnect_max: Duration,
    pub(super) limits: Limits,
    pub(super) max_message_bytes: usize,
}

impl Config {
    /// # Errors
    ///
    /// What is wrong with the options, naming the key.
    pub(super) fn new(options: Options) -> Result<Self, OptionError> {
        let url = options.url.as_deref().map(Url::parse).transpose()?;
        let mut set = OptionSet::new(options.pairs, |set| Self::read(set, None))?;
        let place = if options.is_place_fixed { OptionSet::keys(endpoints)? } else { Vec::new() };
        match place.into_iter().find(|key| set.has(key)) {
            Some(key) => Err(OptionError::Place { key: key.to_owned() }),
            None => Self::read(&mut set, url),
        }
    }

    fn read(set: &mut OptionSet, url: Option<Url>) -> Result<Self, OptionError> {
        let scheme = url.as_ref().map(|url| url.scheme.clone());
        let cluster = scheme.as_ref().is_some_and(|scheme| scheme.ends_with("-cluster"));
        let secure_scheme =
            scheme.filter(|scheme| scheme.starts_with("rediss") || scheme.starts_with("valkeys"));
        let ((endpoints, master), credentials, db) = match url {
            None => (endpoints(set)?, credentials(set, SERVER, None)?, db(set, None)?),
            Some(url) => {
                let credentials = credentials(set, SERVER, url.credentials.clone())?;
                let (db_text, place) = match url.scheme.as_str() {
                    "redis+unix" | "unix" => unix_url(set, url)?,
                    _ => redis_url(set, url)?,
                };
                (place, credentials, db(set, db_text.as_deref())?)
            }
        };
        let sentinel = sentinel(set, master)?;
        let tls = TlsOptions::take(set, secure_scheme.as_deref())?;
        if let (Some(_), [Endpoint::Unix(_)]) = (&tls, &*endpoints) {
            return Err(OptionError::invalid(
                "tls",
                "and a socket's path exclude each other: a socket is reached on its own machine only",
            ));
        }
        let mut seconds =
            |key, default: f64| Ok(set.seconds(key)?.unwrap_or_else(|| Duration::from_secs_f64(default)));
        let config = Self {
            endpoints,
            sentinel,
            tls,
            credentials,
            db,
            cluster,
            connect_timeout: seconds("connect_timeout", 5.0)?,
            command_timeout: seconds("command_timeout", 10.0)?,
            ping_interval: seconds("ping_interval", 15.0)?,
            ping_timeout: seconds("ping_timeout", 5.0)?,
            reconnect_min: seconds("reconnect_min", 0.1)?,
            reconnect_max: seconds("reconnect_max", 30.0)?,
            verify_delivery: set.boolean("verify_delivery")?.unwrap_or(false),
            name: name(set)?,
            protocol: protocol(set)?,
            replica: set.boolean("replica")?.unwrap_or(false),
            limits: set.limits()?,
            max_message_bytes: set.max_message_bytes()?,
        };
        if config.reconnect_min > config.reconnect_max {
            let max = config.reconnect_max.as_secs_f64();
            return Err(OptionError::invalid(
                "reconnect_min",
                format!("may not exceed reconnect_max, which is {max}"),
            ));
        }
        if config.max_message_bytes > config.limits.queue_bytes {
            let (message, queue) = (config.max_message_bytes, config.limits.queue_bytes);
            return Err(OptionError::invalid(
                "max_message_bytes",
                format!("is {message} and may not exceed queue_bytes, which is {queue}"),
            ));
        }
        if config.replica && config.sentinel.is_some() {
            return Err(OptionError::invalid(
                "replica",
                "and Sentinels exclude each other: they name the master",
            ));
        }
        if u32::try_from(config.max_message_bytes).is_err() {
            let most = u32::MAX;
            return Err(OptionError::invalid("max_message_bytes", format!("may be {most} at most")));
        }
        Ok(config)
    }
}

/// Where to connect to, and the name of the master if these are Sentinels.
type Place = (Vec<Endpoint>, Option<String>);

/// Hosts, ports and the text of the database of a `redis://` URL.
fn redis_url(set: &mut OptionSet, url: Url) -> Result<(Option<String>, Place), OptionError> {
    let is_sentinel = is_sentinel_scheme(&url.scheme);
    if let Some((key, _)) = url.query.first() {
        return Err(OptionError::Url(format!(
            "the URL has an unknown key \"{}\" after its question mark, where options about TLS may stand; give it in the options \
             table",
            key.escape_debug()
        )));
    }
    if url.hosts.iter().any(|host| host.name.is_empty()) {
        let example = if is_sentinel { SENTINEL_URL } else { "redis://host:6379" };
        return Err(OptionError::Url(format!("the URL names no host; write it as in {example}")));
    }
    set.given_once("host")?;
    if set.has("path") {
        return Err(OptionError::invalid("path", "and a host in the URL exclude each other"));
    }
    if url.hosts.iter().all(|host| host.port.is_some()) {
        set.given_once("port")?;
    }
    let endpoints = tcp(url.hosts, port(set, is_sentinel)?).map_err(OptionError::Url)?;
    let (master, db) = if is_sentinel {
        set.given_once("sentinel_master")?;
        let (master, db) = master_and_db(&url.path).map_err(OptionError::Url)?;
        (Some(master), db)
    } else {
        (None, String::from_utf8_lossy(&url.path).trim_start_matches('/').to_owned())
    };
    Ok((Some(db).filter(|db| !db.is_empty()), (endpoints, master)))
}

/// Path and the text of the database of a `redis+unix://` URL.
fn unix_url(set: &mut OptionSet, url: Url) -> Result<(Option<String>, Place), OptionError> {
    if url.hosts.iter().any(|host| !host.name.is_empty() || host.port.is_some()) {
        return Err(OptionError::Url(
            "a socket's URL has three slashes, as in redis+unix:///run/redis.sock".to_owned(),
        ));
    }
    set.given_once("path")?;
    if let Some(key) = ["host", "port"].into_iter().find(|key| set.has(key)) {
        return Err(OptionError::invalid(key, "and a socket's path in the URL exclude each other"));
    }
    let mut db = None;
    for (key, value) in url.query {
        if key != "db" || db.is_some() {
            return Err(OptionError::Url(format!(
                "after the question mark a redis+unix:// URL takes db once and nothing else, not \"{}\"",
                key.escape_debug()
            )));
        }
        db = Some(value);
    }
    let path = String::from_utf8(url.path).ok().and_then(|path| socket_path(path).ok());
    let Some(path) = path else {
        return Err(OptionError::Url(format!("the URL's path {SOCKET_PATH_RULE}")));
    };
    unix_only(|| {
        OptionError::Url("redis+unix:// works on Unix systems alone; use redis:// here".to_owned())
    })?;
    Ok((db, (vec![Endpoint::Unix(path)], None)))
}

/// Where to connect to without a URL.
fn endpoints(set: &mut OptionSet) -> Result<Place, OptionError> {
    let tcp_key = ["host", "port", "sentinel_master"].into_iter().find(|key| set.has(key));
    if let Some(path) = set.text("path")? {
        if let Some(key) = tcp_key {
            return Err(OptionError::invalid(key, "and path exclude each other"));
        }
        unix_only(|| OptionError::invalid("path", "works on Unix systems alone; use host and port here"))?;
        let path = socket_path(path).map_err(|rule| OptionError::invalid("path", rule))?;
        return Ok((vec![Endpoint::Unix(path)], None));
    }
    let text = set.text("host")?.unwrap_or_else(|| DEFAULT_HOST.to_owned());
    // With a port, an IPv6 address has brackets.
    let split = |text: &str| {
        if is_ipv6(text) { Ok(Host { name: text.to_owned(), port: None }) } else { split_host(text) }
    };
    let invalid = || OptionError::invalid("host", HOST_RULE);
    let hosts: Vec<_> = text.split(',').map(split).collect::<Result<_, _>>().map_err(|_| invalid())?;
    if hosts.iter().all(|host| host.port.is_some()) && set.has("port") {
        return Err(OptionError::invalid("port", "is given by host already; give it once"));
    }
    let master = set
        .text("sentinel_master")?
        .map(|name| master_name(name).ok_or_else(|| OptionError::invalid("sentinel_master", MASTER_RULE)));
    let master = master.transpose()?;
    Ok((tcp(hosts, port(set, master.is_some())?).map_err(|_| invalid())?, master))
}

/// The settings for Sentinels, if the hosts are Sentinels; `master` is the name of the master in the URL.
fn sentinel(set: &mut OptionSet, master: Option<String>) -> Result<Option<SentinelOptions>, OptionError> {
    let Some(master) = master else {
        let key =
            ["sentinel_master", SENTINELS.user, SENTINELS.password].into_iter().find(|key| set.has(key));
        return match key {
            Some(key) => {
                let problem = format!(
                    "is for Sentinels: use a URL that begins with redis-sentinel://, as in {SENTINEL_URL}, or host \
                     and sentinel_master in place of a URL"
                );
                Err(OptionError::invalid(key, problem))
            }
            None => Ok(None),
        };
    };
    Ok(Some(SentinelOptions { master, credentials: credentials(set, SENTINELS, None)? }))
}

const HOST_RULE: &str = "must be a name or address, or several with commas between them, each followed by a colon and its port \
                         if that differs from the option port; user, password and the rest have options too";

/// The endpoints of hosts, each once. Hosts without a port get this one.
fn tcp(hosts: Vec<Host>, port: u16) -> Result<Vec<Endpoint>, String> {
    let mut endpoints = Vec::with_capacity(hosts.len());
    for Host { name, port: own } in hosts {
        let endpoint = Endpoint::Tcp { host: host(name)?, port: own.unwrap_or(port) };
        if !endpoints.contains(&endpoint) {
            endpoints.push(endpoint);
        }
    }
    Ok(endpoints)
}

fn port(set: &mut OptionSet, is_sentinel: bool) -> Result<u16, OptionError> {
    let port = set.whole("port", 1..=u32::from(u16::MAX))?;
    let default = if is_sentinel { SENTINEL_PORT } else { DEFAULT_PORT };
    Ok(port.and_then(|port| u16::try_from(port).ok()).unwrap_or(default))
}

/// A host's name, or its address without brackets.
pub(super) fn host(text: String) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&text);
    if is_ipv6(bare) {
        return Ok(bare.to_owned());
    }
    let foreign = |c: char| c.is_whitespace() || c.is_control() || ":/?#@[]\"".contains(c);
    if text.is_empty() || text.contains(foreign) {
        return Err("the URL's host must be a name or an address".to_owned());
    }
    Ok(text)
}

const SOCKET_PATH_RULE: &str =
    "must be the path of a socket: an absolute one, at most 107 bytes, without NUL";

fn socket_path(path: String) -> Result<PathBuf, &'static str> {
    if !path.starts_with('/') || path.len() < 2 || path.len() > MAX_SOCKET_PATH || path.contains('\0') {
        return Err(SOCKET_PATH_RULE);
    }
    Ok(PathBuf::from(path))
}

fn unix_only(error: impl FnOnce() -> OptionError) -> Result<(), OptionError> {
    if cfg!(unix) { Ok(()) } else { Err(error()) }
}

fn db(set: &mut OptionSet, in_url: Option<&str>) -> Result<u32, OptionError> {
    let Some(text) = in_url else {
        return Ok(set.whole("db", 0..=MAX_DB)?.unwrap_or(0));
    };
    set.given_once("db")?;
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&db| digits && db <= MAX_DB).ok_or_else(|| {
        OptionError::Url("the URL's database must be a whole number, as in redis://host:6379/0".to_owned())
    })
}

fn name(set: &mut OptionSet) -> Result<Option<String>, OptionError> {
    let name = set.bytes("name")?;
    // The names that CLIENT SETNAME accepts: https://redis.io/docs/latest/commands/client-setname/
    let valid = |name: &Vec<u8>| !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    match name.map(|name| if valid(&name) { String::from_utf8(name).ok() } else { None }) {
        None => Ok(None),
        Some(Some(name)) => Ok(Some(name)),
        Some(None) => Err(OptionError::invalid(
            "name",
            "must be of printable ASCII characters, at least one, without spaces",
        )),
    }
}

fn protocol(set: &mut OptionSet) -> Result<Protocol, OptionError> {
    match set.take("protocol") {
        None => Ok(Protocol::Auto),
        Some(OptionValue::String(text)) if text == b"auto" => Ok(Protocol::Auto),
        Some(OptionValue::Number(2.0)) => Ok(Protocol::Resp2),
        Some(OptionValue::Number(3.0)) => Ok(Protocol::Resp3),
        Some(other) => {
            Err(OptionError::invalid("protocol", format!("must be \"auto\", 2 or 3, not {}", shown(&other))))
        }
    }
}
