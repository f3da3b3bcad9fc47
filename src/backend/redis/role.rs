//! What the server is to the others of its deployment, and whether that changes.
//!
//! A master that becomes a replica keeps its clients. Their publishes on it succeed and reach nobody elsewhere, and nothing
//! else tells them. So the link of the commands asks for the role each `ping_interval`, and at once after a command was
//! refused with READONLY. The question takes the place of the PING that looks for life.

use std::time::{Duration, Instant};

use super::failure::Failure;
use super::handshake;
use super::link::{Awaits, Link};
use super::protocol::{Version, info_field, is_refusal};
use super::session::{COMMANDS, Core, SUBSCRIBER};
use crate::model::{Error, Role, Sink, Value};

/// READONLY is no reason to ask more often than this.
const PAUSE: Duration = Duration::from_secs(1);
/// Where every question is refused, a PING looks for life for so long. An ACL is mended at run time, so they are asked again.
const REST: Duration = Duration::from_secs(30);

/// What the console says of a connection to a replica.
pub(super) const REPLICA: &str = "the server is a replica: what is published on it reaches nobody on its master, and it \
                                  refuses writes; connect to the master, or set the option replica = true";

/// How the role is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// `HELLO 3`, which changes nothing on a link that speaks RESP3 already.
    Hello,
    /// `ROLE`.
    Role,
    /// `INFO replication`, where ROLE is refused.
    Info,
}

impl Question {
    /// A HELLO that says nothing of the role once will say nothing later.
    fn first(version: Version, role: Option<Role>) -> Self {
        if version == Version::Resp3 && role.is_some() { Self::Hello } else { Self::Role }
    }

    /// What is asked where this is refused.
    fn next(self) -> Option<Self> {
        match self {
            Self::Hello => Some(Self::Role),
            Self::Role => Some(Self::Info),
            Self::Info => None,
        }
    }
}

/// The watch over the role of a link's server.
#[derive(Debug)]
pub(super) struct Watch {
    question: Question,
    /// The role that this connection was told last.
    role: Option<Role>,
    /// When it was asked for last.
    asked: Instant,
    /// When it is to be asked for again.
    due: Instant,
    in_flight: bool,
    /// Every question was refused: until then none is asked.
    rests: Option<Instant>,
}

impl Watch {
    /// For a link that speaks `version`, whose server said in the handshake at `now` what it is.
    pub(super) fn new(version: Version, role: Option<Role>, now: Instant, interval: Duration) -> Self {
        let question = Question::first(version, role);
        Self { question, role, asked: now, due: now + interval, in_flight: false, rests: None }
    }

    /// When the next question is due; `None` while one is unanswered.
    pub(super) fn due(&self) -> Option<Instant> {
        Some(self.rests.unwrap_or(self.due)).filter(|_| !self.in_flight)
    }

    /// A command was refused as only a replica refuses it, or a script that says so.
    fn hurry(&mut self, now: Instant) {
        self.due = self.due.min(now.max(self.asked + PAUSE));
    }
}

impl Link {
    /// Asks for the role, unless that is under way. Returns whether the role is watched at present.
    pub(super) fn ask_role(&mut self, now: Instant, interval: Duration) -> bool {
        let Some(watch) = &mut self.watch else { return false };
        if watch.rests.is_some_and(|until| until > now) {
            return false;
        }
        watch.rests = None;
        if !std::mem::replace(&mut watch.in_flight, true) {
            (watch.asked, watch.due) = (now, now + interval);
            let question = watch.question;
            let words: &[&[u8]] = match question {
                Question::Hello => &[b"HELLO", b"3"],
                Question::Role => &[b"ROLE"],
                Question::Info => &[b"INFO", b"replication"],
            };
            let serves_always = watch.role == Some(Role::Master);
            self.send(Awaits::Role { question, since: now }, words);
            if !serves_always {
                self.ask_serving();
            }
        }
        true
    }
}

impl Core {
    /// The handshake on the link of the commands is over: watches the role from now on.
    pub(super) fn watch_role(&mut self, now: Instant) {
        let role = self.server.role;
        let link = &mut self.links[COMMANDS];
        link.watch = Some(Watch::new(link.version, role, now, self.config.ping_interval));
        let asked = link.made.as_ref().map_or(now, |(made, _)| *made);
        self.note_role(role, asked);
    }

    /// The server said what it is, to a question of then.
    fn note_role(&mut self, role: Option<Role>, asked: Instant) {
        self.server.role = role;
        self.counters.set_role(role);
        match role {
            Some(Role::Master) => {
                self.replica_told = false;
                self.master_seen = Some(asked);
            }
            Some(Role::Replica) => self.lose_to_new_master(),
            None => {}
        }
    }

    /// The server is a master no more, or the connection to such a one is lost: what was published elsewhere since it was
    /// one for certain did not come, though the link lived.
    pub(super) fn lose_to_new_master(&mut self) {
        if let Some(seen) = self.master_seen.take() {
            self.delivery.lost_earlier(seen);
        }
    }

    /// What the console should say of the present connection, if it was not said before.
    pub(super) fn replica_notice(&mut self) -> Option<&'static str> {
        if self.server.role != Some(Role::Replica) || self.config.replica {
            return None;
        }
        (!std::mem::replace(&mut self.replica_told, true)).then_some(REPLICA)
    }

    /// A command was answered: READONLY is a reason to ask for the role at once.
    pub(super) fn watch_for_readonly(&mut self, i: usize, reply: &Result<Value, Error>, now: Instant) {
        // Before Redis 7 a script's error has it in the middle.
        if let Err(error) = reply
            && (error.code.as_str() == "READONLY" || error.message.contains("-READONLY "))
            && let Some(watch) = &mut self.links[i].watch
        {
            watch.hurry(now);
        }
    }

    /// The answer to a question for the role.
    pub(super) fn role_answered(
        &mut self,
        question: Question,
        reply: &Result<Value, Error>,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let link = &mut self.links[COMMANDS];
        let Some(watch) = &mut link.watch else { return };
        watch.in_flight = false;
        let asked = watch.asked;
        match reply {
            Ok(reply) => {
                let role = match question {
                    Question::Hello => {
                        handshake::from_hello(reply, &self.config).and_then(|server| server.role)
                    }
                    Question::Role => from_role(reply),
                    Question::Info => from_info(reply),
                };
                let before = watch.role;
                watch.role = role.or(before);
                if (before, role) == (Some(Role::Master), Some(Role::Replica)) {
                    // One address may lead to another server by now. If it does not, the client stays.
                    self.fail(COMMANDS, Failure::Demoted, now, sink);
                    if self.links[SUBSCRIBER].is_up() {
                        self.fail(SUBSCRIBER, Failure::Demoted, now, sink);
                    }
                    self.lose_to_new_master();
                } else if role.is_some() {
                    self.note_role(role, asked);
                }
            }
            Err(error) if !is_refusal(error) => {}
            Err(_) => match question.next() {
                Some(next) => {
                    watch.question = next;
                    link.ask_role(now, self.config.ping_interval);
                }
                None => {
                    watch.question = Question::first(link.version, watch.role);
                    watch.rests = Some(now + REST);
                }
            },
        }
    }
}

/// The role in an answer to ROLE: <https://redis.io/docs/latest/commands/role/>
pub(super) fn from_role(reply: &Value) -> Option<Role> {
    let Value::Array(items) = reply else { return None };
    let Some(Value::String(role)) = items.first() else { return None };
    from_word(role)
}

/// The role in INFO's lines.
pub(super) fn from_info(reply: &Value) -> Option<Role> {
    let Value::String(text) = reply else { return None };
    from_word(info_field(text, b"role")?)
}

/// The role by the word that HELLO, ROLE or INFO has for it.
pub(super) fn from_word(word: &[u8]) -> Option<Role> {
    match word {
        b"master" => Some(Role::Master),
        b"replica" | b"slave" => Some(Role::Replica),
        _ => None,
    }
}
