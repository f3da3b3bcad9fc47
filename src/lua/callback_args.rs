//! Pushes the arguments of callbacks, on the stack of the loop that runs them.

use std::ffi::c_int;

use super::fixed::{Fixed, MAX_SHARED};
use super::raw::Lua;
use crate::dispatch::Document;
use crate::json::Node;

/// The loop's frame has the table of references and the error handler. The values that callbacks share follow.
pub(super) const REFERENCES: c_int = 1;
pub(super) const HANDLER: c_int = 2;
/// The first of the shared values is the message. It is false until a callback wants the message whole.
pub(super) const MESSAGE: c_int = HANDLER + 1;
/// The most values that callbacks share: message, channel and pattern.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a few")]
const LARGEST_SHARE: c_int = MAX_SHARED as c_int;

/// Pushes a callback, and copies of its arguments, which are two or three. Returns how many arguments it pushed.
#[inline]
pub(super) unsafe fn push_shared(lua: Lua, callback: c_int, shared: c_int) -> c_int {
    // SAFETY: the caller upholds the contract.
    unsafe {
        lua.push_element(REFERENCES, callback);
        lua.push_copy(MESSAGE);
        lua.push_copy(MESSAGE + 1);
        if shared == LARGEST_SHARE {
            lua.push_copy(MESSAGE + 2);
        }
    }
    shared
}

/// Pushes a callback, and its arguments for a message over its bound: nil, the names, and the size in bytes. Returns
/// how many arguments it pushed.
pub(super) unsafe fn push_size(lua: Lua, callback: c_int, shared: c_int, bytes: usize) -> c_int {
    // SAFETY: the caller upholds the contract.
    unsafe {
        lua.push_element(REFERENCES, callback);
        lua.push_nil();
        for n in 2..=shared {
            lua.push_copy(HANDLER + n);
        }
        if shared < LARGEST_SHARE {
            // A channel's message has no pattern.
            lua.push_nil();
        }
        #[expect(clippy::cast_precision_loss, reason = "sizes stay below 2^53")]
        lua.push_number(bytes as f64);
    }
    LARGEST_SHARE + 1
}

/// Pushes a message's channel, and its pattern if it has one. Returns how many values these are.
#[inline]
pub(super) unsafe fn push_names(lua: Lua, name: c_int, channel: Option<&[u8]>) -> c_int {
    // SAFETY: the caller upholds the contract.
    unsafe {
        let names = match channel {
            Some(channel) => {
                lua.push_bytes(channel);
                2
            }
            None => 1,
        };
        lua.push_element(REFERENCES, name);
        names
    }
}

/// Puts the callback in its place before the value that was read, and pushes the names and the text that it wants.
/// Returns the number of arguments.
pub(super) unsafe fn push_read(
    lua: Lua,
    fixed: Fixed,
    callback: c_int,
    payload: &[u8],
    document: &Document,
    name: c_int,
    channel: Option<&[u8]>,
) -> c_int {
    // SAFETY: the caller upholds the contract, and the document stays where it is.
    unsafe {
        let value = lua.top();
        lua.push_element(REFERENCES, callback);
        lua.replace(value - 1);
        if document.tape().nodes() == [Node::Null] {
            // Nil stands for a message that could not be read.
            lua.push_reference(fixed.null);
            lua.replace(value);
        }
        match document.text_of(payload) {
            Some(text) => {
                push_names_and_nil(lua, name, channel);
                lua.push_bytes(text);
                4
            }
            None => 1 + push_names(lua, name, channel),
        }
    }
}

/// Pushes a message's channel and its pattern, or nil.
pub(super) unsafe fn push_names_and_nil(lua: Lua, name: c_int, channel: Option<&[u8]>) {
    // SAFETY: the caller upholds the contract.
    unsafe {
        if push_names(lua, name, channel) == 1 {
            lua.push_nil();
        }
    }
}
