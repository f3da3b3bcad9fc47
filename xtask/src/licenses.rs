//! The licences of the crates that are built into a module, whose notices must come with every copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command::output;
use crate::edition::Edition;
use crate::platform::Platform;

/// The file in the addon's folder.
pub(crate) const FILE: &str = "LICENSES-THIRD-PARTY";

/// The beginnings of the names of licence files.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// Crates whose packages have no licence file: name and version, and the notice in their repositories.
const WITHOUT_FILE: [(&str, &str, &str); 1] =
    [("gmod", "17.0.1", "MIT License\n\nCopyright (c) 2020 William Venner\n")];

/// Why the licences are not known.
#[derive(Debug, thiserror::Error)]
pub enum LicenseError {
    /// cargo does not say what the module is built from.
    #[error("cargo metadata does not say what the module is built of")]
    Metadata,
    /// A crate without a licence file. Look its licence up, and add it to this file.
    #[error(
        "the crate {0} ({1}) has no file with its terms in {2}; look them up and add them to WITHOUT_FILE in xtask/src/licenses.rs"
    )]
    Missing(String, String, PathBuf),
    /// The system's own.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// The content of [`FILE`] for an edition, as it is built for these platforms. `mit`: the project's own copy of the
/// MIT license.
///
/// # Errors
///
/// cargo or a crate does not have the information.
pub(crate) fn third_party(
    root: &Path,
    edition: &Edition,
    platforms: &[&Platform],
    mit: &str,
) -> Result<String, LicenseError> {
    let mut crates = BTreeMap::new();
    for platform in platforms {
        for found in built_in(root, edition, platform).ok_or(LicenseError::Metadata)? {
            crates.insert((found.name.clone(), found.version.clone()), found);
        }
    }
    let mut text = "Besides its own code, the module contains these crates, each under its own terms. Rust's standard \
                    library is in it as well, under MIT or Apache-2.0 (https://www.rust-lang.org); the text of Apache-2.0 is in \
                    LICENSE-APACHE beside this file.\n"
        .to_owned();
    for one in crates.values() {
        let line = "=".repeat(100);
        text += &format!("\n{line}\n{} {}: {}\n{line}\n", one.name, one.version, one.license);
        for terms in one.terms(mit)? {
            text += &format!("\n{}\n", terms.replace("\r\n", "\n").trim());
        }
    }
    Ok(text)
}

/// A crate that is in the module.
#[derive(Debug)]
struct Crate {
    name: String,
    version: String,
    license: String,
    folder: PathBuf,
}

impl Crate {
    fn of(package: &Value) -> Option<Self> {
        let text = |key: &str| Some(package[key].as_str()?.to_owned());
        let folder = Path::new(package["manifest_path"].as_str()?).parent()?.to_owned();
        Some(Self { name: text("name")?, version: text("version")?, license: text("license")?, folder })
    }

    /// The texts of its licence files. If MIT is one of several to choose from, only that.
    fn terms(&self, mit: &str) -> Result<Vec<String>, LicenseError> {
        let broken = |path: &Path| {
            let path = path.to_owned();
            move |error| LicenseError::Io(path, error)
        };
        let mut files = BTreeSet::new();
        for entry in fs::read_dir(&self.folder).map_err(broken(&self.folder))? {
            let path = entry.map_err(broken(&self.folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
            if path.is_file() && NAMES.iter().any(|beginning| name.starts_with(beginning)) {
                files.insert((name, path));
            }
        }
        let is_notice = |name: &str| name.starts_with("NOTICE");
        if let Some(chosen) = files.iter().find(|(name, _)| name.starts_with("LICENSE-MIT")).cloned() {
            files.retain(|(name, path)| is_notice(name) || *path == chosen.1);
        }
        let texts = files.iter().map(|(_, path)| fs::read_to_string(path).map_err(broken(path)));
        let texts: Vec<_> = texts.collect::<Result<_, _>>()?;
        if !texts.is_empty() {
            return Ok(texts);
        }
        let known =
            WITHOUT_FILE.iter().find(|(name, version, _)| (*name, *version) == (&self.name, &self.version));
        let missing = || LicenseError::Missing(self.name.clone(), self.license.clone(), self.folder.clone());
        let (_, _, notice) = known.ok_or_else(missing)?;
        let terms = mit.find("Permission is hereby granted").map(|at| &mit[at..]).ok_or_else(missing)?;
        Ok(vec![format!("{notice}\n{terms}")])
    }
}

/// The foreign crates in the module. Crates that are only used while building, such as macros, are not included.
fn built_in(root: &Path, edition: &Edition, platform: &Platform) -> Option<Vec<Crate>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args(["metadata", "--locked", "--format-version", "1"]);
    command.args(["--filter-platform", platform.triple, "--features", &edition.features.join(",")]);
    let metadata: Value = serde_json::from_str(&output(&mut command)?).ok()?;
    let packages: BTreeMap<_, _> =
        metadata["packages"].as_array()?.iter().filter_map(|it| Some((it["id"].as_str()?, it))).collect();
    let nodes: BTreeMap<_, _> = metadata["resolve"]["nodes"]
        .as_array()?
        .iter()
        .filter_map(|it| Some((it["id"].as_str()?, it)))
        .collect();
    let is_macro = |id: &str| {
        let kinds = packages.get(id).and_then(|package| package["targets"][0]["kind"].as_array());
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "proc-macro"))
    };
    let mut waiting = vec![metadata["resolve"]["root"].as_str()?];
    let mut found = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if is_macro(id) || !found.insert(id) {
            continue;
        }
        for dependency in nodes.get(id)?["deps"].as_array()? {
            let is_normal = |kind: &Value| kind["kind"].is_null();
            if dependency["dep_kinds"].as_array()?.iter().any(is_normal) {
                waiting.push(dependency["pkg"].as_str()?);
            }
        }
    }
    let foreign =
        found.iter().map(|id| packages.get(id)).filter(|it| it.is_some_and(|it| !it["source"].is_null()));
    foreign.map(|package| Crate::of(package?)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

    use super::*;
    use crate::edition::{FULL, LEAN};

    /// As it is built for the platform whose crates every build of the project has.
    fn text(edition: &Edition) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mit = fs::read_to_string(root.join("LICENSE-MIT")).unwrap();
        third_party(root, edition, &[Platform::named("linux64").unwrap()], &mit).unwrap()
    }

    #[test]
    fn each_edition_has_the_terms_of_what_is_in_it() {
        let (lean, full) = (text(&LEAN), text(&FULL));
        for words in [
            "memchr ",
            "mio ",
            "crossbeam-queue ",
            "thiserror ",
            "Carl Lerche",
            "Copyright (c) 2015 Andrew Gallant",
            "Copyright (c) 2020 William Venner",
        ] {
            assert!(lean.contains(words) && full.contains(words), "{words}");
        }
        for words in [
            "rustls ",
            "ring ",
            "webpki-roots ",
            "rustls-webpki ",
            "BoringSSL",
            "CDLA",
            "subtle ",
            "untrusted ",
        ] {
            assert!(full.contains(words), "{words}");
        }
        assert!(!lean.contains("rustls") && !lean.contains("ring 0."));
        // Neither crates that are only used for building or testing, nor the project's own.
        for words in ["proc-macro2 ", "syn ", "cc ", "serde_json ", "divan ", "realtime-resp "] {
            assert!(!full.contains(&format!("\n{words}")), "{words}");
        }
        assert!(lean.matches("Permission is hereby granted").count() >= 6);
    }
}
