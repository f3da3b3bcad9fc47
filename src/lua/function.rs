//! What the trampoline knows of a function of the module.

use super::args::{Call, Fault};
use super::module::Module;
use super::output::Output;

/// One function of the module or method of its clients.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Whether it is a method: its first value is the client.
    pub(super) method: bool,
    pub(super) run: fn(&mut Module, &mut Call<'_>) -> Result<Output, Fault>,
    pub(super) closed: Closed,
    pub(super) prepare: Prepare,
    /// For the tick's function: whether a call without arguments has nothing to do, and returns 0.
    pub(super) is_idle: Option<fn(&Module) -> bool>,
}

/// What a call gets when the module was closed: what a closed client gives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Closed {
    /// A Lua error.
    Raise,
    /// Nothing.
    Nothing,
    /// false.
    False,
    /// 0.
    Zero,
    /// A text.
    Text(&'static str),
    /// An empty table.
    Empty,
    /// A table that says that the state is closed.
    Stats,
    /// An error.
    Error,
    /// false and an error.
    Refuse,
}

/// What a function needs on the stack before it runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Prepare {
    Nothing,
    /// A new client's table, behind the arguments.
    Client,
    /// The argument at this position of the stack as a string, if it is a number.
    TextArgument(i32),
}
