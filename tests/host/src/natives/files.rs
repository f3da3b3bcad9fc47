//! Files: the game's data folder, and Lua files.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use crate::{comments, ffi::Call, value::Value};

/// `plain(source)`: with the game's comments converted to Lua's.
pub(super) fn plain(call: &Call<'_>) -> Result<Value, String> {
    Ok(comments::plain(call.bytes(0)?).into_owned().into())
}

/// `find_lua(from, path)`: {name, source} of a Lua file beside the chunk `from` or in `lua/`, or nil. The caller runs
/// it.
pub(super) fn find_lua(call: &Call<'_>) -> Result<Value, String> {
    let from = match call.value(0) {
        Value::Nil => None,
        _ => Some(call.text(0)?),
    };
    let found = call.run().find_lua(from, call.text(1)?).map_err(|error| error.to_string())?;
    let Some((file, name)) = found else { return Ok(Value::Nil) };
    let source = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    call.run().runs(&file, &name, &source);
    Ok(Value::List(vec![name.into(), source.into()]))
}

/// `has_game_lua()`: whether the game's own Lua files are there.
pub(super) fn has_game_lua(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().options.game_lua.is_some().into())
}

/// `read(root, path)`: the file's bytes; or nil, as in the game also for a file that may not be read.
pub(super) fn read(call: &Call<'_>) -> Result<Value, String> {
    let Some(path) = found(call)? else { return Ok(Value::Nil) };
    Ok(fs::read(path).map_or(Value::Nil, Into::into))
}

/// `size(root, path)`: how many bytes the file has, or nil.
pub(super) fn size(call: &Call<'_>) -> Result<Value, String> {
    let Some(path) = found(call)? else { return Ok(Value::Nil) };
    let Ok(found) = fs::metadata(path) else { return Ok(Value::Nil) };
    #[expect(clippy::cast_precision_loss, reason = "sizes stay below 2^53")]
    Ok(if found.is_file() { Value::from(found.len() as f64) } else { Value::Nil })
}

/// `read_at(root, path, at, bytes)`: up to `bytes` bytes of the file, from `at` on; or nil.
pub(super) fn read_at(call: &Call<'_>) -> Result<Value, String> {
    use io::{Read, Seek};
    let Some(path) = found(call)? else { return Ok(Value::Nil) };
    let (at, bytes) = (call.count(2)? as u64, call.count(3)? as u64);
    let mut read = Vec::new();
    let outcome = fs::File::open(path).and_then(|mut file| {
        file.seek(io::SeekFrom::Start(at))?;
        file.take(bytes).read_to_end(&mut read)
    });
    Ok(if outcome.is_ok() { read.into() } else { Value::Nil })
}

/// `write(root, path, bytes)`: whether that went well.
pub(super) fn write(call: &Call<'_>) -> Result<Value, String> {
    let Some(path) = place(call)? else { return Ok(false.into()) };
    Ok(fs::write(path, call.bytes(2)?).is_ok().into())
}

/// `append(root, path, bytes)`: whether that went well.
pub(super) fn append(call: &Call<'_>) -> Result<Value, String> {
    use io::Write;
    let Some(path) = place(call)? else { return Ok(false.into()) };
    let bytes = call.bytes(2)?;
    let file = fs::OpenOptions::new().append(true).create(true).open(path);
    Ok(file.and_then(|mut file| file.write_all(bytes)).is_ok().into())
}

/// `delete(root, path)`: whether that went well.
pub(super) fn delete(call: &Call<'_>) -> Result<Value, String> {
    let Some(path) = place(call)? else { return Ok(false.into()) };
    let deleted = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
    Ok(deleted.is_ok().into())
}

/// `rename(root, from, to)`: whether that went well.
pub(super) fn rename(call: &Call<'_>) -> Result<Value, String> {
    let (Some(from), Some(to)) = (place(call)?, place_at(call, 2)?) else { return Ok(false.into()) };
    Ok(fs::rename(from, to).is_ok().into())
}

/// `make_folder(root, path)`: whether that went well.
pub(super) fn make_folder(call: &Call<'_>) -> Result<Value, String> {
    let Some(path) = place(call)? else { return Ok(false.into()) };
    Ok(fs::create_dir_all(path).is_ok().into())
}

/// `kind(root, path)`: "file", "folder" or nil.
pub(super) fn kind(call: &Call<'_>) -> Result<Value, String> {
    let Some(path) = found(call)? else { return Ok(Value::Nil) };
    Ok(if path.is_dir() { "folder".into() } else { path.is_file().then_some("file").into() })
}

/// `list(root, path)`: {name, is_folder, name, is_folder, …} sorted by name, or nil.
pub(super) fn list(call: &Call<'_>) -> Result<Value, String> {
    let Some(path) = found(call)? else { return Ok(Value::Nil) };
    let Ok(entries) = fs::read_dir(&path) else { return Ok(Value::Nil) };
    let mut found: Vec<(String, bool)> = entries
        .filter_map(Result::ok)
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path().is_dir()))
        .collect();
    let folder = &call.run().folder;
    if path == folder.game().join("addons") {
        let mounted = folder.mounted_elsewhere();
        found.extend(mounted.into_iter().map(|name| (name.to_string_lossy().into_owned(), true)));
    }
    found.sort();
    Ok(Value::List(found.into_iter().flat_map(|(name, is_folder)| [name.into(), is_folder.into()]).collect()))
}

/// The file that root ("DATA", "LUA" or "MOD") and path name, or `None` if the game does not see it.
fn place(call: &Call<'_>) -> Result<Option<PathBuf>, String> {
    place_at(call, 1)
}

/// The same for reading: a file of an addon in its own folder.
fn found(call: &Call<'_>) -> Result<Option<PathBuf>, String> {
    let folder = &call.run().folder;
    Ok(place(call)?.map(|path| match path.strip_prefix(folder.game()) {
        Ok(inside) => folder.find(inside),
        Err(_) => path,
    }))
}

/// The same, with the path at another argument.
fn place_at(call: &Call<'_>, argument: usize) -> Result<Option<PathBuf>, String> {
    let folder = &call.run().folder;
    let root = match call.text(0)? {
        "DATA" => folder.data(),
        "LUA" => folder.game().join("lua"),
        "MOD" => folder.game().to_path_buf(),
        _ => return Ok(None),
    };
    let path = Path::new(call.text(argument)?);
    // The game allows no path out of its folder.
    let inside =
        path.components().all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    Ok(inside.then(|| root.join(path)))
}
