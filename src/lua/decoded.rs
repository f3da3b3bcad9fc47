//! The value of a text, made in a protected call of its own: an error there is caught, the tape is freed, and the
//! error goes on.

use std::ffi::c_int;

use gmod::lua::State;

use super::anchor::{fixed_of, module_or_remains};
use super::build::{BuildState, push_tape};
use super::output::Output;
use super::raw::{ANCHOR, Lua};

/// The C function that makes the value of the text in its argument.
pub(super) unsafe extern "C-unwind" fn body(state: State) -> c_int {
    // SAFETY: nothing in this frame has to be dropped. Only `push_decoded` in `build.rs` calls this, so there is an
    // output, which stays where it is in a box of its own.
    unsafe {
        let Some(lua) = Lua::new(state) else { return 0 };
        let anchor = lua.userdata_upvalue(ANCHOR);
        let output: *const Output = match (*module_or_remains(anchor)).outputs.last() {
            Some(held) => &raw const *held.output,
            None => return 0,
        };
        let Output::Json(decoded) = &*output else { return 0 };
        push_tape(lua, fixed_of(anchor), &decoded.tape, lua.bytes(1), &mut BuildState::new(), usize::MAX);
    }
    1
}
