//! URLs of the form `scheme://[[user]:password@]host[:port][,host[:port]…][/path][?key=value]`, for every backend.
//!
//! A URL holds a password and is easily mistyped: errors quote only its scheme.

use std::net::Ipv6Addr;

use super::OptionError;

/// User and password, any bytes each.
pub(super) type Credentials = (Vec<u8>, Vec<u8>);

/// The address of a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// Name or address, without brackets.
    pub(super) name: String,
    pub(super) port: Option<u16>,
}

/// The parts of a URL, percent-decoded.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Url {
    /// In lower case, without `://`.
    pub(super) scheme: String,
    /// User and password; the user may be empty.
    pub(super) credentials: Option<Credentials>,
    /// At least one. If it is the only one, its host may be empty.
    pub(super) hosts: Vec<Host>,
    /// With its leading slash, if it has one.
    pub(super) path: Vec<u8>,
    /// Keys and values after the question mark.
    pub(super) query: Vec<(String, String)>,
}

impl Url {
    /// # Errors
    ///
    /// What is wrong, and the right form.
    pub(super) fn parse(url: &str) -> Result<Self, OptionError> {
        let (scheme, rest) = split_scheme(url)?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if rest.contains('@') {
            return Err(error("percent-encode the characters / ? # @ in the URL's user and password"));
        }
        if rest.contains('#') {
            return Err(error("the URL has a fragment (#…), which means nothing here"));
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((user_info, hosts)) => (split_credentials(user_info)?, hosts),
            None => (None, authority),
        };
        Ok(Self {
            scheme,
            credentials,
            hosts: split_hosts(hosts)?,
            path: percent_decode(path)?,
            query: query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(split_pair)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// The scheme in lower case, and the text after `://`.
pub(super) fn split_scheme(url: &str) -> Result<(String, &str), OptionError> {
    is_one_word(url)?;
    let valid = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    match url.split_once("://") {
        Some((scheme, rest)) if valid(scheme) => Ok((scheme.to_ascii_lowercase(), rest)),
        _ => Err(error("a URL begins with its scheme, as in redis://host:6379")),
    }
}

/// Refuses characters that no URL contains, which show that more than the URL was copied.
fn is_one_word(url: &str) -> Result<(), OptionError> {
    if url.contains(['\n', '\r']) {
        return Err(error("the URL has a line break in it: write it on one line"));
    }
    if url.contains(char::is_whitespace) {
        return Err(error("the URL has white space in it (a space is written %20)"));
    }
    if url.contains(char::is_control) {
        return Err(error("the URL has a control character in it: percent-encode it"));
    }
    Ok(())
}

fn split_credentials(user_info: &str) -> Result<Option<Credentials>, OptionError> {
    // The last @ ends the password. If a comma follows an earlier one, the URL seems to have a login for each host.
    if user_info.split_once('@').is_some_and(|(_, rest)| rest.contains(',')) {
        return Err(error(
            "write user and password in the URL once, before the first host (a @ in a password is written %40)",
        ));
    }
    let Some((user, password)) = user_info.split_once(':') else {
        return Err(error("the URL has a user but no password; write user:password@ or :password@"));
    };
    // An empty variable in a template such as redis://:$PASSWORD@host.
    if user.is_empty() && password.is_empty() {
        return Ok(None);
    }
    Ok(Some((percent_decode(user)?, percent_decode(password)?)))
}

fn split_hosts(hosts: &str) -> Result<Vec<Host>, OptionError> {
    if hosts.contains(',') && hosts.split(',').any(str::is_empty) {
        return Err(error(
            "the URL has a comma with no host before or after it; write redis://a:6379,b:6379",
        ));
    }
    hosts.split(',').map(split_host).collect()
}

/// A host with its port, if it names one.
pub(super) fn split_host(text: &str) -> Result<Host, OptionError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((host, port)) = rest.split_once(']') else {
            return Err(error("the URL's IPv6 address has no closing bracket"));
        };
        if !is_ipv6(host) {
            return Err(error("the URL has no IPv6 address in its brackets"));
        }
        // The % before a zone is written %25, as RFC 6874 asks, or unescaped. With nothing after it, 25 is the zone.
        match host.split_once("%25") {
            Some((address, zone)) if !zone.is_empty() => (format!("{address}%{zone}"), port),
            _ => (host.to_owned(), port),
        }
    } else {
        let at = text.find(':').unwrap_or(text.len());
        let (host, port) = text.split_at(at);
        if port.matches(':').count() > 1 {
            return Err(error("the URL's IPv6 address needs brackets, as in redis://[::1]:6379"));
        }
        (host.to_owned(), port)
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse::<u16>().ok().filter(|&port| port > 0).map(Some).ok_or_else(bad_port)?
        }
        _ => return Err(bad_port()),
    };
    Ok(Host { name: host, port })
}

/// Whether `host` is an IPv6 address, with or without a zone.
pub(super) fn is_ipv6(host: &str) -> bool {
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

fn split_pair(pair: &str) -> Result<(String, String), OptionError> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(error("the URL's query is written ?key=value"));
    };
    match (String::from_utf8(percent_decode(key)?), String::from_utf8(percent_decode(value)?)) {
        (Ok(key), Ok(value)) => Ok((key, value)),
        _ => Err(error("the URL's query is not UTF-8 text")),
    }
}

pub(super) fn percent_decode(text: &str) -> Result<Vec<u8>, OptionError> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => decoded.extend(u8::try_from(high * 16 + low)),
            _ => {
                return Err(error("a % in the URL needs two hexadecimal digits after it; a % itself is %25"));
            }
        }
    }
    Ok(decoded)
}

pub(super) fn bad_port() -> OptionError {
    error(
        "the URL's port must be a number from 1 to 65535 (percent-encode the characters / ? # @ in a password)",
    )
}

fn error(text: &str) -> OptionError {
    OptionError::Url(text.to_owned())
}
