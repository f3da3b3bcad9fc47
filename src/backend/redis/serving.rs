//! Whether the server serves data: it may let clients in and answer `LOADING` or `MASTERDOWN` to most commands.
//!
//! A new connection is not ready before the server serves. A replica may also cease to serve while clients are connected: it
//! synchronizes with its master anew, or has lost it. Then it hears nothing that is published on its master, and what it
//! missed does not come later. So a server that is no master is asked with the question for its role, and any server after
//! it answered a command like this.

use std::time::{Duration, Instant};

use super::config::Config;
use super::failure::Failure;
use super::protocol::{HandshakeStep, NO_PERMISSION, PONG, is_unserved};
use super::reply::Reply;
use crate::model::{Error, Value};

/// How long after a server said that it does not serve yet it is asked again.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What one connection knows of it.
#[derive(Debug)]
pub(super) struct Serving {
    /// Why the server does not serve, and when it is asked again; no time while its answer is awaited.
    outage: Option<(Error, Option<Instant>)>,
    /// A question has no answer yet.
    in_flight: bool,
    /// When the server was known to serve last.
    served: Instant,
}

/// What an answer says of it.
#[derive(Debug)]
pub(super) enum ServingVerdict {
    Unchanged,
    Serves,
    /// The server does not serve, and may not since then. `is_news`: it did, or had another reason.
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

    /// The end of the handshake told whether the server serves.
    pub(super) fn begin(&mut self, outage: Option<Error>, now: Instant) {
        if outage.is_none() {
            self.served = now;
        }
        self.outage = outage.map(|error| (error, Some(now + ASK_AGAIN)));
    }

    /// Why the server does not serve; `None` if it does.
    pub(super) fn outage(&self) -> Option<&Error> {
        self.outage.as_ref().map(|(error, _)| error)
    }

    /// When the server was known to serve last.
    pub(super) fn served(&self) -> Instant {
        self.served
    }

    /// When the server is to be asked again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.outage.as_ref().and_then(|(_, ask_at)| *ask_at)
    }

    /// Whether it is time to ask again. Then it counts as asked.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.outage.as_mut().is_some_and(|(_, at)| at.take_if(|at| *at <= now).is_some())
    }

    /// Whether to ask now, since no question is under way.
    pub(super) fn ask(&mut self) -> bool {
        !std::mem::replace(&mut self.in_flight, true)
    }

    /// The server was asked whether it serves.
    pub(super) fn answered(&mut self, reply: Reply, now: Instant, config: &Config) -> ServingVerdict {
        self.in_flight = false;
        match outage(reply, config) {
            // It did serve, and a script may keep it busy.
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

/// What the answer to a PING says of the server: `None` if it serves us, or why it does not yet. A user without the right
/// to PING is served.
///
/// # Errors
///
/// Any other answer. A server that refuses everything must not pass for one that serves.
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

/// Servers echo the arguments of a command that they do not know, and a login is one. Some echo the first few bytes alone,
/// and a part of a password is not found as a whole one is. So the echo goes, or what follows a hole in the words before it.
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
