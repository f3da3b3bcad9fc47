//! Placeholders for the addresses that the project does not have yet. Everything that names one uses these, and a
//! release refuses them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The common part, which occurs nowhere else.
pub const PLACEHOLDER: &str = "repository.invalid";

/// The repository's address.
pub const REPOSITORY: &str = "https://repository.invalid/realtime";

/// For people who do not want to write in public.
pub const CONTACT: &str = "contact@repository.invalid";

/// Folders of the project without texts of ours.
const SKIPPED: [&str; 6] = [".git", "target", "dist", "corpus", "regressions", "captures"];

/// This file is skipped as well: an address is changed where it is used, not here.
const OURS: [&str; 1] = ["xtask/src/placeholder.rs"];

/// The project's files that contain a placeholder, by their paths in it, sorted.
///
/// # Errors
///
/// A folder or file cannot be read: which one.
pub fn files(root: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut found = Vec::new();
    look(root, Path::new(""), &mut found)?;
    found.sort();
    Ok(found)
}

fn look(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    for entry in fs::read_dir(root.join(folder)).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        let path = folder.join(entry.file_name());
        let kind = entry.file_type().map_err(at(&path))?;
        if kind.is_dir() {
            if !SKIPPED.iter().any(|name| path.ends_with(name)) {
                look(root, &path, found)?;
            }
        } else if kind.is_file() && !OURS.iter().any(|ours| path == Path::new(ours)) {
            let bytes = fs::read(root.join(&path)).map_err(at(&path))?;
            if String::from_utf8_lossy(&bytes).contains(PLACEHOLDER) {
                found.push(path);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

    use super::*;

    #[test]
    fn every_address_is_found_by_the_one_word() {
        assert!(REPOSITORY.contains(PLACEHOLDER) && CONTACT.contains(PLACEHOLDER));
        // Until there are real ones, the project's files have these.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (file, address) in [("Cargo.toml", REPOSITORY), ("CODE_OF_CONDUCT.md", CONTACT)] {
            let text = fs::read_to_string(root.join(file)).unwrap();
            assert!(!text.contains(PLACEHOLDER) || text.contains(address), "{file}");
        }
    }

    #[test]
    fn files_with_a_placeholder_are_found_in_every_folder_of_ours() {
        let root = std::env::temp_dir().join(format!("realtime-placeholder-{}", std::process::id()));
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/.github/b.yml", REPOSITORY);
        write("CODE_OF_CONDUCT.md", CONTACT);
        write("fine.md", "https://example.org");
        write("target/x", REPOSITORY);
        write("fuzz/corpus/x", REPOSITORY);
        write("xtask/src/placeholder.rs", REPOSITORY);
        let found = files(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found, [PathBuf::from("CODE_OF_CONDUCT.md"), PathBuf::from("a/.github/b.yml")]);
    }
}
