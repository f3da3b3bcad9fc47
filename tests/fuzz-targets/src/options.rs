//! URL and options table: whatever a script gives, it is taken or refused with a word about it, and no secret gets out.

use std::sync::Arc;
use std::time::Instant;

use arbitrary::{Arbitrary, Result, Unstructured};
use realtime::backend::{Action, Backend, Endpoint, OptionValue, Options, Start, configure};
use realtime::model::{Args, Counters};

/// Stands for a password. An input that contains it has guessed it, and is not checked for it.
const SECRET: &str = "correct-horse-battery-staple";
/// In the input's text, stands for [`SECRET`].
const SECRET_MARK: char = '\u{1}';

const KEYS: &[&str] = &[
    "host",
    "port",
    "path",
    "username",
    "password",
    "db",
    "name",
    "protocol",
    "replica",
    "tls",
    "tls_name",
    "tls_pin",
    "tls_insecure",
    "connect_timeout",
    "command_timeout",
    "ping_interval",
    "ping_timeout",
    "reconnect_min",
    "reconnect_max",
    "queue_events",
    "queue_bytes",
    "overflow",
    "max_pending",
    "max_message_bytes",
    "verify_delivery",
    "sentinel_master",
    "sentinel_username",
    "sentinel_password",
];

/// Reads a URL and a table: the URL is a length and its text, in which a byte 1 stands for a password; then keys and
/// values.
pub fn options(input: &[u8]) {
    let mut u = Unstructured::new(input);
    let Ok((raw, pairs)) = given(&mut u) else { return };
    let url = raw.as_ref().map(|raw| raw.replace(SECRET_MARK, SECRET));
    // Where the mark is a password, and only there, the text after it is secret.
    let is_known = input.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
    let is_secret = !is_known && raw.as_ref().is_none_or(|raw| marks_a_password(raw));
    let options = Options { url: url.clone(), pairs, ..Options::default() };
    match configure(options.clone()) {
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty());
            assert!(!is_secret || !text.contains(SECRET), "{text}");
        }
        Ok(backend) => {
            assert!(!is_secret || !backend.address().contains(SECRET), "{}", backend.address());
            let again = configure(options).expect("it was taken before");
            assert!(backend.same_settings(&*again));
            let limits = backend.limits();
            assert!(limits.queue_events > 0 && limits.queue_bytes > 0 && limits.max_pending > 0);
            assert!(!backend.command_timeout().is_zero());
            begins(&*backend);
        }
    }
    if let Some(url) = url {
        without_secret_in_two_forms(&url);
    }
    let words: Args = input.split(|&byte| byte == b' ').collect();
    if let Ok(backend) = configure(Options::default())
        && let Err(error) = backend.check(&words, str::to_owned)
    {
        assert!(!error.is_empty() && !error.contains(['\r', '\n', '\0']), "{error:?}");
    }
}

/// The mark stands once, between `user:` and the last `@` before the path.
fn marks_a_password(raw: &str) -> bool {
    let Some((scheme, rest)) = raw.split_once("://") else { return false };
    match rest.split_once(SECRET_MARK) {
        None => !raw.contains(SECRET_MARK),
        Some((before, behind)) => {
            before.contains(':')
                && !before.contains(['/', '?', '#', '@'])
                && behind.starts_with('@')
                && !behind.contains(SECRET_MARK)
                && !scheme.contains(SECRET_MARK)
        }
    }
}

/// A session's first wish is a link to one of its backend's addresses.
fn begins(backend: &dyn Backend) {
    let counters = Arc::new(Counters::default());
    let mut session = backend.session(Start { now: Instant::now(), seed: 1, counters });
    let Some(Action::Connect { endpoint, .. }) = session.poll_action() else {
        panic!("a session that does not want to connect");
    };
    let told = backend.address();
    // Sentinels, and the name that they have for the master.
    let hosts = told.split_once('/').filter(|_| !told.starts_with('/')).map_or(&*told, |(hosts, _)| hosts);
    match endpoint {
        Endpoint::Tcp { host, port } => {
            assert!(!host.is_empty() && port > 0);
            let address =
                if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
            assert!(hosts.split(',').any(|one| one == address), "{address:?} of {told:?}");
        }
        Endpoint::Unix(path) => assert_eq!(told, path.display().to_string()),
    }
    // It accepts its own output: the addresses name the same places again.
    if !told.contains(['/', '%', '?', '#', '@']) {
        let url = Some(format!("redis://{told}"));
        let again = configure(Options { url, ..Options::default() }).map(|backend| backend.address());
        assert_eq!(again, Ok(told));
    }
}

/// The scheme's case does not matter, and database zero counts as no database.
fn without_secret_in_two_forms(url: &str) {
    let Some((scheme, rest)) = url.split_once("://") else { return };
    let make = |url: String| configure(Options { url: Some(url), ..Options::default() });
    let lower = make(format!("{}://{rest}", scheme.to_ascii_lowercase()));
    let upper = make(format!("{}://{rest}", scheme.to_ascii_uppercase()));
    match (lower, upper) {
        (Ok(lower), Ok(upper)) => assert!(lower.same_settings(&*upper), "{url}"),
        (Err(lower), Err(upper)) => assert_eq!(lower, upper, "{url}"),
        _ => panic!("the scheme's case makes a difference: {url}"),
    }
}

type Pairs = Vec<(String, OptionValue)>;

fn given(u: &mut Unstructured<'_>) -> Result<(Option<String>, Pairs)> {
    let len = usize::from(u8::arbitrary(u)?);
    let url = match len {
        0 => None,
        _ => Some(String::from_utf8_lossy(u.bytes(len.min(u.len()))?).into_owned()),
    };
    let mut pairs: Pairs = Vec::new();
    while !u.is_empty() {
        let key = match usize::from(u8::arbitrary(u)?) {
            known if known < KEYS.len() => KEYS[known].to_owned(),
            _ => String::from_utf8_lossy(&bytes(u)?).into_owned(),
        };
        let value = match u8::arbitrary(u)? % 7 {
            0 if key.ends_with("password") => OptionValue::String(SECRET.into()),
            0 | 1 => OptionValue::String(bytes(u)?),
            2 => OptionValue::Number(f64::arbitrary(u)?),
            3 => OptionValue::Number(f64::from(i16::arbitrary(u)?)),
            4 => OptionValue::Number(f64::from(u32::arbitrary(u)?) / 1000.0),
            5 => OptionValue::Boolean(bool::arbitrary(u)?),
            _ => OptionValue::Other("a table"),
        };
        // A table has each key once.
        pairs.retain(|(other, _)| *other != key);
        pairs.push((key, value));
    }
    Ok((url, pairs))
}

fn bytes(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let len = usize::from(u8::arbitrary(u)?);
    Ok(u.bytes(len.min(u.len()))?.to_vec())
}
