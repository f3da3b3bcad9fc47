//! Requests of the main thread: how each is encoded, and what its answers amount to.

use std::time::Instant;

use resp::Encoder;

use crate::model::{About, Args, Code, Error, Request, RequestKind, Ticket, Value};

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
    replies: usize,
    /// The first error among the answers to a transaction's commands.
    first_error: Option<Box<Error>>,
    /// MULTI itself was refused.
    no_multi: bool,
}

/// What an answer did to its request.
#[derive(Debug)]
pub(super) enum Progress {
    /// More answers are to come.
    Waits(Asked),
    /// This is the result.
    Done(Asked, Result<Value, Error>),
}

impl Asked {
    pub(super) fn new(request: Request, after: u64, now: Instant) -> Self {
        let Request { ticket, deadline, kind } = request;
        Self { ticket, deadline, kind, after, since: now, replies: 0, first_error: None, no_multi: false }
    }

    /// Refuses what no command line can be made of; it would leave the link waiting for an answer that never comes.
    pub(super) fn validate(&self) -> Result<(), Error> {
        let named = |args: &Args| args.get(0).is_some_and(|name| !name.is_empty());
        let valid = match &self.kind {
            RequestKind::Publish(args) => args.len() == 2,
            RequestKind::Command(args) => named(args),
            RequestKind::Transaction(commands) => commands.iter().all(named),
            RequestKind::Ping => true,
        };
        if valid {
            Ok(())
        } else {
            Err(Error::unsent(Code::Unsupported, "a command without a name cannot be sent"))
        }
    }

    /// Appends the request to `out`; its answers are awaited from `now`.
    pub(super) fn encode(&mut self, now: Instant, out: &mut Vec<u8>) {
        self.since = now;
        self.replies = 1;
        match &self.kind {
            RequestKind::Publish(args) => {
                let mut encoder = Encoder::new(out);
                encoder.array(args.len() + 1).bulk_string(b"PUBLISH");
                for arg in args.iter() {
                    encoder.bulk_string(arg);
                }
            }
            RequestKind::Command(args) => drop(Encoder::new(out).command(args.iter())),
            RequestKind::Ping => drop(Encoder::new(out).command(["PING"])),
            RequestKind::Transaction(commands) => {
                let mut encoder = Encoder::new(out);
                encoder.command(["MULTI"]);
                for args in commands {
                    encoder.command(args.iter());
                }
                encoder.command(["EXEC"]);
                self.replies = commands.len() + 2;
            }
        }
    }

    /// Answers still to come.
    pub(super) fn replies(&self) -> usize {
        self.replies
    }

    /// Whether the size of its answer depends on the server's data.
    pub(super) fn may_be_large(&self) -> bool {
        matches!(self.kind, RequestKind::Command(_) | RequestKind::Transaction(_))
    }

    /// One answer came at `now`.
    pub(super) fn reply(mut self, now: Instant, reply: Result<Value, Error>) -> Progress {
        self.replies = self.replies.saturating_sub(1);
        let result = match &self.kind {
            RequestKind::Ping => reply.map(|_| Value::Double((now - self.since).as_secs_f64())),
            RequestKind::Transaction(commands) if self.replies > 0 => {
                if let Err(error) = reply {
                    self.no_multi |= self.replies == commands.len() + 1;
                    self.first_error.get_or_insert(Box::new(error));
                }
                return Progress::Waits(self);
            }
            RequestKind::Transaction(_) => match (reply, self.first_error.take()) {
                (Ok(replies), None) => Ok(replies),
                (Err(error), None) => Err(error),
                (_, Some(first)) => Err(aborted(*first, self.no_multi)),
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
pub(super) fn about(kind: &RequestKind) -> About<'_> {
    match kind {
        RequestKind::Publish(args) => About { command: b"PUBLISH", channel: args.get(0) },
        RequestKind::Command(args) => About { command: args.get(0).unwrap_or_default(), channel: None },
        RequestKind::Transaction(_) => About { command: b"MULTI", channel: None },
        RequestKind::Ping => About { command: b"PING", channel: None },
    }
}

/// The error of a transaction of which one command was refused before EXEC.
fn aborted(first: Error, no_multi: bool) -> Error {
    if no_multi {
        let text = format!("MULTI was refused, so the commands may have run one by one: {}", first.message);
        return Error::sent(first.code, text);
    }
    Error::sent(
        Code::Server("EXECABORT".into()),
        format!("nothing was run, since a command was refused: {first}"),
    )
}
