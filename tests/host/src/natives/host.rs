//! Time, the tick, and the `host` table.

use std::{env, io, time::Duration};

use crate::{
    ffi::{self, Call},
    process,
    run::End,
    value::Value,
};

/// `number()`: which of several servers this is, from 1.
pub(super) fn number(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().options.number.into())
}

/// `seed()`: determines the order of hooks.
pub(super) fn seed(call: &Call<'_>) -> Result<Value, String> {
    Ok(Value::Number(call.run().options.seed.into()))
}

/// `game_time()`: seconds; stands still while hibernating.
pub(super) fn game_time(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().game_time.get().as_secs_f64().into())
}

/// `system_time()`: seconds since the program started, at the clock's full resolution.
pub(super) fn system_time(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().started.elapsed().as_secs_f64().into())
}

/// `monotonic()`: seconds of a clock that is the same for all processes of the machine.
pub(super) fn monotonic(_: &Call<'_>) -> Result<Value, String> {
    Ok(ffi::monotonic().as_secs_f64().into())
}

/// `thread_time()`: processor seconds of the main thread so far.
pub(super) fn thread_time(_: &Call<'_>) -> Result<Value, String> {
    ffi::thread_time().map(|time| time.as_secs_f64().into()).map_err(|error| error.to_string())
}

/// `tick_interval()`: seconds.
pub(super) fn tick_interval(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().options.tick_interval.as_secs_f64().into())
}

/// `hibernating()`: whether the server is.
pub(super) fn hibernating(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().hibernating.get().into())
}

/// `hibernate(on)`: from the next tick.
pub(super) fn hibernate(call: &Call<'_>) -> Result<Value, String> {
    call.run().hibernating.set(call.truth(0));
    Ok(Value::Nil)
}

/// `spin(on)`: ticks without a pause.
pub(super) fn spin(call: &Call<'_>) -> Result<Value, String> {
    call.run().spinning.set(call.truth(0));
    Ok(Value::Nil)
}

/// `ticks()`: how many there were.
pub(super) fn ticks(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().ticks.get().into())
}

/// `tick_times()`: seconds that each tick took, since the last call.
pub(super) fn tick_times(call: &Call<'_>) -> Result<Value, String> {
    Ok(seconds(&call.run().take_tick_times()))
}

/// `exit(code)`: ends the run after this tick.
pub(super) fn exit(call: &Call<'_>) -> Result<Value, String> {
    let code = match call.value(0) {
        Value::Nil => 0,
        _ => u8::try_from(call.count(0)?).map_err(|_| "an exit code is 0 to 255".to_owned())?,
    };
    call.run().end(End::Exit(i32::from(code)));
    Ok(Value::Nil)
}

/// `next_map()`: ends this Lua state after this tick; the next one runs the script again.
pub(super) fn next_map(call: &Call<'_>) -> Result<Value, String> {
    call.run().end(End::NextMap);
    Ok(Value::Nil)
}

/// `map_number()`: from 1.
pub(super) fn map_number(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().map_number.get().into())
}

/// `close_times()`: seconds that gmod13_close took, for each earlier map.
pub(super) fn close_times(call: &Call<'_>) -> Result<Value, String> {
    Ok(seconds(&call.run().close_times.borrow()))
}

fn seconds(durations: &[Duration]) -> Value {
    Value::List(durations.iter().map(|duration| duration.as_secs_f64().into()).collect())
}

/// `keep(key, value)`: for later maps.
pub(super) fn keep(call: &Call<'_>) -> Result<Value, String> {
    let value = match call.value(1) {
        Value::Other => return Err("bad argument #2 (nil, boolean, number or string expected)".to_owned()),
        value => value.clone(),
    };
    call.run().kept.borrow_mut().insert(call.bytes(0)?.to_vec(), value);
    Ok(Value::Nil)
}

/// `kept(key)`: the value that an earlier map kept.
pub(super) fn kept(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().kept.borrow().get(call.bytes(0)?).cloned().into())
}

/// `arguments()`: the command line after the script.
pub(super) fn arguments(call: &Call<'_>) -> Result<Value, String> {
    let arguments = &call.run().options.arguments;
    Ok(Value::List(arguments.iter().map(|argument| argument.as_encoded_bytes().to_vec().into()).collect()))
}

/// `protocol()`: the version that the environment asks for, 2 or 3, or nil.
pub(super) fn protocol(_: &Call<'_>) -> Result<Value, String> {
    match env::var("HOST_PROTOCOL").as_deref() {
        Ok("2") => Ok(Value::Number(2.0)),
        Ok("3") => Ok(Value::Number(3.0)),
        Ok(other) => Err(format!("HOST_PROTOCOL is 2 or 3, not '{other}'")),
        Err(env::VarError::NotPresent) => Ok(Value::Nil),
        Err(error) => Err(format!("HOST_PROTOCOL: {error}")),
    }
}

/// `set_environment(name, value)`: for code that reads it later; nil removes the variable.
pub(super) fn set_environment(call: &Call<'_>) -> Result<Value, String> {
    let name = call.bytes(0)?;
    match call.value(1) {
        Value::Nil => ffi::unset_environment(name),
        _ => ffi::set_environment(name, call.bytes(1)?),
    }
    .map_err(|error| error.to_string())?;
    Ok(Value::Nil)
}

/// `fail_allocations(after)`: Lua gets `after` more blocks, then none, until `fail_allocations(nil)`.
pub(super) fn fail_allocations(call: &Call<'_>) -> Result<Value, String> {
    let after = match call.value(0) {
        Value::Nil => None,
        _ => Some(call.count(0)?),
    };
    call.fail_allocations(after.map(|after| after as u64));
    Ok(Value::Nil)
}

/// `resident_bytes()`: of this process.
pub(super) fn resident_bytes(_: &Call<'_>) -> Result<Value, String> {
    counted(process::resident_bytes())
}

/// `peak_resident_bytes()`: the peak of this process.
pub(super) fn peak_resident_bytes(_: &Call<'_>) -> Result<Value, String> {
    counted(process::peak_resident_bytes())
}

/// `allocated_bytes()`: by C and Rust code of this process.
pub(super) fn allocated_bytes(_: &Call<'_>) -> Result<Value, String> {
    counted(ffi::allocated_bytes())
}

/// `threads()`: of this process.
pub(super) fn threads(_: &Call<'_>) -> Result<Value, String> {
    counted(process::threads())
}

/// `descriptors()`: open ones of this process.
pub(super) fn descriptors(_: &Call<'_>) -> Result<Value, String> {
    counted(process::descriptors())
}

fn counted(count: io::Result<usize>) -> Result<Value, String> {
    count.map(Value::from).map_err(|error| error.to_string())
}

/// `test_result(passed)`: counts a test; without an argument: {passed, failed} so far.
pub(super) fn test_result(call: &Call<'_>) -> Result<Value, String> {
    let run = call.run();
    if let Value::Boolean(passed) = call.value(0) {
        let counter = if *passed { &run.tests_passed } else { &run.tests_failed };
        counter.set(counter.get() + 1);
    }
    Ok(Value::List(vec![run.tests_passed.get().into(), run.tests_failed.get().into()]))
}
