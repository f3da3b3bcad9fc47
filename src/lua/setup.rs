//! The beginning and the end of a Lua state.

use std::ffi::{CStr, c_int, c_void};
use std::rc::Rc;

use gmod::lua::State;

use super::anchor::{Anchor, close_module, module_of};
use super::api;
use super::build::MAX_PARTIAL;
use super::closing;
use super::complain;
use super::decoded;
use super::fixed::Fixed;
use super::functions::FUNCTIONS;
use super::module::{Module, Network};
use super::pin::pin;
use super::raw::{GLOBALS, Lua, REGISTRY};
use super::refs::Pool;
use super::rounds;
use super::slices::empty_list;
use super::trampoline::push_function;

/// The global table, and the field with its version.
const GLOBAL: &CStr = c"realtime";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The registry's key for the module's userdata.
const ANCHOR_KEY: &CStr = c"realtime.module";

/// The registry's key for the list of a table's parts.
const PARTIAL_KEY: &CStr = c"realtime.partial";

/// The registry's key for the function that calls a script's function at the end.
const CLOSING_KEY: &CStr = c"realtime.closing";

/// Name of the clients' metatable, for `FindMetaTable`.
const CLIENT_META: &CStr = c"RealtimeClient";

/// Name of the metatable of errors, for `FindMetaTable`: the addon's own errors have it, too.
const ERROR_META: &CStr = c"RealtimeError";

/// The game's number for a userdata that is not one of its own types.
const PLAIN_USERDATA: u8 = 7;

/// Initial room for references.
const REFERENCES: c_int = 64;

/// The part of the module that is written in Lua, and how many values it returns.
const PRELUDE: &str = include_str!("prelude.lua");
const PRELUDE_RESULTS: c_int = 9;

/// Sets the module up in a Lua state: from scratch, whatever was there before. `network` makes the spawner of the
/// worker thread, at the first Connect. If the game's Lua functions can't be found, says so on stderr and leaves the
/// state alone.
///
/// # Safety
///
/// `state` is the `lua_State` that the game passes to `gmod13_open`, on its main thread.
pub unsafe fn open(state: *mut c_void, network: fn() -> Box<dyn Network>) -> c_int {
    if let Err(reason) = api::load() {
        complain(format_args!("not loaded: {reason}"));
        return 0;
    }
    pin();
    // SAFETY: the game calls us in a C function of its own.
    let Some(lua) = (unsafe { Lua::new(State(state)) }) else { return 0 };
    // SAFETY: as above; nothing is alive here that has to be dropped. If this raises, `require` fails.
    unsafe {
        end_former(lua);
        set_up(lua, network);
    }
    0
}

/// Ends the module in a Lua state: the function that a script registered runs, and accepted commands are still sent,
/// for a bounded time. Functions that scripts still hold do nothing from now on.
///
/// # Safety
///
/// `state` is the `lua_State` that the game passes to `gmod13_close`, on its main thread, and `lua_close` has not
/// freed it.
pub unsafe fn close(state: *mut c_void) -> c_int {
    // SAFETY: the game calls us in a C function of its own.
    if let Some(lua) = unsafe { Lua::new(State(state)) } {
        // SAFETY: as above; nothing is alive here that has to be dropped.
        unsafe { end_former(lua) };
    }
    0
}

/// Ends the module that the state has, if it has one.
unsafe fn end_former(lua: Lua) {
    // SAFETY: nothing is alive here that has to be dropped while a call may raise. The registry has no metatable, and
    // the string exists if the field does.
    let anchor = unsafe {
        lua.get_field(REGISTRY, ANCHOR_KEY);
        let anchor = lua.userdata(lua.top());
        lua.set_top(lua.top() - 1);
        anchor
    };
    // SAFETY: the registry keeps the userdata, the function, and the list, whose elements exist. Nothing is alive
    // here that has to be dropped.
    unsafe {
        if !module_of(anchor).is_null() {
            lua.get_field(REGISTRY, CLOSING_KEY);
            if lua.protected_call(0, 0, 0) != 0 {
                lua.set_top(lua.top() - 1);
            }
        }
        close_module(anchor);
        if !anchor.is_null() {
            lua.get_field(REGISTRY, PARTIAL_KEY);
            empty_list(lua, lua.top(), MAX_PARTIAL);
            lua.set_top(lua.top() - 1);
        }
    }
}

/// Makes everything that the state needs.
unsafe fn set_up(lua: Lua, network: fn() -> Box<dyn Network>) {
    // SAFETY: nothing is alive here that has to be dropped, except for the pool and the module at the very
    // end, after the last call that may raise. On the stack, above the game's own values: the userdata, the
    // table of references, the global table, the clients' metatable, and the prelude's results.
    unsafe {
        let base = lua.top();
        let [userdata, kept, global, methods] = [base + 1, base + 2, base + 3, base + 4];
        let anchor = lua.new_userdata(size_of::<Anchor>()).cast::<Anchor>();
        anchor.write(Anchor::new(PLAIN_USERDATA));
        lua.create_table(REFERENCES, 0);
        lua.create_table(0, 8);
        lua.create_table(0, 24);
        lua.push_copy(methods);
        lua.set_field(methods, c"__index");
        lua.push_bytes(CLIENT_META.to_bytes());
        lua.set_field(methods, c"MetaName");
        for (which, function) in FUNCTIONS.iter().enumerate() {
            lua.push_bytes(function.name.as_bytes());
            push_function(lua, userdata, kept, which);
            lua.set_table(if function.method { methods } else { global });
        }
        lua.push_bytes(VERSION.as_bytes());
        lua.set_field(global, c"VERSION");
        lua.create_table(0, 2);
        for (name, has) in [(c"tls", cfg!(feature = "tls")), (c"postgres", cfg!(feature = "postgres"))] {
            if has {
                lua.push_boolean(true);
                lua.set_field(lua.top() - 1, name);
            }
        }
        lua.set_field(global, c"FEATURES");

        if lua.load(PRELUDE.as_bytes(), c"=realtime") != 0 {
            lua.raise();
        }
        lua.get_field(global, c"ProcessEvents");
        if lua.protected_call(1, PRELUDE_RESULTS, 0) != 0 {
            lua.raise();
        }
        let results = lua.top() - PRELUDE_RESULTS;
        let [trace, report, report_last, say, null, error_meta, map, refused, start_ticks] =
            std::array::from_fn(|n| results + 1 + c_int::try_from(n).unwrap_or(0));
        lua.push_copy(null);
        lua.set_field(global, c"NULL");
        lua.push_copy(map);
        lua.set_field(global, c"Map");

        let mut count = 0;
        let mut keep = |index| {
            count += 1;
            lua.push_copy(index);
            lua.set_element(kept, count);
            count
        };
        lua.push_copy(userdata);
        lua.push_copy(kept);
        lua.push_closure(rounds::body, 2);
        let rounds = lua.top();
        lua.push_copy(userdata);
        lua.push_copy(kept);
        lua.push_closure(decoded::body, 2);
        let build = lua.top();
        lua.create_table(MAX_PARTIAL, 0);
        let partial = lua.top();
        for n in 1..=MAX_PARTIAL {
            lua.push_boolean(false);
            lua.set_element(partial, n);
        }
        let fixed = Fixed {
            rounds: keep(rounds),
            build: keep(build),
            partial: keep(partial),
            null: keep(null),
            error_meta: keep(error_meta),
            client_meta: keep(methods),
            trace: keep(trace),
            report: keep(report),
            report_last: keep(report_last),
            say: keep(say),
            refused: keep(refused),
            start_ticks: keep(start_ticks),
            // Any value will do to make the places.
            carried: std::array::from_fn(|_| keep(methods)),
        };
        lua.push_copy(methods);
        lua.set_field(REGISTRY, CLIENT_META);
        lua.push_copy(error_meta);
        lua.set_field(REGISTRY, ERROR_META);
        lua.push_copy(global);
        lua.set_field(GLOBALS, GLOBAL);
        // The anchor leads to everything else.
        lua.push_copy(userdata);
        lua.push_copy(kept);
        lua.push_closure(closing::body, 2);
        lua.set_field(REGISTRY, CLOSING_KEY);
        lua.push_copy(partial);
        lua.set_field(REGISTRY, PARTIAL_KEY);
        lua.push_copy(userdata);
        lua.set_field(REGISTRY, ANCHOR_KEY);

        // No Lua call comes between here and the end of this block's ownership.
        (*anchor).set(Module::new(fixed, Rc::new(Pool::new(count)), network()));

        lua.push_copy(start_ticks);
        lua.protected_call(0, 0, 0);
        lua.set_top(base);
    }
}
