//! What a function gives back.

use super::build::push_tape;
use super::fixed::Fixed;
use super::json::Decoded;
use super::push::{push_error, push_reply};
use super::raw::Lua;
use super::stats::Stats;
use super::walk::{Place, push_place};
use crate::model::{Error, Value};

/// What a function gives back, before anything of it is on the stack.
#[derive(Debug)]
pub(super) enum Output {
    /// Nothing.
    Nothing,
    Boolean(bool),
    Number(f64),
    Text(Vec<u8>),
    Static(&'static str),
    /// What is kept under this reference.
    Kept(i32),
    /// A sequence of what is kept under these references.
    List(Vec<i32>),
    /// nil and a reason.
    Without(String),
    /// false and an error.
    Refused(Error),
    /// An error or nil, and a reply.
    Answer(Result<Value, Error>),
    Stats(Box<Stats>),
    /// The value of the text that is the first argument, and what was found in it.
    Decoded(Decoded),
    /// nil, a reason, and whether the text was no JSON.
    NotDecoded(String, bool),
    /// nil, and what in the first argument has no form in JSON.
    NotEncoded(Place),
    /// The function needs so many slots of the stack, and is called again when they are there.
    NeedsSlots(i32),
    /// Callbacks are to run first; then their number.
    Round,
    /// A Lua error.
    Raise(String),
}

/// An [`Output`] that owns nothing, so that it may be alive in a frame that raises.
#[derive(Debug, Clone, Copy)]
pub(super) enum Exit {
    Nothing,
    Boolean(bool),
    Number(f64),
    Static(&'static str),
    Kept(i32),
    Round,
    NeedsSlots(i32),
    /// The last of the module's outputs, at this depth.
    Held(usize),
}

/// What became of an output that was pushed.
pub(super) enum Pushed {
    /// So many values.
    Values(i32),
    /// An error to be raised.
    Error,
}

/// Pushes an output that the module holds.
///
/// # Safety
///
/// See [`Lua`]. `output` stays where it is until this returns.
pub(super) unsafe fn push_held(lua: Lua, fixed: Fixed, output: *const Output) -> Pushed {
    // SAFETY: the module holds it, in a box, and touches it no more until this returns. What is borrowed owns nothing.
    let output = unsafe { &*output };
    // SAFETY: the caller keeps to the contract, and nothing here has to be dropped.
    unsafe {
        match output {
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
                return Pushed::Values(2);
            }
            Output::Refused(error) => {
                lua.push_boolean(false);
                push_error(lua, fixed, error);
                return Pushed::Values(2);
            }
            Output::Answer(result) => {
                push_reply(lua, fixed, result);
                return Pushed::Values(2);
            }
            Output::Stats(stats) => stats.push(lua),
            Output::Decoded(Decoded { tape, found }) => {
                push_tape(lua, fixed, tape, lua.bytes(1));
                let Some(found) = found else { return Pushed::Values(1) };
                // From the first byte to the last one, counted from 1.
                lua.push_number(position(found.start + 1));
                lua.push_number(position(found.end));
                return Pushed::Values(3);
            }
            Output::NotDecoded(reason, is_no_json) => {
                lua.push_nil();
                lua.push_bytes(reason.as_bytes());
                lua.push_boolean(*is_no_json);
                return Pushed::Values(3);
            }
            Output::NotEncoded(place) => {
                lua.push_nil();
                if push_place(lua, fixed, place) != 0 {
                    return Pushed::Error;
                }
                return Pushed::Values(2);
            }
            Output::Raise(message) => {
                lua.push_bytes(message.as_bytes());
                return Pushed::Error;
            }
            Output::Nothing
            | Output::Boolean(_)
            | Output::Number(_)
            | Output::Static(_)
            | Output::Kept(_)
            | Output::NeedsSlots(_)
            | Output::Round => return Pushed::Values(0),
        }
    }
    Pushed::Values(1)
}

/// A place in a text as Lua counts it.
#[expect(clippy::cast_precision_loss, reason = "texts have less than 2^53 bytes")]
fn position(place: usize) -> f64 {
    place as f64
}
