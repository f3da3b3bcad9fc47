//! Methods of a client that get an answer.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use super::args::{Call, Fault};
use super::client::check_topic;
use super::module::Module;
use super::output::Output;
use crate::model::{Args, ClientSlot, Code, Command, Error, ReplyTo, Request, RequestKind, TopicKind};

/// How long `CommandSync` waits unless the script says otherwise.
const SYNC_TIMEOUT: Duration = Duration::from_secs(5);

/// How much longer `CommandSync` waits for the worker to report the timeout: the worker knows more about it.
const SYNC_GRACE: Duration = Duration::from_millis(100);

/// `client:Publish(channel, message [, callback [, seconds]])` → true, or false and an error
pub(super) fn publish(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    publish_as(module, call, TopicKind::Channel, RequestKind::Publish)
}

/// `client:SPublish(channel, message [, callback [, seconds]])` → true, or false and an error
pub(super) fn spublish(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    publish_as(module, call, TopicKind::ShardedChannel, RequestKind::SPublish)
}

fn publish_as(
    module: &mut Module,
    call: &mut Call<'_>,
    topic: TopicKind,
    kind: fn(Args) -> RequestKind,
) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let (channel, message) = (call.text(1, "channel")?, call.message(2)?);
    check_topic(module, call, slot, topic, channel.as_ref())?;
    if let Some(client) = module.dispatcher.get(slot) {
        let checked = client.data.backend.check_message(message.as_ref());
        checked.map_err(|problem| call.inside(2, "message", problem))?;
    }
    let mut args = Args::with_capacity(2, channel.as_ref().len() + message.as_ref().len());
    args.push(channel.as_ref());
    args.push(message.as_ref());
    request(module, call, slot, args.byte_len(), kind(args), 3)
}

/// `client:Command(words [, callback [, seconds]])` → true, or false and an error
pub(super) fn command(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let args = call.words(module.fixed, 1, "command")?;
    check(module, call, slot, &args, None)?;
    request(module, call, slot, args.byte_len(), RequestKind::Command(args), 2)
}

/// `client:Transaction(commands [, callback [, seconds]])` → true, or false and an error
pub(super) fn transaction(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let commands = call.commands(module.fixed, 1, "commands")?;
    for (args, n) in commands.iter().zip(1..) {
        check(module, call, slot, args, Some(n))?;
    }
    let bytes = commands.iter().map(Args::byte_len).sum();
    request(module, call, slot, bytes, RequestKind::Transaction(commands), 2)
}

/// `client:Ping([callback])` → true, or false and an error
pub(super) fn ping(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    request(module, call, slot, 0, RequestKind::Ping, 1)
}

/// Refuses a command that would break the session.
///
/// The addon's gm_redis API passes true as a fourth argument of `Command` and `Transaction`, and may then block the
/// client: it has a client for such commands only, and inside a transaction the server does not block.
///
/// `n` is the command's place in a transaction.
fn check(
    module: &Module,
    call: &Call<'_>,
    slot: ClientSlot,
    args: &Args,
    n: Option<i32>,
) -> Result<(), Fault> {
    let Some(client) = module.dispatcher.get(slot) else { return Ok(()) };
    let backend = &client.data.backend;
    if call.is_true(4) && backend.blocks(args) {
        return Ok(());
    }
    backend.check(args, in_lua).map_err(|problem| match n {
        Some(n) => call.inside(1, "commands", format!("index {n}: in that command, {problem}")),
        None => call.inside(1, "command", problem),
    })
}

/// The Lua name of an operation.
fn in_lua(operation: &str) -> String {
    format!("{}{operation}", if operation == "Connect" { "realtime." } else { "client:" })
}

/// Passes a request to the session. Argument `n` may be a callback, followed by a timeout.
fn request(
    module: &mut Module,
    call: &mut Call<'_>,
    slot: ClientSlot,
    bytes: usize,
    kind: RequestKind,
    n: i32,
) -> Result<Output, Fault> {
    let function = call.optional_function(n, "callback")?;
    let timeout = if matches!(kind, RequestKind::Ping) { None } else { call.optional_timeout(n + 1)? };
    let callback = function.map(|index| call.keep(module, index));
    let Some(client) = module.dispatcher.get_mut(slot) else { return Ok(Output::Refused(Error::closed())) };
    let ticket = match client.ticket(callback, bytes) {
        Ok(ticket) => ticket,
        Err(error) => return Ok(Output::Refused(error)),
    };
    let timeout = timeout.unwrap_or_else(|| client.data.backend.command_timeout());
    if let Some(session) = client.session() {
        let request = Request { ticket, deadline: Instant::now() + timeout, kind };
        module.send(session, Command::Request(request));
    }
    Ok(Output::Boolean(true))
}

/// `client:CommandSync(words [, seconds])` → error or nil, reply or nil; after rows, their result as well
pub(super) fn command_sync(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let args = call.words(module.fixed, 1, "command")?;
    check(module, call, slot, &args, None)?;
    let timeout = call.optional_timeout(2)?.unwrap_or(SYNC_TIMEOUT);
    let Some(client) = module.dispatcher.get(slot) else { return Ok(Output::Answer(Err(Error::closed()))) };
    let (sender, receiver) = sync_channel(1);
    let ticket = match client.ticket_to(ReplyTo::Caller(sender), args.byte_len()) {
        Ok(ticket) => ticket,
        Err(error) => return Ok(Output::Answer(Err(error))),
    };
    if let Some(session) = client.session() {
        let request =
            Request { ticket, deadline: Instant::now() + timeout, kind: RequestKind::Command(args) };
        module.send(session, Command::Request(request));
    }
    Ok(Output::Answer(match receiver.recv_timeout(timeout + SYNC_GRACE) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => {
            Err(Error::sent(Code::Timeout, "no answer in time, and the worker thread is busy elsewhere"))
        }
        Err(RecvTimeoutError::Disconnected) => Err(Error::unanswered()),
    }))
}
