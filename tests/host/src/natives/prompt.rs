//! The interactive console.

use crate::{ffi::Call, value::Value};

/// `typed()`: the typed line, after the lines that it continues.
pub(super) fn typed(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().prompt.get().map(|prompt| prompt.text()).into())
}

/// `typed_goes_on()`: it is not a complete chunk of Lua.
pub(super) fn typed_goes_on(call: &Call<'_>) -> Result<Value, String> {
    if let Some(prompt) = call.run().prompt.get() {
        prompt.go_on();
    }
    Ok(Value::Nil)
}
