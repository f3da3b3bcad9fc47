//! The two editions of the module: the features of each, and the libraries that it may need.

use std::path::{Path, PathBuf};

/// An edition of the module. Both have the same file names, because a server has one of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Edition {
    /// For people.
    pub name: &'static str,
    /// The module's features in it.
    pub features: &'static [&'static str],
    /// Its folder within `dist/`; empty for `dist/` itself.
    pub folder: &'static str,
    /// The end of its zip's name, before `.zip`.
    pub suffix: &'static str,
    /// Libraries that it may need on Windows beside those of both editions. Every Windows since Vista has them.
    pub windows_libraries: &'static [&'static str],
}

/// The edition for most servers.
pub const LEAN: Edition =
    Edition { name: "lean", features: &[], folder: "", suffix: "", windows_libraries: &[] };

/// With all optional features.
pub const FULL: Edition = Edition {
    name: "full",
    features: &["tls", "postgres"],
    folder: "full",
    suffix: "-full",
    // ring draws random numbers from it.
    windows_libraries: &["bcrypt.dll"],
};

/// Both of them.
pub const EDITIONS: [&Edition; 2] = [&LEAN, &FULL];

impl Edition {
    /// The edition of a file, by its folder.
    #[must_use]
    pub fn of_file(path: &Path) -> &'static Self {
        let folder = path.parent().and_then(Path::file_name);
        if folder.is_some_and(|name| name == FULL.folder) { &FULL } else { &LEAN }
    }

    /// The folder of its files.
    #[must_use]
    pub fn folder_in(&self, dist: &Path) -> PathBuf {
        if self.folder.is_empty() { dist.to_owned() } else { dist.join(self.folder) }
    }

    /// The name of its zip.
    #[must_use]
    pub fn archive(&self, version: &str) -> String {
        format!("realtime-{version}{}.zip", self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_the_edition_that_its_folder_is_named_after() {
        for edition in EDITIONS {
            let file = edition.folder_in(Path::new("/a/dist")).join("gmsv_realtime_win64.dll");
            assert_eq!(Edition::of_file(&file), edition);
        }
        assert_eq!(Edition::of_file(Path::new("gmsv_realtime_win64.dll")), &LEAN);
        assert_eq!(
            (LEAN.archive("1.2.3"), FULL.archive("1.2.3")),
            ("realtime-1.2.3.zip".into(), "realtime-1.2.3-full.zip".into())
        );
    }
}
