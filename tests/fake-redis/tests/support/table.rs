//! Reading the tables of conversations.

use std::fs;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Resp2,
    Resp3,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    Bare,
    Debug,
    Replica,
    Sentinel,
    Password(String),
    User(String),
    MaxClients(usize),
}

#[derive(Debug)]
pub enum Line {
    Says(Vec<u8>),
    Hears(Vec<u8>),
    Ends,
}

#[derive(Debug)]
pub struct Step {
    pub line_number: usize,
    pub client: String,
    pub protocols: &'static [Protocol],
    pub line: Line,
}

#[derive(Debug)]
pub struct Table {
    pub name: String,
    pub settings: Vec<Setting>,
    pub steps: Vec<Step>,
}

impl Table {
    pub fn all() -> Vec<Table> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert!(!paths.is_empty());
        paths.iter().map(|path| Table::parse(path)).collect()
    }

    pub fn is_bare(&self) -> bool {
        self.settings.iter().any(|setting| matches!(setting, Setting::Bare))
    }

    fn parse(path: &Path) -> Table {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap();
        let mut table = Table { name, settings: Vec::new(), steps: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            match line.split_once(' ') {
                None if line.is_empty() => {}
                Some(("#", _)) => {}
                Some(("!", setting)) => table.settings.push(Setting::parse(setting)),
                Some((client, rest)) => table.steps.push(Step::parse(line_number, client, rest)),
                None => panic!("{}:{line_number}: {line}", table.name),
            }
        }
        table
    }
}

impl Setting {
    fn parse(text: &str) -> Setting {
        match text.split_once(' ') {
            None if text == "bare" => Setting::Bare,
            None if text == "debug" => Setting::Debug,
            None if text == "replica" => Setting::Replica,
            None if text == "sentinel" => Setting::Sentinel,
            Some(("password", password)) => Setting::Password(password.to_owned()),
            Some(("user", rules)) => Setting::User(rules.to_owned()),
            Some(("max-clients", clients)) => Setting::MaxClients(clients.parse().unwrap()),
            _ => panic!("unknown setting: {text}"),
        }
    }
}

impl Step {
    fn parse(line_number: usize, client: &str, rest: &str) -> Step {
        const BOTH: &[Protocol] = &[Protocol::Resp2, Protocol::Resp3];
        let (mark, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let (protocols, mark) = match mark.as_bytes()[0] {
            b'2' => (&BOTH[..1], &mark[1..]),
            b'3' => (&BOTH[1..], &mark[1..]),
            _ => (BOTH, mark),
        };
        let line = match mark {
            ">" => Line::Says(command(text)),
            ">>" => Line::Says(unescape(text)),
            "<" => Line::Hears(unescape(text)),
            "." => Line::Ends,
            _ => panic!("line {line_number}: {rest}"),
        };
        Step { line_number, client: client.to_owned(), protocols, line }
    }
}

/// Words in a client's encoding.
pub fn command(words: &str) -> Vec<u8> {
    let words: Vec<Vec<u8>> =
        words.split(' ').map(|word| if word == "\"\"" { Vec::new() } else { unescape(word) }).collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(&word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return bytes,
            [b'\\', b'x', high, low, rest @ ..] => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest
            }
            [b'\\', letter, rest @ ..] => {
                bytes.push(match letter {
                    b'r' => b'\r',
                    b'n' => b'\n',
                    b'0' => 0,
                    b'\\' => b'\\',
                    _ => panic!("unknown escape in {text}"),
                });
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        }
    }
}
