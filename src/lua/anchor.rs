//! The userdata behind every function of the module: a pointer to the module, and to its remains once it was closed.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use super::complain;
use super::fixed::Fixed;
use super::module::{Module, place_on_stack};
use crate::model::panic_text;

/// The content of the userdata behind every function: where the module is, or null once it was closed. Lua owns this
/// memory and frees it with the state; there is no finalizer, because the library's code may be gone by then.
#[repr(C)]
pub(super) struct Anchor {
    module: *mut Module,
    /// The game reads a pointer and a type number from userdata it meets; a plain userdata has type 7.
    kind: u8,
    fixed: Fixed,
    /// A closed module that outer functions of ours still use; the last of them frees it.
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

/// The module behind a userdata; its remains if it was closed.
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
    // SAFETY: the caller vouches for it. From here on no other function finds the module.
    let (anchor, module) = unsafe { (anchor.cast::<Anchor>(), module_of(anchor)) };
    if module.is_null() {
        return;
    }
    // SAFETY: as above. No Lua runs in here, and memory from a box is freed once: now, or by its last user.
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

/// Called by a function that used something of the module and finds the module closed: `done` removes what it used.
/// The last such function frees the rest.
///
/// # Safety
///
/// As for [`close_module`]; the caller uses nothing of the module any more.
pub(super) unsafe fn let_go(anchor: *mut c_void, done: impl FnOnce(&mut Module)) {
    // SAFETY: the caller vouches for the userdata; the remains came from a box and are freed once.
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

/// Runs work whose panic must not reach Lua.
fn end_well(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        complain(format_args!("internal error at the end, please report it: {}", panic_text(&*panic)));
    }
}
