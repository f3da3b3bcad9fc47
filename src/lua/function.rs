//! The description of a module function for the trampoline.

use super::args::{Call, Fault};
use super::fixed::Fixed;
use super::module::Module;
use super::output::Output;
use super::raw::Lua;

/// One function of the module or method of its clients.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Whether it is a method: its first value is the client.
    pub(super) method: bool,
    pub(super) run: fn(&mut Module, &mut Call<'_>) -> Result<Output, Fault>,
    /// The result of a call after the module was closed: the same as for a closed client.
    pub(super) closed: Output,
    /// Puts on the stack what `run` needs there. May raise; called with nothing alive that has to be dropped.
    pub(super) prepare: unsafe fn(Lua, Fixed),
    /// For the tick's function: whether a call without arguments has nothing to do, and returns 0.
    pub(super) is_idle: Option<fn(&Module) -> bool>,
}

/// The [`Function::prepare`] of most functions.
pub(super) unsafe fn nothing(_lua: Lua, _fixed: Fixed) {}
