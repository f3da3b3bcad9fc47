//! Tables for callbacks, made in slices.
//!
//! The table of a long message takes longer than a round may. So it is made in slices. Between two of them the module
//! keeps the state of the table, and a list keeps the values that were on the stack, so that an error leaves
//! nothing half done: the next slice continues where the last one stopped, or the whole is given up.

use std::ffi::{c_int, c_void};

use super::anchor::{fixed_of, module_of};
use super::build::{BuildState, push_tape, push_whole};
use super::keys::Keys;
use super::module::{Module, PartialBuild};
use super::raw::Lua;
use crate::dispatch::Document;

/// The cost of a slice, in the units of [`push_tape`]: some 50 µs.
const SLICE: usize = 1024;

/// Pushes a place for the callback and the value of a text; or a part of that, which is kept for the next slice.
/// Returns whether the value is complete.
///
/// # Safety
///
/// See [`Lua`]. `anchor` is the userdata of a module that is not closed, and the document is that of the
/// current step.
pub(super) unsafe fn push_slice(lua: Lua, anchor: *mut c_void, document: &Document, text: &[u8]) -> bool {
    // SAFETY: nothing here has to be dropped. The module is looked up again after Lua ran, and the document stays
    // where it is until the next step.
    unsafe {
        let fixed = fixed_of(anchor);
        lua.push_reference(fixed.partial);
        let list = lua.top();
        if !document.is_long() {
            push_whole(lua, fixed, document.tape(), text);
            return true;
        }
        let (mut state, values) = match &(*module_of(anchor)).partial {
            Some(partial) if document.is_begun() => (*partial.state, partial.values),
            _ => (BuildState::new(), 0),
        };
        // The part made so far is above the keys.
        let mut keys = Keys::reserve(lua);
        let below = lua.top();
        for n in 1..=values {
            lua.push_element(list, n);
        }
        if push_tape(lua, fixed, document.tape(), text, Some(&mut keys), &mut state, SLICE) {
            lua.replace(list + 1);
            lua.set_top(list + 1);
            return true;
        }
        // A finalizer may have closed the module: then the rest is not needed.
        if !module_of(anchor).is_null() {
            let values = lua.top() - below;
            for n in 1..=values {
                lua.push_copy(below + n);
                lua.set_element(list, n);
            }
            keep(&mut *module_of(anchor), state, values);
        }
        false
    }
}

fn keep(module: &mut Module, state: BuildState, values: c_int) {
    match &mut module.partial {
        Some(partial) => {
            *partial.state = state;
            (partial.values, partial.most) = (values, partial.most.max(values));
        }
        missing => *missing = Some(PartialBuild { state: Box::new(state), values, most: values }),
    }
}

/// Lets Lua collect the parts of a table that is complete or not needed any more.
///
/// # Safety
///
/// See [`Lua`]; nothing else refers to the module. Can't raise: two of the free slots of a C function are used.
pub(super) unsafe fn forget(lua: Lua, module: &mut Module) {
    let Some(most) = module.partial.take().map(|partial| partial.most) else { return };
    // SAFETY: the caller upholds the contract. The list has as many elements.
    unsafe {
        lua.push_reference(module.fixed.partial);
        empty_list(lua, lua.top(), most);
        lua.set_top(lua.top() - 1);
    }
}

/// Empties the first `count` elements of the list at `index`. It keeps their places.
///
/// # Safety
///
/// See [`Lua`]. The list has at least `count` elements, so that this can't raise.
pub(super) unsafe fn empty_list(lua: Lua, index: c_int, count: c_int) {
    for n in 1..=count {
        // SAFETY: the caller upholds the contract. Not nil: that could cost the table the place.
        unsafe {
            lua.push_boolean(false);
            lua.set_element(index, n);
        }
    }
}
