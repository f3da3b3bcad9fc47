//! The parser's package, as crates.io gets it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

use std::fs;
use std::path::{Path, PathBuf};

use xtask::package::{CRATE, PackageError, package, unpack};
use xtask::placeholder::REPOSITORY;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project")
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join(CRATE)).expect("a folder");
    folder
}

#[test]
fn a_package_with_a_placeholder_is_refused() {
    let root = folder("placeholder");
    fs::write(root.join(CRATE).join("README.md"), format!("[guide]({REPOSITORY}/docs/parser.md)"))
        .expect("a file");
    match package(&root) {
        Err(error @ PackageError::Placeholder(_)) => {
            assert!(error.to_string().contains("README.md"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

/// The anchor of a heading, as GitHub makes it.
fn anchor_of(heading: &str) -> String {
    heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-")
}

#[test]
fn the_package_has_what_its_readers_need_and_nothing_beside() {
    let unpacked =
        unpack(&root(), &folder("package"), &["--allow-dirty", "--offline"]).expect("it can be packaged");
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let ours = fs::read(root().join(name)).expect("the project's");
        assert_eq!(fs::read(unpacked.join(name)).expect("the package's"), ours, "{name}");
    }
    for name in [
        "examples/client_blocking.rs",
        "examples/client_mio.rs",
        "examples/client_tokio.rs",
        "public-api.txt",
    ] {
        assert!(unpacked.join(name).is_file(), "{name}");
    }
    // Every link leads somewhere on crates.io and on docs.rs, where no other file of the project is.
    let readme = fs::read_to_string(unpacked.join("README.md")).expect("a README");
    let links: Vec<&str> = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 3, "{links:?}");
    for link in links {
        assert!(link.starts_with("https://") || link.starts_with('#'), "{link}");
        if let Some(path) = link.strip_prefix(&format!("{}/blob/main/", env!("CARGO_PKG_REPOSITORY"))) {
            let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
            let page = fs::read_to_string(root().join(path)).unwrap_or_default();
            let mut anchors = page.lines().filter(|line| line.starts_with('#')).map(anchor_of);
            assert!(
                if anchor.is_empty() { !page.is_empty() } else { anchors.any(|one| one == anchor) },
                "{link} leads nowhere"
            );
        }
    }
    let manifest = fs::read_to_string(unpacked.join("Cargo.toml")).expect("a manifest");
    for key in ["description", "license", "repository", "documentation", "readme", "rust-version"] {
        assert!(manifest.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key}");
    }
    assert!(!manifest.contains("path = \"..\""), "it depends on nothing of the project");
    // The workspace's resolver is written into it, and cargo 1.81 gives up at "3".
    assert!(!manifest.contains("resolver = \"3\""), "{manifest}");
}

/// Where `cargo dist --crate` unpacks it, cargo treats it as a separate package, and not as a forgotten member of the
/// workspace.
#[test]
fn the_package_stands_alone_in_dist() {
    let folder = root().join("dist/test-of-the-package");
    let unpacked = unpack(&root(), &folder, &["--allow-dirty", "--offline"]).expect("it can be packaged");
    let mut cargo = std::process::Command::new("cargo");
    cargo.args(["metadata", "--no-deps", "--format-version=1", "--offline"]).current_dir(&unpacked);
    let output = cargo.output().expect("cargo runs");
    fs::remove_dir_all(&folder).expect("the folder of this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
