//! Whether the server serves data: it may accept clients and answer `LOADING` or `MASTERDOWN` to most commands.
//!
//! A new connection is not ready before the server serves data. A replica may also stop serving while clients are
//! connected: it synchronizes with its master again, or has lost it. Then it receives none of the messages published
//! on its master, not even later. So a server that is not a master is asked whether it serves data along with
//! each question for its role, and any server is asked after it refused a command with one of these errors.

use std::time::{Duration, Instant};

use super::config::Config;
use super::failure::Failure;
use super::protocol::{HandshakeStep, NO_PERMISSION, PONG, is_unserved};
use super::reply::Reply;
use crate::model::{Error, Value};

/// The pause before a server that does not serve data yet is asked again.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What one connection knows about it.
#[derive(Debug)]
pub(super) struct Serving {
    /// Why the server serves no data, and when to ask again; no time while an answer is awaited.
    outage: Option<(Error, Option<Instant>)>,
    /// A question has no answer yet.
    in_flight: bool,
    /// When the server was last known to serve data.
    served: Instant,
}

/// The meaning of an answer.
#[derive(Debug)]
pub(super) enum ServingVerdict {
    Unchanged,
    Serves,
    /// The server serves no data, and perhaps has served none after `since`. `is_news`: it served data
    /// before, or had another reason.
    Outage {
        error: Error,
        since: Instant,
        is_news: bool,
    },
    Failed(Failure),
}

impl Serving {
    pub(super) fn new(now: Instant) -> Self {
        Self { outage: None, in_flight: false, served: now }
    }

    /// The end of the handshake showed whether the server serves data.
    pub(super) fn begin(&mut self, outage: Option<Error>, now: Instant) {
        if outage.is_none() {
            self.served = now;
        }
        self.outage = outage.map(|error| (error, Some(now + ASK_AGAIN)));
    }

    /// Why the server serves no data; `None` if it does.
    pub(super) fn outage(&self) -> Option<&Error> {
        self.outage.as_ref().map(|(error, _)| error)
    }

    /// When the server was last known to serve data.
    pub(super) fn served(&self) -> Instant {
        self.served
    }

    /// When the next question is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.outage.as_ref().and_then(|(_, ask_at)| *ask_at)
    }

    /// Whether the next question is due. Then it counts as asked.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.outage.as_mut().is_some_and(|(_, at)| at.take_if(|at| *at <= now).is_some())
    }

    /// Whether to ask now, because no question is in flight.
    pub(super) fn ask(&mut self) -> bool {
        !std::mem::replace(&mut self.in_flight, true)
    }

    /// The answer to the question whether the server serves data.
    pub(super) fn answered(&mut self, reply: Reply, now: Instant, config: &Config) -> ServingVerdict {
        self.in_flight = false;
        match outage(reply, config) {
            // The server has served data; now a script may keep it busy.
            Err(_) if self.outage.is_none() => ServingVerdict::Unchanged,
            Err(failure) => ServingVerdict::Failed(failure),
            Ok(None) => {
                (self.outage, self.served) = (None, now);
                ServingVerdict::Serves
            }
            Ok(Some(error)) => {
                let before = self.outage.replace((error.clone(), Some(now + ASK_AGAIN)));
                let is_news = before.is_none_or(|(before, _)| before.code != error.code);
                ServingVerdict::Outage { error, since: self.served, is_news }
            }
        }
    }
}

/// Evaluates the answer to a PING: `None` if the server serves us, or why it does not yet. A user without the right
/// to PING is served.
///
/// # Errors
///
/// Any other answer. A server that refuses everything must not count as one that serves data.
pub(super) fn outage(reply: Reply, config: &Config) -> Result<Option<Error>, Failure> {
    match reply {
        Ok(Value::String(pong)) if *pong == *PONG => Ok(None),
        Ok(_) => Err(Failure::NotPong),
        Err(error) if is_unserved(&error) => {
            let message = format!("the server does not serve data yet: {}", error.message);
            Ok(Some(Error::unsent(error.code, message)))
        }
        Err(error) => match error.code.as_str() {
            NO_PERMISSION => Ok(None),
            _ => Err(Failure::Refused { step: HandshakeStep::Ping, error: without_echo(error, config) }),
        },
    }
}

/// Servers echo the arguments of a command that they do not know, and a login is such a command. Some echo only the
/// first few bytes, and a part of a password cannot be recognized. So the echo is removed, or, if the password was
/// cut out of the words before it, everything from there on.
pub(super) fn without_echo(mut error: Error, config: &Config) -> Error {
    let hole = || error.message.find('…').filter(|_| error.message.starts_with("unknown command"));
    if config.credentials.is_some()
        && let Some(echo) = error.message.find("with args").or_else(hole)
    {
        let text = error.message.to_mut();
        text.truncate(echo);
        text.push('…');
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Options;
    use crate::model::Code;

    fn reply(answer: &'static str) -> Result<Value, Error> {
        match answer {
            "PONG" => Ok(Value::String(PONG.into())),
            code => Err(Error::sent(Code::Server(code.into()), "wait")),
        }
    }

    #[test]
    fn each_answer_says_whether_the_server_serves_and_what_is_news() {
        let (start, config) = (Instant::now(), Config::new(Options::default()).unwrap());
        let mut serving = Serving::new(start);
        let mut seconds = 0;
        for (answer, verdict, is_served) in [
            ("BUSY", "Unchanged", true),
            ("PONG", "Serves", true),
            ("LOADING", "news", false),
            ("LOADING", "known", false),
            ("MASTERDOWN", "news", false),
            ("BUSY", "Failed", false),
            ("PONG", "Serves", true),
            ("NOPERM", "Serves", true),
        ] {
            seconds += 1;
            let now = start + Duration::from_secs(seconds);
            assert!(serving.ask() && !serving.ask(), "one question at a time");
            let served = serving.served();
            let given = match serving.answered(reply(answer), now, &config) {
                ServingVerdict::Unchanged => "Unchanged",
                ServingVerdict::Serves => "Serves",
                ServingVerdict::Failed(_) => "Failed",
                ServingVerdict::Outage { since, is_news, .. } => {
                    assert_eq!(since, served);
                    assert!(!serving.is_due(now) && serving.is_due(now + ASK_AGAIN));
                    if is_news { "news" } else { "known" }
                }
            };
            assert_eq!((given, serving.outage().is_none()), (verdict, is_served), "{answer} at {seconds}");
            if given == "Serves" {
                assert_eq!(serving.served(), now);
            }
        }
    }
}
