//! A hostile server's texts end up on consoles and in logs: no terminal obeys any of it, nothing is endless, and the
//! password is not in it.

use realtime::backend::OptionValue;
use realtime::model::{Error, Event, RequestKind, Value};

use crate::client::{BOTH, Client, HELLO3, OLD_WELCOME, Resp, WELCOME, args};
use crate::sink::Said;

const PASSWORD: &str = "Hunter-2";

/// A way in which a server can get a text reported.
#[derive(Debug, Clone, Copy)]
enum Way {
    Version,
    Name,
    Info,
    Hello,
    Auth,
    Unasked,
    Command,
    Nested,
    Transaction,
    Exec,
    Subscribe,
    Probe,
}

const WAYS: [Way; 12] = [
    Way::Version,
    Way::Name,
    Way::Info,
    Way::Hello,
    Way::Auth,
    Way::Unasked,
    Way::Command,
    Way::Nested,
    Way::Transaction,
    Way::Exec,
    Way::Subscribe,
    Way::Probe,
];

impl Way {
    /// Characters of the server's that are kept.
    fn limit(self) -> usize {
        if matches!(self, Self::Version | Self::Name | Self::Info) { 64 } else { 512 }
    }

    /// A server sends this text in this way. Returns all texts for the main thread.
    fn says(self, text: &[u8]) -> Vec<String> {
        self.says_to(&format!("redis://:{PASSWORD}@server"), text)
    }

    fn says_to(self, url: &str, text: &[u8]) -> Vec<String> {
        let resp2 = [("protocol", OptionValue::Number(2.0))];
        // Any other client would not report it, but would continue in RESP2.
        let resp3 = [("protocol", OptionValue::Number(3.0))];
        let verify = [("verify_delivery", OptionValue::Boolean(true))];
        let options: &[_] = match self {
            Self::Info | Self::Auth => &resp2,
            Self::Hello => &resp3,
            Self::Probe => &verify,
            _ => &[],
        };
        let mut client = Client::new(url, options);
        client.connected(0);
        let mut error = format!("!{}\r\n", text.len()).into_bytes();
        error.extend(text);
        error.extend(b"\r\n");
        let blob = [b"$", &error[1..]].concat();
        match self {
            Self::Version => {
                client.server(0, &[b"%2\r\n+server\r\n+redis\r\n+version\r\n", &blob[..]].concat());
            }
            Self::Name => client.server(0, &[b"%2\r\n+version\r\n+7\r\n+server\r\n", &blob[..]].concat()),
            Self::Info => {
                let info = [b"# Server\r\nredis_version:", text, b"\r\n"].concat();
                client.server(0, b"+OK\r\n");
                client.server(0, b"+OK\r\n+OK\r\n");
                client.server(0, format!("${}\r\n", info.len()).as_bytes());
                client.server(0, &[&info[..], b"\r\n*0\r\n+PONG\r\n"].concat());
            }
            Self::Hello | Self::Auth => client.server(0, &error),
            _ => client.server(0, HELLO3),
        }
        if !matches!(self, Self::Info | Self::Hello | Self::Auth) {
            client.server(0, WELCOME);
        }
        match self {
            Self::Version | Self::Name | Self::Info | Self::Hello | Self::Auth => {}
            Self::Unasked => {
                client.subscribe("chat", 1);
                client.confirm("subscribe", "chat");
                client.fence(1);
                client.get(1, "a");
                // The answer to the command is an answer; the bytes after it were not asked for.
                client.server(0, &[b"+a\r\n", &error[..]].concat());
                client.expect_close(0);
                client.reconnect(0);
                client.server(0, HELLO3);
                client.server(0, WELCOME);
            }
            Self::Command => {
                client.get(1, "a");
                client.server(0, &error);
            }
            Self::Nested => {
                client.get(1, "a");
                client.server(0, &[b"*1\r\n%1\r\n+key\r\n", &error[..]].concat());
            }
            Self::Transaction | Self::Exec => {
                client.request(1, 10.0, RequestKind::Transaction(vec![args(&["GET", "a"])]));
                let answers = match self {
                    Self::Transaction => [&error[..], b"+a\r\n-ERR EXEC without MULTI\r\n"].concat(),
                    _ => [b"+OK\r\n", &error[..], b"-EXECABORT discarded\r\n"].concat(),
                };
                client.server(0, &answers);
            }
            Self::Subscribe => {
                client.subscribe("chat", 1);
                client.server(0, &error);
                client.fence(1);
            }
            Self::Probe => {
                client.subscribe("chat", 1);
                client.confirm("subscribe", "chat");
                client.fence(1);
                client.server(0, &error);
            }
        }
        let said = client.said();
        let mut texts = Vec::new();
        said.iter().for_each(|said| collect(said, &mut texts));
        texts
    }
}

/// All texts of the server in the output for the main thread. A code and its message are one.
fn collect(said: &Said, texts: &mut Vec<String>) {
    match said {
        Said::Answer { result: Ok(value), .. } => collect_nested(value, texts),
        Said::Answer { result: Err(error), .. } => texts.push(error.to_string()),
        Said::Event(Event::Ready(ready)) => {
            texts.extend([&ready.server, &ready.version].into_iter().flatten().map(ToString::to_string));
        }
        Said::Event(
            Event::Down { error, .. }
            | Event::Gap { error, .. }
            | Event::SubscribeFailed { error, .. }
            | Event::RequestFailed { error, .. },
        ) => texts.push(error.to_string()),
        Said::Event(_) | Said::Message { .. } | Said::TooLarge(_) => {}
    }
}

fn collect_nested(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Error(error) => texts.push(error.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect_nested(item, texts)),
        Value::Map(pairs) => pairs.iter().for_each(|(_, value)| collect_nested(value, texts)),
        _ => {}
    }
}

/// Whether one of the texts has this in it.
fn any(texts: &[String], part: &str) -> bool {
    texts.iter().any(|text| text.contains(part))
}

#[test]
fn every_way_is_one_that_tells_the_text() {
    for way in WAYS {
        let texts = way.says(b"ERR plain words");
        assert!(any(&texts, "plain words"), "{way:?}: {texts:?}");
    }
    let texts = Way::Unasked.says(b"ERR plain words");
    assert_eq!(
        texts.iter().filter(|text| text.contains("plain words")).count(),
        2,
        "down and gap: {texts:?}"
    );
    assert!(any(&texts, "the server said: plain words"), "it refused nothing: {texts:?}");
}

#[test]
fn nothing_that_a_terminal_obeys_gets_through() {
    for (raw, escaped) in [
        (&b"\x1b[2J"[..], r"\x1b[2J"),
        (b"\x07", r"\x07"),
        (b"\x00", r"\x00"),
        (b"\x7f", r"\x7f"),
        (b"\xc2\x9b2J", r"\xc2\x9b2J"),
        (b"\x9b2J", r"\x9b2J"),
        ("\u{202e}".as_bytes(), r"\xe2\x80\xae"),
        ("\u{2028}".as_bytes(), r"\xe2\x80\xa8"),
        ("\u{2066}".as_bytes(), r"\xe2\x81\xa6"),
        ("\u{feff}".as_bytes(), r"\xef\xbb\xbf"),
        (b"\r\n[realtime] ready", r"\x0d\x0a[realtime] ready"),
    ] {
        for way in WAYS {
            if matches!(way, Way::Info) && raw.contains(&b'\n') {
                continue;
            }
            let texts = way.says(&[b"a", raw, b"z"].concat());
            assert!(any(&texts, &format!("a{escaped}z")), "{way:?} {}: {texts:?}", raw.escape_ascii());
            for text in &texts {
                let obeyed =
                    text.chars().find(|c| c.is_control() || "\u{202e}\u{2028}\u{2066}\u{feff}".contains(*c));
                assert_eq!(obeyed, None, "{way:?} {}: {text:?}", raw.escape_ascii());
            }
        }
    }
}

#[test]
fn letters_stay() {
    for way in WAYS {
        let texts = way.says("příliš žluťoučký kůň".as_bytes());
        assert!(any(&texts, "příliš žluťoučký kůň"), "{way:?}: {texts:?}");
    }
}

#[test]
fn a_long_text_is_cut_and_its_size_is_told() {
    let long = vec![b'x'; 60_000];
    for way in WAYS {
        let texts = way.says(&long);
        let kept = "x".repeat(way.limit());
        assert!(any(&texts, &format!("{kept} … (60000 bytes)")), "{way:?}");
        assert!(texts.iter().all(|text| text.len() < way.limit() + 300), "{way:?}: {texts:?}");
    }
}

#[test]
fn the_password_is_in_no_text() {
    let hex: String = PASSWORD.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mixed: String =
        hex.chars().enumerate().map(|(n, c)| if n % 3 == 0 { c.to_ascii_uppercase() } else { c }).collect();
    for secret in [PASSWORD, &hex, &hex.to_uppercase(), &mixed] {
        for way in WAYS {
            let texts = way.says(format!("a {secret}z{secret}").as_bytes());
            assert!(any(&texts, "a …z…"), "{way:?} {secret}: {texts:?}");
            assert!(!any(&texts, secret), "{way:?} {secret}: {texts:?}");
        }
    }
}

#[test]
fn the_cut_leaves_no_part_of_the_password() {
    for way in WAYS {
        for before in way.limit() - PASSWORD.len() - 1..=way.limit() {
            let texts = way.says(format!("{}{PASSWORD}", "x".repeat(before)).as_bytes());
            assert!(!any(&texts, "xH"), "{way:?} {before}: {texts:?}");
        }
    }
}

/// The error that a command is answered with.
fn error_of(url: &str, text: &[u8]) -> Error {
    let mut client = Client::new(url, &[]);
    client.handshake(Resp::Three);
    client.said();
    client.get(1, "a");
    client.server(0, &[b"-", text, b"\r\n"].concat());
    match &client.said()[..] {
        [Said::Answer { result: Err(error), .. }] => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_code_is_short_and_holds_no_password() {
    let long = "A".repeat(64);
    for (url, text, told) in [
        ("redis://server", format!("{long} x"), format!("{long}: x")),
        ("redis://server", format!("{long}A x"), format!("ERR: {long}A x")),
        ("redis://:HUNTER2@server", "HUNTER2 x".into(), "ERR: … x".into()),
        ("redis://:HUNTER2@server", "XHUNTER2X x".into(), "ERR: X…X x".into()),
        ("redis://:JK@server", "X4A4B x".into(), "ERR: X… x".into()),
        // It begins in the code, or at the space after it.
        ("redis://:HUNTER%202@server", "HUNTER 2 x".into(), "ERR: … x".into()),
        ("redis://:%202@server", "HUNTER 2 x".into(), "ERR: HUNTER… x".into()),
        // Words of every server are not secret.
        ("redis://:TYPE@server", "WRONGTYPE no".into(), "WRONGTYPE: no".into()),
        ("redis://:R@server", "ERR OR".into(), "ERR: O…".into()),
    ] {
        assert_eq!(error_of(url, text.as_bytes()).to_string(), told, "{text} at {url}");
    }
}

#[test]
fn a_password_that_is_a_word_of_servers_stops_no_fallback() {
    for password in ["unknown", "command", "n", "unsupported", "756e6b", "ERR", "NOPROTO"] {
        for answer in [
            &b"-ERR unknown command 'HELLO'\r\n"[..],
            b"-NOPROTO unsupported protocol version\r\n",
            b"-ERR Unsupported\r\n",
        ] {
            let mut client = Client::new(&format!("redis://:{password}@server"), &[]);
            client.connected(0);
            client.commands(0);
            client.server(0, answer);
            assert_eq!(client.commands(0), [format!("AUTH {password}")], "{}", answer.escape_ascii());
        }
    }
}

#[test]
fn a_password_that_goes_on_behind_a_servers_words_is_cut_out() {
    let told = error_of("redis://:unknown%20command%20x@server", b"ERR unknown command xyz").to_string();
    assert_eq!(told, "ERR: …yz");
}

#[test]
fn an_echo_is_cut_whatever_the_password_is() {
    for password in ["with", "args", "h", "beginning"] {
        let url = format!("redis://:{password}@server");
        let texts =
            Way::Auth.says_to(&url, b"ERR unknown command `AUTH`, with args beginning with: `bob`, `secr");
        assert!(any(&texts, "unknown command") && !any(&texts, "secr"), "{password}: {texts:?}");
    }
}

#[test]
fn the_names_of_servers_are_no_secret() {
    for name in ["redis", "valkey"] {
        let texts = Way::Name.says_to(&format!("redis://:{name}@server"), name.as_bytes());
        assert!(any(&texts, name), "{texts:?}");
    }
}

#[test]
fn data_is_not_touched() {
    for resp in BOTH {
        let mut client = Client::new(&format!("redis://:{PASSWORD}@server"), &[]);
        client.connected(0);
        if resp == Resp::Two {
            client.server(0, b"-ERR unknown command 'HELLO'\r\n");
            client.server(0, b"+OK\r\n");
            client.commands(0);
            client.server(0, OLD_WELCOME);
        } else {
            client.commands(0);
            client.server(0, HELLO3);
            client.server(0, WELCOME);
        }
        client.said();
        client.get(1, "a");
        client.server(0, format!("+\x1b[2J{PASSWORD}\u{202e}\r\n").as_bytes());
        let value = Value::String(format!("\x1b[2J{PASSWORD}\u{202e}").into_bytes().into());
        assert_eq!(client.said(), [Said::Answer { id: 1, result: Ok(value) }]);
    }
}

#[test]
fn what_the_system_says_of_a_link_is_one_line() {
    use realtime::backend::LinkError;
    let mut client = Client::new("redis://server", &[]);
    client.expect_connect(0);
    client.lost(
        0,
        LinkError::Resolve { host: "server".into(), reason: format!("a\n\x1b{}", "x".repeat(10_000)) },
    );
    let (error, _) = client.expect_down();
    assert!(error.message.contains(r"a\x0a\x1bxxx") && error.message.len() < 700, "{error}");
}
