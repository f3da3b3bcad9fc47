//! A Lua state, and the one C function behind all natives.

use std::{
    cell::UnsafeCell,
    ffi::{CStr, c_int},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    allocator::FailingAllocator,
    api::{
        ERROR_HANDLER, ERROR_MEMORY, OK, REGISTRY, RawState, TYPE_BOOLEAN, TYPE_NIL, TYPE_NUMBER,
        TYPE_STRING, UPVALUE_CONTEXT, UPVALUE_NATIVE, api,
    },
    call::Call,
    module::EntryPoint,
};
use crate::{natives::NATIVES, run::Run, value::Value};

/// The state that the native functions of one Lua state share, found through their first upvalue.
pub(super) struct Context<'run> {
    pub(super) run: &'run Run,
    /// A native function's result, parked here so that no frame owns it while it is pushed.
    result: UnsafeCell<Result<Value, String>>,
    pub(super) allocator: FailingAllocator,
}

/// One Lua state. Dropping it closes the state.
pub(crate) struct Lua<'run> {
    raw: *mut RawState,
    /// The target of the natives' pointers. A raw pointer, because they use it while `&self` is in use as well.
    context: *mut Context<'run>,
    natives: c_int,
    _not_send: PhantomData<*mut ()>,
}

/// The result of a protected call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Returned,
    /// The message handler has seen the error.
    Raised,
    /// The handler has not seen it: Lua ran out of memory, or the chunk did not compile.
    Unreported(Vec<u8>),
}

impl<'run> Lua<'run> {
    /// A fresh state with the standard libraries and the table of natives.
    pub(crate) fn open(run: &'run Run) -> Option<Self> {
        let api = api();
        // SAFETY: a new state, used on this thread alone. Nothing here raises unless memory runs out. The process
        // then ends, and this frame owns nothing but the context.
        unsafe {
            let raw = (api.luaL_newstate)();
            if raw.is_null() {
                return None;
            }
            let context = Box::into_raw(Box::new(Context {
                run,
                result: UnsafeCell::new(Ok(Value::Nil)),
                allocator: FailingAllocator::default(),
            }));
            (api.luaL_openlibs)(raw);
            (api.lua_createtable)(raw, 0, 0);
            for (index, (name, _)) in NATIVES.iter().enumerate() {
                (api.lua_pushlightuserdata)(raw, context.cast());
                (api.lua_pushlightuserdata)(raw, std::ptr::without_provenance_mut(index));
                (api.lua_pushcclosure)(raw, trampoline, 2);
                (api.lua_setfield)(raw, -2, name.as_ptr());
            }
            let natives = (api.luaL_ref)(raw, REGISTRY);
            Some(Self { raw, context, natives, _not_send: PhantomData })
        }
    }

    /// Runs a chunk; `handler` names the native that gets an error. A part of the prelude gets the table of natives
    /// as its argument, a script gets nothing.
    pub(crate) fn run_chunk(&self, name: &CStr, source: &[u8], natives: bool, handler: &CStr) -> Outcome {
        let api = api();
        // SAFETY: the stack is left as it was found; only the arguments are owned, by the caller. Loading reports its
        // errors as a status.
        unsafe {
            let base = (api.lua_gettop)(self.raw);
            self.push_native(handler);
            let status = (api.luaL_loadbuffer)(self.raw, source.as_ptr().cast(), source.len(), name.as_ptr());
            let outcome = if status == OK {
                if natives {
                    (api.lua_rawgeti)(self.raw, REGISTRY, self.natives);
                }
                self.call(base + 1, c_int::from(natives))
            } else {
                Outcome::Unreported(self.text_at_top())
            };
            (api.lua_settop)(self.raw, base);
            outcome
        }
    }

    /// Calls a function that the prelude left in the table of natives.
    pub(crate) fn call_native(&self, name: &CStr, handler: &CStr) -> Outcome {
        // SAFETY: as for `run_chunk`. Both names are in the table, so looking them up makes no string.
        unsafe {
            let base = (api().lua_gettop)(self.raw);
            self.push_native(handler);
            self.push_native(name);
            let outcome = self.call(base + 1, 0);
            (api().lua_settop)(self.raw, base);
            outcome
        }
    }

    /// Calls a module's `gmod13_close`.
    pub(crate) fn call_entry_point(&self, entry: EntryPoint, handler: &CStr) -> Outcome {
        // SAFETY: as for `run_chunk`; the entry point belongs to a library that is still loaded.
        unsafe {
            let base = (api().lua_gettop)(self.raw);
            self.push_native(handler);
            (api().lua_pushcclosure)(self.raw, entry.0, 0);
            let outcome = self.call(base + 1, 0);
            (api().lua_settop)(self.raw, base);
            outcome
        }
    }

    /// Gives the state its own allocator back, so that later code cannot run out of memory.
    pub(crate) fn stop_failing(&self) {
        // SAFETY: the context lives until drop.
        unsafe { (*self.context).allocator.set(self.raw, None) };
    }

    unsafe fn push_native(&self, name: &CStr) {
        // SAFETY: the caller keeps the rules of the stack; the reference is a table.
        unsafe {
            (api().lua_rawgeti)(self.raw, REGISTRY, self.natives);
            (api().lua_getfield)(self.raw, -1, name.as_ptr());
            (api().lua_remove)(self.raw, -2);
        }
    }

    unsafe fn call(&self, handler: c_int, arguments: c_int) -> Outcome {
        // SAFETY: the caller has pushed the function and its arguments above the handler.
        unsafe {
            match (api().lua_pcall)(self.raw, arguments, 0, handler) {
                OK => Outcome::Returned,
                ERROR_MEMORY => Outcome::Unreported(self.text_at_top()),
                // The handler did not run to its end, so nothing is reported yet.
                ERROR_HANDLER => Outcome::Unreported(
                    [&self.text_at_top()[..], b" (no traceback: the handler of errors could not run)"]
                        .concat(),
                ),
                _ => Outcome::Raised,
            }
        }
    }

    unsafe fn text_at_top(&self) -> Vec<u8> {
        // SAFETY: there is a value at the top; an error message, so most likely a string.
        unsafe { text_at(self.raw, -1) }.unwrap_or_else(|| b"an error that is not a string".to_vec())
    }
}

impl Drop for Lua<'_> {
    fn drop(&mut self) {
        self.stop_failing();
        // SAFETY: the state is closed once; its functions, which point to the context, are gone with it.
        unsafe {
            (api().lua_close)(self.raw);
            drop(Box::from_raw(self.context));
        }
    }
}

/// Every native function is this C function, with the context and its index as upvalues.
unsafe extern "C-unwind" fn trampoline(raw: *mut RawState) -> c_int {
    let api = api();
    // SAFETY: Lua calls this with the upvalues that `Lua::open` gave it. `run_native` drops what it owns before it
    // returns; after it, only the context owns anything, and a raising call may skip this frame.
    unsafe {
        let context = (api.lua_touserdata)(raw, UPVALUE_CONTEXT).cast::<Context<'_>>();
        let native = (api.lua_touserdata)(raw, UPVALUE_NATIVE).addr();
        run_native(raw, context, native);
        match &*(*context).result.get() {
            Ok(value) => {
                push(raw, value);
                1
            }
            Err(message) => {
                (api.lua_pushlstring)(raw, message.as_ptr().cast(), message.len());
                (api.lua_error)(raw)
            }
        }
    }
}

/// Runs a native function and parks its result in the context.
unsafe fn run_native(raw: *mut RawState, context: *mut Context<'_>, native: usize) {
    // SAFETY: the trampoline's context lives as long as its state. Nothing in here raises.
    let context = unsafe { &*context };
    let result = match NATIVES.get(native) {
        Some((_, run)) => {
            // SAFETY: as above.
            let call = Call { raw, context, arguments: unsafe { arguments(raw) } };
            catch_unwind(AssertUnwindSafe(|| run(&call)))
                .unwrap_or_else(|_| Err("the host has a fault: a native function panicked".to_owned()))
                .map_err(|message| call.place() + &message)
        }
        None => Err("the host has a fault: no such native function".to_owned()),
    };
    // SAFETY: natives do not call Lua, so no other native's result is being read.
    unsafe { *context.result.get() = result };
}

unsafe fn arguments(raw: *mut RawState) -> Vec<Value> {
    let api = api();
    // SAFETY: indices up to the top are valid; none of these calls allocates or raises.
    unsafe {
        (1..=(api.lua_gettop)(raw))
            .map(|index| match (api.lua_type)(raw, index) {
                TYPE_NIL => Value::Nil,
                TYPE_BOOLEAN => Value::Boolean((api.lua_toboolean)(raw, index) != 0),
                TYPE_NUMBER => Value::Number((api.lua_tonumber)(raw, index)),
                TYPE_STRING => Value::Text(text_at(raw, index).unwrap_or_default()),
                _ => Value::Other,
            })
            .collect()
    }
}

/// Pushes a borrowed value; may raise.
unsafe fn push(raw: *mut RawState, value: &Value) {
    let api = api();
    // SAFETY: a C function has room for twenty values; lists of lists are two deep at most.
    unsafe {
        match value {
            Value::Nil | Value::Other => (api.lua_pushnil)(raw),
            Value::Boolean(boolean) => (api.lua_pushboolean)(raw, c_int::from(*boolean)),
            Value::Number(number) => (api.lua_pushnumber)(raw, *number),
            Value::Text(text) => (api.lua_pushlstring)(raw, text.as_ptr().cast(), text.len()),
            Value::Function(entry) => (api.lua_pushcclosure)(raw, entry.0, 0),
            Value::Map(fields) => {
                (api.lua_createtable)(raw, 0, c_int::try_from(fields.len()).unwrap_or_default());
                for (name, value) in fields {
                    (api.lua_pushlstring)(raw, name.as_ptr().cast(), name.len());
                    push(raw, value);
                    (api.lua_rawset)(raw, -3);
                }
            }
            Value::List(list) => {
                (api.lua_createtable)(raw, c_int::try_from(list.len()).unwrap_or_default(), 0);
                for (index, value) in (1..).zip(list) {
                    push(raw, value);
                    (api.lua_rawseti)(raw, -2, index);
                }
            }
        }
    }
}

/// A copy of the string at `index`, or `None` if it is something else.
unsafe fn text_at(raw: *mut RawState, index: c_int) -> Option<Vec<u8>> {
    // SAFETY: for a string, lua_tolstring converts nothing and allocates nothing; it stays on the stack while we copy.
    unsafe {
        if (api().lua_type)(raw, index) != TYPE_STRING {
            return None;
        }
        let mut length = 0;
        let start = (api().lua_tolstring)(raw, index, &raw mut length);
        Some(std::slice::from_raw_parts(start.cast(), length).to_vec())
    }
}
