//! The hint for a script that puts two callbacks without identifiers on one channel or event: the second one replaces
//! the first.
//!
//! A file that runs again relies on that, and gets no hint. So there is a hint only if both calls belong to one run:
//! the same main chunk is being loaded at both; or, if none is being loaded at the second, both come within one tick.
//! A callback that is replaced later is replaced on purpose. Adding the same function again loses nothing.

use std::rc::Rc;

use super::args::Call;
use super::module::Module;
use super::refs::Ref;
use crate::dispatch::{Callbacks, EventKind, Origin};
use crate::model::{ClientSlot, NAME_CHARACTERS, Topic, printable};

/// How many places the hint is printed for. After that there are no more hints.
const MAX_HINTS: usize = 16;

/// Characters of a script's name on the console.
const SOURCE_CHARACTERS: usize = 256;

/// The topic or event of a callback.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'a> {
    Topic(&'a Topic),
    Event(EventKind),
}

/// The origin of a callback without an identifier, after the hint if it needs one. `None` for a callback with an
/// identifier. `function` is the callback's position on the stack.
pub(super) fn origin(
    module: &mut Module,
    call: &mut Call<'_>,
    slot: ClientSlot,
    target: Target<'_>,
    identifier: &[u8],
    function: i32,
) -> Option<Origin<Ref>> {
    let is_first = function == 2 + call.before;
    let here = is_first.then(|| call.frame.caller()).flatten()?;
    let (tick, pool) = (module.ticks.get(), Rc::clone(&module.pool));
    let client = module.dispatcher.get(slot)?;
    let callbacks: Option<&Callbacks<Ref>> = match target {
        Target::Topic(topic) => client.subscribers(topic),
        Target::Event(kind) => Some(client.listeners(kind)),
    };
    let before = callbacks.and_then(|callbacks| callbacks.placed(identifier));
    let mut is_same_run = before.is_some_and(|(_, origin)| origin.tick == tick);
    let chunk = call.frame.running_chunk(|frame, at| {
        let of_before = before.and_then(|(_, origin)| origin.chunk.as_ref());
        is_same_run = of_before.is_some_and(|chunk| frame.is(at, chunk.index()));
        pool.keep(frame, at)
    });
    let other = before.filter(|(callback, _)| is_same_run && !call.frame.is(function, callback.index()));
    if let Some(line) = other.map(|(_, origin)| origin.line) {
        hint(module, call.function, target, (here.source, here.line), line);
    }
    Some(Origin { line: here.line, tick, chunk })
}

/// Prints the hint, once for each place.
fn hint(module: &mut Module, method: &str, target: Target<'_>, here: (String, i32), before: i32) {
    if module.hinted.len() >= MAX_HINTS || module.hinted.contains(&here) {
        return;
    }
    let (kind, name) = match target {
        Target::Topic(Topic { kind, name }) => (kind.as_str(), &**name),
        Target::Event(kind) => ("event", kind.as_str().as_bytes()),
    };
    // A chunk loaded from a text has the text as its name.
    let (source, name) = (printable(here.0.as_bytes(), SOURCE_CHARACTERS), printable(name, NAME_CHARACTERS));
    module.line = Some(format!(
        "[realtime] {source}:{}: this callback replaces that of line {before}: without an identifier a file has one callback for \
         the {kind} \"{name}\". To keep both, write client:{method}(\"{name}\", \"an identifier\", …)",
        here.1
    ));
    module.hinted.insert(here);
}
