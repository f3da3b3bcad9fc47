//! Calls that may raise.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::slice;

use gmod::lua::{LUA_GLOBALSINDEX, LUA_REGISTRYINDEX, LuaFunction, State};

use super::api::{self, Api};

/// The game's Lua, for the duration of one C function.
///
/// # Safety
///
/// Each of the unsafe functions here may raise a Lua error: because memory is short, because a finalizer raised, or
/// because the stack is full. The error then leaves through this and every outer frame, up to the nearest protected
/// call, and on some platforms runs no destructor on the way. So: nothing that has to be dropped may be alive in any
/// of those frames, no reference into the module's state may be held that another call could invalidate (a collection
/// can run scripts, which call us), and none of them may be called inside of `catch_unwind`. Indices must be of
/// existing values.
#[derive(Clone, Copy)]
pub(super) struct Lua {
    pub(super) state: State,
    pub(super) api: &'static Api,
}

impl Lua {
    /// The Lua that called a C function. `None` if the game's functions were never found.
    ///
    /// # Safety
    ///
    /// `state` is the one that the running C function got, and the value does not outlive that call.
    pub(super) unsafe fn new(state: State) -> Option<Self> {
        Some(Self { state, api: api::get()? })
    }

    /// The userdata that is the running C function's upvalue `n`.
    ///
    /// # Safety
    ///
    /// The running function has such an upvalue.
    pub(super) unsafe fn userdata_upvalue(self, n: c_int) -> *mut c_void {
        // SAFETY: the caller vouches for the upvalue; another type gives null.
        unsafe { (self.api.touserdata)(self.state, LUA_GLOBALSINDEX - n) }
    }

    /// The bytes of the string at `index`.
    ///
    /// # Safety
    ///
    /// There is a string, and it stays there as long as the bytes are used.
    pub(super) unsafe fn bytes<'a>(self, index: c_int) -> &'a [u8] {
        let mut length = 0;
        // SAFETY: for a string this converts and allocates nothing, and Lua neither moves nor changes it.
        unsafe {
            let bytes = (self.api.tolstring)(self.state, index, &raw mut length);
            slice::from_raw_parts(bytes.cast(), length)
        }
    }

    /// The number that is the running C function's upvalue `n`.
    ///
    /// # Safety
    ///
    /// The running function has such an upvalue.
    pub(super) unsafe fn number_upvalue(self, n: c_int) -> f64 {
        // SAFETY: the caller vouches for the upvalue; another type gives zero.
        unsafe { (self.api.tonumber)(self.state, LUA_GLOBALSINDEX - n) }
    }
}

/// Passes calls on under the type's contract.
macro_rules! pass {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)? = $field:ident($($given:expr),*);)*) => {
        impl Lua {
            $(
                $(#[$doc])*
                ///
                /// # Safety
                ///
                /// See [`Lua`].
                pub(super) unsafe fn $name(self $(, $arg: $type)*) $(-> $result)? {
                    // SAFETY: the caller upholds the type's contract.
                    unsafe { (self.api.$field)(self.state $(, $given)*) }
                }
            )*
        }
    };
}

pass! {
    /// How many values there are.
    fn top() -> c_int = gettop();
    /// Cuts or extends the stack to `n` values.
    fn set_top(n: c_int) = settop(n);
    /// Pushes a copy of the value at `index`.
    fn push_copy(index: c_int) = pushvalue(index);
    /// Pops a value and puts it in place of the one at `index`.
    fn replace(index: c_int) = replace(index);
    /// Pushes nil.
    fn push_nil() = pushnil();
    /// Pushes a boolean.
    fn push_boolean(value: bool) = pushboolean(c_int::from(value));
    /// Pushes a number.
    fn push_number(value: f64) = pushnumber(value);
    /// Pushes a string of any bytes.
    fn push_bytes(value: &[u8]) = pushlstring(value.as_ptr().cast(), value.len());
    /// Pops `upvalues` values and pushes a C function that has them.
    fn push_closure(function: LuaFunction, upvalues: c_int) = pushcclosure(function, upvalues);
    /// Pushes a table with room for a sequence and for other keys.
    fn create_table(sequence: c_int, others: c_int) = createtable(sequence, others);
    /// Pushes a userdata and returns its memory.
    fn new_userdata(size: usize) -> *mut c_void = newuserdata(size);
    /// Pushes element `n` of the table at `index`, without metamethods.
    fn push_element(index: c_int, n: c_int) = rawgeti(index, n);
    /// Pushes the value kept under a reference.
    fn push_reference(reference: c_int) = rawgeti(KEPT, reference);
    /// Pops a value and keeps it under a reference.
    fn set_reference(reference: c_int) = rawseti(KEPT, reference);
    /// Pops a value into element `n` of the table at `index`.
    fn set_element(index: c_int, n: c_int) = rawseti(index, n);
    /// Pops key and value into the table at `index`.
    fn set_table(index: c_int) = settable(index);
    /// Pushes a field of the table at `index`.
    fn get_field(index: c_int, name: &CStr) = getfield(index, name.as_ptr());
    /// Pops a value into a field of the table at `index`.
    fn set_field(index: c_int, name: &CStr) = setfield(index, name.as_ptr());
    /// Pops a table and makes it the metatable of the value at `index`.
    fn set_metatable(index: c_int) -> c_int = setmetatable(index);
    /// Returns the memory of the userdata at `index`.
    fn userdata(index: c_int) -> *mut c_void = touserdata(index);
    /// Compiles a script and pushes it as a function, or the error. Returns zero for success.
    fn load(script: &[u8], name: &CStr) -> c_int =
        loadbuffer(script.as_ptr().cast::<c_char>(), script.len(), name.as_ptr());
    /// Calls a function with `arguments` values in protected mode. Returns zero for success; otherwise the error is
    /// pushed.
    fn protected_call(arguments: c_int, results: c_int, handler: c_int) -> c_int = pcall(arguments, results, handler);
    /// Raises the value on top.
    fn raise() -> c_int = error();
}

/// The upvalue of each of our C functions that holds the [`Anchor`](super::anchor::Anchor).
pub(super) const ANCHOR: c_int = 1;

/// The table of the Lua values that Rust keeps: the second upvalue of each of our C functions.
///
/// Not the registry: LuaJIT's tables lose elements if memory runs out while one with both an array and a hash part
/// grows. This one is always a plain array, which grows in one piece or not at all.
pub(super) const KEPT: c_int = LUA_GLOBALSINDEX - 2;

/// The table of globals.
pub(super) const GLOBALS: c_int = LUA_GLOBALSINDEX;

/// The registry.
pub(super) const REGISTRY: c_int = LUA_REGISTRYINDEX;
