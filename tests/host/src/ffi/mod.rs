//! Everything unsafe: the game's Lua API, loading libraries, and a few calls into the C library.
//!
//! Two rules keep it sound. A Lua state is used on the thread that made it ([`Lua`] is not `Send`). And a frame that
//! calls a function that can raise a Lua error owns nothing that needs dropping, because the error may skip its
//! destructors.
#![allow(unsafe_code)]

mod allocator;
mod api;
mod call;
mod module;
#[cfg(unix)]
mod names;
mod state;
#[cfg(unix)]
mod system;
#[cfg(windows)]
#[path = "system_windows.rs"]
mod system;

pub(crate) use api::load_lua_shared;
pub(crate) use call::Call;
pub(crate) use module::{EntryPoint, Module};
pub(crate) use state::{Lua, Outcome};
pub(crate) use system::{
    Signal, TerminalMode, allocated_bytes, die_with_parent, end_on_interrupt, exit_now, interrupted,
    monotonic, restore_sigpipe, send_signal, set_environment, thread_time, unset_environment,
};
