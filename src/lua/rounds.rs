//! Running callbacks.
//!
//! A round runs inside one C function under `lua_pcall`, with all of its data in the module's state. Each callback
//! has a protected call of its own; an error outside of one (for example no memory for the string of a payload) ends
//! the C function and is reported, and the round continues after it.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use gmod::lua::State;

use super::anchor::{fixed_of, let_go, module_of};
use super::callback_args::{
    HANDLER, MESSAGE, REFERENCES, push_names, push_names_and_nil, push_read, push_shared, push_size,
};
use super::complain;
use super::frame::Frame;
use super::handle::Handle;
use super::module::{Module, Round};
use super::push::{push_info, push_reply};
use super::raw::{ANCHOR, KEPT, Lua};
use super::refs::Ref;
use super::report::report;
use super::slices::{forget, push_slice};
use crate::dispatch;
use crate::model::panic_text;

/// How many items without a callback may pass in a round that has run no callback yet, whatever its budget: enough
/// for a round to find a callback that waits after them, and bounded so that it ends.
const MAX_SKIPPED: u32 = 1024;

/// A larger message may keep its callback busy. Making its string takes longer than reading the clock.
const LARGE: usize = 256;

type Step<'a> = dispatch::Step<'a, Ref, Handle>;

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
            // A failure to deliver counts like a callback: otherwise failures without memory would outlast any
            // budget.
            round.count();
            !round.spent
        }
        None => false,
    }
}

impl Round {
    #[inline]
    fn count(&mut self) {
        self.ran += 1;
        self.spent |= self.budget.spent(Instant::now);
    }

    /// A part of a long message was read, or of its table made. Returns whether the time is used up.
    fn slice(&mut self) -> bool {
        self.budget.look_next();
        self.spent |= self.budget.spent(Instant::now);
        self.spent
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
            if lua.protected_call(arguments, 0, HANDLER) != 0 {
                report(lua, anchor, fixed.report);
                lua.set_top(HANDLER + shared);
            }
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

/// Finds what to do next. `called` says that a callback has just run.
///
/// # Safety
///
/// The module is there. The memory that the step points to is used only before the next one: see [`Module`].
unsafe fn next<'a>(module: *mut Module, lua: Lua, called: bool) -> Step<'a> {
    // SAFETY: the caller vouches for the module, and no Lua code runs in here that could refer to it as well.
    let Module { round, reports, dispatcher, pool, outputs, .. } = unsafe { &mut *module };
    let Some(round) = round else { return Step::Idle };
    if called {
        round.count();
    }
    if round.spent {
        return Step::Idle;
    }
    let (reports, dispatcher) = (&raw mut *reports, &raw mut *dispatcher);
    // SAFETY: as above. A step that was skipped is not looked at any more when the next one is taken.
    let found = catch_unwind(AssertUnwindSafe(move || unsafe {
        // At the beginning of a round, and after another such line.
        if !called
            && (*reports).is_due(Instant::now)
            && let Some(line) = (*reports).line(Instant::now())
        {
            return Step::Line(line);
        }
        if !called
            && (*dispatcher).has_line(Instant::now)
            && let Some(line) = (*dispatcher).line(Instant::now())
        {
            return Step::Line(line);
        }
        loop {
            let step = (*dispatcher).step();
            match step {
                Step::Idle | Step::Line(_) | Step::Abandoned => return step,
                Step::Slice if round.slice() => return Step::Idle,
                Step::Slice => continue,
                Step::Skipped => {
                    round.skipped += 1;
                    if round.skipped > MAX_SKIPPED && round.budget.spent(Instant::now) {
                        round.spent = true;
                        return Step::Idle;
                    }
                    continue;
                }
                Step::Message { payload, .. }
                | Step::AgainWhole { payload, .. }
                | Step::Table { payload, .. } => {
                    round.is_large = payload.len() > LARGE;
                }
                // The step does not say how much of it was read.
                Step::Unreadable { .. } => round.is_large = true,
                // The next callback for the same message.
                Step::Again { .. } => {}
                _ => round.is_large = false,
            }
            if round.is_large {
                round.budget.look_next();
            }
            return step;
        }
    }));
    let step = found.unwrap_or_else(|panic| {
        complain(format_args!("internal error, please report it: {}", panic_text(&*panic)));
        Step::Idle
    });
    // An outer function may be pushing the value of a reference.
    if outputs.is_empty() {
        pool.settle(&mut Frame::new(lua));
    }
    step
}
