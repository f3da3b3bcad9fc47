//! `cargo xtask release`: whether the output of `cargo dist` may be released as this version.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::addon;
use crate::bundle::{self, BundleError, LICENSES};
use crate::changelog::{self, GROUPS};
use crate::edition::{EDITIONS, Edition, LEAN};
use crate::package::names;
use crate::placeholder::{self, PLACEHOLDER};
use crate::platform::PLATFORMS;

/// The text of the release's page, in `dist/`.
pub const NOTES: &str = "NOTES.md";

/// What README.md says until the day of the first release.
pub const NO_RELEASE: &str = "There is no release yet";

/// Why the check failed.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The system's own.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// It cannot be read.
    #[error("{0}: {1}")]
    Zip(PathBuf, #[source] zip::result::ZipError),
    /// Something that a zip must contain is missing.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// The obstacles to a release.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Errors at any time.
    pub faults: Vec<String>,
    /// Tasks for the day of the release. A rehearsal only names them.
    pub to_do: Vec<String>,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ReleaseError {
    let path = path.to_owned();
    move |error| ReleaseError::Io(path, error)
}

/// Checks the project and its `dist/` for a release of `version`, with `tag` if there is one yet. Writes [`NOTES`].
///
/// # Errors
///
/// A file that the check itself needs cannot be read.
pub fn examine(root: &Path, version: &str, tag: Option<&str>) -> Result<Findings, ReleaseError> {
    let mut findings = Findings::default();
    names_agree(root, version, tag, &mut findings);
    changelog_tells(root, version, &mut findings)?;
    pages_agree(root, version, &mut findings)?;
    let placeholders = placeholder::files(root).map_err(|(path, error)| ReleaseError::Io(path, error))?;
    if !placeholders.is_empty() {
        findings.to_do.push(format!(
            "{PLACEHOLDER} stands for an address in {}: write the address there",
            names(&placeholders)
        ));
    }
    let dist = root.join("dist");
    if dist.join("manifest.json").is_file() {
        files_are_whole(root, &dist, version, &mut findings.faults)?;
    } else {
        findings.faults.push("dist/manifest.json is missing: run cargo dist first".to_owned());
    }
    Ok(findings)
}

/// The addon and the tag have the module's version.
fn names_agree(root: &Path, version: &str, tag: Option<&str>, findings: &mut Findings) {
    if let Err(error) = addon::check_version(&root.join("lua"), version) {
        findings.faults.push(error.to_string());
    }
    match tag {
        Some(tag) if tag == format!("v{version}") => {}
        Some(tag) => {
            findings.faults.push(format!("the tag {tag} is not v{version}, the version in Cargo.toml"));
        }
        None => findings.to_do.push(format!("the release has the tag v{version}: name it with --tag")),
    }
}

/// The changelog begins with this version. Its text becomes the notes.
fn changelog_tells(root: &Path, version: &str, findings: &mut Findings) -> Result<(), ReleaseError> {
    let path = root.join("CHANGELOG.md");
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    match changelog::newest(&text) {
        Some((named, section)) if named == version => {
            if section.text.is_empty() {
                findings.faults.push(format!("CHANGELOG.md says nothing about {version}"));
            }
            if let Some(line) = section.stray_line() {
                findings
                    .faults
                    .push(format!("CHANGELOG.md: this line is in none of {}: {line}", GROUPS.join(", ")));
            }
            if !section.is_dated() {
                findings.to_do.push(format!(
                    "CHANGELOG.md has ## {version} ({}): write the day of the release there, as in (2026-01-31)",
                    section.date
                ));
            }
            let dist = root.join("dist");
            if dist.is_dir() {
                let notes = dist.join(NOTES);
                fs::write(&notes, format!("{}\n", section.text)).map_err(at(&notes))?;
            }
        }
        Some((named, _)) => findings
            .faults
            .push(format!("CHANGELOG.md begins with {named}, not with {version}, the version in Cargo.toml")),
        None => findings.faults.push(format!("CHANGELOG.md has no heading ## {version} (DATE)")),
    }
    Ok(())
}

/// The pages that owners read know of this release.
fn pages_agree(root: &Path, version: &str, findings: &mut Findings) -> Result<(), ReleaseError> {
    let readme = root.join("README.md");
    if says(&fs::read_to_string(&readme).map_err(at(&readme))?, NO_RELEASE) {
        findings.to_do.push(format!("README.md says \"{NO_RELEASE}\": remove that sentence"));
    }
    // Owners copy its commands.
    let page = root.join("docs/owners.md");
    let archive = LEAN.archive(version);
    if !says(&fs::read_to_string(&page).map_err(at(&page))?, &format!("verify {archive}")) {
        findings.faults.push(format!("docs/owners.md does not say how to verify {archive}"));
    }
    Ok(())
}

/// Whether a page has these words, wherever its lines end.
fn says(page: &str, words: &str) -> bool {
    page.split_whitespace().collect::<Vec<_>>().join(" ").contains(words)
}

/// `dist/` has the files of all platforms and editions, in agreement with the manifest and the sums, and zips of
/// these.
fn files_are_whole(
    root: &Path,
    dist: &Path,
    version: &str,
    faults: &mut Vec<String>,
) -> Result<(), ReleaseError> {
    let mut files = Vec::new();
    let mut archives = Vec::new();
    for edition in EDITIONS {
        files.extend(PLATFORMS.iter().map(|platform| edition.folder_in(dist).join(platform.file_name())));
        archives.push(dist.join(edition.archive(version)));
    }
    let modules = files.clone();
    files.extend(archives.iter().cloned());
    files.push(dist.join("manifest.json"));
    let missing: Vec<PathBuf> = files.iter().filter(|file| !file.is_file()).cloned().collect();
    if !missing.is_empty() {
        faults.push(format!("missing: {}. cargo dist, for all platforms, makes them", names(&missing)));
        return Ok(());
    }
    manifest_tells(dist, version, &modules, faults)?;
    let sums = dist.join("SHA256SUMS");
    let found = fs::read_to_string(&sums).map_err(at(&sums))?;
    let wanted = bundle::sums(dist, &files)?;
    let (found, wanted) = (found.lines().collect::<BTreeSet<_>>(), wanted.lines().collect::<BTreeSet<_>>());
    faults.extend(wanted.difference(&found).map(|line| format!("SHA256SUMS lacks the line {line}")));
    faults
        .extend(found.difference(&wanted).map(|line| format!("SHA256SUMS has a line that is wrong: {line}")));
    for (edition, archive) in EDITIONS.iter().zip(&archives) {
        zip_has(root, dist, edition, archive, faults)?;
    }
    Ok(())
}

fn manifest_tells(
    dist: &Path,
    version: &str,
    modules: &[PathBuf],
    faults: &mut Vec<String>,
) -> Result<(), ReleaseError> {
    let path = dist.join("manifest.json");
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    let Ok(manifest) = serde_json::from_str::<serde_json::Value>(&text) else {
        faults.push("manifest.json is not JSON".to_owned());
        return Ok(());
    };
    if manifest["version"] != version {
        faults.push(format!("manifest.json has the version {}, not {version}", manifest["version"]));
    }
    let entries = manifest["modules"].as_array().map(Vec::as_slice).unwrap_or_default();
    if entries.len() != modules.len() {
        faults.push(format!("manifest.json has {} modules, not {}", entries.len(), modules.len()));
    }
    for module in modules {
        let name = module.strip_prefix(dist).unwrap_or(module).display().to_string().replace('\\', "/");
        let size = fs::metadata(module).map_err(at(module))?.len();
        let entry = entries.iter().find(|entry| entry["file"] == *name);
        if entry.is_none_or(|entry| entry["bytes"] != size) {
            faults.push(format!("manifest.json does not have {name} with {size} bytes"));
        }
    }
    Ok(())
}

/// A zip has exactly the content that it would have if it were packed now.
fn zip_has(
    root: &Path,
    dist: &Path,
    edition: &Edition,
    archive: &Path,
    faults: &mut Vec<String>,
) -> Result<(), ReleaseError> {
    let broken = |error| ReleaseError::Zip(archive.to_owned(), error);
    let mut zip = zip::ZipArchive::new(File::open(archive).map_err(at(archive))?).map_err(broken)?;
    let mut found = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(broken)?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(at(archive))?;
        let name = entry.name().map_err(broken)?.into_owned();
        found.push((name, bytes));
    }
    found.sort();
    let terms = found.iter().find(|(name, _)| *name == bundle::third_party_name());
    let terms = terms.map(|(_, bytes)| bytes.clone()).unwrap_or_default();
    if terms.is_empty() {
        faults.push(format!("{}: the terms of the built-in crates are missing", archive.display()));
    }
    let modules = PLATFORMS.iter().map(|platform| edition.folder_in(dist).join(platform.file_name()));
    let licenses = LICENSES.map(|name| root.join(name));
    let wanted = bundle::contents(&modules.collect::<Vec<_>>(), &root.join("lua"), &licenses, &terms)?;
    let differs = |these: &[(String, Vec<u8>)], those: &[(String, Vec<u8>)]| {
        these
            .iter()
            .filter(|entry| !those.contains(entry))
            .map(|(name, _)| name.clone())
            .collect::<BTreeSet<_>>()
    };
    for name in &differs(&found, &wanted) | &differs(&wanted, &found) {
        faults
            .push(format!("{}: {name} is not what the project has: run cargo dist again", archive.display()));
    }
    Ok(())
}
