//! Redis pub/sub for Garry's Mod servers.
//!
//! The module's interface is Lua (see the README). These parts, called rooms, are public so that tests and
//! benches can reach them. Data flows one way through them, and each imports only what `docs/architecture.md`
//! allows:
//!
//! ```text
//! socket -> net -> backend session (resp decoder) -> queue -> dispatch -> lua callback
//! lua call -> lua -> queue (+ wake) -> net -> backend session (resp encoder) -> net -> socket
//! ```

use std::ffi::{c_int, c_void};

pub mod backend;
pub mod crypto;
pub mod dispatch;
pub mod json;
pub mod lua;
pub mod model;
pub mod net;
pub mod queue;

/// Called by the game when a script requires the module, once for each Lua state.
///
/// # Safety
///
/// `state` is the game's `lua_State`, and this is the thread that runs it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn gmod13_open(state: *mut c_void) -> c_int {
    // SAFETY: the caller's promise is the same.
    unsafe { lua::open(state, || Box::new(net::Spawner::new())) }
}

/// Called by the game when the Lua state ends, at every change of the map.
///
/// # Safety
///
/// `state` is the game's `lua_State`, not yet closed, and this is the thread that runs it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn gmod13_close(state: *mut c_void) -> c_int {
    // SAFETY: the caller's promise is the same.
    unsafe { lua::close(state) }
}
