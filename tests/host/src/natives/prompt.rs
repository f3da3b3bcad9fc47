//! The console that somebody types into.

use crate::{ffi::Call, value::Value};

/// `typed()`: the line, behind those that it goes on from.
pub(super) fn typed(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().prompt.get().map(|prompt| prompt.text()).into())
}

/// `typed_goes_on()`: it is no whole chunk of Lua.
pub(super) fn typed_goes_on(call: &Call<'_>) -> Result<Value, String> {
    if let Some(prompt) = call.run().prompt.get() {
        prompt.go_on();
    }
    Ok(Value::Nil)
}
