//! The findings of `cargo xtask release`: a project and its `dist/`, with one thing wrong at a time.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use xtask::changelog::newest;
use xtask::edition::EDITIONS;
use xtask::placeholder::REPOSITORY;
use xtask::platform::PLATFORMS;
use xtask::release::{Findings, NO_RELEASE, NOTES, examine};
use zip::write::SimpleFileOptions;

const VERSION: &str = "1.2.0";

/// A project that is ready for release, in a separate folder, removed when dropped.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Self {
        let root =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("release-{name}-{}", std::process::id()));
        let project = Self(root);
        project.write(
            "CHANGELOG.md",
            "# Changelog\n\n## 1.2.0 (2026-12-01)\n\n### Added\n\n- more\n\n## 1.1.0 (2026-11-01)\n",
        );
        project.write("README.md", "# Module\n\nUnpack the zip of the release.\n");
        project.write("docs/owners.md", "gh attestation verify realtime-1.2.0.zip\n");
        project.write("LICENSE-MIT", "mit");
        project.write("LICENSE-APACHE", "apache");
        project.write("lua/addon.json", "{ \"ignore\": [] }");
        project.write("lua/lua/realtime/version.lua", "return \"1.2.0\"\n");
        project.pack();
        project
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `dist/`, as cargo dist would make it.
    fn pack(&self) {
        let dist = self.0.join("dist");
        let (mut sums, mut modules) = (String::new(), Vec::new());
        let add = |name: &str, sums: &mut String| {
            let bytes = fs::read(dist.join(name)).unwrap();
            let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            *sums += &format!("{digest}  {name}\n");
        };
        for edition in EDITIONS {
            for platform in &PLATFORMS {
                let file = edition.folder_in(Path::new("")).join(platform.file_name());
                let (name, code) = (file.to_str().unwrap(), format!("{} {}", edition.name, platform.name));
                self.write(&format!("dist/{name}"), &code);
                modules.push(format!("{{ \"file\": \"{name}\", \"bytes\": {} }}", code.len()));
                add(name, &mut sums);
            }
            let archive = edition.archive(VERSION);
            let mut zip = zip::ZipWriter::new(File::create(dist.join(&archive)).unwrap());
            let mut put = |name: &str, bytes: &[u8]| {
                zip.start_file(name, SimpleFileOptions::default()).unwrap();
                zip.write_all(bytes).unwrap();
            };
            for platform in &PLATFORMS {
                let code = fs::read(edition.folder_in(&dist).join(platform.file_name())).unwrap();
                put(&format!("lua/bin/{}", platform.file_name()), &code);
            }
            for name in ["addon.json", "lua/realtime/version.lua"] {
                put(&format!("addons/realtime/{name}"), &fs::read(self.0.join("lua").join(name)).unwrap());
            }
            put("addons/realtime/LICENSE-MIT", b"mit");
            put("addons/realtime/LICENSE-APACHE", b"apache");
            put("addons/realtime/LICENSES-THIRD-PARTY", b"terms");
            put("addons/realtime/README.md", include_bytes!("../src/readme.md"));
            zip.finish().unwrap();
            add(&archive, &mut sums);
        }
        let modules = modules.join(", ");
        self.write("dist/manifest.json", &format!("{{ \"version\": \"1.2.0\", \"modules\": [{modules}] }}"));
        add("manifest.json", &mut sums);
        self.write("dist/SHA256SUMS", &sums);
    }

    fn examine(&self) -> Findings {
        examine(&self.0, VERSION, Some("v1.2.0")).unwrap()
    }

    /// All faults in one text.
    fn faults(&self) -> String {
        self.examine().faults.join("\n")
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // If it cannot be removed, it stays in the target folder.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_project_that_is_ready_passes_and_has_its_notes() {
    let project = Project::new("ready");
    assert_eq!(project.examine(), Findings::default());
    assert_eq!(fs::read_to_string(project.0.join("dist").join(NOTES)).unwrap(), "### Added\n\n- more\n");
}

#[test]
fn what_is_left_to_the_day_of_the_release_is_no_fault() {
    let project = Project::new("day");
    project.write("CHANGELOG.md", "# Changelog\n\n## 1.2.0 (unreleased)\n\n### Added\n\n- more\n");
    project.write("CODE_OF_CONDUCT.md", REPOSITORY);
    // In two lines, because a page may be wrapped anywhere.
    project.write("README.md", &format!("{}: build it.\n", NO_RELEASE.replace(" release ", " release\n")));
    let findings = examine(&project.0, VERSION, None).unwrap();
    assert_eq!(findings.faults, Vec::<String>::new());
    let to_do = findings.to_do.join("\n");
    for part in ["the tag v1.2.0", "## 1.2.0 (unreleased)", "CODE_OF_CONDUCT.md", NO_RELEASE] {
        assert!(to_do.contains(part), "{part} is not in {to_do}");
    }
}

#[test]
fn versions_that_differ_are_found() {
    let project = Project::new("versions");
    let findings = examine(&project.0, VERSION, Some("v1.1.0")).unwrap();
    assert!(findings.faults.iter().any(|fault| fault.contains("tag v1.1.0")), "{findings:?}");
    project.write("CHANGELOG.md", "# Changelog\n\n## 1.3.0 (2026-12-01)\n\n- more\n");
    assert!(project.faults().contains("begins with 1.3.0"), "{}", project.faults());
    project
        .write("CHANGELOG.md", "# Changelog\n\n## 1.2.0 (2026-12-01)\n\n## 1.1.0 (2026-11-01)\n\n- less\n");
    assert!(project.faults().contains("says nothing about 1.2.0"), "{}", project.faults());
    project.write("lua/lua/realtime/version.lua", "return \"1.1.0\"\n");
    assert!(project.faults().contains("version.lua must say"), "{}", project.faults());
}

#[test]
fn the_changelog_is_in_groups() {
    let project = Project::new("groups");
    project.write("CHANGELOG.md", "# Changelog\n\n## 1.2.0 (2026-12-01)\n\n- more\n\n### Added\n");
    assert!(project.faults().contains("in none of Added"), "{}", project.faults());
    let ours = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../CHANGELOG.md")).unwrap();
    let (version, section) = newest(&ours).unwrap();
    assert_eq!((version, section.stray_line()), (env!("CARGO_PKG_VERSION"), None));
}

#[test]
fn before_the_first_release_our_readme_says_so_in_the_words_that_are_looked_for() {
    let ours =
        |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap();
    let changelog = ours("CHANGELOG.md");
    let is_first = changelog.matches("\n## ").count() == 1;
    let (_, section) = newest(&changelog).unwrap();
    if is_first && !section.is_dated() {
        let readme = ours("README.md").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(readme.contains(NO_RELEASE), "README.md does not say: {NO_RELEASE}");
    }
}

#[test]
fn the_page_for_owners_verifies_this_version() {
    let project = Project::new("page");
    project.write("docs/owners.md", "gh attestation verify realtime-1.1.0.zip\n");
    assert!(project.faults().contains("how to verify realtime-1.2.0.zip"), "{}", project.faults());
}

#[test]
fn files_that_changed_after_they_were_packed_are_found() {
    let project = Project::new("changed");
    project.write("dist/full/gmsv_realtime_win64.dll", "another one");
    let faults = project.faults();
    for part in [
        "manifest.json does not have full/gmsv_realtime_win64.dll",
        "SHA256SUMS",
        "lua/bin/gmsv_realtime_win64.dll",
    ] {
        assert!(faults.contains(part), "{part} is not in {faults}");
    }
    project.pack();
    project.write("lua/lua/realtime/new.lua", "return 1");
    assert!(project.faults().contains("addons/realtime/lua/realtime/new.lua"), "{}", project.faults());
}

#[test]
fn what_is_missing_is_named() {
    let project = Project::new("missing");
    fs::remove_file(project.0.join("dist/realtime-1.2.0-full.zip")).unwrap();
    assert!(project.faults().contains("realtime-1.2.0-full.zip"), "{}", project.faults());
    fs::remove_dir_all(project.0.join("dist")).unwrap();
    assert!(project.faults().contains("run cargo dist first"), "{}", project.faults());
}
