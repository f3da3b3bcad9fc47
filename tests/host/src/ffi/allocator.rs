//! Memory that runs out on demand.

use std::{cell::Cell, ffi::c_void};

use super::api::{Allocate, RawState, api};

/// A wrapper around a state's own allocator that fails on demand.
#[derive(Default)]
pub(super) struct FailingAllocator {
    own: Cell<Option<(Allocate, *mut c_void)>>,
    left: Cell<u64>,
}

impl FailingAllocator {
    pub(super) unsafe fn set(&self, raw: *mut RawState, after: Option<u64>) {
        // SAFETY: lua_getallocf and lua_setallocf only read and write two fields. While the wrapper is in place, its
        // user data is this allocator, which outlives the state.
        unsafe {
            match (after, self.own.get()) {
                (Some(after), Some(_)) => self.left.set(after),
                (Some(after), None) => {
                    let mut data = std::ptr::null_mut();
                    let own = (api().lua_getallocf)(raw, &raw mut data);
                    self.own.set(own.map(|allocate| (allocate, data)));
                    self.left.set(after);
                    (api().lua_setallocf)(
                        raw,
                        Some(allocate_or_fail),
                        std::ptr::from_ref(self).cast_mut().cast(),
                    );
                }
                (None, Some((allocate, data))) => {
                    (api().lua_setallocf)(raw, Some(allocate), data);
                    self.own.set(None);
                }
                (None, None) => {}
            }
        }
    }
}

unsafe extern "C" fn allocate_or_fail(
    data: *mut c_void,
    block: *mut c_void,
    old_size: usize,
    new_size: usize,
) -> *mut c_void {
    // SAFETY: Lua passes the user data that `set` gave it.
    let allocator = unsafe { &*data.cast::<FailingAllocator>() };
    let Some((allocate, data)) = allocator.own.get() else { return std::ptr::null_mut() };
    // Freeing and shrinking may not fail.
    if new_size > old_size {
        match allocator.left.get().checked_sub(1) {
            Some(left) => allocator.left.set(left),
            None => return std::ptr::null_mut(),
        }
    }
    // SAFETY: the state's own allocator, with its own data and the block that it gave out.
    unsafe { allocate(data, block, old_size, new_size) }
}
