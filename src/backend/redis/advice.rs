//! What an owner can do about a connection that fails, in our words: a server's own advice may be dangerous, or about
//! commands that no owner typed. The server's words follow.

use std::io::{Error as IoError, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use resp::DecodeError;

use super::config::Config;
use super::texts::server_name;
use crate::backend::{LinkError, Stage};

/// How many characters of the server's words follow ours.
const WORDS: usize = 160;

/// Our words, then the server's.
pub(super) fn with_words(ours: &str, words: &str) -> String {
    let words = words.trim_end_matches('.');
    if words.is_empty() {
        return ours.to_owned();
    }
    let cut = words.char_indices().nth(WORDS).map_or(words, |(at, _)| &words[..at]);
    let dots = if cut.len() < words.len() { " …" } else { "" };
    format!("{ours}; the server's words: {cut}{dots}")
}

/// What to do about a refused login.
pub(super) fn login(code: &str, words: &str) -> String {
    let text = words.to_ascii_lowercase();
    let ours = if text.contains("without any password") || text.contains("no password is set") {
        "the server refused the login: it has no password, and one was given; leave it out, or set one in the server's \
         configuration (requirepass)"
    } else if code == "WRONGPASS" || text.contains("invalid password") {
        "the server refused the login: wrong user name or password, or the user is disabled; compare both with the server's \
         configuration (requirepass; ACL LIST in redis-cli), and percent-encode @ : / # ? % in a URL"
    } else {
        return format!("the server refused the login: {words}");
    };
    with_words(ours, words)
}

/// What to do about protected mode. Redis's own text of a thousand characters begins with how to turn the mode off.
pub(super) fn protected_mode(words: &str) -> String {
    let ours = "the server is in protected mode, because it has no password: it serves only programs on its own machine; set a \
                password in its configuration (requirepass), restart it, and put the password into the URL \
                (redis://:password@host)";
    with_words(ours, words)
}

/// What to do if the server has reached its limit of clients.
pub(super) fn full(words: &str) -> String {
    let ours = "the server refused the connection: it has as many clients as it may have; CLIENT LIST in redis-cli tells who \
                they are, and maxclients in its configuration how many there may be";
    with_words(ours, words)
}

/// What to do if bytes cannot be parsed, or exceed a limit of the parser.
pub(super) fn undecodable(error: DecodeError) -> String {
    use resp::ErrorKind as Kind;

    match error.kind {
        Kind::DepthLimit
        | Kind::AggregateLimit
        | Kind::ElementsLimit
        | Kind::BlobLimit
        | Kind::LineLimit
        | Kind::FrameLimit => {
            format!(
                "the server sent a reply beyond what this module accepts ({error}); the client connects again"
            )
        }
        _ => format!(
            "the server's bytes are not RESP, so it is not a Redis server; check host and port ({error})"
        ),
    }
}

/// What to do if no server can be reached; follows the system's error text.
pub(super) fn unreachable(cause: &LinkError) -> &'static str {
    match cause {
        LinkError::Resolve { .. } => {
            "; is the name right, and does the name server know it? An IP address needs no name server"
        }
        LinkError::Connect { address, source } if source.kind() == ErrorKind::ConnectionRefused => {
            if is_loopback(address) {
                "; nobody listens there: does Redis run on this machine, with this port? In a container, this address is the \
                 container itself"
            } else if is_tcp(address) {
                "; nobody listens there: does Redis run on that machine, with this port, and does bind in its configuration \
                 name this address?"
            } else {
                "; nobody listens there: does Redis run, with this file as its unixsocket?"
            }
        }
        LinkError::Connect { address, source } if !is_tcp(address) => socket_file(source),
        LinkError::Connect { source, .. }
            if matches!(source.kind(), ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) =>
        {
            "; a firewall refuses it, or a tunnel or network between is down"
        }
        LinkError::TimedOut(Stage::Connect { .. }, _) => {
            "; a firewall drops what is sent there, or nobody has this address"
        }
        LinkError::TimedOut(Stage::Lookup { .. }, _) => "; the name server is slow: an IP address needs none",
        LinkError::Connect { .. }
        | LinkError::Eof
        | LinkError::Truncated
        | LinkError::Io(_)
        | LinkError::Tls(_) => "",
    }
}

fn socket_file(source: &IoError) -> &'static str {
    match source.kind() {
        ErrorKind::NotFound => "; there is no such file: does Redis run, with this file as its unixsocket?",
        ErrorKind::PermissionDenied => {
            "; this server's user may not use that file: see unixsocketperm in the configuration of Redis"
        }
        _ => "",
    }
}

fn ip(address: &str) -> Option<IpAddr> {
    address.parse().map(|address: SocketAddr| address.ip()).ok()
}

fn is_tcp(address: &str) -> bool {
    !address.contains('/')
}

fn is_loopback(address: &str) -> bool {
    ip(address).is_some_and(|ip| ip.is_loopback()) || address.starts_with("localhost:")
}

/// Which kind of server sent these bytes, if it is not Redis.
pub(super) fn stranger(opening: &[u8], config: &Config) -> Option<String> {
    let has = |words: &[u8]| opening.windows(words.len()).any(|part| part.eq_ignore_ascii_case(words));
    let who = match opening {
        // Some web servers answer an invalid request with a page and no header before it.
        [b'<', ..] => "an HTTP server",
        _ if opening.starts_with(b"HTTP/") => "an HTTP server",
        // A TLS record begins with its type (alert: 21, handshake: 22) and the major version 3.
        [21 | 22, 3, ..] => {
            return Some(
                "the server speaks TLS on this port: write rediss:// instead of redis://".to_owned(),
            );
        }
        _ if opening.starts_with(b"SSH-") => "an SSH server",
        // A MySQL packet: three bytes of length, its number, and the protocol's version 10 or an error.
        [_, _, 0, 0 | 1, 10 | 255, ..] => "a MySQL or MariaDB server",
        [b'E', 0, ..] => "a PostgreSQL server",
        _ if opening.starts_with(b"220") && has(b"FTP") => "an FTP server",
        _ if opening.starts_with(b"220") => "a mail server",
        _ if opening.starts_with(b"* OK") || opening.starts_with(b"+OK ") => "a mail server",
        _ if opening.starts_with(b"AMQP") => "a message broker (AMQP)",
        _ if opening == b"ERROR" || opening.starts_with(b"ERROR\r") => "a memcached server",
        _ => return None,
    };
    let line = opening.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    // Servers of these kinds greet and name their software. A web server's answer is about our bytes.
    let greets = [&b"SSH-"[..], b"220", b"* OK", b"+OK "].iter().any(|start| line.starts_with(start));
    let words = if greets { format!(" (it says {})", server_name(line, config)) } else { String::new() };
    Some(format!("{who} answers there, not Redis; check host and port{words}"))
}
