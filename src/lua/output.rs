//! The results of functions.

use std::borrow::Cow;
use std::ffi::{c_int, c_void};

use super::build::{DecodedValue, push_decoded};
use super::fixed::Fixed;
use super::push::{push_error, push_reply};
use super::raw::Lua;
use super::stats::{Stats, push_closed};
use super::walk::{Place, push_place};
use super::wishes::Wishes;
use crate::model::{Error, Value};

/// The part of a function that may raise or run scripts. It gets the module's userdata, and returns how many values
/// it pushed.
pub(super) type Run = unsafe fn(Lua, *mut c_void) -> c_int;

/// The result of a function, before anything of it is on the stack.
#[derive(Debug)]
pub(super) enum Output {
    /// Nothing.
    Nothing,
    Boolean(bool),
    Number(f64),
    Text(Vec<u8>),
    Static(&'static str),
    /// The value kept under this reference.
    Kept(i32),
    /// A sequence of the values kept under these references.
    List(Vec<i32>),
    /// nil and a reason.
    Without(String),
    /// false and an error.
    Refused(Error),
    /// An error or nil, and a reply; after rows, their result as well.
    Answer(Result<Value, Error>),
    /// A client's figures; if it is gone, only its state.
    Stats(Option<Box<Stats>>),
    /// The subscriptions of a client.
    Wishes(Wishes),
    /// The value of the text in the first argument, and the wanted key's value in it.
    Json(DecodedValue),
    /// nil, a reason, and whether the text was not JSON.
    NotDecoded(String, bool),
    /// nil, and the part of the first argument that cannot be written as JSON.
    NotEncoded(Place),
    /// The function needs this many slots of the stack, and is called again when they are there.
    NeedsSlots(c_int),
    /// The values that this pushes, once nothing is left that has to be dropped.
    Run(Run),
    /// A Lua error.
    Raise(Cow<'static, str>),
}

/// An [`Output`] that owns nothing, so that it may be alive in a frame that raises.
#[derive(Debug, Clone, Copy)]
pub(super) enum Exit {
    Nothing,
    Boolean(bool),
    Number(f64),
    Static(&'static str),
    Kept(i32),
    Run(Run),
    NeedsSlots(c_int),
    /// The last of the module's outputs, at this depth.
    Held(usize),
}

/// The result of pushing an output.
#[derive(Debug, Clone, Copy)]
pub(super) enum PushResult {
    /// This many values.
    Values(c_int),
    /// An error to be raised.
    Error,
}

/// Pushes an output.
///
/// # Safety
///
/// See [`Lua`]. `output` stays where it is until this returns: see [`Module`](super::module::Module).
pub(super) unsafe fn push_output(lua: Lua, fixed: Fixed, output: &Output) -> PushResult {
    // SAFETY: the caller upholds the contract, and nothing here has to be dropped.
    unsafe {
        match output {
            // These push their values later, by themselves.
            Output::Nothing | Output::Run(_) | Output::NeedsSlots(_) => return PushResult::Values(0),
            Output::Boolean(value) => lua.push_boolean(*value),
            Output::Number(value) => lua.push_number(*value),
            Output::Static(text) => lua.push_bytes(text.as_bytes()),
            Output::Kept(reference) => lua.push_reference(*reference),
            Output::Text(text) => lua.push_bytes(text),
            Output::List(references) => {
                lua.create_table(i32::try_from(references.len()).unwrap_or(0), 0);
                let table = lua.top();
                for (&reference, n) in references.iter().zip(1..) {
                    lua.push_reference(reference);
                    lua.set_element(table, n);
                }
            }
            Output::Without(reason) => {
                lua.push_nil();
                lua.push_bytes(reason.as_bytes());
                return PushResult::Values(2);
            }
            Output::Refused(error) => {
                lua.push_boolean(false);
                push_error(lua, fixed, error);
                return PushResult::Values(2);
            }
            Output::Answer(result) => {
                return PushResult::Values(push_reply(lua, fixed, result));
            }
            Output::Stats(Some(stats)) => stats.push(lua),
            Output::Stats(None) => push_closed(lua),
            Output::Wishes(wishes) => wishes.push(lua),
            Output::Json(decoded) => {
                return push_decoded(lua, fixed, decoded).map_or(PushResult::Error, PushResult::Values);
            }
            Output::NotDecoded(reason, is_no_json) => {
                lua.push_nil();
                lua.push_bytes(reason.as_bytes());
                lua.push_boolean(*is_no_json);
                return PushResult::Values(3);
            }
            Output::NotEncoded(place) => {
                lua.push_nil();
                if push_place(lua, fixed, place) != 0 {
                    return PushResult::Error;
                }
                return PushResult::Values(2);
            }
            Output::Raise(message) => {
                lua.push_bytes(message.as_bytes());
                return PushResult::Error;
            }
        }
    }
    PushResult::Values(1)
}
