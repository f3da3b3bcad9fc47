//! The game's Lua functions, looked up once in the life of the process.

use std::ffi::{c_char, c_int, c_void};
use std::panic;
use std::sync::OnceLock;

use crate::model::panic_text;
use gmod::lua::{LuaDebug, LuaFunction, LuaShared, State};

/// The functions of the game's Lua that this module calls.
///
/// LuaJIT's pushing functions grow the stack themselves (`incr_top` in `lj_state.h`), so nothing here has to ask for
/// room; and every C function begins with twenty free slots, within which they can't fail.
pub(super) struct Api {
    pub(super) gettop: unsafe extern "C-unwind" fn(State) -> c_int,
    pub(super) settop: unsafe extern "C-unwind" fn(State, c_int),
    pub(super) pushvalue: unsafe extern "C-unwind" fn(State, c_int),
    pub(super) replace: unsafe extern "C-unwind" fn(State, c_int),
    pub(super) kind: unsafe extern "C-unwind" fn(State, c_int) -> c_int,
    pub(super) toboolean: unsafe extern "C-unwind" fn(State, c_int) -> c_int,
    pub(super) tonumber: unsafe extern "C-unwind" fn(State, c_int) -> f64,
    pub(super) tolstring: unsafe extern "C-unwind" fn(State, c_int, *mut usize) -> *const c_char,
    pub(super) touserdata: unsafe extern "C-unwind" fn(State, c_int) -> *mut c_void,
    pub(super) topointer: unsafe extern "C-unwind" fn(State, c_int) -> *const c_void,
    pub(super) objlen: unsafe extern "C-unwind" fn(State, c_int) -> c_int,
    pub(super) rawequal: unsafe extern "C-unwind" fn(State, c_int, c_int) -> c_int,
    pub(super) rawgeti: unsafe extern "C-unwind" fn(State, c_int, c_int),
    pub(super) rawseti: unsafe extern "C-unwind" fn(State, c_int, c_int),
    pub(super) next: unsafe extern "C-unwind" fn(State, c_int) -> c_int,
    pub(super) getmetatable: unsafe extern "C-unwind" fn(State, c_int) -> c_int,
    pub(super) getstack: unsafe extern "C-unwind" fn(State, c_int, *mut LuaDebug) -> c_int,
    pub(super) getinfo: unsafe extern "C-unwind" fn(State, *const c_char, *mut LuaDebug) -> c_int,
    pub(super) pushnil: unsafe extern "C-unwind" fn(State),
    pub(super) pushboolean: unsafe extern "C-unwind" fn(State, c_int),
    pub(super) pushnumber: unsafe extern "C-unwind" fn(State, f64),
    pub(super) pushlstring: unsafe extern "C-unwind" fn(State, *const c_char, usize),
    pub(super) pushcclosure: unsafe extern "C-unwind" fn(State, LuaFunction, c_int),
    pub(super) createtable: unsafe extern "C-unwind" fn(State, c_int, c_int),
    pub(super) newuserdata: unsafe extern "C-unwind" fn(State, usize) -> *mut c_void,
    pub(super) getfield: unsafe extern "C-unwind" fn(State, c_int, *const c_char),
    pub(super) setfield: unsafe extern "C-unwind" fn(State, c_int, *const c_char),
    pub(super) settable: unsafe extern "C-unwind" fn(State, c_int),
    pub(super) setmetatable: unsafe extern "C-unwind" fn(State, c_int) -> c_int,
    pub(super) loadbuffer: unsafe extern "C-unwind" fn(State, *const c_char, usize, *const c_char) -> c_int,
    pub(super) pcall: unsafe extern "C-unwind" fn(State, c_int, c_int, c_int) -> c_int,
    pub(super) error: unsafe extern "C-unwind" fn(State) -> c_int,
}

static API: OnceLock<Result<Api, String>> = OnceLock::new();

/// The game's Lua functions, if they were found.
pub(super) fn get() -> Option<&'static Api> {
    API.get()?.as_ref().ok()
}

/// Looks up the game's Lua functions, unless that was done before.
///
/// # Errors
///
/// The missing function.
pub(super) fn load() -> Result<&'static Api, &'static str> {
    let api = API.get_or_init(|| panic::catch_unwind(find).map_err(|reason| panic_text(&*reason).to_owned()));
    api.as_ref().map_err(String::as_str)
}

fn find() -> Api {
    // SAFETY: writes gmod's table of symbols. Nothing reads it meanwhile: this runs once, and it is read only below.
    unsafe { gmod::lua::load() };
    let shared = &raw const gmod::lua::LUA_SHARED;
    // SAFETY: a shared reference to the static that was just filled and never changes from now on.
    let shared: &LuaShared = unsafe { &*shared };
    Api {
        gettop: *shared.lua_gettop,
        settop: *shared.lua_settop,
        pushvalue: *shared.lua_pushvalue,
        replace: *shared.lua_replace,
        kind: *shared.lua_type,
        toboolean: *shared.lua_toboolean,
        tonumber: *shared.lua_tonumber,
        tolstring: *shared.lua_tolstring,
        touserdata: *shared.lua_touserdata,
        topointer: *shared.lua_topointer,
        objlen: *shared.lua_objlen,
        rawequal: *shared.lua_rawequal,
        rawgeti: *shared.lua_rawgeti,
        rawseti: *shared.lua_rawseti,
        next: *shared.lua_next,
        getmetatable: *shared.lua_getmetatable,
        getstack: *shared.lua_getstack,
        getinfo: *shared.lua_getinfo,
        pushnil: *shared.lua_pushnil,
        pushboolean: *shared.lua_pushboolean,
        pushnumber: *shared.lua_pushnumber,
        pushlstring: *shared.lua_pushlstring,
        pushcclosure: *shared.lua_pushcclosure,
        createtable: *shared.lua_createtable,
        newuserdata: *shared.lua_newuserdata,
        getfield: *shared.lua_getfield,
        setfield: *shared.lua_setfield,
        settable: *shared.lua_settable,
        setmetatable: *shared.lua_setmetatable,
        loadbuffer: *shared.lual_loadbuffer,
        pcall: *shared.lua_pcall,
        error: *shared.lua_error,
    }
}
