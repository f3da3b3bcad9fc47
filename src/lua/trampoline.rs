//! The one C function behind every function of the module.
//!
//! Four steps, so that no Lua error passes a frame that owns something and no panic reaches Lua: reserve what the
//! call could need, where raising is harmless; read the arguments and do the work, in `catch_unwind` and without a
//! call that raises; leave the result in the module's state; then, with nothing left to drop, push it or raise. A
//! tick with nothing to do returns before all that.

use std::any::Any;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use gmod::lua::State as RawState;

use super::anchor::{fixed_of, let_go, module_of, module_or_remains};
use super::args::{Call, Fault};
use super::fixed::Fixed;
use super::frame::Frame;
use super::function::Function;
use super::functions::FUNCTIONS;
use super::module::{Module, place_on_stack};
use super::output::{Exit, Output, PushResult, push_output};
use super::raw::{ANCHOR, Lua};
use crate::model::panic_text;

/// The upvalue with the position in [`FUNCTIONS`].
const WHICH: c_int = 3;

/// Pushes one of the module's functions.
///
/// # Safety
///
/// See [`Lua`]. The value at `anchor` is the module's userdata, that at `kept` the table of references.
pub(super) unsafe fn push_function(lua: Lua, anchor: c_int, kept: c_int, which: usize) {
    let number = u32::try_from(which).unwrap_or(u32::MAX);
    // SAFETY: the caller upholds the contract; nothing here has to be dropped.
    unsafe {
        lua.push_copy(anchor);
        lua.push_copy(kept);
        lua.push_number(f64::from(number));
        lua.push_closure(trampoline, 3);
    }
}

unsafe extern "C-unwind" fn trampoline(state: RawState) -> c_int {
    // SAFETY: Lua calls this with the state that runs, and made the closure with its upvalues.
    let Some((lua, anchor, which)) = (unsafe {
        Lua::new(state).map(|lua| (lua, lua.userdata_upvalue(ANCHOR), lua.number_upvalue(WHICH)))
    }) else {
        return 0;
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nonsense finds no function")]
    let Some(function) = FUNCTIONS.get(which as usize) else { return 0 };
    // SAFETY: nothing is alive here that has to be dropped, and the module is looked up again after Lua ran.
    unsafe {
        if let Some(module) = module_of(anchor).as_mut() {
            if let Some(is_idle) = function.is_idle {
                module.pulse.tick();
                // Most ticks have nothing to do.
                if lua.top() == 0 && is_idle(module) {
                    lua.push_number(0.0);
                    return 1;
                }
            } else if module.pulse.call(Instant::now) {
                start_ticks(lua, module.fixed);
            }
        }
    }
    // SAFETY: nothing is alive here that has to be dropped.
    let Some(module) = (unsafe { ready(lua, anchor, function) }) else {
        // SAFETY: as above. The result of a closed client is in the table of functions.
        return unsafe { give(lua, push_output(lua, fixed_of(anchor), &function.closed)) };
    };
    // SAFETY: nothing else refers to the module while pure Rust runs: no Lua code does.
    unsafe { (*module).enter(place_on_stack(&which)) };
    // SAFETY: as above.
    let mut exit = work(unsafe { &mut *module }, &mut Frame::new(lua), function);
    if let Exit::NeedsSlots(slots) = exit {
        // SAFETY: nothing is alive here that has to be dropped. Growing the stack starts no collection, so the module
        // and its slots are still there.
        unsafe {
            lua.set_top(lua.top() + slots);
            lua.set_top(lua.top() - slots);
            exit = work(&mut *module, &mut Frame::with_slots(lua, slots), function);
        }
    }
    // SAFETY: an exit owns nothing.
    unsafe { leave(lua, anchor, exit) }
}

/// Starts the ticks again after other code has stopped them.
unsafe fn start_ticks(lua: Lua, fixed: Fixed) {
    // SAFETY: the caller has nothing alive that has to be dropped. One of the free slots of a C function is used.
    unsafe {
        lua.push_reference(fixed.start_ticks);
        if lua.protected_call(0, 0, 0) != 0 {
            lua.set_top(lua.top() - 1);
        }
    }
}

/// Does the preparations of a call that may raise. Returns the module, unless it is closed.
unsafe fn ready(lua: Lua, anchor: *mut c_void, function: &Function) -> Option<*mut Module> {
    // SAFETY: the caller has nothing alive that has to be dropped, nor have we. A collection can run scripts, which
    // use up the reserved references or close the module: so both are checked again after each step.
    unsafe {
        let module = module_of(anchor);
        if module.is_null() {
            return None;
        }
        (function.prepare)(lua, (*module).fixed);
        loop {
            let module = module_of(anchor);
            if module.is_null() {
                return None;
            }
            if (*module).pool.is_ready() {
                return Some(module);
            }
            let candidate = (*module).pool.candidate();
            lua.push_boolean(false);
            lua.set_reference(candidate);
            let module = module_of(anchor);
            if !module.is_null() {
                (*module).pool.reserve(candidate);
            }
        }
    }
}

/// Runs a function's pure part.
fn work(module: &mut Module, frame: &mut Frame, function: &Function) -> Exit {
    let result = catch_unwind(AssertUnwindSafe(|| {
        // Outer functions may be pushing values by their references, which must not be given to other values
        // meanwhile.
        if !module.is_in_use() {
            module.pool.settle(frame);
        }
        let before = i32::from(function.method);
        let mut call = Call { function: function.name, frame, before };
        (function.run)(module, &mut call)
    }));
    let output = match result {
        Ok(Ok(output)) => output,
        Ok(Err(fault)) => Output::Raise(located(frame, &fault).into()),
        Err(panic) => Output::Raise(panicked(&*panic).into()),
    };
    module.hold(output)
}

/// A fault's text, with the script's file and line before it.
fn located(frame: &Frame, fault: &Fault) -> String {
    match frame.direct_caller() {
        Some(place) if place.line > 0 => format!("{}:{}: {fault}", place.short, place.line),
        _ => fault.to_string(),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    format!("internal error of realtime, please report it: {}", panic_text(panic))
}

/// Pushes the result of a function, or raises.
///
/// # Safety
///
/// Nothing is alive that has to be dropped; `anchor` is the module's userdata.
unsafe fn leave(lua: Lua, anchor: *mut c_void, exit: Exit) -> c_int {
    // SAFETY: nothing here has to be dropped while a call may raise. A collection that a push starts may call any
    // function of ours, so the module is looked up again after each, and it holds an output in a box of its own.
    unsafe {
        print_line(lua, anchor);
        match exit {
            Exit::Nothing | Exit::NeedsSlots(_) => 0,
            Exit::Boolean(value) => {
                lua.push_boolean(value);
                1
            }
            Exit::Number(value) => {
                lua.push_number(value);
                1
            }
            Exit::Static(text) => {
                lua.push_bytes(text.as_bytes());
                1
            }
            Exit::Kept(reference) => {
                lua.push_reference(reference);
                1
            }
            Exit::Run(run) => run(lua, anchor),
            Exit::Held(depth) => give(lua, push_held(lua, anchor, depth)),
        }
    }
}

/// Prints the line that the function wants on the console, if any.
unsafe fn print_line(lua: Lua, anchor: *mut c_void) {
    // SAFETY: as in `leave`. Nothing could close the module since the line was put there, and the module holds the
    // text.
    unsafe {
        let module = module_of(anchor);
        let Some(line) = (*module).line.take() else { return };
        let Exit::Held(depth) = (*module).hold(Output::Text(line.into_bytes())) else { return };
        lua.push_reference(fixed_of(anchor).say);
        push_held(lua, anchor, depth);
        if lua.protected_call(1, 0, 0) != 0 {
            lua.set_top(lua.top() - 1);
        }
    }
}

/// Pushes the output at `depth`, which is then removed.
unsafe fn push_held(lua: Lua, anchor: *mut c_void, depth: usize) -> PushResult {
    // SAFETY: as in `leave`. If the module was closed since it held the output, its remains have it.
    unsafe {
        let output: *const Output = &raw const *(&(*module_or_remains(anchor)).outputs)[depth].output;
        let pushed = push_output(lua, fixed_of(anchor), &*output);
        let module = module_of(anchor);
        if module.is_null() {
            let_go(anchor, |module| module.release(depth));
        } else {
            (*module).release(depth);
        }
        pushed
    }
}

/// Returns what was pushed, or raises it.
unsafe fn give(lua: Lua, pushed: PushResult) -> c_int {
    match pushed {
        PushResult::Values(count) => count,
        // SAFETY: the caller has nothing alive that has to be dropped.
        PushResult::Error => unsafe { lua.raise() },
    }
}
