//! Requests of the main thread: encodes them and evaluates their answers.

use resp::Encoder;

use super::acl::{RefusedCommand, explained};
use super::check::words;
use super::config::Config;
use super::redirection::is_redirection;
use super::reply::Reply;
use crate::backend::toolbox::PendingRequest;
use crate::model::{Args, Code, Error, RequestKind, RequestName, Value};

/// The server's answers to a request that have not come yet. They are counted even after the request has timed out.
#[derive(Debug)]
pub(super) struct Replies {
    left: usize,
    multi: Multi,
    /// The first error among the answers to a transaction's commands.
    first_error: Option<Box<Error>>,
    /// The answer to ASKING comes before all of them.
    asking: bool,
    /// The first error, if it says that nothing was run here because another node, or none, holds the data.
    redirection: Option<Box<Error>>,
}

/// The state of a MULTI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Multi {
    /// The request is no transaction.
    NotSent,
    /// It has no answer yet.
    Sent,
    /// The server accepted it, so the connection is inside a transaction until EXEC ends it.
    Taken,
    /// The server refused it.
    Refused,
    /// The server accepted it, and EXEC did not end it: it queues every later command and runs none.
    Stuck,
}

/// Refuses a request that cannot be encoded; the link would wait for an answer that never comes.
///
/// # Errors
///
/// The answer to give.
pub(super) fn validate(kind: &RequestKind) -> Result<(), Error> {
    let has_null = |args: &Args| args.iter().any(|arg| arg.is_none());
    let named = |args: &Args| args.get(0).is_some_and(|name| !name.is_empty()) && !has_null(args);
    let valid = match kind {
        RequestKind::Publish(args) | RequestKind::SPublish(args) => args.len() == 2,
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

/// Whether a request is a publish, to a channel of any kind.
pub(super) fn is_publish(kind: &RequestKind) -> bool {
    matches!(kind, RequestKind::Publish(_) | RequestKind::SPublish(_))
}

/// The command and channel that an error about a request may name.
pub(super) fn request_name(kind: &RequestKind) -> RequestName<'_> {
    let (command, channel) = match kind {
        RequestKind::Publish(args) => (&b"PUBLISH"[..], args.get(0)),
        RequestKind::SPublish(args) => (&b"SPUBLISH"[..], args.get(0)),
        RequestKind::Command(args) => (args.get(0).unwrap_or_default(), None),
        RequestKind::Transaction(_) => (&b"MULTI"[..], None),
        RequestKind::Ping => (&b"PING"[..], None),
    };
    RequestName { command, channel }
}

/// The same as [`encode`], for the node to which a hash slot is moving.
pub(super) fn encode_asking(kind: &RequestKind, out: &mut Vec<u8>) -> Replies {
    // ASKING holds for the next command, or for a whole transaction.
    Encoder::new(out).command(["ASKING"]);
    Replies { asking: true, ..encode(kind, out) }
}

/// Appends a request to `out`. Returns the answers to await.
#[inline(always)]
pub(super) fn encode(kind: &RequestKind, out: &mut Vec<u8>) -> Replies {
    let mut replies =
        Replies { left: 1, multi: Multi::NotSent, first_error: None, asking: false, redirection: None };
    match kind {
        RequestKind::Publish(args) | RequestKind::SPublish(args) => {
            let mut encoder = Encoder::new(out);
            encoder.array(args.len() + 1).bulk_string(request_name(kind).command);
            for arg in words(args) {
                encoder.bulk_string(arg);
            }
        }
        RequestKind::Command(args) => drop(Encoder::new(out).command_from(words(args))),
        RequestKind::Ping => drop(Encoder::new(out).command(["PING"])),
        RequestKind::Transaction(commands) => {
            let mut encoder = Encoder::new(out);
            encoder.command(["MULTI"]);
            for args in commands {
                encoder.command_from(words(args));
            }
            encoder.command(["EXEC"]);
            (replies.left, replies.multi) = (commands.len() + 2, Multi::Sent);
        }
    }
    replies
}

impl Replies {
    /// One answer came, for `request` unless that was answered already. Returns the result once no more are to come.
    pub(super) fn take(
        &mut self,
        request: Option<&PendingRequest>,
        reply: Reply,
        config: &Config,
    ) -> Option<Reply> {
        if std::mem::take(&mut self.asking) {
            return None;
        }
        self.left = self.left.saturating_sub(1);
        if self.multi == Multi::Sent {
            self.multi = if reply.is_ok() { Multi::Taken } else { Multi::Refused };
        }
        // The server's own words are kept, because they name the node.
        if let Err(error) = &reply
            && self.first_error.is_none()
            && is_redirection(error)
        {
            self.redirection = Some(Box::new(error.clone()));
        }
        let reply = match request {
            Some(request) => reply
                .map_err(|error| explained(error, RefusedCommand::part(request.kind(), self.left), config)),
            None => reply,
        };
        if self.left > 0 {
            if let Err(error) = reply {
                self.first_error.get_or_insert(Box::new(error));
            }
            return None;
        }
        // If a command may have run, the request is not sent again.
        self.redirection.take_if(|_| reply.is_ok() || self.multi == Multi::Refused);
        if self.multi == Multi::Taken && !ends_transaction(&reply) {
            self.multi = Multi::Stuck;
            return Some(Err(exec_refused(reply)));
        }
        Some(match self.first_error.take() {
            Some(first) => Err(aborted(*first, self.multi == Multi::Refused)),
            None => reply,
        })
    }

    /// The error with which a node of a cluster refused the whole request, so that it may be sent again.
    pub(super) fn take_redirection(&mut self) -> Option<Box<Error>> {
        self.redirection.take()
    }

    /// Whether the connection is left inside a transaction.
    pub(super) fn is_stuck(&self) -> bool {
        self.multi == Multi::Stuck
    }
}

/// Whether this answer to EXEC shows that the transaction is over. A server may refuse EXEC like any other command
/// (`BUSY` on old servers, a renamed EXEC), and that does not end anything.
fn ends_transaction(reply: &Reply) -> bool {
    match reply {
        Ok(reply) => matches!(reply, Value::Array(_) | Value::Null),
        // A node of a cluster that refuses EXEC throws the transaction away.
        Err(error @ Error { code: Code::Server(code), message, .. }) => {
            **code == *EXECABORT || message.starts_with("EXEC without MULTI") || is_redirection(error)
        }
        // An error of ours in place of replies that came, but are too large to be kept.
        Err(_) => true,
    }
}

/// The server's code for a transaction that it discarded.
const EXECABORT: &str = "EXECABORT";

/// The error of a transaction if one command was refused before EXEC.
fn aborted(first: Error, no_multi: bool) -> Error {
    if no_multi {
        let text = format!("MULTI was refused, so the commands may have run one by one: {}", first.message);
        return Error { message: text.into(), ..first };
    }
    let text = format!("nothing was run, because a command was refused: {first}");
    Error { remedy: first.remedy, ..Error::sent(Code::Server(EXECABORT.into()), text) }
}

/// The error of a transaction whose EXEC was refused, or answered with anything but the commands' replies.
fn exec_refused(reply: Reply) -> Error {
    let Err(error) = reply else {
        let text = "the server answered EXEC with something other than a list; the commands may have run";
        return Error::sent(Code::Protocol, text);
    };
    // A server refuses before it runs anything. A bare ERR may be a proxy's, about a server that it lost meanwhile.
    let is_proxys = error.code.as_str() == "ERR" && !error.message.starts_with("unknown command");
    let ran = if is_proxys { "the commands may have run" } else { "nothing was run" };
    let text = format!("EXEC was refused, {ran}: {}", error.message);
    Error { message: text.into(), ..error }
}
