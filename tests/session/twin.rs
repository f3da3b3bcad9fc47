//! A naive server: it takes bytes late, runs commands one at a time, and its answers arrive when the test says so.

use std::collections::{BTreeSet, VecDeque};

use realtime::model::TopicKind;
use resp::{Decoder, Value};

use crate::client::{HELLO3, MASTER, Resp};
use crate::sink::text;

/// What a server takes from a stranger: words of a command, bytes of a word.
/// Source: `processMultibulkBuffer` in networking.c of Redis 7
const STRANGERS_WORDS: usize = 10;
const STRANGERS_BYTES: usize = 16_384;

pub(crate) const PROBES: &str = "realtime:probe:";

/// A channel or pattern. A pattern of this server matches the channel of the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) pattern: bool,
    pub(crate) text: String,
}

impl Name {
    pub(crate) fn new(kind: TopicKind, text: &str) -> Self {
        Self { pattern: kind == TopicKind::Pattern, text: text.to_owned() }
    }
}

/// Something on its way to the client.
#[derive(Debug)]
pub(crate) enum Answer {
    Confirmation {
        subscribe: bool,
        name: Name,
        bytes: Vec<u8>,
    },
    /// A SUBSCRIBE or UNSUBSCRIBE was refused; a SUBSCRIBE of which name alone, if it had one.
    Refused {
        alone: Option<Name>,
        bytes: Vec<u8>,
    },
    Message {
        name: Name,
        payload: String,
        bytes: Vec<u8>,
    },
    Other(Vec<u8>),
}

impl Answer {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Confirmation { bytes, .. }
            | Self::Refused { bytes, .. }
            | Self::Message { bytes, .. }
            | Self::Other(bytes) => bytes,
        }
    }
}

/// One connection.
#[derive(Default)]
pub(crate) struct Link {
    decoder: Decoder,
    inbox: VecDeque<Vec<String>>,
    outbox: VecDeque<Answer>,
    known: bool,
    resp3: bool,
    subscribed: BTreeSet<Name>,
    refused: BTreeSet<Name>,
    /// Names that it goes on sending messages of, because their UNSUBSCRIBE was refused.
    kept: BTreeSet<Name>,
}

pub(crate) struct Server {
    pub(crate) resp: Resp,
    pub(crate) links: [Option<Link>; 2],
    /// Names that the ACL refuses.
    pub(crate) forbidden: BTreeSet<String>,
    /// It runs a script that does not end, and refuses each SUBSCRIBE and UNSUBSCRIBE.
    pub(crate) busy: bool,
    /// What SUBSCRIBEs it ran.
    pub(crate) asked: Asked,
}

/// Commands of the SUBSCRIBE family, and the names in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) commands: usize,
    pub(crate) names: usize,
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

impl Server {
    pub(crate) fn new(resp: Resp) -> Self {
        let (forbidden, asked) = (BTreeSet::new(), Asked::default());
        Self { resp, links: [None, None], forbidden, busy: false, asked }
    }

    pub(crate) fn accept(&mut self, link: usize) {
        self.links[link] = Some(Link::default());
    }

    /// Bytes arrive.
    pub(crate) fn receive(&mut self, link: usize, bytes: &[u8]) {
        let Some(link) = &mut self.links[link] else { return assert_eq!(bytes, b"", "written to nobody") };
        let mut input = bytes;
        while let Some(frame) = link.decoder.decode(&mut input).expect("commands are RESP") {
            let Value::Array(words) = frame.value() else { panic!("commands are arrays") };
            let words: Vec<_> =
                words.map(|word| text(word.value().as_bytes().expect("of strings"))).collect();
            if !link.known {
                let fits = |word: &String| word.len() <= STRANGERS_BYTES;
                assert!(words.len() <= STRANGERS_WORDS && words.iter().all(fits), "too much: {words:?}");
                assert!(link.inbox.is_empty(), "{words:?} behind an unconfirmed login");
            }
            link.inbox.push_back(words);
        }
    }

    pub(crate) fn has_command(&self, link: usize) -> bool {
        self.links[link].as_ref().is_some_and(|link| !link.inbox.is_empty())
    }

    pub(crate) fn next_command(&self, link: usize) -> Option<&[String]> {
        self.links[link].as_ref()?.inbox.front().map(Vec::as_slice)
    }

    pub(crate) fn has_answer(&self, link: usize) -> bool {
        self.links[link].as_ref().is_some_and(|link| !link.outbox.is_empty())
    }

    pub(crate) fn deliver(&mut self, link: usize) -> Option<Answer> {
        self.links[link].as_mut()?.outbox.pop_front()
    }

    /// What would be delivered, without the module's own probes.
    pub(crate) fn subscribed(&self) -> BTreeSet<Name> {
        let links = self.links.iter().flatten();
        links
            .flat_map(|link| &link.subscribed)
            .filter(|name| !name.text.starts_with(PROBES))
            .cloned()
            .collect()
    }

    pub(crate) fn has(&self, name: &Name) -> bool {
        self.links.iter().flatten().any(|link| link.subscribed.contains(name))
    }

    /// What was refused by itself on the present connections.
    pub(crate) fn refused(&self) -> BTreeSet<Name> {
        self.links.iter().flatten().flat_map(|link| &link.refused).cloned().collect()
    }

    /// Whether the last UNSUBSCRIBE of a name was refused.
    pub(crate) fn keeps(&self, name: &Name) -> bool {
        self.links.iter().flatten().any(|link| link.kept.contains(name))
    }

    /// Somebody publishes.
    pub(crate) fn publish(&mut self, channel: &str, payload: &str) {
        for link in self.links.iter_mut().flatten() {
            let kind = if link.resp3 { '>' } else { '*' };
            for pattern in [false, true] {
                let name = Name { pattern, text: channel.to_owned() };
                if !link.subscribed.contains(&name) {
                    continue;
                }
                let (channel, message) = (bulk(channel), bulk(payload));
                let bytes = if pattern {
                    format!("{kind}4\r\n$8\r\npmessage\r\n{channel}{channel}{message}")
                } else {
                    format!("{kind}3\r\n$7\r\nmessage\r\n{channel}{message}")
                };
                let payload = payload.to_owned();
                let answer = if name.text.starts_with(PROBES) {
                    Answer::Other(bytes.into_bytes())
                } else {
                    Answer::Message { name, payload, bytes: bytes.into_bytes() }
                };
                link.outbox.push_back(answer);
            }
        }
    }

    /// Runs one command. Returns whether there was one.
    pub(crate) fn run(&mut self, at: usize) -> bool {
        let Some(link) = &mut self.links[at] else { return false };
        let Some(words) = link.inbox.pop_front() else { return false };
        let (name, rest) = words.split_first().expect("a command");
        let in_subscribed_mode = !link.resp3 && !link.subscribed.is_empty();
        let answer: Vec<u8> = match &**name {
            // The question for the role.
            "HELLO" if rest == ["3"] => {
                assert!(link.resp3, "no login");
                HELLO3.to_vec()
            }
            "HELLO" if self.resp == Resp::Three => {
                assert_eq!(rest, ["3", "AUTH", "default", "password"]);
                (link.known, link.resp3) = (true, true);
                HELLO3.to_vec()
            }
            "HELLO" => b"-ERR unknown command 'HELLO'\r\n".to_vec(),
            "AUTH" => {
                link.known = true;
                b"+OK\r\n".to_vec()
            }
            "CLIENT" => b"+OK\r\n".to_vec(),
            "ROLE" => MASTER.to_vec(),
            "INFO" => b"-ERR no\r\n".to_vec(),
            "PING" if in_subscribed_mode => {
                let echo = rest.first().map_or("", |echo| echo);
                format!("*2\r\n$4\r\npong\r\n{}", bulk(echo)).into_bytes()
            }
            "PING" => rest.first().map_or_else(|| "+PONG\r\n".to_owned(), |echo| bulk(echo)).into_bytes(),
            "PUBLISH" => {
                self.publish(&rest[0], &rest[1]);
                let Some(link) = &mut self.links[at] else { return true };
                link.outbox.push_back(Answer::Other(b":1\r\n".to_vec()));
                return true;
            }
            "SUBSCRIBE" | "PSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" => {
                assert!(link.known, "{words:?} before the login");
                self.asked.commands += 1;
                self.asked.names += rest.len();
                let pattern = name.starts_with('P');
                let names = rest.iter().map(|text| Name { pattern, text: text.clone() });
                link.change(!name.contains("UNSUB"), names.collect(), &self.forbidden, self.busy);
                return true;
            }
            _ => panic!("unexpected {words:?}"),
        };
        link.outbox.push_back(Answer::Other(answer));
        true
    }
}

impl Link {
    fn change(&mut self, subscribe: bool, names: Vec<Name>, forbidden: &BTreeSet<String>, busy: bool) {
        let is_forbidden = subscribe && names.iter().any(|name| forbidden.contains(&name.text));
        if is_forbidden || busy {
            let error =
                if is_forbidden { "NOPERM No permissions to access a channel" } else { "BUSY a script" };
            let bytes = format!("-{error}\r\n").into_bytes();
            if !subscribe {
                self.kept.extend(names);
                return self.outbox.push_back(Answer::Refused { alone: None, bytes });
            }
            let alone = <[Name; 1]>::try_from(names).ok().map(|[name]| name);
            self.refused.extend(alone.clone());
            return self.outbox.push_back(Answer::Refused { alone, bytes });
        }
        let kind = if self.resp3 { '>' } else { '*' };
        for name in names {
            if subscribe {
                self.subscribed.insert(name.clone());
                self.refused.remove(&name);
            } else {
                self.subscribed.remove(&name);
            }
            self.kept.remove(&name);
            let what = match (subscribe, name.pattern) {
                (true, false) => "subscribe",
                (true, true) => "psubscribe",
                (false, false) => "unsubscribe",
                (false, true) => "punsubscribe",
            };
            let count = self.subscribed.len();
            let bytes = format!("{kind}3\r\n{}{}:{count}\r\n", bulk(what), bulk(&name.text)).into_bytes();
            self.outbox.push_back(Answer::Confirmation { subscribe, name, bytes });
        }
    }
}
