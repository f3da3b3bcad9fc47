//! The role of the server in its deployment, and changes of it.
//!
//! A master that becomes a replica keeps its clients. Their publishes on it succeed and reach no client of other
//! servers, and nothing else reports that. So the link of the commands asks for the role each `ping_interval`, and at
//! once after a command was refused with READONLY. The question replaces the PING that checks whether the server is
//! alive.

use std::time::{Duration, Instant};

use super::config::Config;
use super::protocol::{Version, is_refusal};
use super::reply::Reply;
use super::server::{from_hello, role_from_info, role_from_role};
use crate::model::{Error, Role};

/// READONLY does not make the questions more frequent than this.
const PAUSE: Duration = Duration::from_secs(1);
/// If every question is refused, PING is used for this long. An ACL can be changed at run time, so then they are
/// asked again.
const REST: Duration = Duration::from_secs(30);

/// The console line for a connection to a replica.
const REPLICA: &str = "the server is a replica: messages published on it reach nobody on its master, and it \
                                  refuses writes; connect to the master, or set the option replica = true";

/// The ways to ask for the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoleQuestion {
    /// `HELLO 3`, which changes nothing on a link that speaks RESP3 already.
    Hello,
    /// `ROLE`.
    Role,
    /// `INFO replication`, where ROLE is refused.
    Info,
}

impl RoleQuestion {
    /// The first question on a connection. If the answer to HELLO had no `role`, later answers will not have
    /// one either.
    fn first(version: Version, role: Option<Role>) -> Self {
        if version == Version::Resp3 && role.is_some() { Self::Hello } else { Self::Role }
    }

    /// The next question if this one is refused.
    fn next(self) -> Option<Self> {
        match self {
            Self::Hello => Some(Self::Role),
            Self::Role => Some(Self::Info),
            Self::Info => None,
        }
    }

    pub(super) fn words(self) -> &'static [&'static [u8]] {
        match self {
            Self::Hello => &[b"HELLO", b"3"],
            Self::Role => &[b"ROLE"],
            Self::Info => &[b"INFO", b"replication"],
        }
    }
}

/// The watch over the role of the server that gets the commands.
#[derive(Debug, Default)]
pub(super) struct RoleWatch {
    /// The state for the current connection.
    watch: Option<ConnectionWatch>,
    /// The owner was told that the server is a replica, and it has not been a master since.
    replica_told: bool,
    /// The time of the last question that a master answered; `None` if a replica answered one later.
    master_seen: Option<Instant>,
}

/// The role and the questions of one connection.
#[derive(Debug)]
struct ConnectionWatch {
    version: Version,
    interval: Duration,
    question: RoleQuestion,
    /// The role that the server reported last on this connection.
    role: Option<Role>,
    /// When the last question was sent.
    asked: Instant,
    /// When the next question is due.
    due: Instant,
    in_flight: bool,
    /// Every question was refused: none is asked before this time.
    rests: Option<Instant>,
}

/// Whether to ask for the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoleTurn {
    /// Every question was refused.
    Unwatched,
    /// A question has no answer yet.
    UnderWay,
    /// Ask this; and whether the server serves data, unless it is a master.
    Ask { question: RoleQuestion, is_master: bool },
}

/// The meaning of an answer about the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoleVerdict {
    Nothing,
    /// The server had this role when it was asked.
    Role(Role, Instant),
    /// The server was a master and is a replica now.
    Demoted,
    /// The question was refused; ask another one.
    AskAnother,
}

impl RoleWatch {
    /// A connection that speaks `version` is up; its server reported this role in the handshake at `now`.
    pub(super) fn begin(&mut self, version: Version, role: Option<Role>, now: Instant, interval: Duration) {
        let (question, due) = (RoleQuestion::first(version, role), now + interval);
        self.watch = Some(ConnectionWatch {
            version,
            interval,
            question,
            role,
            asked: now,
            due,
            in_flight: false,
            rests: None,
        });
    }

    /// The connection was lost.
    pub(super) fn disconnected(&mut self) {
        self.watch = None;
    }

    /// When the next question is due; `None` while one is unanswered.
    pub(super) fn due(&self) -> Option<Instant> {
        let watch = self.watch.as_ref().filter(|watch| !watch.in_flight)?;
        Some(watch.rests.unwrap_or(watch.due))
    }

    /// Whether to ask now. If so, the question counts as sent.
    pub(super) fn ask(&mut self, now: Instant) -> RoleTurn {
        let Some(watch) = self.watch.as_mut().filter(|watch| watch.rests.is_none_or(|until| until <= now))
        else {
            return RoleTurn::Unwatched;
        };
        watch.rests = None;
        if std::mem::replace(&mut watch.in_flight, true) {
            return RoleTurn::UnderWay;
        }
        (watch.asked, watch.due) = (now, now + watch.interval);
        RoleTurn::Ask { question: watch.question, is_master: watch.role == Some(Role::Master) }
    }

    /// A command was refused: READONLY is a reason to ask for the role at once.
    pub(super) fn command_refused(&mut self, error: &Error, now: Instant) {
        // Before Redis 7 the error of a script has the code in the middle.
        if (error.code.as_str() == "READONLY" || error.message.contains("-READONLY "))
            && let Some(watch) = &mut self.watch
        {
            watch.due = watch.due.min(now.max(watch.asked + PAUSE));
        }
    }

    /// The answer to a question for the role.
    pub(super) fn answered(
        &mut self,
        question: RoleQuestion,
        reply: &Reply,
        now: Instant,
        config: &Config,
    ) -> RoleVerdict {
        let Some(watch) = &mut self.watch else { return RoleVerdict::Nothing };
        watch.in_flight = false;
        match reply {
            Ok(reply) => {
                let role = match question {
                    RoleQuestion::Hello => from_hello(reply, config).and_then(|server| server.role),
                    RoleQuestion::Role => role_from_role(reply),
                    RoleQuestion::Info => role_from_info(reply),
                };
                let before = watch.role;
                watch.role = role.or(before);
                match (before, role) {
                    (Some(Role::Master), Some(Role::Replica)) => RoleVerdict::Demoted,
                    (_, Some(role)) => RoleVerdict::Role(role, watch.asked),
                    (_, None) => RoleVerdict::Nothing,
                }
            }
            Err(error) if !is_refusal(error) => RoleVerdict::Nothing,
            Err(_) => match question.next() {
                Some(next) => {
                    watch.question = next;
                    RoleVerdict::AskAnother
                }
                None => {
                    watch.question = RoleQuestion::first(watch.version, watch.role);
                    watch.rests = Some(now + REST);
                    RoleVerdict::Nothing
                }
            },
        }
    }

    /// The server reported its role, in answer to a question sent at `asked`. If messages may be missing for that
    /// reason, returns the time from which.
    pub(super) fn note(&mut self, role: Option<Role>, asked: Instant) -> Option<Instant> {
        match role {
            Some(Role::Master) => {
                self.replica_told = false;
                self.master_seen = Some(asked);
                None
            }
            Some(Role::Replica) => self.take_master_seen(),
            None => None,
        }
    }

    /// The time of the last question that a master answered; `None` if a replica answered one later.
    pub(super) fn master_seen(&self) -> Option<Instant> {
        self.master_seen
    }

    /// Returns the last time at which the server was known to be a master: it no longer is, or the connection to it
    /// was lost. Messages published on its successor after that time were missed, although the link was up.
    pub(super) fn take_master_seen(&mut self) -> Option<Instant> {
        self.master_seen.take()
    }

    /// It is unknown whether the other server was a master: messages published since the connection to it was made,
    /// at `made`, may be missing.
    pub(super) fn doubt_since(&mut self, made: Option<Instant>) {
        self.master_seen = self.master_seen.or(made);
    }

    /// The console line for a server with this role, unless it was said before.
    pub(super) fn notice(&mut self, role: Option<Role>, config: &Config) -> Option<&'static str> {
        let is_unwanted = role == Some(Role::Replica) && !config.replica;
        (is_unwanted && !std::mem::replace(&mut self.replica_told, true)).then_some(REPLICA)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Options;
    use crate::model::{Code, Value};

    const INTERVAL: Duration = Duration::from_secs(15);

    fn config() -> Config {
        Config::new(Options::default()).unwrap()
    }

    fn role(word: &str) -> Result<Value, Error> {
        Ok(Value::Array(vec![Value::String(word.as_bytes().into())]))
    }

    #[test]
    fn the_next_question_is_asked_where_one_is_refused_and_none_for_a_while_where_all_are() {
        let (mut watch, now, config) = (RoleWatch::default(), Instant::now(), config());
        assert_eq!((watch.ask(now), watch.due()), (RoleTurn::Unwatched, None));
        watch.begin(Version::Resp3, Some(Role::Master), now, INTERVAL);
        let refused = Err(Error::sent(Code::Server("ERR".into()), "unknown command"));
        for question in [RoleQuestion::Hello, RoleQuestion::Role, RoleQuestion::Info] {
            assert_eq!(watch.ask(now), RoleTurn::Ask { question, is_master: true });
            assert_eq!((watch.ask(now), watch.due()), (RoleTurn::UnderWay, None));
            let verdict = watch.answered(question, &refused, now, &config);
            let is_last = question == RoleQuestion::Info;
            let expected = if is_last { RoleVerdict::Nothing } else { RoleVerdict::AskAnother };
            assert_eq!(verdict, expected, "{question:?}");
        }
        assert_eq!((watch.ask(now), watch.due()), (RoleTurn::Unwatched, Some(now + REST)));
        assert!(matches!(watch.ask(now + REST), RoleTurn::Ask { question: RoleQuestion::Hello, .. }));
        watch.disconnected();
        assert_eq!(watch.due(), None);
    }

    #[test]
    fn a_master_that_is_a_replica_now_is_demoted_and_a_replica_is_none() {
        let (now, config) = (Instant::now(), config());
        for (before, after, verdict) in [
            (Some(Role::Master), "slave", RoleVerdict::Demoted),
            (Some(Role::Replica), "slave", RoleVerdict::Role(Role::Replica, now)),
            (None, "slave", RoleVerdict::Role(Role::Replica, now)),
            (Some(Role::Replica), "master", RoleVerdict::Role(Role::Master, now)),
            (Some(Role::Master), "sentinel", RoleVerdict::Nothing),
        ] {
            let mut watch = RoleWatch::default();
            watch.begin(Version::Resp2, before, now, INTERVAL);
            watch.ask(now);
            let given = watch.answered(RoleQuestion::Role, &role(after), now, &config);
            assert_eq!(given, verdict, "{before:?} {after}");
        }
    }

    #[test]
    fn readonly_hurries_the_question_but_not_more_than_once_a_second() {
        let (mut watch, now) = (RoleWatch::default(), Instant::now());
        watch.begin(Version::Resp2, Some(Role::Master), now, INTERVAL);
        watch.command_refused(&Error::sent(Code::Server("WRONGTYPE".into()), "no"), now);
        assert_eq!(watch.due(), Some(now + INTERVAL));
        watch.command_refused(&Error::sent(Code::Server("READONLY".into()), "no"), now);
        assert_eq!(watch.due(), Some(now + PAUSE));
    }

    #[test]
    fn what_may_be_missing_reaches_back_to_the_last_question_to_a_master() {
        let (mut watch, now) = (RoleWatch::default(), Instant::now());
        watch.doubt_since(Some(now));
        assert_eq!(watch.note(Some(Role::Master), now + PAUSE), None);
        watch.doubt_since(Some(now));
        assert_eq!(watch.note(None, now + REST), None);
        assert_eq!(watch.note(Some(Role::Replica), now + REST), Some(now + PAUSE));
        assert_eq!(watch.take_master_seen(), None, "once");
        let config = config();
        assert!(watch.notice(Some(Role::Replica), &config).is_some());
        assert_eq!(watch.notice(Some(Role::Replica), &config), None, "told");
    }
}
