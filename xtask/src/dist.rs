//! `cargo dist`: makes all parts of a release, in `dist/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::addon;
use crate::build::{self, BuildError};
use crate::bundle::{self, BundleError, LICENSES};
use crate::check::{CheckError, check};
use crate::edition::EDITIONS;
use crate::licenses::{self, LicenseError};
use crate::platform::{PLATFORMS, Platform};
use crate::tools::{Missing, Tools};

/// The workspace's version, which the module also has.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why there is no release.
#[derive(Debug, thiserror::Error)]
pub enum DistError {
    /// Programs are missing.
    #[error("{}", lines(.0))]
    Missing(Vec<Missing>),
    /// A module did not build.
    #[error("{0}: {1}")]
    Build(&'static str, #[source] BuildError),
    /// A built module must not be given to servers.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// It could not be packed.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The licence of a crate in the module is not known.
    #[error(transparent)]
    Licenses(#[from] LicenseError),
    /// The system's own.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

fn lines(missing: &[Missing]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Builds, checks and packs. Without all four platforms there is no zip, because a release has all of them.
///
/// # Errors
///
/// Anything that is missing, does not build, or is wrong.
pub fn dist(root: &Path, platforms: &[&'static Platform]) -> Result<(), DistError> {
    let addon = root.join("lua");
    // Checked before building, which takes minutes.
    addon::check_version(&addon, VERSION).map_err(BundleError::from)?;
    let tools = Tools::find(root, platforms).map_err(DistError::Missing)?;
    let folder = root.join("dist");
    let broken = |path: &Path| {
        let path = path.to_owned();
        move |error| DistError::Io(path, error)
    };
    // Files of an earlier run belong to another build.
    if folder.is_dir() {
        fs::remove_dir_all(&folder).map_err(broken(&folder))?;
    }
    let (mut modules, mut files, mut archives) = (Vec::new(), Vec::new(), Vec::new());
    for edition in EDITIONS {
        let place = edition.folder_in(&folder);
        fs::create_dir_all(&place).map_err(broken(&place))?;
        for &platform in platforms {
            let built = build::build(&tools, root, platform, edition)
                .map_err(|error| DistError::Build(platform.name, error))?;
            let file = place.join(platform.file_name());
            fs::copy(&built, &file).map_err(broken(&built))?;
            let report = check(&file, &private_folders(root))?;
            modules.push((edition, platform, report));
            files.push(file);
        }
        if platforms.len() == PLATFORMS.len() {
            let archive = folder.join(edition.archive(VERSION));
            let built = &files[files.len() - platforms.len()..];
            let mit = fs::read_to_string(root.join("LICENSE-MIT")).map_err(broken(root))?;
            let third_party = licenses::third_party(root, edition, platforms, &mit)?;
            let licenses = LICENSES.map(|name| root.join(name));
            bundle::zip(&archive, bundle::contents(built, &addon, &licenses, third_party.as_bytes())?)?;
            archives.push(archive);
        }
    }
    let manifest = folder.join("manifest.json");
    fs::write(&manifest, bundle::manifest(VERSION, &modules)).map_err(broken(&manifest))?;
    files.extend(archives.iter().cloned());
    files.push(manifest);
    let sums = folder.join("SHA256SUMS");
    fs::write(&sums, bundle::sums(&folder, &files)?).map_err(broken(&sums))?;
    for (edition, platform, report) in &modules {
        let glibc =
            report.glibc.as_ref().map_or_else(String::new, |glibc| format!(", glibc {glibc} or newer"));
        let size = report.size.div_ceil(1024);
        println!("{}, {}: {size} KiB{glibc}", platform.file_name(), edition.name);
    }
    println!("{}", outcome(&folder, &archives));
    Ok(())
}

/// The last line: what was made, and how to use it.
fn outcome(folder: &Path, archives: &[PathBuf]) -> String {
    if archives.is_empty() {
        return format!(
            "no zip, because a zip has all {} platforms; the files are in {}",
            PLATFORMS.len(),
            folder.display()
        );
    }
    let names: Vec<_> = archives.iter().map(|archive| archive.display().to_string()).collect();
    format!("{}: stop the server and unpack one of them into garrysmod/", names.join(" and "))
}

/// Folders that must not occur in a released file: the places of the build.
fn private_folders(root: &Path) -> Vec<PathBuf> {
    let home = std::env::home_dir().into_iter();
    home.chain([root.to_owned()]).filter(|folder| folder.components().count() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zips_are_named() {
        let folder = Path::new("/a/dist");
        let archives = EDITIONS.map(|edition| folder.join(edition.archive("0.1.0")));
        let line = outcome(folder, &archives);
        assert_eq!(
            line,
            "/a/dist/realtime-0.1.0.zip and /a/dist/realtime-0.1.0-full.zip: stop the server and unpack one of them into garrysmod/"
        );
        assert!(
            outcome(folder, &[])
                .starts_with("no zip, because a zip has all 4 platforms; the files are in /a/dist")
        );
    }
}
