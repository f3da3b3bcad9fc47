//! The address in `garrysmod/data/realtime.json`, as far as the host shows it to people who want to publish there.

use std::{fs, iter::Peekable, path::Path, str::Chars};

/// The addon's file in a server's folder, below `garrysmod`.
pub(crate) const FILE: &str = "data/realtime.json";

/// The address of a file's clients.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The arguments for redis-cli, without a password.
    pub(crate) arguments: String,
    /// Whether redis-cli needs more than that: the file has a user or a password.
    pub(crate) has_login: bool,
}

/// The address in the file; none if there is none, or the file cannot be read.
pub(crate) fn place(file: &Path) -> Option<Place> {
    let text = fs::read_to_string(file).ok()?;
    let url = url_of(text.trim_start_matches('\u{feff}'))?;
    // White space and one pair of quotes around it are removed, as by the module.
    let url = url.trim().trim_matches('"').trim();
    if url.is_empty() { None } else { Some(shown(url)) }
}

fn shown(url: &str) -> Place {
    if let Some(socket) = url.strip_prefix("redis+unix://").or_else(|| url.strip_prefix("unix://")) {
        let (path, options) = socket.split_once('?').unwrap_or((socket, ""));
        let has_login = options.contains("password") || options.contains("username") || path.contains('@');
        let path = path.rsplit_once('@').map_or(path, |(_, path)| path);
        return Place { arguments: format!("-s {path}"), has_login };
    }
    let url = url.strip_prefix("valkey://").map_or_else(|| url.to_owned(), |rest| format!("redis://{rest}"));
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, address))) => {
            Place { arguments: format!("-u {scheme}://{address}"), has_login: true }
        }
        _ => Place { arguments: format!("-u {url}"), has_login: false },
    }
}

/// The text at the key "url" of the outermost object. Whether the rest is valid JSON is checked by the addon.
fn url_of(json: &str) -> Option<String> {
    let mut rest = json.chars().peekable();
    let mut depth = 0_usize;
    while let Some(mark) = rest.next() {
        match mark {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.checked_sub(1)?,
            '"' => {
                let key = string(&mut rest)?;
                if depth == 1 && key == "url" && next_mark(&mut rest) == Some(':') {
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
            assert_eq!(url_of(json).as_deref(), url, "{json}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for (url, arguments, has_login) in [
            ("redis://10.0.0.5:6379", "-u redis://10.0.0.5:6379", false),
            ("valkey://10.0.0.5", "-u redis://10.0.0.5", false),
            ("redis://gmod:sec@ret@10.0.0.5:6379/2", "-u redis://10.0.0.5:6379/2", true),
            ("redis://:secret@[fd00::5]", "-u redis://[fd00::5]", true),
            ("redis+unix:///run/redis.sock?db=0", "-s /run/redis.sock", false),
            ("redis+unix://:secret@/run/redis.sock", "-s /run/redis.sock", true),
            ("unix:///run/redis.sock?db=0", "-s /run/redis.sock", false),
            ("unix:///run/redis.sock?password=secret", "-s /run/redis.sock", true),
            ("unix://:secret@/run/redis.sock", "-s /run/redis.sock", true),
        ] {
            let place = shown(url);
            assert_eq!((place.arguments.as_str(), place.has_login), (arguments, has_login), "{url}");
        }
    }
}
