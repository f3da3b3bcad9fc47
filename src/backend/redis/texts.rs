//! The one place where a text of the server becomes one of ours: errors, the server's name and its version.
//!
//! These texts are chosen by the server at the configured address, or by anything in between, and they end up on
//! consoles, in logs and in addons. So each is [`printable`], of bounded length, and without the password of the
//! login.
//!
//! # What is promised about the password, and what cannot be
//!
//! It is cut out where it appears unchanged or as hexadecimal digits, upper or lower case: servers echo input that
//! they do not understand, and some escape it. It is not cut out of [fixed words of servers](FIXED_ANSWERS), because
//! the hole would reveal that the password is one of those words. A malicious server knows the password and can show
//! it in many other ways: reversed, in Base64, in two parts. Nothing here prevents that.
//!
//! Data, such as strings in replies and messages, belongs to the addon and stays as it is.
//!
//! [`printable`]: crate::model::printable

use super::config::{self, Config};
use super::protocol::{ASK, CLUSTER_DOWN, CROSS_SLOT, MOVED, TRY_AGAIN};
use crate::backend::Endpoint;
use crate::model::{Code, Error, NAME_CHARACTERS, Printable};

/// How many characters of an error are kept, whether it is from the server, the system or a library.
pub(super) const ERROR_CHARACTERS: usize = 512;

/// The longest code of an error. A longer word is not a code.
const CODE_BYTES: usize = 64;

/// The longest name of a host: RFC 1035.
const HOST_BYTES: usize = 253;

/// The replacement for the password.
const HOLE: &str = "…";

/// Codes with which servers begin their errors. None of them reveals anything about a password.
const FIXED_CODES: [&str; 23] = [
    ASK,
    "BUSY",
    "BUSYGROUP",
    "BUSYKEY",
    CLUSTER_DOWN,
    CROSS_SLOT,
    "DENIED",
    "ERR",
    "EXECABORT",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    MOVED,
    "NOAUTH",
    "NOPERM",
    "NOPROTO",
    "NOREPLICAS",
    "NOSCRIPT",
    "OOM",
    "READONLY",
    TRY_AGAIN,
    "WRONGPASS",
    "WRONGTYPE",
];

/// Servers' answers that echo nothing. A password that is one of their words is not cut out of them: they would be
/// hard to read, and the hole would reveal it.
const FIXED_ANSWERS: [&[u8]; 10] = [
    b"AUTH <password> called without any password configured for the default user. Are you sure your configuration is \
      correct?",
    b"Authentication required.",
    b"Client sent AUTH, but no password is set",
    b"invalid password",
    b"invalid username-password pair",
    b"invalid username-password pair or user is disabled.",
    b"max number of clients + cluster connections reached",
    b"max number of clients reached",
    b"wrong number of arguments for 'auth' command",
    b"wrong number of arguments for 'hello' command",
];

/// The first words of servers' answers to an unknown command, the longest first. An echo of the command may follow,
/// so the text after them is searched.
const FIXED_BEGINNINGS: [&[u8]; 3] = [b"unknown command", b"unknown", b"unsupported"];

/// Servers' names for themselves.
const FIXED_NAMES: [&[u8]; 2] = [b"redis", b"valkey"];

/// An error of the server. Its code is the first word, if it looks like one.
pub(super) fn server_error(text: &[u8], config: &Config) -> Error {
    let end = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    let (code, message) = match code(first, text, config) {
        Some(code) => (code, rest.trim_ascii_start()),
        None => ("ERR", text),
    };
    let (secret, fixed) = if FIXED_ANSWERS.contains(&message) {
        (&[][..], 0)
    } else {
        (secret(config), beginning(message, secret(config)))
    };
    let message = shown(secret, fixed, message, ERROR_CHARACTERS);
    Error::sent(Code::Server(code.into()), message)
}

/// How many bytes at the beginning of an error are fixed words of servers, which may stay even if the secret is one
/// of them.
fn beginning(message: &[u8], secret: &[u8]) -> usize {
    let starts =
        |words: &&[u8]| message.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words));
    let fixed = FIXED_BEGINNINGS.into_iter().find(starts).map_or(0, <[u8]>::len);
    let goes_on = |at: usize| secret_at(secret, &message[at..]).is_some_and(|length| at + length > fixed);
    if (0..fixed).any(goes_on) { 0 } else { fixed }
}

/// The server's own name or version.
pub(super) fn server_name(text: &[u8], config: &Config) -> Box<str> {
    let secret = if FIXED_NAMES.contains(&text) { &[] } else { secret(config) };
    shown(secret, 0, text, NAME_CHARACTERS).into()
}

/// A host name that the server sent. `None` if it is not text, is longer than host names are, or has the password in
/// it.
fn host_name<'a>(text: &'a [u8], config: &Config) -> Option<&'a str> {
    let has_secret = (0..text.len()).any(|at| secret_at(secret(config), &text[at..]).is_some());
    std::str::from_utf8(text).ok().filter(|_| text.len() <= HOST_BYTES && !has_secret)
}

/// A host and port that the server sent. `None` if they cannot be an address, like `?` for an unknown name.
pub(super) fn endpoint(host: &[u8], port: u16, config: &Config) -> Option<Endpoint> {
    let host = config::host(host_name(host, config)?.to_owned()).ok()?;
    (port > 0).then_some(Endpoint::Tcp { host, port })
}

/// The first word of an error, if it is a code.
fn code<'a>(first: &'a [u8], text: &[u8], config: &Config) -> Option<&'a str> {
    let is_code = first.first().is_some_and(u8::is_ascii_uppercase)
        && first.len() <= CODE_BYTES
        && first.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_-".contains(b));
    let code = std::str::from_utf8(first).ok().filter(|_| is_code)?;
    let secret = secret(config);
    let holds_secret = || (0..=first.len()).any(|at| secret_at(secret, &text[at..]).is_some());
    (FIXED_CODES.contains(&code) || !holds_secret()).then_some(code)
}

/// The bytes that must not be printed; empty if there is no login.
fn secret(config: &Config) -> &[u8] {
    config.credentials.as_ref().map_or(&[], |login| &login.password)
}

/// A text as one line of at most `most` characters, without the secret. The first `fixed` bytes are left alone.
fn shown(secret: &[u8], fixed: usize, text: &[u8], most: usize) -> String {
    let mut out = Printable::new(most);
    let (head, mut rest) = text.split_at(fixed);
    out.push(head);
    loop {
        // The search goes no further than the printed text can reach.
        let window = rest.len().min(out.window());
        let found = (0..window).find_map(|at| Some((at, secret_at(secret, &rest[at..])?)));
        let Some((at, length)) = found else {
            out.push(rest);
            return out.finish(text.len());
        };
        out.push(&rest[..at]);
        out.push(HOLE.as_bytes());
        rest = &rest[at + length..];
    }
}

/// The length of the secret at the beginning of a text, unchanged or as hexadecimal digits; `None` if it is not
/// there.
fn secret_at(secret: &[u8], text: &[u8]) -> Option<usize> {
    if secret.is_empty() {
        return None;
    }
    if text.starts_with(secret) {
        return Some(secret.len());
    }
    let digits = text.get(..2 * secret.len())?;
    let value = |digit: u8| char::from(digit).to_digit(16);
    let is_secret = |(pair, &byte): (&[u8; 2], &u8)| {
        value(pair[0]).zip(value(pair[1])).is_some_and(|(high, low)| high << 4 | low == u32::from(byte))
    };
    digits.as_chunks::<2>().0.iter().zip(secret).all(is_secret).then_some(digits.len())
}
