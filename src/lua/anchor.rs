//! The userdata behind every function of the module: where the module is, and what is left of it once it was closed.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use super::complain;
use super::fixed::Fixed;
use super::module::{Module, place_on_stack};
use crate::model::panic_text;

/// What the userdata behind every function holds: where the module is, or null once it was closed. Lua owns this memory
/// and frees it with the state; there is no finalizer, since the library's code may be gone by then.
#[repr(C)]
pub(super) struct Anchor {
    module: *mut Module,
    /// The game reads a pointer and a type number from userdata it meets; a plain userdata has type 7.
    kind: u8,
    fixed: Fixed,
    /// A closed module that functions of ours further out still look at; the last of them frees it.
    remains: *mut Module,
}

impl Anchor {
    pub(super) fn new(kind: u8) -> Self {
        Self { module: ptr::null_mut(), kind, fixed: Fixed::default(), remains: ptr::null_mut() }
    }

    /// Gives the state its module.
    pub(super) fn set(&mut self, module: Module) {
        self.fixed = module.fixed;
        self.module = Box::into_raw(Box::new(module));
    }
}

/// The module behind a userdata; null if it was closed.
///
/// # Safety
///
/// `anchor` is null or the userdata that [`super::open`] made, in a state that is not closed.
pub(super) unsafe fn module_of(anchor: *mut c_void) -> *mut Module {
    if anchor.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the caller vouches for it; Lua keeps it as long as a function refers to it.
    unsafe { (*anchor.cast::<Anchor>()).module }
}

/// The values that live as long as the state, whether the module was closed or not.
///
/// # Safety
///
/// `anchor` is the userdata that [`super::open`] made, in a state that is not closed.
pub(super) unsafe fn fixed_of(anchor: *mut c_void) -> Fixed {
    // SAFETY: the caller vouches for it; Lua keeps it as long as a function refers to it.
    unsafe { (*anchor.cast::<Anchor>()).fixed }
}

/// The module behind a userdata; what remains of it if it was closed.
///
/// # Safety
///
/// `anchor` is the userdata that [`super::open`] made, in a state that is not closed.
pub(super) unsafe fn module_or_remains(anchor: *mut c_void) -> *mut Module {
    // SAFETY: the caller vouches for it; Lua keeps it as long as a function refers to it.
    unsafe {
        let module = module_of(anchor);
        if module.is_null() { (*anchor.cast::<Anchor>()).remains } else { module }
    }
}

/// Ends the module behind a userdata, if there is one.
///
/// # Safety
///
/// `anchor` is null or the userdata that [`super::open`] made, in a state that is not closed.
pub(super) unsafe fn close_module(anchor: *mut c_void) {
    // SAFETY: the caller vouches for it. From here on nobody finds the module but us.
    let (anchor, module) = unsafe { (anchor.cast::<Anchor>(), module_of(anchor)) };
    if module.is_null() {
        return;
    }
    // SAFETY: as above. No Lua runs in here, and what came from a box is freed once: now, or by who uses it last.
    unsafe {
        (*anchor).module = ptr::null_mut();
        (*module).enter(place_on_stack(&anchor));
        end_well(|| (*module).shut_down());
        if (*module).is_in_use() {
            (*anchor).remains = module;
            end_well(|| (*module).forget_events());
        } else {
            end_well(|| drop(Box::from_raw(module)));
        }
    }
}

/// What a function does that looked at something of the module's, and has found it closed since: `done` says what it looked
/// at. The last one frees the rest.
///
/// # Safety
///
/// As for [`close_module`]; the caller looks at nothing of the module any more.
pub(super) unsafe fn let_go(anchor: *mut c_void, done: impl FnOnce(&mut Module)) {
    // SAFETY: the caller vouches for the userdata; what was left there came from a box and is freed once.
    unsafe {
        let anchor = anchor.cast::<Anchor>();
        let module = (*anchor).remains;
        if module.is_null() {
            return;
        }
        end_well(|| done(&mut *module));
        if !(*module).is_in_use() {
            (*anchor).remains = ptr::null_mut();
            end_well(|| drop(Box::from_raw(module)));
        }
    }
}

/// Runs what must not panic into Lua.
fn end_well(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        complain(format_args!("internal error at the end, please report it: {}", panic_text(&*panic)));
    }
}
