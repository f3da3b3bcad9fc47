//! Events of a session, encoded as bytes: each act is its number and its few operands, so that a fuzzer's mutations
//! are meaningful and seeds can be written.

use arbitrary::{Arbitrary, Result, Unstructured};
use realtime::model::TopicKind;

/// A conversation: the client's settings, and its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The client's settings.
    pub profile: Profile,
    /// The events, in order.
    pub acts: Vec<Act>,
}

/// The settings of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// 0: auto; 1: RESP2; 2: RESP3.
    pub protocol: u8,
    /// With user and password.
    pub login: bool,
    /// With a database and a name.
    pub named: bool,
    /// Messages are limited to a hundred bytes.
    pub small: bool,
    /// The server knows no HELLO.
    pub old_server: bool,
}

/// One event of a session. Links are numbers; a number without a link has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The server sends any bytes.
    Raw(u8, Vec<u8>),
    /// The server answers the next command that it was sent on this link.
    Answer(u8, Reply),
    /// It answers all of them as it should.
    AnswerAll(u8),
    /// It sends a message: link, to what, the number of the name, the size of the payload.
    Message(u8, TopicKind, u8, u8),
    /// It confirms something unasked: link, whether a subscription or its end, of what, the name's number.
    Confirm(u8, bool, TopicKind, u8),
    /// It sends a flood of one kind, of this many KiB.
    Flood(u8, u8, u8),
    /// From now on reads return at most so many bytes; 0: all there are.
    Reads(u8),
    /// The link is made.
    Connected(u8),
    /// The link is lost, or could not be made: link and cause.
    Lost(u8, u8),
    /// So many times 100 ms pass, and timers fire when they are due.
    Wait(u8),
    /// A timer fires now, due or not.
    Timer,
    /// The socket accepts so many more bytes; 255: any number.
    Writable(u8, u8),
    /// The queue to the main thread is full, or is not any more.
    Full(bool),
    /// Subscribe (true) or Unsubscribe, of what, the number of the name.
    Wish(Wish),
    /// Publish, with so much time in 100 ms: name's number, message.
    Publish(u8, u8, Vec<u8>),
    /// A command of so many words, with a timeout in units of 100 ms.
    Command(u8, Vec<Vec<u8>>),
    /// A transaction of so many commands, with a timeout in units of 100 ms.
    Transaction(u8, u8),
    /// A round trip, with so much time in 100 ms.
    Ping(u8),
    /// The client must end within so many times 100 ms.
    Disconnect(u8),
}

/// A wish about a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Wanted from now on, or not any more.
    pub subscribe: bool,
    /// Of what.
    pub kind: TopicKind,
    /// The number of the name.
    pub name: u8,
}

/// How the server answers a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// As a server does.
    Proper,
    /// The same, after an attribute.
    Described,
    /// The same, after a message.
    BehindMessage,
    /// With `-NOPERM`.
    NoPermission,
    /// With an error that echoes the command's arguments.
    Echo,
    /// With `-LOADING`.
    Loading,
    /// With `-MOVED`.
    Moved,
    /// With a null.
    Null,
    /// With a number.
    Integer,
    /// With an array in whose middle a message comes.
    Interrupted,
    /// With a string in pieces.
    Streamed,
    /// With more than `max_message_bytes` allows.
    Large,
    /// The first confirmation alone, then an error.
    Half,
    /// No answer: the command is forgotten.
    Silence,
}

const REPLIES: [Reply; 14] = [
    Reply::Proper,
    Reply::Described,
    Reply::BehindMessage,
    Reply::NoPermission,
    Reply::Echo,
    Reply::Loading,
    Reply::Null,
    Reply::Integer,
    Reply::Interrupted,
    Reply::Streamed,
    Reply::Large,
    Reply::Half,
    Reply::Silence,
    Reply::Moved,
];

const ACTS: u8 = 20;
/// Words of one command.
const WORDS: u8 = 5;

impl<'a> Arbitrary<'a> for Script {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let profile = Profile::arbitrary(u)?;
        let mut acts = Vec::new();
        while !u.is_empty() {
            acts.push(Act::arbitrary(u)?);
        }
        Ok(Self { profile, acts })
    }
}

impl Script {
    /// The bytes that are read as this script.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.profile.to_byte()];
        self.acts.iter().for_each(|act| act.write(&mut bytes));
        bytes
    }
}

impl<'a> Arbitrary<'a> for Profile {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let byte = u8::arbitrary(u)?;
        Ok(Self {
            protocol: (byte & 3).min(2),
            login: byte & 4 != 0,
            named: byte & 8 != 0,
            small: byte & 16 != 0,
            old_server: byte & 32 != 0,
        })
    }
}

impl Profile {
    fn to_byte(self) -> u8 {
        self.protocol
            | u8::from(self.login) << 2
            | u8::from(self.named) << 3
            | u8::from(self.small) << 4
            | u8::from(self.old_server) << 5
    }
}

impl<'a> Arbitrary<'a> for Act {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let byte = |u: &mut Unstructured<'a>| u8::arbitrary(u);
        Ok(match byte(u)? % ACTS {
            0 => Self::Raw(byte(u)?, bytes(u)?),
            1 => Self::Answer(byte(u)?, REPLIES[usize::from(byte(u)?) % REPLIES.len()]),
            2 => Self::AnswerAll(byte(u)?),
            3 => Self::Message(byte(u)?, kind(u)?, byte(u)?, byte(u)?),
            4 => Self::Confirm(byte(u)?, bit(u)?, kind(u)?, byte(u)?),
            5 => Self::Flood(byte(u)?, byte(u)?, byte(u)?),
            6 => Self::Reads(byte(u)?),
            7 => Self::Connected(byte(u)?),
            8 => Self::Lost(byte(u)?, byte(u)?),
            9 => Self::Wait(byte(u)?),
            10 => Self::Timer,
            11 => Self::Writable(byte(u)?, byte(u)?),
            12 => Self::Full(bit(u)?),
            13 | 14 => Self::Wish(Wish { subscribe: bit(u)?, kind: kind(u)?, name: byte(u)? }),
            15 => Self::Publish(byte(u)?, byte(u)?, bytes(u)?),
            16 => {
                let time = byte(u)?;
                let words = byte(u)? % WORDS;
                Self::Command(time, (0..words).map(|_| bytes(u)).collect::<Result<_>>()?)
            }
            17 => Self::Transaction(byte(u)?, byte(u)?),
            18 => Self::Ping(byte(u)?),
            _ => Self::Disconnect(byte(u)?),
        })
    }
}

fn bit(u: &mut Unstructured<'_>) -> Result<bool> {
    Ok(u8::arbitrary(u)? & 1 == 1)
}

const KINDS: [TopicKind; 4] =
    [TopicKind::Channel, TopicKind::Pattern, TopicKind::ShardedChannel, TopicKind::Pattern];

fn kind(u: &mut Unstructured<'_>) -> Result<TopicKind> {
    Ok(KINDS[usize::from(u8::arbitrary(u)?) % KINDS.len()])
}

fn kind_byte(kind: TopicKind) -> u8 {
    KINDS.iter().position(|other| *other == kind).and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
}

fn bytes(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let len = usize::from(u8::arbitrary(u)?);
    Ok(u.bytes(len.min(u.len()))?.to_vec())
}

impl Act {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(link, bytes) => {
                out.extend([0, *link]);
                write_bytes(bytes, out);
            }
            Self::Answer(link, reply) => {
                let at = REPLIES.iter().position(|other| other == reply).unwrap_or(0);
                out.extend([1, *link, u8::try_from(at).unwrap_or(0)]);
            }
            Self::AnswerAll(link) => out.extend([2, *link]),
            Self::Message(link, kind, name, size) => {
                out.extend([3, *link, kind_byte(*kind), *name, *size]);
            }
            Self::Confirm(link, subscribe, kind, name) => {
                out.extend([4, *link, (*subscribe).into(), kind_byte(*kind), *name]);
            }
            Self::Flood(link, kind, size) => out.extend([5, *link, *kind, *size]),
            Self::Reads(size) => out.extend([6, *size]),
            Self::Connected(link) => out.extend([7, *link]),
            Self::Lost(link, cause) => out.extend([8, *link, *cause]),
            Self::Wait(time) => out.extend([9, *time]),
            Self::Timer => out.push(10),
            Self::Writable(link, n) => out.extend([11, *link, *n]),
            Self::Full(full) => out.extend([12, (*full).into()]),
            Self::Wish(Wish { subscribe, kind, name }) => {
                out.extend([13, (*subscribe).into(), kind_byte(*kind), *name]);
            }
            Self::Publish(time, name, message) => {
                out.extend([15, *time, *name]);
                write_bytes(message, out);
            }
            Self::Command(time, words) => {
                out.extend([16, *time, u8::try_from(words.len()).unwrap_or(0)]);
                words.iter().for_each(|word| write_bytes(word, out));
            }
            Self::Transaction(time, count) => out.extend([17, *time, *count]),
            Self::Ping(time) => out.extend([18, *time]),
            Self::Disconnect(time) => out.extend([19, *time]),
        }
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let len = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    out.push(len);
    out.extend_from_slice(&bytes[..usize::from(len)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_as_it_was_written() {
        let script = Script {
            profile: Profile { protocol: 2, login: true, named: false, small: true, old_server: true },
            acts: vec![
                Act::Raw(1, b"+OK\r\n".to_vec()),
                Act::Answer(0, Reply::Half),
                Act::AnswerAll(1),
                Act::Message(0, TopicKind::Pattern, 3, 200),
                Act::Confirm(1, true, TopicKind::ShardedChannel, 2),
                Act::Flood(0, 1, 2),
                Act::Reads(1),
                Act::Connected(0),
                Act::Lost(1, 2),
                Act::Wait(9),
                Act::Timer,
                Act::Writable(1, 255),
                Act::Full(true),
                Act::Wish(Wish { subscribe: true, kind: TopicKind::Channel, name: 7 }),
                Act::Publish(1, 2, b"x".to_vec()),
                Act::Command(1, vec![b"GET".to_vec(), b"a".to_vec()]),
                Act::Transaction(1, 2),
                Act::Ping(3),
                Act::Disconnect(10),
            ],
        };
        let bytes = script.to_bytes();
        assert_eq!(Script::arbitrary(&mut Unstructured::new(&bytes)), Ok(script));
    }
}
