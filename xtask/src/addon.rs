//! The addon's files, without those that its `addon.json` ignores.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why the files are not known.
#[derive(Debug, thiserror::Error)]
pub enum AddonError {
    /// The system's own.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// There is an addon.json whose `ignore` has a form that this does not understand.
    #[error("{0}: \"ignore\" must be a list of strings without backslashes")]
    Ignore(PathBuf),
    /// It names another version than the module: the two would refuse to load together.
    #[error(
        "{0} must say: return \"{1}\" (the version in Cargo.toml: module and addon are released with one number)"
    )]
    Version(PathBuf, String),
}

/// The files that are ignored if there is no addon.json: authors need them, and servers don't.
const IGNORED_BY_DEFAULT: [&str; 5] = ["tests/*", "lua/tests/*", "annotations/*", "examples/*", ".*"];

/// The addon's files with their names inside of its folder, sorted. None if there is no such folder.
///
/// # Errors
///
/// A folder or addon.json cannot be read.
pub fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, AddonError> {
    let description = folder.join("addon.json");
    let ignored = match fs::read_to_string(&description) {
        Ok(text) => ignored(&text).ok_or(AddonError::Ignore(description))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            IGNORED_BY_DEFAULT.map(str::to_owned).to_vec()
        }
        Err(error) => return Err(AddonError::Io(description, error)),
    };
    let mut found = Vec::new();
    if folder.is_dir() {
        walk(folder, "", &mut found)?;
    }
    found.retain(|(name, _)| !ignored.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes())));
    found.sort();
    Ok(found)
}

/// Checks that the addon is there, and names this version, the module's.
///
/// # Errors
///
/// It names another one, or its file cannot be read.
pub fn check_version(folder: &Path, version: &str) -> Result<(), AddonError> {
    let file = folder.join("lua/realtime/version.lua");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => return Err(AddonError::Io(file, error)),
    };
    let wanted = format!("return \"{version}\"");
    if text.lines().any(|line| line == wanted) {
        Ok(())
    } else {
        Err(AddonError::Version(file, version.to_owned()))
    }
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<(String, PathBuf)>) -> Result<(), AddonError> {
    let broken = |error| AddonError::Io(folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            walk(&path, &format!("{name}/"), found)?;
        } else {
            found.push((name, path));
        }
    }
    Ok(())
}

/// The list after `"ignore"`: patterns, which need no escapes.
fn ignored(json: &str) -> Option<Vec<String>> {
    let Some((_, rest)) = json.split_once("\"ignore\"") else { return Some(Vec::new()) };
    let list = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('[')?;
    let (list, _) = list.split_once(']')?;
    let mut patterns = Vec::new();
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let pattern = item.strip_prefix('"')?.strip_suffix('"')?;
        if pattern.contains(['"', '\\']) {
            return None;
        }
        patterns.push(pattern.to_owned());
    }
    Some(patterns)
}

/// The same as the game's gmad: a star matches anything, slashes included; a question mark matches one character.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|skipped| matches(rest, &name[skipped..])),
        ([b'?', pattern @ ..], [_, name @ ..]) => matches(pattern, name),
        ([wanted, pattern @ ..], [found, name @ ..]) => wanted == found && matches(pattern, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_what_to_leave_out_is_read() {
        let json = r#"{ "title": "realtime", "ignore": [ "tests/*", "*.md" ,"a?c" ], "tags": ["fun"] }"#;
        assert_eq!(ignored(json).unwrap(), ["tests/*", "*.md", "a?c"]);
        assert_eq!(ignored(r#"{ "title": "realtime" }"#).unwrap(), Vec::<String>::new());
        assert_eq!(ignored(r#"{ "ignore": [] }"#).unwrap(), Vec::<String>::new());
        for broken in [
            r#"{ "ignore": "tests" }"#,
            r#"{ "ignore": [1] }"#,
            r#"{ "ignore": ["a\"b"] }"#,
            r#""ignore": ["#,
        ] {
            assert_eq!(ignored(broken), None, "{broken}");
        }
    }

    #[test]
    fn servers_get_the_addon_without_what_authors_need() {
        let found = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../lua")).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"addon.json") && names.contains(&"lua/realtime/load.lua"), "{names:?}");
        let others = names.iter().filter(|name| **name != "addon.json").filter(|name| {
            !["lua/autorun/", "lua/includes/", "lua/realtime/"].iter().any(|folder| name.starts_with(folder))
        });
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn the_addon_of_another_version_is_refused() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lua");
        check_version(&folder, env!("CARGO_PKG_VERSION")).unwrap();
        let error = check_version(&folder, "9.8.7").unwrap_err().to_string();
        assert!(error.contains("version.lua must say: return \"9.8.7\""), "{error}");
        let error = check_version(&folder.join("nothing"), "9.8.7").unwrap_err().to_string();
        assert!(error.contains("version.lua: "), "{error}");
    }

    #[test]
    fn patterns_are_those_of_the_game() {
        for (pattern, name, matched) in [
            ("tests/*", "tests/a/b.lua", true),
            ("tests/*", "lua/tests/a.lua", false),
            ("*.md", "docs/a.md", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            (".*", ".luarc.json", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), matched, "{pattern} {name}");
        }
    }
}
