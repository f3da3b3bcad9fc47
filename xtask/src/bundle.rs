//! The other parts of a release, beside the four files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::addon::{self, AddonError};
use crate::check::Report;
use crate::edition::Edition;
use crate::licenses;
use crate::platform::{Platform, System};

/// Why there is no release.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The system's own.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The archive could not be written.
    #[error("{0}: {1}")]
    Zip(PathBuf, #[source] zip::result::ZipError),
    /// The addon's folder cannot be read.
    #[error(transparent)]
    Addon(#[from] AddonError),
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BundleError {
    let path = path.to_owned();
    move |error| BundleError::Io(path, error)
}

/// The first page for owners, in the addon's folder.
const README: &str = include_str!("readme.md");

/// The licences of the project, in its folder.
pub(crate) const LICENSES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// The content of a zip, sorted by name: modules and addon at their places in `garrysmod/`, a page for owners, and
/// the licences of all of it.
pub(crate) fn contents(
    modules: &[PathBuf],
    addon: &Path,
    licenses: &[PathBuf],
    third_party: &[u8],
) -> Result<Vec<(String, Vec<u8>)>, BundleError> {
    let read = |file: &Path| fs::read(file).map_err(at(file));
    let mut contents = vec![
        ("addons/realtime/README.md".to_owned(), README.as_bytes().to_vec()),
        (third_party_name(), third_party.to_vec()),
    ];
    for module in modules {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        contents.push((format!("lua/bin/{name}"), read(module)?));
    }
    for (name, file) in addon::files(addon)? {
        contents.push((format!("addons/realtime/{name}"), read(&file)?));
    }
    for license in licenses {
        let name = license.file_name().unwrap_or_default().to_string_lossy();
        contents.push((format!("addons/realtime/{name}"), read(license)?));
    }
    contents.sort();
    Ok(contents)
}

/// The place of the crates' licences in a zip.
pub(crate) fn third_party_name() -> String {
    format!("addons/realtime/{}", licenses::FILE)
}

/// Packs the output of [`contents`].
pub(crate) fn zip(archive: &Path, contents: Vec<(String, Vec<u8>)>) -> Result<(), BundleError> {
    let broken = |error| BundleError::Zip(archive.to_owned(), error);
    let mut zip = ZipWriter::new(File::create(archive).map_err(at(archive))?);
    // Without times, so that building it again gives the same bytes. Readable for the server's user, whoever unpacks
    // it.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for (name, bytes) in contents {
        zip.start_file(name, options).map_err(broken)?;
        zip.write_all(&bytes).map_err(at(archive))?;
    }
    zip.finish().map_err(broken)?;
    Ok(())
}

/// `SHA256SUMS`, for `sha256sum -c` in `folder`.
pub(crate) fn sums(folder: &Path, files: &[PathBuf]) -> Result<String, BundleError> {
    let mut lines = String::new();
    for file in files {
        let bytes = fs::read(file).map_err(at(file))?;
        let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let name = file.strip_prefix(folder).unwrap_or(file);
        lines += &format!("{digest}  {}\n", name.display().to_string().replace('\\', "/"));
    }
    Ok(lines)
}

/// `manifest.json`: the content, for people and programs.
pub(crate) fn manifest(version: &str, modules: &[(&Edition, &Platform, Report)]) -> String {
    let quoted = |names: &[String]| {
        names.iter().map(|name| format!("{:?}", name.to_ascii_lowercase())).collect::<Vec<_>>().join(", ")
    };
    let entries = modules.iter().map(|(edition, platform, report)| {
        let file = edition.folder_in(Path::new("")).join(platform.file_name());
        let features: Vec<_> = edition.features.iter().map(|&feature| feature.to_owned()).collect();
        let glibc = report.glibc.as_ref().map_or_else(String::new, |glibc| format!("\"oldest_glibc\": \"{glibc}\", "));
        let system = match platform.system {
            System::Linux => "Linux",
            System::Windows => "Windows",
        };
        let mut libraries = report.libraries.clone();
        libraries.sort_by_key(|name| name.to_ascii_lowercase());
        libraries.dedup_by_key(|name| name.to_ascii_lowercase());
        format!(
            "    {{ \"file\": \"{}\", \"system\": \"{system}\", \"bits\": {}, \"bytes\": {}, {glibc}\"features\": [{}], \"needs\": [{}] }}",
            file.display().to_string().replace('\\', "/"),
            platform.bits(),
            report.size,
            quoted(&features),
            quoted(&libraries)
        )
    });
    let entries = entries.collect::<Vec<_>>().join(",\n");
    format!("{{\n  \"version\": \"{version}\",\n  \"modules\": [\n{entries}\n  ]\n}}\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

    use super::*;

    #[test]
    fn the_zip_unpacks_into_the_games_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = std::env::temp_dir().join(format!("realtime-zip-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (archive, module) = (folder.join("a.zip"), folder.join("gmsv_realtime_linux64.dll"));
        fs::write(&module, b"code").unwrap();
        let licenses = [root.join("LICENSE-MIT")];
        let modules = std::slice::from_ref(&module);
        zip(&archive, contents(modules, &root.join("lua"), &licenses, b"terms").unwrap()).unwrap();
        let read = zip::ZipArchive::new(File::open(&archive).unwrap()).unwrap();
        let names: Vec<_> = read.file_names().map(|name| name.unwrap().into_owned()).collect();
        fs::remove_dir_all(&folder).unwrap();
        for name in [
            "lua/bin/gmsv_realtime_linux64.dll",
            "addons/realtime/addon.json",
            "addons/realtime/lua/realtime/load.lua",
            "addons/realtime/LICENSE-MIT",
            "addons/realtime/LICENSES-THIRD-PARTY",
            "addons/realtime/README.md",
        ] {
            assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
        }
        let places = ["lua/bin/", "addons/realtime/"];
        assert!(names.iter().all(|name| places.iter().any(|place| name.starts_with(place))), "{names:?}");
    }
}
