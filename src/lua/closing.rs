//! The function that a script registered for the end of its Lua state.

use std::ffi::{c_int, c_void};

use gmod::lua::State;

use super::anchor::{fixed_of, module_of};
use super::args::{Call, Fault};
use super::module::Module;
use super::output::Output;
use super::raw::{ANCHOR, Lua};
use super::refs::Ref;
use super::report::report;

/// The position of the error handler on the stack of [`body`].
const HANDLER: c_int = 1;

/// `realtime.OnClose([fn])`
pub(super) fn on_close(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let function = call.optional_function(1, "function")?;
    call.end(2)?;
    module.on_close = function.map(|index| call.keep(module, index));
    Ok(Output::Nothing)
}

/// The C function that calls it, once.
pub(super) unsafe extern "C-unwind" fn body(state: State) -> c_int {
    // SAFETY: Lua calls this with the state that runs, and made the closure with its upvalues. Nothing in this frame
    // has to be dropped, and the module is looked up again after Lua ran.
    unsafe {
        let Some(lua) = Lua::new(state) else { return 0 };
        let anchor = lua.userdata_upvalue(ANCHOR);
        let fixed = fixed_of(anchor);
        lua.set_top(0);
        lua.push_reference(fixed.trace);
        if push_function(lua, anchor) && lua.protected_call(0, 0, HANDLER) != 0 {
            report(lua, anchor, fixed.report_last);
        }
    }
    0
}

/// Pushes the function, and forgets it: it may end the Lua state itself. Returns whether there is one.
unsafe fn push_function(lua: Lua, anchor: *mut c_void) -> bool {
    // SAFETY: nothing here has to be dropped while a call may raise, and pushing an element cannot. No Lua code runs
    // in here that could refer to the module as well.
    unsafe {
        let Some(module) = module_of(anchor).as_mut() else { return false };
        let Some(function) = module.on_close.as_ref().map(Ref::index) else { return false };
        lua.push_reference(function);
        module.on_close = None;
    }
    true
}
