//! Running callbacks.
//!
//! A round runs inside one C function under `lua_pcall`, with all of its data in the module's state. Each callback
//! has a protected call of its own; an error outside of one (for example no memory for the string of a payload) ends
//! the C function and is reported, and the round continues after it.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use gmod::lua::State;

use super::anchor::{fixed_of, let_go, module_of};
use super::callback_args::{
    HANDLER, MESSAGE, REFERENCES, push_names, push_names_and_nil, push_read, push_shared, push_size,
};
use super::complain;
use super::frame::Frame;
use super::module::Module;
use super::next::{Step, next, next_sharing};
use super::push::{push_info, push_reply};
use super::raw::{ANCHOR, KEPT, Lua};
use super::report::report;
use super::slices::{forget, push_slice};
use crate::model::panic_text;

/// Runs the round that the module has begun, and pushes how many callbacks ran. Errors of callbacks are not raised.
///
/// # Safety
///
/// See [`Lua`]; `anchor` is the module's userdata.
pub(super) unsafe fn run(lua: Lua, anchor: *mut c_void) -> c_int {
    // SAFETY: nothing here has to be dropped. These calls use a few of the free slots of a C function, and those that
    // may raise are in the protected call. A callback may close the module, so it is looked up after each.
    unsafe {
        let (top, fixed) = (lua.top(), fixed_of(anchor));
        let ran = loop {
            if module_of(anchor).is_null() {
                let_go(anchor, |module| {
                    module.round = None;
                    module.forget_events();
                });
                break 0;
            }
            lua.push_reference(fixed.rounds);
            let raised = lua.protected_call(0, 0, 0) != 0;
            if raised {
                report(lua, anchor, fixed.report);
            }
            lua.set_top(top);
            let Some(module) = module_of(anchor).as_mut() else { continue };
            if !raised || !go_on(lua, module) {
                break module.round.take().map_or(0, |round| round.ran);
            }
        };
        lua.push_number(f64::from(ran));
        1
    }
}

/// Finishes a failed delivery. Returns whether there is time for more.
unsafe fn go_on(lua: Lua, module: &mut Module) -> bool {
    if module.dispatcher.abandon() {
        // SAFETY: the caller upholds the contract.
        unsafe { forget(lua, module) };
    }
    match &mut module.round {
        Some(round) => {
            // A failure to deliver counts like a callback: otherwise, when memory has run out, a row of such
            // failures would outlast any budget.
            round.count();
            !round.spent
        }
        None => false,
    }
}

/// The C function that a round runs in.
pub(super) unsafe extern "C-unwind" fn body(state: State) -> c_int {
    // SAFETY: nothing in this frame has to be dropped: a step owns nothing. Lua calls this with the state that runs
    // and with its upvalues; the module is looked up again after every call that may have run a script.
    unsafe {
        let Some(lua) = Lua::new(state) else { return 0 };
        let anchor = lua.userdata_upvalue(ANCHOR);
        let module = module_of(anchor);
        if module.is_null() {
            return 0;
        }
        let fixed = fixed_of(anchor);
        lua.set_top(0);
        // An element of a table on the stack costs less than one of an upvalue.
        lua.push_copy(KEPT);
        lua.push_reference(fixed.trace);
        // How many values are on the stack for callbacks that share them.
        let mut shared = resume(lua, &mut *module);
        let mut called = false;
        loop {
            let module = module_of(anchor);
            if module.is_null() {
                return 0;
            }
            if called {
                // After a message's first callback, most of its callbacks get the same values.
                if let Some(callback) = next_sharing(module, lua) {
                    let arguments = push_shared(lua, callback, shared);
                    call(lua, anchor, fixed.report, arguments, shared);
                    continue;
                }
            }
            let step = next(module, lua, called);
            called = false;
            if shared > 0
                && let Step::Message { .. } | Step::TooLarge { .. } | Step::Answer { .. } | Step::Event { .. } =
                    step
            {
                lua.set_top(HANDLER);
                shared = 0;
            }
            let arguments = match step {
                Step::Abandoned => {
                    forget(lua, &mut *module);
                    continue;
                }
                Step::Idle | Step::Skipped | Step::Slice => {
                    suspend(lua, &mut *module, shared);
                    return 0;
                }
                Step::Line(line) => {
                    // The arguments of the walk's remaining callbacks stay.
                    lua.push_reference(fixed.say);
                    lua.push_bytes(line.as_bytes());
                    lua.protected_call(1, 0, 0);
                    lua.set_top(HANDLER + shared);
                    continue;
                }
                // Only this callback gets a single message or an answer: it need not be copied.
                Step::Message { callback, payload, name, channel, alone: true, .. } => {
                    lua.push_element(REFERENCES, callback);
                    lua.push_bytes(payload);
                    1 + push_names(lua, name, channel)
                }
                Step::Table { callback, payload, document, name, channel, .. } => {
                    if push_slice(lua, anchor, document, payload) {
                        let count = push_read(lua, fixed, callback, payload, document, name, channel);
                        end_table(lua, anchor, document.is_long());
                        count
                    } else {
                        lua.set_top(HANDLER);
                        shared = 0;
                        if let Some(module) = module_of(anchor).as_mut() {
                            pause(module);
                        }
                        continue;
                    }
                }
                Step::Unreadable { callback, reason, payload, name, channel, .. } => {
                    lua.push_element(REFERENCES, callback);
                    lua.push_nil();
                    push_names_and_nil(lua, name, channel);
                    lua.push_bytes(reason.as_bytes());
                    match payload {
                        Some(payload) => lua.push_bytes(payload),
                        None => lua.push_nil(),
                    }
                    5
                }
                Step::Answer { callback, result, .. } => {
                    lua.push_element(REFERENCES, callback);
                    push_reply(lua, fixed, result)
                }
                Step::Message { callback, payload, name, channel, alone: false, .. } => {
                    lua.push_bytes(payload);
                    shared = 1 + push_names(lua, name, channel);
                    push_shared(lua, callback, shared)
                }
                Step::TooLarge { callback, bytes, name, channel, .. } => {
                    // Not nil, because storing nil could cost the table of references the key.
                    lua.push_boolean(false);
                    shared = 1 + push_names(lua, name, channel);
                    push_size(lua, callback, shared, bytes)
                }
                Step::Event { callback, client, event } => {
                    push_info(lua, fixed, event);
                    lua.push_element(REFERENCES, client);
                    shared = 2;
                    push_shared(lua, callback, shared)
                }
                Step::Again { callback, .. } => push_shared(lua, callback, shared),
                Step::AgainWhole { callback, payload, .. } => {
                    lua.push_bytes(payload);
                    lua.replace(MESSAGE);
                    push_shared(lua, callback, shared)
                }
                Step::AgainTooLarge { callback, bytes, .. } => push_size(lua, callback, shared, bytes),
            };
            called = true;
            call(lua, anchor, fixed.report, arguments, shared);
        }
    }
}

/// Calls the callback that was pushed with its arguments, and reports its error.
#[inline]
unsafe fn call(lua: Lua, anchor: *mut c_void, reporter: c_int, arguments: c_int, shared: c_int) {
    // SAFETY: the caller upholds the contract.
    unsafe {
        if lua.protected_call(arguments, 0, HANDLER) != 0 {
            report(lua, anchor, reporter);
            lua.set_top(HANDLER + shared);
        }
    }
}

/// Releases the memory that a table was made from.
unsafe fn end_table(lua: Lua, anchor: *mut c_void, is_long: bool) {
    // SAFETY: the caller upholds the contract; nobody else refers to the module.
    unsafe {
        let Some(module) = module_of(anchor).as_mut() else { return };
        pure(|| module.dispatcher.table_made());
        if is_long {
            forget(lua, module);
        }
    }
}

/// Leaves the rest of a table for later.
fn pause(module: &mut Module) {
    pure(|| module.dispatcher.table_begun());
    if let Some(round) = &mut module.round {
        round.slice();
    }
}

/// Runs work whose panic must not reach Lua.
fn pure(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        complain(format_args!("internal error, please report it: {}", panic_text(&*panic)));
    }
}

/// Keeps the arguments of the walk's remaining callbacks for the next round. Can't raise.
unsafe fn suspend(lua: Lua, module: &mut Module, arguments: c_int) {
    if !module.dispatcher.is_walking() {
        return;
    }
    let mut frame = Frame::new(lua);
    for (n, &reference) in (0..arguments).zip(&module.fixed.carried) {
        frame.keep(HANDLER + 1 + n, reference);
    }
    module.carried = arguments;
}

/// Pushes the values that the last round kept, and returns how many they are. Can't raise: there are few.
unsafe fn resume(lua: Lua, module: &mut Module) -> c_int {
    let carried = std::mem::take(&mut module.carried);
    for (_, &reference) in (0..carried).zip(&module.fixed.carried) {
        // SAFETY: a few of the free slots of a C function.
        unsafe { lua.push_reference(reference) };
        Frame::new(lua).release(reference);
    }
    carried
}
