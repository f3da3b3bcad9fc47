//! Binary modules.

use std::{
    error::Error,
    path::{Component, Path},
};

use crate::{
    ffi::{Call, Module},
    process,
    value::Value,
};

/// `open_module(name)`: loads `lua/bin/gmsv_NAME_PLATFORM.dll` and returns its gmod13_open, or nil if there is no such
/// file, or true if it is loaded already.
pub(super) fn open(call: &Call<'_>) -> Result<Value, String> {
    let run = call.run();
    let Some(name) = plain_name(call)? else { return Ok(Value::Nil) };
    let file = run.folder.module(name);
    if !file.is_file() {
        return Ok(Value::Nil);
    }
    if run.modules.borrow().iter().any(|(loaded, _)| loaded == name) {
        return Ok(true.into());
    }
    let module =
        Module::load(&file).map_err(|error| format!("Couldn't load module library! ({})", reason(&error)))?;
    let open = module.open;
    run.modules.borrow_mut().push((name.to_owned(), module));
    Ok(Value::Function(open))
}

/// `library_is_mapped(part)`: whether the process has a library in memory whose path contains `part`.
pub(super) fn is_mapped(call: &Call<'_>) -> Result<Value, String> {
    Ok(process::has_mapped(call.text(0)?).map_err(|error| error.to_string())?.into())
}

/// `module_exists(name)`: whether there is such a file.
pub(super) fn exists(call: &Call<'_>) -> Result<Value, String> {
    Ok(plain_name(call)?.is_some_and(|name| call.run().folder.module(name).is_file()).into())
}

/// The name, if it can be part of a file's name and is not a path.
fn plain_name<'a>(call: &'a Call<'_>) -> Result<Option<&'a str>, String> {
    let name = call.text(0)?;
    Ok(matches!(Path::new(name).components().collect::<Vec<_>>()[..], [Component::Normal(_)]).then_some(name))
}

/// The loader's own words, which libloading hides behind its own.
fn reason(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
