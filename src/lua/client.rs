//! Methods of a client, except for requests.

use std::time::Instant;

use super::args::{Call, Fault};
use super::fixed::Fixed;
use super::frame::{Frame, Kind};
use super::message_options::message_options;
use super::module::{DISCONNECT_FLUSH, Module};
use super::number::NumberText;
use super::output::Output;
use super::raw::Lua;
use super::stats::Stats;
use super::twins::{self, Target};
use super::wishes::Wishes;
use crate::dispatch::EventKind;
use crate::model::{ClientSlot, Command, NAME_CHARACTERS, State, Topic, TopicKind, printable};

/// The position of a method's first argument on the stack.
const FIRST: i32 = 2;

/// Turns a topic's name into a Lua string, if it is a number: a name is kept as a string, so that no message has to
/// make one.
///
/// # Safety
///
/// See [`Lua`].
pub(super) unsafe fn prepare_topic(lua: Lua, _fixed: Fixed) {
    let number = Frame::new(lua).number(FIRST).map(NumberText::new);
    if let Some(Ok(text)) = number {
        // SAFETY: the caller upholds the contract; the text owns nothing.
        unsafe {
            lua.push_bytes(text.as_ref());
            lua.replace(FIRST);
        }
    }
}

/// `client:Subscribe(channel, [identifier,] callback [, options])`
pub(super) fn subscribe(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    subscribe_to(module, call, TopicKind::Channel)
}

/// `client:PSubscribe(pattern, [identifier,] callback [, options])`
pub(super) fn psubscribe(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    subscribe_to(module, call, TopicKind::Pattern)
}

/// `client:SSubscribe(channel, [identifier,] callback [, options])`
pub(super) fn ssubscribe(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    subscribe_to(module, call, TopicKind::ShardedChannel)
}

fn subscribe_to(module: &mut Module, call: &mut Call<'_>, kind: TopicKind) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let topic = topic(call, kind)?;
    check_topic(module, call, slot, kind, &topic.name)?;
    if call.kind(2) == Kind::Table || call.kind(2) == Kind::String && call.kind(3) == Kind::Table {
        let n = if call.kind(2) == Kind::Table { 2 } else { 3 };
        return Err(call.inside(n, "options", "they come after the function, not before it"));
    }
    let (identifier, function) = call.identifier_and_function(2)?;
    let options = message_options(call, function + 1 - call.before)?;
    call.end(function + 2 - call.before)?;
    ensure_open(module, call, slot)?;
    let origin = twins::origin(module, call, slot, Target::Topic(&topic), &identifier, function);
    let callback = call.keep(module, function);
    let pool = std::rc::Rc::clone(&module.pool);
    let Some(client) = module.dispatcher.get_mut(slot) else { return Ok(Output::Nothing) };
    // The name is the first argument, converted to a string already if it was a number.
    let name = || pool.keep(call.frame, FIRST);
    let command = client.subscribe(topic, &identifier, callback, name, options, origin);
    send(module, slot, command);
    Ok(Output::Nothing)
}

/// `client:Unsubscribe(channel [, identifier])`
pub(super) fn unsubscribe(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    unsubscribe_from(module, call, TopicKind::Channel)
}

/// `client:PUnsubscribe(pattern [, identifier])`
pub(super) fn punsubscribe(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    unsubscribe_from(module, call, TopicKind::Pattern)
}

/// `client:SUnsubscribe(channel [, identifier])`
pub(super) fn sunsubscribe(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    unsubscribe_from(module, call, TopicKind::ShardedChannel)
}

fn unsubscribe_from(module: &mut Module, call: &mut Call<'_>, kind: TopicKind) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let topic = topic(call, kind)?;
    let identifier = call.identifier(2)?;
    let command = module.dispatcher.get_mut(slot).and_then(|client| client.unsubscribe(topic, &identifier));
    send(module, slot, command);
    Ok(Output::Nothing)
}

fn topic(call: &Call<'_>, kind: TopicKind) -> Result<Topic, Fault> {
    let argument = match kind {
        TopicKind::Channel | TopicKind::ShardedChannel => "channel",
        TopicKind::Pattern => "pattern",
    };
    Ok(Topic { kind, name: call.text(1, argument)?.as_ref().into() })
}

/// Refuses a channel or pattern that the client's backend does not have.
pub(super) fn check_topic(
    module: &Module,
    call: &Call<'_>,
    slot: ClientSlot,
    kind: TopicKind,
    name: &[u8],
) -> Result<(), Fault> {
    let Some(client) = module.dispatcher.get(slot) else { return Ok(()) };
    let argument = if kind == TopicKind::Pattern { "pattern" } else { "channel" };
    client.data.backend.check_topic(kind, name).map_err(|problem| call.inside(1, argument, problem))
}

fn ensure_open(module: &Module, call: &Call<'_>, slot: ClientSlot) -> Result<(), Fault> {
    if module.dispatcher.get(slot).is_some_and(|client| client.is_open()) {
        return Ok(());
    }
    let problem = format!("'{}' on a closed client; make a new one with realtime.Connect", call.function);
    Err(Fault::Other(problem))
}

fn send(module: &Module, slot: ClientSlot, command: Option<Command>) {
    let session = module.dispatcher.get(slot).and_then(|client| client.session());
    if let (Some(session), Some(command)) = (session, command) {
        module.send(session, command);
    }
}

/// `client:On(event, [identifier,] callback)`
pub(super) fn on(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let kind = event(call)?;
    let (identifier, function) = call.identifier_and_function(2)?;
    call.end(function + 1 - call.before)?;
    ensure_open(module, call, slot)?;
    let origin = twins::origin(module, call, slot, Target::Event(kind), &identifier, function);
    let callback = call.keep(module, function);
    module.dispatcher.listen(slot, kind, &identifier, callback, origin);
    Ok(Output::Nothing)
}

/// `client:Off(event [, identifier])`
pub(super) fn off(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let kind = event(call)?;
    let identifier = call.identifier(2)?;
    if let Some(client) = module.dispatcher.get_mut(slot) {
        client.off(kind, &identifier);
    }
    Ok(Output::Nothing)
}

fn event(call: &Call<'_>) -> Result<EventKind, Fault> {
    let name = call.string(1, "event")?;
    EventKind::from_name(name).ok_or_else(|| {
        let names: Vec<_> = EventKind::ALL.iter().map(|kind| format!("\"{}\"", kind.as_str())).collect();
        let problem = format!(
            "there is no event \"{}\"; the events are {}",
            printable(name, NAME_CHARACTERS),
            names.join(", ")
        );
        call.inside(1, "event", problem)
    })
}

/// `client:State()` → "connecting", "ready", "waiting" or "closed"
pub(super) fn state(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    Ok(Output::Static(state_of(module, slot).as_str()))
}

/// `client:IsConnected()` → whether the state is "ready"
pub(super) fn is_connected(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    Ok(Output::Boolean(state_of(module, slot) == State::Ready))
}

/// `client:IsValid()` → whether it is not closed
pub(super) fn is_valid(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    Ok(Output::Boolean(state_of(module, slot) != State::Closed))
}

fn state_of(module: &Module, slot: ClientSlot) -> State {
    match module.dispatcher.get(slot) {
        Some(client) if client.is_open() => client.data.counters.state(),
        _ => State::Closed,
    }
}

/// `client:Stats()` → a table of figures; only the state for a closed client whose last answer was delivered
pub(super) fn stats(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let state = state_of(module, slot);
    let client = module.dispatcher.get(slot);
    Ok(Output::Stats(client.map(|client| Box::new(Stats::of(client, state, Instant::now())))))
}

/// `client:Subscriptions()` → a list of tables: the topic, how many callbacks it has, and its state
pub(super) fn subscriptions(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let state = state_of(module, slot);
    Ok(match module.dispatcher.get(slot) {
        Some(client) => Output::Wishes(Wishes::of(client, state)),
        None => Output::List(Vec::new()),
    })
}

/// `client:Disconnect()`
pub(super) fn disconnect(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    if let Some(session) = module.dispatcher.get_mut(slot).and_then(|client| client.close()) {
        module.send(session, Command::Disconnect { deadline: Instant::now() + DISCONNECT_FLUSH });
    }
    Ok(Output::Nothing)
}

/// `tostring(client)` → for people: its id, its address, and its state
pub(super) fn to_string(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let slot = call.this(module)?;
    let state = state_of(module, slot).as_str();
    let text = match module.dispatcher.get(slot) {
        Some(client) => format!("RealtimeClient [{}] ({state})", client.data.label()),
        None => format!("RealtimeClient ({state})"),
    };
    Ok(Output::Text(text.into_bytes()))
}
