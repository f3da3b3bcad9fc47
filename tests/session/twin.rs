//! A naive server: it takes bytes late, runs commands one at a time, and its answers arrive when the test lets them.

use std::collections::{BTreeSet, VecDeque};

use realtime::model::TopicKind;
use resp::{Decoder, Value};

use crate::client::{HELLO3, MASTER, Resp};
use crate::sink::text;

/// The limits for a client that is not logged in: words of a command, bytes of a word. Source:
/// `processMultibulkBuffer` in networking.c of Redis 7
const STRANGERS_WORDS: usize = 10;
const STRANGERS_BYTES: usize = 16_384;

pub(crate) const PROBES: &str = "realtime:probe:";

/// A topic. A pattern of this server matches the channel of the same name, and a publish reaches the sharded channel,
/// too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) kind: TopicKind,
    pub(crate) text: String,
}

impl Name {
    pub(crate) fn new(kind: TopicKind, text: &str) -> Self {
        Self { kind, text: text.to_owned() }
    }
}

/// The part that determines a sharded channel's hash slot: its tag, or all of it.
fn hashed(text: &str) -> &str {
    text.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or(text, |(tag, _)| tag)
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
    /// A sharded channel's hash slot has moved to another node.
    Ended {
        name: Name,
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
            | Self::Ended { bytes, .. }
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
    /// Names whose messages it keeps sending, because their UNSUBSCRIBE was refused.
    kept: BTreeSet<Name>,
    /// Sharded channels that it ended, and that were not subscribed since.
    ended: BTreeSet<Name>,
}

pub(crate) struct Server {
    pub(crate) resp: Resp,
    pub(crate) links: [Option<Link>; 2],
    /// Names that the ACL refuses.
    pub(crate) forbidden: BTreeSet<String>,
    /// The parts that determine the hash slots of another node.
    moved: BTreeSet<String>,
    /// It runs a script that does not end, and refuses each SUBSCRIBE and UNSUBSCRIBE, except SUNSUBSCRIBE.
    pub(crate) busy: bool,
    /// The SUBSCRIBEs that it ran.
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
        let (forbidden, moved, asked) = (BTreeSet::new(), BTreeSet::new(), Asked::default());
        Self { resp, links: [None, None], forbidden, moved, busy: false, asked }
    }

    pub(crate) fn accept(&mut self, link: usize) {
        self.links[link] = Some(Link::default());
    }

    /// Bytes arrive.
    pub(crate) fn receive(&mut self, link: usize, bytes: &[u8]) {
        let Some(link) = &mut self.links[link] else { return assert_eq!(bytes, b"", "written to nobody") };
        let mut input = bytes;
        while let Some(frame) = link.decoder.feed(&mut input).expect("commands are RESP") {
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

    /// The topics that are delivered, without the module's own probes.
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

    /// The topics that were refused alone on the current connections.
    pub(crate) fn refused(&self) -> BTreeSet<Name> {
        self.links.iter().flatten().flat_map(|link| &link.refused).cloned().collect()
    }

    /// Whether the last UNSUBSCRIBE of a name was refused.
    pub(crate) fn keeps(&self, name: &Name) -> bool {
        self.links.iter().flatten().any(|link| link.kept.contains(name))
    }

    /// Whether a name's subscription was ended, and it was not subscribed since.
    pub(crate) fn has_ended(&self, name: &Name) -> bool {
        self.links.iter().flatten().any(|link| link.ended.contains(name))
    }

    /// The hash slot of a sharded channel moves to another node.
    pub(crate) fn move_slot(&mut self, text: &str) {
        self.moved.insert(hashed(text).to_owned());
        for link in self.links.iter_mut().flatten() {
            let is_moved =
                |name: &&Name| name.kind == TopicKind::ShardedChannel && hashed(&name.text) == hashed(text);
            let names: Vec<Name> = link.subscribed.iter().filter(is_moved).cloned().collect();
            for name in names {
                link.subscribed.remove(&name);
                link.ended.insert(name.clone());
                let bytes = link.push_of("sunsubscribe", &name);
                link.outbox.push_back(Answer::Ended { name, bytes });
            }
        }
    }

    /// Hash slots come back.
    pub(crate) fn return_slots(&mut self) {
        self.moved.clear();
    }

    /// Another client publishes.
    pub(crate) fn publish(&mut self, channel: &str, payload: &str) {
        for link in self.links.iter_mut().flatten() {
            let kind = if link.resp3 { '>' } else { '*' };
            for topic_kind in TopicKind::ALL {
                let name = Name::new(topic_kind, channel);
                if !link.subscribed.contains(&name) {
                    continue;
                }
                let (channel, message) = (bulk(channel), bulk(payload));
                let bytes = match topic_kind {
                    TopicKind::Channel => format!("{kind}3\r\n$7\r\nmessage\r\n{channel}{message}"),
                    TopicKind::Pattern => {
                        format!("{kind}4\r\n$8\r\npmessage\r\n{channel}{channel}{message}")
                    }
                    TopicKind::ShardedChannel => {
                        format!("{kind}3\r\n$8\r\nsmessage\r\n{channel}{message}")
                    }
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
            "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE" => {
                assert!(link.known, "{words:?} before the login");
                self.asked.commands += 1;
                self.asked.names += rest.len();
                let kind = match &name[..2] {
                    "PS" | "PU" => TopicKind::Pattern,
                    "SS" => TopicKind::ShardedChannel,
                    _ if name.starts_with("SUN") => TopicKind::ShardedChannel,
                    _ => TopicKind::Channel,
                };
                let subscribe = !name.contains("UNSUB");
                let is_sharded = kind == TopicKind::ShardedChannel;
                assert!(
                    !is_sharded || rest.iter().all(|name| hashed(name) == hashed(&rest[0])),
                    "of several hash slots: {words:?}"
                );
                let is_forbidden = subscribe && rest.iter().any(|name| self.forbidden.contains(name));
                let error = if is_forbidden {
                    Some("NOPERM No permissions to access a channel")
                } else if is_sharded && self.moved.contains(hashed(&rest[0])) {
                    Some("MOVED 1 10.0.0.2:6379")
                } else {
                    (self.busy && (!is_sharded || subscribe)).then_some("BUSY a script")
                };
                let names = rest.iter().map(|text| Name::new(kind, text)).collect();
                link.change(subscribe, names, error);
                return true;
            }
            _ => panic!("unexpected {words:?}"),
        };
        link.outbox.push_back(Answer::Other(answer));
        true
    }
}

impl Link {
    fn change(&mut self, subscribe: bool, names: Vec<Name>, error: Option<&str>) {
        if let Some(error) = error {
            let bytes = format!("-{error}\r\n").into_bytes();
            if !subscribe {
                // At another node there is nothing to keep.
                self.kept.extend(names.into_iter().filter(|name| name.kind != TopicKind::ShardedChannel));
                return self.outbox.push_back(Answer::Refused { alone: None, bytes });
            }
            let alone = <[Name; 1]>::try_from(names).ok().map(|[name]| name);
            self.refused.extend(alone.clone());
            return self.outbox.push_back(Answer::Refused { alone, bytes });
        }
        for name in names {
            if subscribe {
                self.subscribed.insert(name.clone());
                self.refused.remove(&name);
                self.ended.remove(&name);
            } else {
                self.subscribed.remove(&name);
            }
            self.kept.remove(&name);
            let what = match (subscribe, name.kind) {
                (true, TopicKind::Channel) => "subscribe",
                (true, TopicKind::Pattern) => "psubscribe",
                (true, TopicKind::ShardedChannel) => "ssubscribe",
                (false, TopicKind::Channel) => "unsubscribe",
                (false, TopicKind::Pattern) => "punsubscribe",
                (false, TopicKind::ShardedChannel) => "sunsubscribe",
            };
            let bytes = self.push_of(what, &name);
            self.outbox.push_back(Answer::Confirmation { subscribe, name, bytes });
        }
    }

    fn push_of(&self, what: &str, name: &Name) -> Vec<u8> {
        let (kind, count) = (if self.resp3 { '>' } else { '*' }, self.subscribed.len());
        format!("{kind}3\r\n{}{}:{count}\r\n", bulk(what), bulk(&name.text)).into_bytes()
    }
}
