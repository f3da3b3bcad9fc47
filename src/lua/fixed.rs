//! References to values that live as long as the Lua state.

use std::ffi::c_int;

/// Callbacks share three values at most: message, channel and pattern.
pub(super) const MAX_SHARED: usize = 3;

/// References to values that live as long as the Lua state.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fixed {
    /// `realtime.NULL`.
    pub(super) null: c_int,
    /// Metatable of error tables.
    pub(super) error_meta: c_int,
    /// Metatable of clients.
    pub(super) client_meta: c_int,
    /// Appends a traceback to an error, where it was raised.
    pub(super) trace: c_int,
    /// Reports an error to the game.
    pub(super) report: c_int,
    /// Reports an error if the game's functions for that may not be called any more.
    pub(super) report_last: c_int,
    /// Prints a line on the console.
    pub(super) say: c_int,
    /// Says which part of a value cannot be written as JSON.
    pub(super) refused: c_int,
    /// Starts the ticks again.
    pub(super) start_ticks: c_int,
    /// The loop that runs callbacks.
    pub(super) rounds: c_int,
    /// Makes the value of a text that was read.
    pub(super) build: c_int,
    /// A list of the values that were on the stack while a table was made, if a round ends before it is complete.
    pub(super) partial: c_int,
    /// Reserved for the arguments of callbacks, if a round ends between two callbacks that share them.
    pub(super) carried: [c_int; MAX_SHARED],
}
