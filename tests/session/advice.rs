//! Errors about a server that cannot be used: first what to do, in our words; then the server's.

use std::io;

use realtime::backend::{LinkError, Stage};

use crate::client::Client;
use crate::handshake::turned_away;

/// The error of a connection that fails begins with what to do, and the server's own words follow.
#[test]
fn advice_comes_before_the_servers_words() {
    let protected = format!(
        "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default \
         user. {} 1) Just disable protected mode\r\n",
        "In this mode connections are only accepted from the loopback interface. ".repeat(4)
    );
    for (url, answer, code, ours, theirs) in [
        (
            "redis://server",
            protected.as_str(),
            "DENIED",
            "set a password in its configuration (requirepass)",
            "Redis is running in protected mode",
        ),
        (
            "redis://:a@server",
            &protected,
            "DENIED",
            "set a password in its configuration",
            "Redis is running in protected mode",
        ),
        (
            "redis://a:b@server",
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
            "WRONGPASS",
            "wrong user name or password, or the user is disabled",
            "invalid username-password pair",
        ),
        (
            "redis://:a@server",
            "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n",
            "AUTH",
            "it has no password, and one was given",
            "AUTH <password> called without any password",
        ),
        (
            "redis://server",
            "-ERR max number of clients reached\r\n",
            "ERR",
            "maxclients in its configuration",
            "max number of clients reached",
        ),
    ] {
        // Possible answers to HELLO, and then to AUTH.
        let refused = &b"-ERR unknown command 'HELLO'\r\n"[..];
        let answers = [refused, answer.as_bytes()];
        let error = turned_away(url, &[], if code == "AUTH" { &answers } else { &answers[1..] });
        assert_eq!(error.code.as_str(), code, "{error}");
        let place =
            |words: &str| error.message.find(words).unwrap_or_else(|| panic!("no {words:?} in {error}"));
        assert!(
            place(ours) < place("; the server's words: ") && place("; the server's words: ") < place(theirs),
            "{error}"
        );
        assert!(!error.message.contains("Just disable") && error.message.len() < 500, "{error}");
    }
}

#[test]
fn a_sentinel_is_named() {
    let hello = &b"%2\r\n+server\r\n+redis\r\n+mode\r\n+sentinel\r\n"[..];
    let info = &b"$43\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n\r\n"[..];
    assert_eq!(info.len(), 5 + 43 + 2);
    let old = [&b"-ERR unknown command 'HELLO'\r\n"[..], &[&b"-ERR no\r\n-ERR no\r\n"[..], info].concat()];
    for answers in [&[hello][..], &old] {
        let error = turned_away("redis://server", &[], answers);
        assert_eq!(error.code.as_str(), "UNSUPPORTED");
        assert!(
            error.message.starts_with("a Sentinel answers there")
                && error.message.contains("redis-sentinel://host:26379/NAME"),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_redis_server() {
    for (answer, word) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HTTP"),
        (b"<!DOCTYPE HTML>\n<html>", "HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
        (b"\x15\x03\x03\x00\x02\x02\x0a", "TLS"),
        (b"\x16\x03\x03\x00\x31", "TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (
            b"220 mail.example.com ESMTP\r\n",
            "a mail server answers there, not Redis; check host and port (it says 220 mail.example.com ESMTP)",
        ),
        (b"220 (vsFTPd 3.0.3)\r\n", "an FTP server answers there"),
        (b"220 \x1b[2Jmail\r\n", r"(it says 220 \x1b[2Jmail)"),
        (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", "a mail server answers there"),
        (b"+OK Dovecot ready.\r\n", "a mail server answers there"),
        (b"J\0\0\0\n8.0.36\0\x08\0\0\0", "a MySQL or MariaDB server answers there"),
        (b"+\0\0\0\n5.5.5-10.11.6-MariaDB\0\r\n", "a MySQL or MariaDB server answers there"),
        (b"G\0\0\x01\xff\x6a\x04Host '10.0.0.7' is not allowed", "a MySQL or MariaDB server answers there"),
        (b"ERROR\r\n", "a memcached server answers there"),
        (b"AMQP\0\0\x09\x01", "a message broker (AMQP) answers there"),
        (b"hello there\r\n", "not RESP"),
        (b"+HELLO yourself\r\n", "HELLO"),
    ] {
        let error = turned_away("redis://server", &[], &[answer]);
        assert_eq!(error.code.as_str(), "PROTOCOL");
        assert!(error.message.contains(word), "{error}");
    }
}

/// The system's error, and what to do about it.
#[test]
fn what_cannot_be_reached() {
    let connect = |address: &str, kind: io::ErrorKind| LinkError::Connect {
        address: address.into(),
        source: kind.into(),
    };
    let took = std::time::Duration::from_secs(5);
    for (cause, code, words) in [
        (
            connect("10.0.0.5:6379", io::ErrorKind::ConnectionRefused),
            "REFUSED",
            "does bind in its configuration name this address?",
        ),
        (
            connect("127.0.0.1:6379", io::ErrorKind::ConnectionRefused),
            "REFUSED",
            "In a container, this address is the container itself",
        ),
        (
            connect("[::1]:6379", io::ErrorKind::ConnectionRefused),
            "REFUSED",
            "In a container, this address is the container itself",
        ),
        (
            connect("/run/redis.sock", io::ErrorKind::ConnectionRefused),
            "REFUSED",
            "does Redis run, with this file as its unixsocket?",
        ),
        (connect("/run/redis.sock", io::ErrorKind::NotFound), "REFUSED", "there is no such file"),
        (connect("/run/redis.sock", io::ErrorKind::PermissionDenied), "REFUSED", "unixsocketperm"),
        (
            connect("10.0.0.5:6379", io::ErrorKind::HostUnreachable),
            "REFUSED",
            "a firewall refuses it, or a tunnel",
        ),
        (
            LinkError::TimedOut(Stage::Connect { address: "10.0.0.5:6379".into(), took }, None),
            "TIMEOUT",
            "a firewall drops what is sent there",
        ),
        (
            LinkError::TimedOut(Stage::Lookup { host: "server".into(), took }, None),
            "TIMEOUT",
            "the name server is slow",
        ),
        (LinkError::Resolve { host: "server".into(), reason: "no".into() }, "RESOLVE", "is the name right"),
    ] {
        let said = cause.to_string();
        let mut client = Client::new("redis://server", &[]);
        client.expect_connect(0);
        client.lost(0, cause);
        let (error, _) = client.expect_down();
        assert_eq!(error.code.as_str(), code);
        assert!(error.message.starts_with(&said) && error.message.contains(words), "{error}");
    }
}
