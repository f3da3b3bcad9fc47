//! The server's id and the address in `garrysmod/data/realtime.json`; and how people can publish at that address.

use std::{fs, io, iter::Peekable, path::Path, str::Chars};

use crate::StartError;

/// The addon's file in a server's folder, below `garrysmod`.
pub(crate) const FILE: &str = "data/realtime.json";

/// How the clients of a URL log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login<'a> {
    /// Not at all.
    None,
    /// With a password alone: as the default user of Redis.
    Password,
    /// As this user.
    User(&'a str),
}

/// The address in the file; none if there is none, or the file cannot be read.
pub(crate) fn url(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let url = text_of(text.trim_start_matches('\u{feff}'), "url")?;
    // White space and one pair of quotes around it are removed, as by the module.
    let url = url.trim().trim_matches('"').trim();
    if url.is_empty() { None } else { Some(url.to_owned()) }
}

/// Writes a file with this id, unless there is one.
///
/// # Errors
///
/// The file that is there has another id, or none; or the system's own.
pub(crate) fn write_id(file: &Path, id: &str) -> Result<(), StartError> {
    match fs::read_to_string(file) {
        Ok(text) => {
            let found = text_of(text.trim_start_matches('\u{feff}'), "id");
            if found.as_deref() == Some(id) {
                return Ok(());
            }
            let found = found.map_or_else(|| "no id".to_owned(), |found| format!("the id {found:?}"));
            Err(StartError::OtherId { file: file.to_owned(), id: id.to_owned(), found })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(fs::write(file, format!("{{ \"id\": \"{id}\" }}\n"))?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The line that says how to publish to the clients of a URL, without its password.
pub(crate) fn how_to_publish(url: &str) -> String {
    let (login, address) = taken_apart(url);
    let (place, options) = address.split_once('?').unwrap_or((&address, ""));
    if is_postgres(url) {
        let mut database = match login {
            Login::User(name) => place.replacen("://", &format!("://{name}@"), 1),
            Login::None | Login::Password => place.to_owned(),
        };
        // psql refuses the module's own options.
        let options: Vec<&str> = options.split('&').filter(|option| !option.starts_with("tls")).collect();
        if options.iter().any(|option| !option.is_empty()) {
            // A shell splits at `&`.
            database = format!("\"{database}?{}\"", options.join("&"));
        }
        return format!("publish from elsewhere: psql {database} -c \"NOTIFY test, 'hello'\"");
    }
    let mut about = String::new();
    let (scheme, place) = place.split_once("://").unwrap_or(("redis", place));
    let is_secure = scheme.starts_with("rediss") || scheme.starts_with("valkeys");
    let mut place = match scheme {
        "redis+unix" | "unix" => format!("-s {place}"),
        // Which of them has the messages is known once a client is connected.
        _ if scheme.ends_with("-sentinel") || place.contains(',') => {
            let tls = if is_secure { " --tls" } else { "" };
            format!("-h HOST -p PORT of the address that realtime_status shows{tls}")
        }
        _ => format!("-u redis{}://{place}", if is_secure { "s" } else { "" }),
    };
    // Options about its certificate may also be beside the URL.
    if is_secure {
        place.push_str(" --cacert FILE");
        about.push_str(
            ", with the certificate of the server's authority in FILE (its own if it is self-signed; without --cacert FILE if \
             the authority is public)",
        );
    }
    let arguments = match login {
        Login::None => place,
        Login::Password => format!("{place} --askpass"),
        Login::User(name) => format!("{place} --user {name} --askpass"),
    };
    let channel = match login {
        Login::None | Login::Password => "test",
        // An ACL may allow other channels only.
        Login::User(name) => {
            about.push_str(&format!(", on a channel that the user {name} may use"));
            "CHANNEL"
        }
    };
    format!("publish from elsewhere{about}: redis-cli {arguments} PUBLISH {channel} hello")
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// The login of a URL, and the URL without it.
fn taken_apart(url: &str) -> (Login<'_>, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("redis", url));
    let (before, options) = rest.split_once('?').map_or((rest, ""), |(before, options)| (before, options));
    let (login, place) = before.rsplit_once('@').unwrap_or(("", before));
    let option =
        |name: &str| options.split('&').find_map(|option| option.strip_prefix(name)?.strip_prefix('='));
    let user = login.split(':').next().filter(|user| !user.is_empty()).or_else(|| option("username"));
    let login = match user {
        Some("default") => Login::Password,
        Some(user) => Login::User(user),
        None if !login.is_empty() || option("password").is_some() => Login::Password,
        None => Login::None,
    };
    let options: Vec<&str> = options
        .split('&')
        .filter(|option| {
            !option.is_empty() && !option.starts_with("password=") && !option.starts_with("username=")
        })
        .collect();
    let mark = if options.is_empty() { "" } else { "?" };
    (login, format!("{scheme}://{place}{mark}{}", options.join("&")))
}

/// The text at a key of the outermost object. Whether the rest is valid JSON is checked by the addon.
fn text_of(json: &str, wanted: &str) -> Option<String> {
    let mut rest = json.chars().peekable();
    let mut depth = 0_usize;
    while let Some(mark) = rest.next() {
        match mark {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.checked_sub(1)?,
            '"' => {
                let key = string(&mut rest)?;
                if depth == 1 && key == wanted && next_mark(&mut rest) == Some(':') {
                    rest.next();
                    return (next_mark(&mut rest)? == '"').then(|| {
                        rest.next();
                        string(&mut rest)
                    })?;
                }
            }
            _ => {}
        }
    }
    None
}

fn next_mark(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    while rest.next_if(|mark| mark.is_whitespace()).is_some() {}
    rest.peek().copied()
}

/// The rest of a string, past its closing quote.
fn string(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.push(match rest.next()? {
                'u' => {
                    let digits: String = rest.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            plain => text.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_found_where_it_stands() {
        for (json, url) in [
            (r#"{ "url": "redis://10.0.0.5:6379", "id": "ttt-1" }"#, Some("redis://10.0.0.5:6379")),
            (
                r#"{"help":"\"url\": \"redis://no\"","options":{"url":"no"},"url" : "redis:\/\/a"}"#,
                Some("redis://a"),
            ),
            (r#"{ "url": "a\u0041\tb" }"#, Some("aA\tb")),
            (r#"{ "id": "url" }"#, None),
            (r#"{ "url": 5 }"#, None),
            (r#"{ "url": "no end"#, None),
            ("]", None),
        ] {
            assert_eq!(text_of(json, "url").as_deref(), url, "{json}");
        }
    }

    #[test]
    fn the_line_to_publish_works_and_shows_no_password() {
        for (url, shown) in [
            ("redis://10.0.0.5:6379", "-u redis://10.0.0.5:6379 PUBLISH test hello"),
            ("valkey://10.0.0.5", "-u redis://10.0.0.5 PUBLISH test hello"),
            ("redis://:secret@[fd00::5]", "-u redis://[fd00::5] --askpass PUBLISH test hello"),
            ("redis://default:secret@a", "-u redis://a --askpass PUBLISH test hello"),
            ("redis-cluster://a:7000", "-u redis://a:7000 PUBLISH test hello"),
            ("redis+unix:///run/redis.sock?db=0", "-s /run/redis.sock PUBLISH test hello"),
            ("redis+unix://:secret@/run/redis.sock", "-s /run/redis.sock --askpass PUBLISH test hello"),
            (
                "unix:///run/redis.sock?password=secret&db=1",
                "-s /run/redis.sock --askpass PUBLISH test hello",
            ),
        ] {
            assert_eq!(how_to_publish(url), format!("publish from elsewhere: redis-cli {shown}"));
        }
        for url in ["redis://a:1,b:2", "redis-sentinel://:secret@a/mymaster", "valkeys-sentinel://a"] {
            assert!(how_to_publish(url).contains("-h HOST -p PORT of the address that"), "{url}");
        }
        let with_tls = "publish from elsewhere, with the certificate of the server's authority in FILE (its own if it is \
                        self-signed; without --cacert FILE if the authority is public): redis-cli";
        let some_address = "-h HOST -p PORT of the address that realtime_status shows --tls --cacert FILE";
        for (url, shown) in [
            ("rediss://a:6380", "-u rediss://a:6380 --cacert FILE"),
            ("valkeys://a:6380?tls_pin=AB", "-u rediss://a:6380 --cacert FILE"),
            ("rediss-sentinel://a/main", some_address),
            ("rediss-cluster://a,b", some_address),
        ] {
            assert_eq!(how_to_publish(url), format!("{with_tls} {shown} PUBLISH test hello"));
        }
        let on_a_channel = "publish from elsewhere, on a channel that the user gmod may use: redis-cli";
        for (url, shown) in [
            ("redis://gmod:sec@ret@10.0.0.5:6379/2", "-u redis://10.0.0.5:6379/2 --user gmod --askpass"),
            (
                "unix:///run/redis.sock?username=gmod&password=secret",
                "-s /run/redis.sock --user gmod --askpass",
            ),
        ] {
            assert_eq!(how_to_publish(url), format!("{on_a_channel} {shown} PUBLISH CHANNEL hello"));
        }
        for (url, shown) in [
            ("postgres://gmod:secret@a:5432/game", "postgres://gmod@a:5432/game"),
            ("postgres://gmod:secret@a/game?tls_pin=AB", "postgres://gmod@a/game"),
            (
                "postgres://gmod:secret@/game?host=/run&tls_pin=AB&port=5433&sslmode=require",
                "\"postgres://gmod@/game?host=/run&port=5433&sslmode=require\"",
            ),
        ] {
            let shown = format!("publish from elsewhere: psql {shown} -c \"NOTIFY test, 'hello'\"");
            assert_eq!(how_to_publish(url), shown);
        }
    }
}
