//! `cargo dist --crate`: packages the parser as for crates.io.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{CommandError, run};
use crate::placeholder::{self, PLACEHOLDER};

/// Where the crate is, in the project's folder.
pub const CRATE: &str = "resp";

/// The workspace's version, which the crate also has.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The repository's address is not known.
    #[error("{PLACEHOLDER} stands for an address that is not known yet in {}: write the address there", names(.0))]
    Placeholder(Vec<PathBuf>),
    /// It cannot be published.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The system's own.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// Paths in a sentence.
pub(crate) fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Packages the crate, unpacks it into `dist/crate/`, and runs its tests there, with every feature, apart from the
/// rest of the project.
///
/// # Errors
///
/// The placeholder is still there, it cannot be packaged, or a test fails.
pub fn package(root: &Path) -> Result<(), PackageError> {
    let placeholders = placeholder::files(root).map_err(|(path, error)| PackageError::Io(path, error))?;
    if !placeholders.is_empty() {
        return Err(PackageError::Placeholder(placeholders));
    }
    let unpacked = unpack(root, &root.join("dist/crate"), &[])?;
    test(&unpacked, &root.join("target"))?;
    println!("{}: fine; cargo publish -p realtime-resp publishes it", unpacked.display());
    Ok(())
}

/// Packages the crate into its own folder in `folder`, which is made from scratch; returns that folder.
///
/// # Errors
///
/// It cannot be packaged, or the system's own.
pub fn unpack(root: &Path, folder: &Path, options: &[&str]) -> Result<PathBuf, PackageError> {
    if folder.is_dir() {
        fs::remove_dir_all(folder).map_err(|error| PackageError::Io(folder.to_owned(), error))?;
    }
    fs::create_dir_all(folder).map_err(|error| PackageError::Io(folder.to_owned(), error))?;
    let built = folder.join("target");
    let mut cargo = Command::new("cargo");
    cargo.args(["package", "-p", "realtime-resp", "--locked", "--no-verify", "--target-dir"]).arg(&built);
    run(cargo.args(options).current_dir(root))?;
    let name = format!("realtime-resp-{VERSION}");
    let archive = built.join("package").join(format!("{name}.crate"));
    run(Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(folder))?;
    Ok(folder.join(name))
}

/// Runs the tests of an unpacked crate.
///
/// # Errors
///
/// One fails.
pub fn test(unpacked: &Path, target: &Path) -> Result<(), PackageError> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--all-features", "--target-dir"]).arg(target).current_dir(unpacked);
    Ok(run(&mut cargo)?)
}
