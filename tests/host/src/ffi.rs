//! Everything unsafe: the game's Lua API, loading libraries, and three calls into the C library.
//!
//! Two rules keep it sound. A Lua state is used on the thread that made it ([`Lua`] is not `Send`). And a frame that calls
//! what can raise a Lua error owns nothing that needs dropping, since the error may skip its destructors.
#![allow(unsafe_code)]

use std::{
    cell::{Cell, UnsafeCell},
    ffi::{CStr, CString, c_char, c_int, c_void},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::OnceLock,
};

use libloading::Library;

use crate::{
    natives::NATIVES,
    prelude::{PREFIX as PRELUDE_PREFIX, PROTECTED},
    run::Run,
    value::Value,
};

const REGISTRY: c_int = -10_000;
const GLOBALS: c_int = -10_002;
/// The pseudo-indices of a C function's upvalues.
const UPVALUE_CONTEXT: c_int = GLOBALS - 1;
const UPVALUE_NATIVE: c_int = GLOBALS - 2;

const OK: c_int = 0;
const ERROR_MEMORY: c_int = 4;

const TYPE_NIL: c_int = 0;
const TYPE_BOOLEAN: c_int = 1;
const TYPE_NUMBER: c_int = 3;
const TYPE_STRING: c_int = 4;

const SHORT_SOURCE_BYTES: usize = 60;

/// What `lua_State*` points to.
#[repr(C)]
struct RawState {
    _opaque: [u8; 0],
}

/// `lua_Debug` of LuaJIT 2.1.
#[repr(C)]
struct Activation {
    event: c_int,
    name: *const c_char,
    name_what: *const c_char,
    what: *const c_char,
    source: *const c_char,
    current_line: c_int,
    upvalues: c_int,
    line_defined: c_int,
    last_line_defined: c_int,
    short_source: [c_char; SHORT_SOURCE_BYTES],
    call_info: c_int,
}

type CFunction = unsafe extern "C-unwind" fn(*mut RawState) -> c_int;
type Allocate = unsafe extern "C" fn(*mut c_void, *mut c_void, usize, usize) -> *mut c_void;

macro_rules! lua_api {
    ($(fn $name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of lua_shared that the host uses.
        #[allow(non_snake_case)]
        struct Api { $($name: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)* }

        impl Api {
            fn load(library: &Library) -> Result<Self, libloading::Error> {
                // SAFETY: the signatures are those of lua.h and lauxlib.h of LuaJIT 2.1, with C-unwind since any of
                // them may raise. The library is never unloaded.
                Ok(unsafe { Self { $($name: *library.get(concat!(stringify!($name), "\0").as_bytes())?,)* } })
            }
        }
    };
}

lua_api! {
    fn luaL_newstate() -> *mut RawState;
    fn luaL_openlibs(*mut RawState);
    fn luaL_loadbuffer(*mut RawState, *const c_char, usize, *const c_char) -> c_int;
    fn luaL_ref(*mut RawState, c_int) -> c_int;
    fn lua_close(*mut RawState);
    fn lua_createtable(*mut RawState, c_int, c_int);
    fn lua_error(*mut RawState) -> c_int;
    fn lua_getallocf(*mut RawState, *mut *mut c_void) -> Option<Allocate>;
    fn lua_getfield(*mut RawState, c_int, *const c_char);
    fn lua_getinfo(*mut RawState, *const c_char, *mut Activation) -> c_int;
    fn lua_getstack(*mut RawState, c_int, *mut Activation) -> c_int;
    fn lua_gettop(*mut RawState) -> c_int;
    fn lua_pcall(*mut RawState, c_int, c_int, c_int) -> c_int;
    fn lua_pushboolean(*mut RawState, c_int);
    fn lua_pushcclosure(*mut RawState, CFunction, c_int);
    fn lua_pushlightuserdata(*mut RawState, *mut c_void);
    fn lua_pushlstring(*mut RawState, *const c_char, usize);
    fn lua_pushnil(*mut RawState);
    fn lua_pushnumber(*mut RawState, f64);
    fn lua_rawgeti(*mut RawState, c_int, c_int);
    fn lua_rawseti(*mut RawState, c_int, c_int);
    fn lua_remove(*mut RawState, c_int);
    fn lua_setallocf(*mut RawState, Option<Allocate>, *mut c_void);
    fn lua_setfield(*mut RawState, c_int, *const c_char);
    fn lua_settop(*mut RawState, c_int);
    fn lua_toboolean(*mut RawState, c_int) -> c_int;
    fn lua_tolstring(*mut RawState, c_int, *mut usize) -> *const c_char;
    fn lua_tonumber(*mut RawState, c_int) -> f64;
    fn lua_touserdata(*mut RawState, c_int) -> *mut c_void;
    fn lua_type(*mut RawState, c_int) -> c_int;
}

/// As in the game, one LuaJIT for the life of the process.
static API: OnceLock<Api> = OnceLock::new();

/// Loads lua_shared, once; every later state uses the same.
pub(crate) fn load_lua_shared(path: &Path) -> Result<(), libloading::Error> {
    // SAFETY: LuaJIT's library has no initialisers with side effects.
    let library = unsafe { Library::new(path)? };
    let api = Api::load(&library)?;
    std::mem::forget(library);
    let _second_time = API.set(api);
    Ok(())
}

fn api() -> &'static Api {
    match API.get() {
        Some(api) => api,
        None => unreachable!("load_lua_shared comes before the first Lua::open"),
    }
}

/// What the native functions of one Lua state share, found through their first upvalue.
struct Context<'run> {
    run: &'run Run,
    /// A native function's result, parked here so that no frame owns it while it is pushed.
    result: UnsafeCell<Result<Value, String>>,
    allocator: FailingAllocator,
}

/// One Lua state. Dropping it closes the state.
pub(crate) struct Lua<'run> {
    raw: *mut RawState,
    /// Where the natives point to. A raw pointer, since they use it while `&self` is in use as well.
    context: *mut Context<'run>,
    natives: c_int,
    _not_send: PhantomData<*mut ()>,
}

/// How a protected call ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Returned,
    /// The message handler has seen the error.
    Raised,
    /// It has not: Lua ran out of memory, or the chunk did not compile.
    Unreported(Vec<u8>),
}

impl<'run> Lua<'run> {
    /// A fresh state with the standard libraries and the table of natives.
    pub(crate) fn open(run: &'run Run) -> Option<Self> {
        let api = api();
        // SAFETY: a new state, used on this thread alone. Nothing raises here but for want of memory, and then the
        // process ends, owning nothing but the context.
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

    /// Runs a chunk; `handler` names the native that sees an error. A part of the prelude gets the table of natives as
    /// its argument, a script nothing.
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

    /// Gives the state its own allocator back, so that what comes next cannot run out of memory.
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

/// What a native function gets: its arguments, the run, and what only the state can tell.
pub(crate) struct Call<'a> {
    raw: *mut RawState,
    context: &'a Context<'a>,
    pub(crate) arguments: Vec<Value>,
}

impl Call<'_> {
    pub(crate) fn run(&self) -> &Run {
        self.context.run
    }

    /// The calls that led here, in the game's words. Allocates nothing in Lua, so it works when memory is out.
    pub(crate) fn traceback(&self) -> String {
        let mut text = String::new();
        let frames = (1..).map_while(|level| self.frame(level)).take_while(|frame| !frame.is_engine_entry());
        for (index, frame) in frames.enumerate() {
            let (number, indent) = (index + 1, index + 2);
            text +=
                &format!("{:indent$}{number}. {} - {}:{}\n", "", frame.name, frame.source(), frame.line());
        }
        text
    }

    /// Where the script is that called this, as `file:line: `; nothing if it was called by C.
    fn place(&self) -> String {
        let caller = (1..).map_while(|level| self.frame(level)).find(|frame| !frame.is_prelude());
        match caller {
            Some(frame) if frame.line > 0 => format!("{}:{}: ", frame.source, frame.line),
            _ => String::new(),
        }
    }

    fn frame(&self, level: c_int) -> Option<Frame> {
        // SAFETY: all zeroes is a valid Activation; lua_getstack fills it or returns 0; with "Sln" lua_getinfo pushes
        // nothing and allocates nothing, and its strings live as long as the function is on the stack.
        unsafe {
            let mut activation: Activation = std::mem::zeroed();
            if (api().lua_getstack)(self.raw, level, &raw mut activation) == 0
                || (api().lua_getinfo)(self.raw, c"Sln".as_ptr(), &raw mut activation) == 0
            {
                return None;
            }
            let name = match activation.name {
                name if name.is_null() => "unknown".to_owned(),
                name => CStr::from_ptr(name).to_string_lossy().into_owned(),
            };
            let source = CStr::from_ptr(activation.short_source.as_ptr()).to_string_lossy().into_owned();
            Some(Frame { name, source, line: activation.current_line })
        }
    }

    /// Lets every allocation behind the next `after` fail, until called with `None`.
    pub(crate) fn fail_allocations(&self, after: Option<u64>) {
        // SAFETY: the state of the running call.
        unsafe { self.context.allocator.set(self.raw, after) };
    }
}

/// One call on Lua's stack.
struct Frame {
    name: String,
    source: String,
    line: c_int,
}

impl Frame {
    /// What the prelude does in Lua, the game does in C++.
    fn is_prelude(&self) -> bool {
        self.source.starts_with(PRELUDE_PREFIX)
    }

    /// Where the engine called into Lua: a timer, a hook.
    fn is_engine_entry(&self) -> bool {
        self.is_prelude() && self.name == PROTECTED
    }

    fn source(&self) -> &str {
        if self.is_prelude() { "[C]" } else { &self.source }
    }

    fn line(&self) -> c_int {
        if self.is_prelude() { -1 } else { self.line }
    }
}

/// Every native function is this C function, with the context and its index as upvalues.
unsafe extern "C-unwind" fn trampoline(raw: *mut RawState) -> c_int {
    let api = api();
    // SAFETY: Lua calls this with the upvalues that `Lua::open` gave it. `run_native` drops what it owns before it
    // returns; behind it, only the context owns anything, and a raising call may skip this frame.
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

/// Pushes a value that somebody else owns; may raise.
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

/// A wrapper around a state's own allocator that fails on demand.
#[derive(Default)]
struct FailingAllocator {
    own: Cell<Option<(Allocate, *mut c_void)>>,
    left: Cell<u64>,
}

impl FailingAllocator {
    unsafe fn set(&self, raw: *mut RawState, after: Option<u64>) {
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

/// A function that a module exports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryPoint(CFunction);

/// A loaded module. Dropping it leaves it in memory, as the game does.
#[derive(Debug)]
pub(crate) struct Module {
    library: std::mem::ManuallyDrop<Library>,
    pub(crate) open: EntryPoint,
    pub(crate) close: Option<EntryPoint>,
}

impl Module {
    /// # Errors
    ///
    /// The loader's own words: the file can't be loaded, or has no `gmod13_open`.
    pub(crate) fn load(path: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: loading a module runs its initialisers; running the module's code is what the host is for. The entry
        // points have the signature that the game calls them with, and live as long as the library.
        unsafe {
            let library = std::mem::ManuallyDrop::new(Library::new(path)?);
            let open = EntryPoint(*library.get(b"gmod13_open\0")?);
            let close = library.get(b"gmod13_close\0").ok().map(|symbol| EntryPoint(*symbol));
            Ok(Self { library, open, close })
        }
    }

    /// Gives the library back to the loader, which unloads it unless it is pinned.
    pub(crate) fn unload(self) -> Result<(), libloading::Error> {
        std::mem::ManuallyDrop::into_inner(self.library).close()
    }
}

/// A Rust program ignores SIGPIPE, the game does not: a write to a closed peer kills it.
pub(crate) fn restore_sigpipe() {
    // SAFETY: called at the start of main, before there is another thread.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Sets an environment variable for this process.
///
/// # Errors
///
/// The name or the value holds a NUL byte.
pub(crate) fn set_environment(name: &[u8], value: &[u8]) -> Result<(), std::ffi::NulError> {
    let (name, value) = (CString::new(name)?, CString::new(value)?);
    // SAFETY: both are C strings. The C library's own lock keeps writers apart; a script calls this before it starts
    // what reads the environment on another thread, as its documentation demands.
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) };
    Ok(())
}

/// Ends the process at once, running nothing more of it.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no conditions.
    unsafe { libc::_exit(code) }
}
