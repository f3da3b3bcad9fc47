//! The console, and the errors that reach it.

use crate::{
    ffi::Call,
    screen::{Rgb, Style},
    value::Value,
};

/// `print(text [, red, green, blue])`: to the console, unchanged.
pub(super) fn print(call: &Call<'_>) -> Result<Value, String> {
    let style = match [1, 2, 3].map(|index| channel(call.value(index))) {
        [Some(red), Some(green), Some(blue)] => Style::Colored(Rgb(red, green, blue)),
        _ => Style::Plain,
    };
    call.run().print(call.bytes(0)?, style).map_err(|error| format!("the standard output: {error}"))?;
    Ok(Value::Nil)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a u8 holds")]
fn channel(value: &Value) -> Option<u8> {
    match value {
        Value::Number(number) => Some(number.clamp(0.0, 255.0) as u8),
        _ => None,
    }
}

/// `warn(text)`: the same, to the standard error.
pub(super) fn warn(call: &Call<'_>) -> Result<Value, String> {
    call.run().warn(call.bytes(0)?, Style::Warning);
    Ok(Value::Nil)
}

/// `tell(line)`: for interactive use only.
pub(super) fn tell(call: &Call<'_>) -> Result<Value, String> {
    if call.run().options.is_tool() {
        call.run().say(String::from_utf8_lossy(call.bytes(0)?));
    }
    Ok(Value::Nil)
}

/// `report(error)`: an error that does not end the run. Also a message handler. Needs no Lua memory.
pub(super) fn report(call: &Call<'_>) -> Result<Value, String> {
    call.run().report(&message(call.value(0)), &call.traceback());
    Ok(Value::Nil)
}

/// `abort(error [, traceback])`: an error that ends the run. Also a message handler.
pub(super) fn abort(call: &Call<'_>) -> Result<Value, String> {
    let traceback = match call.value(1) {
        Value::Nil => call.traceback(),
        _ => call.text(1)?.to_owned(),
    };
    call.run().abort(&message(call.value(0)), &traceback);
    Ok(Value::Nil)
}

/// An error may be any value; tables that print as something are turned into text by the prelude.
fn message(error: &Value) -> Vec<u8> {
    match error {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string().into_bytes(),
        Value::Boolean(boolean) => boolean.to_string().into_bytes(),
        Value::Nil => b"nil".to_vec(),
        Value::List(_) | Value::Map(_) | Value::Function(_) | Value::Other => {
            b"(an error that is not a string)".to_vec()
        }
    }
}

/// `console()`: the lines so far.
pub(super) fn lines(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().console().into())
}

/// `errors()`: the texts of the errors so far.
pub(super) fn errors(call: &Call<'_>) -> Result<Value, String> {
    Ok(Value::List(call.run().errors.borrow().iter().map(|error| error.clone().into()).collect()))
}

/// `expect_errors(least [, most])`: announces from `least` to `most` more errors; without `most`, exactly `least`.
pub(super) fn expect_errors(call: &Call<'_>) -> Result<Value, String> {
    let least = call.count(0)?;
    let most = if matches!(call.value(1), Value::Nil) { least } else { call.count(1)? };
    call.run().expect_errors(least, most);
    Ok(Value::Nil)
}
