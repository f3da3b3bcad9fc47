//! The C API of LuaJIT 2.1, found at run time in the library that the modules use as well.

use std::{
    ffi::{c_char, c_int, c_void},
    path::Path,
    sync::OnceLock,
};

use libloading::Library;

pub(super) const REGISTRY: c_int = -10_000;
pub(super) const GLOBALS: c_int = -10_002;
/// The pseudo-indices of a C function's upvalues.
pub(super) const UPVALUE_CONTEXT: c_int = GLOBALS - 1;
pub(super) const UPVALUE_NATIVE: c_int = GLOBALS - 2;

pub(super) const OK: c_int = 0;
pub(super) const ERROR_MEMORY: c_int = 4;
/// The handler of errors raised one itself.
pub(super) const ERROR_HANDLER: c_int = 5;

pub(super) const TYPE_NIL: c_int = 0;
pub(super) const TYPE_BOOLEAN: c_int = 1;
pub(super) const TYPE_NUMBER: c_int = 3;
pub(super) const TYPE_STRING: c_int = 4;

pub(super) const SHORT_SOURCE_BYTES: usize = 60;

/// What `lua_State*` points to.
#[repr(C)]
pub(super) struct RawState {
    _opaque: [u8; 0],
}

/// `lua_Debug` of LuaJIT 2.1.
#[repr(C)]
pub(super) struct Activation {
    event: c_int,
    pub(super) name: *const c_char,
    name_what: *const c_char,
    what: *const c_char,
    source: *const c_char,
    pub(super) current_line: c_int,
    upvalues: c_int,
    line_defined: c_int,
    last_line_defined: c_int,
    pub(super) short_source: [c_char; SHORT_SOURCE_BYTES],
    call_info: c_int,
}

pub(super) type CFunction = unsafe extern "C-unwind" fn(*mut RawState) -> c_int;
pub(super) type Allocate = unsafe extern "C" fn(*mut c_void, *mut c_void, usize, usize) -> *mut c_void;

macro_rules! lua_api {
    ($(fn $name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of lua_shared that the host uses.
        #[allow(non_snake_case)]
        pub(super) struct Api { $(pub(super) $name: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)* }

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
    fn lua_checkstack(*mut RawState, c_int) -> c_int;
    fn lua_pcall(*mut RawState, c_int, c_int, c_int) -> c_int;
    fn lua_pushboolean(*mut RawState, c_int);
    fn lua_pushcclosure(*mut RawState, CFunction, c_int);
    fn lua_pushlightuserdata(*mut RawState, *mut c_void);
    fn lua_pushlstring(*mut RawState, *const c_char, usize);
    fn lua_pushnil(*mut RawState);
    fn lua_pushnumber(*mut RawState, f64);
    fn lua_rawgeti(*mut RawState, c_int, c_int);
    fn lua_rawset(*mut RawState, c_int);
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

pub(super) fn api() -> &'static Api {
    match API.get() {
        Some(api) => api,
        None => unreachable!("load_lua_shared comes before the first Lua::open"),
    }
}
