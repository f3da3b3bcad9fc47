//! Reports errors of callbacks to the game.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::anchor::module_of;
use super::complain;
use super::frame::Frame;
use super::module::Module;
use super::raw::Lua;
use crate::model::printable;

/// Characters of an error that are printed when no function of the game takes it.
const UNREPORTED_CHARACTERS: usize = 1024;

/// Pops the error on top of the stack, and reports it to the game, unless there were too many like it.
///
/// # Safety
///
/// See [`Lua`]. The error is on top of the stack, `anchor` is the module's userdata, and nothing droppable is alive.
pub(super) unsafe fn report(lua: Lua, anchor: *mut c_void, reporter: c_int) {
    // SAFETY: the caller upholds the contract. Three slots are used, and the call is protected; nothing that has to
    // be dropped is alive meanwhile. A callback may have closed the module.
    unsafe {
        let error = lua.top();
        let module = module_of(anchor);
        if module.is_null() || is_reported(&mut *module, lua, error) {
            lua.push_reference(reporter);
            lua.push_copy(error);
            if lua.protected_call(1, 0, 0) != 0 {
                let frame = Frame::new(lua);
                complain(format_args!("{}", printable(error_text(&frame, error), UNREPORTED_CHARACTERS)));
            }
        }
        lua.set_top(error - 1);
    }
}

/// Whether to report the error at this position of the stack.
fn is_reported(module: &mut Module, lua: Lua, error: c_int) -> bool {
    let frame = Frame::new(lua);
    let admit = || module.reports.admit(error_text(&frame, error), Instant::now());
    // After a bug in here the error is reported.
    catch_unwind(AssertUnwindSafe(admit)).unwrap_or(true)
}

fn error_text(frame: &Frame, error: c_int) -> &[u8] {
    frame.bytes(error).unwrap_or(b"an error that is not text")
}
