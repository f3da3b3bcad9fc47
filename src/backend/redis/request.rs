//! Requests of the main thread: how each is encoded, and what its answers amount to.

use std::time::Instant;

use resp::Encoder;

use super::acl::{Refused, explained};
use super::check::words;
use super::config::Config;
use crate::model::{Args, Code, Error, Request, RequestKind, RequestName, Ticket, Value};

/// A request with its place in the order of things.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ticket: Ticket,
    pub(super) deadline: Instant,
    pub(super) kind: RequestKind,
    /// Number of the last Subscribe before it.
    pub(super) after: u64,
    /// When it was encoded.
    since: Instant,
    /// Answers still to come.
    replies: Replies,
    /// The first error among the answers to a transaction's commands.
    first_error: Option<Box<Error>>,
}

/// The server's answers that are still to come for a request. They are counted even when the request has timed out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replies {
    left: usize,
    multi: Multi,
}

/// What MULTI did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Multi {
    /// The request is no transaction.
    NotSent,
    /// It has no answer yet.
    Sent,
    /// The server took it, so the connection stays inside a transaction until EXEC ends that.
    Taken,
    /// The server refused it.
    Refused,
}

impl Replies {
    /// One answer came. Returns whether it was the last.
    pub(super) fn count(&mut self, reply: &Result<Value, Error>) -> bool {
        self.left = self.left.saturating_sub(1);
        if self.multi == Multi::Sent {
            self.multi = if reply.is_ok() { Multi::Taken } else { Multi::Refused };
        }
        self.left == 0
    }

    /// Whether the last answer leaves the connection inside a transaction, where the server queues every later command
    /// and runs none.
    pub(super) fn is_stuck(&self, last: &Result<Value, Error>) -> bool {
        self.multi == Multi::Taken && !ends_transaction(last)
    }
}

/// Whether this answer to EXEC shows that the transaction is over. A server may refuse EXEC like any other command (`BUSY`
/// on old servers, a renamed EXEC), and that does not end anything.
fn ends_transaction(reply: &Result<Value, Error>) -> bool {
    match reply {
        Ok(reply) => matches!(reply, Value::Array(_) | Value::Null),
        Err(Error { code: Code::Server(code), message, .. }) => {
            **code == *EXECABORT || message.starts_with("EXEC without MULTI")
        }
        // An answer of ours in place of replies that came, but are too large to be kept.
        Err(_) => true,
    }
}

/// The server's code for a transaction that it threw away.
const EXECABORT: &str = "EXECABORT";

/// What an answer did to its request.
#[derive(Debug)]
pub(super) enum Progress {
    /// More answers are to come.
    Waits(Asked),
    /// This is the result.
    Done(Asked, Result<Value, Error>),
    /// This is the result, and the connection is left inside a transaction.
    Stuck(Asked, Error),
}

impl Asked {
    pub(super) fn new(request: Request, after: u64, now: Instant) -> Self {
        let Request { ticket, deadline, kind } = request;
        Self {
            ticket,
            deadline,
            kind,
            after,
            since: now,
            replies: Replies { left: 0, multi: Multi::NotSent },
            first_error: None,
        }
    }

    /// Refuses what no command line can be made of; it would leave the link waiting for an answer that never comes.
    pub(super) fn validate(&self) -> Result<(), Error> {
        let has_null = |args: &Args| args.iter().any(|arg| arg.is_none());
        let named = |args: &Args| args.get(0).is_some_and(|name| !name.is_empty()) && !has_null(args);
        let valid = match &self.kind {
            RequestKind::Publish(args) => args.len() == 2 && !has_null(args),
            RequestKind::Command(args) => named(args),
            RequestKind::Transaction(commands) => commands.iter().all(named),
            RequestKind::Ping => true,
        };
        if valid {
            Ok(())
        } else {
            Err(Error::unsent(Code::Unsupported, "a command without a name, or with a NULL, cannot be sent"))
        }
    }

    /// Appends the request to `out`; its answers are awaited from `now`.
    pub(super) fn encode(&mut self, now: Instant, out: &mut Vec<u8>) {
        self.since = now;
        self.replies = Replies { left: 1, multi: Multi::NotSent };
        match &self.kind {
            RequestKind::Publish(args) => {
                let mut encoder = Encoder::new(out);
                encoder.array(args.len() + 1).bulk_string(b"PUBLISH");
                for arg in words(args) {
                    encoder.bulk_string(arg);
                }
            }
            RequestKind::Command(args) => drop(Encoder::new(out).command(words(args))),
            RequestKind::Ping => drop(Encoder::new(out).command(["PING"])),
            RequestKind::Transaction(commands) => {
                let mut encoder = Encoder::new(out);
                encoder.command(["MULTI"]);
                for args in commands {
                    encoder.command(words(args));
                }
                encoder.command(["EXEC"]);
                self.replies = Replies { left: commands.len() + 2, multi: Multi::Sent };
            }
        }
    }

    /// Answers still to come.
    pub(super) fn replies(&self) -> Replies {
        self.replies
    }

    /// Whether the size of its answer depends on the server's data.
    pub(super) fn may_be_large(&self) -> bool {
        matches!(self.kind, RequestKind::Command(_) | RequestKind::Transaction(_))
    }

    /// One answer came at `now`.
    pub(super) fn reply(mut self, now: Instant, reply: Result<Value, Error>, config: &Config) -> Progress {
        let is_last = self.replies.count(&reply);
        let reply =
            reply.map_err(|error| explained(error, Refused::part(&self.kind, self.replies.left), config));
        let is_stuck = is_last && self.replies.is_stuck(&reply);
        let result = match &self.kind {
            RequestKind::Ping => reply.map(|_| Value::Double((now - self.since).as_secs_f64())),
            RequestKind::Transaction(_) if !is_last => {
                if let Err(error) = reply {
                    self.first_error.get_or_insert(Box::new(error));
                }
                return Progress::Waits(self);
            }
            RequestKind::Transaction(_) => match (reply, self.first_error.take()) {
                (reply, _) if is_stuck => return Progress::Stuck(self, exec_refused(reply)),
                (Ok(replies), None) => Ok(replies),
                (Err(error), None) => Err(error),
                (_, Some(first)) => Err(aborted(*first, self.replies.multi == Multi::Refused)),
            },
            _ => reply,
        };
        Progress::Done(self, result)
    }

    /// When it was encoded.
    pub(super) fn since(&self) -> Instant {
        self.since
    }
}

/// What an error may say of a request.
pub(super) fn about(kind: &RequestKind) -> RequestName<'_> {
    match kind {
        RequestKind::Publish(args) => RequestName { command: b"PUBLISH", channel: args.get(0) },
        RequestKind::Command(args) => RequestName { command: args.get(0).unwrap_or_default(), channel: None },
        RequestKind::Transaction(_) => RequestName { command: b"MULTI", channel: None },
        RequestKind::Ping => RequestName { command: b"PING", channel: None },
    }
}

/// The error of a transaction of which one command was refused before EXEC.
fn aborted(first: Error, no_multi: bool) -> Error {
    if no_multi {
        let text = format!("MULTI was refused, so the commands may have run one by one: {}", first.message);
        return Error { message: text.into(), ..first };
    }
    let text = format!("nothing was run, since a command was refused: {first}");
    Error { remedy: first.remedy, ..Error::sent(Code::Server(EXECABORT.into()), text) }
}

/// The error of a transaction whose EXEC was refused, or answered with something else than the commands' replies.
fn exec_refused(reply: Result<Value, Error>) -> Error {
    let Err(error) = reply else {
        let text = "the server answered EXEC with something else than a list; the commands may have run";
        return Error::sent(Code::Protocol, text);
    };
    // A server's own refusals come before anything runs. A bare ERR may be a proxy's, about a server that it lost meanwhile.
    let is_proxys = error.code.as_str() == "ERR" && !error.message.starts_with("unknown command");
    let ran = if is_proxys { "the commands may have run" } else { "nothing was run" };
    let text = format!("EXEC was refused, {ran}: {}", error.message);
    Error { message: text.into(), ..error }
}
