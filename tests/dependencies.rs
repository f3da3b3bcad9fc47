//! The module's default build depends on five crates, the parser, and their dependencies; the feature `tls` adds two,
//! `postgres` two. No other one is added unnoticed.

#![allow(clippy::expect_used, reason = "a test that cannot go on says why")]
use std::collections::BTreeSet;
use std::process::Command;

/// The normal dependencies of `package` with these features on every platform, as `cargo tree` shows them: the direct ones, or
/// all of them.
fn dependencies(package: &str, features: &str, all: bool) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--target", "all", "--features", features])
        .args(["--depth", if all { "99" } else { "1" }])
        .args(["--prefix", "depth", "--format", " {p}", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo tree prints UTF-8");
    let names = text.lines().filter_map(|line| line.trim_start_matches(char::is_numeric).strip_prefix(' '));
    names.skip(1).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn module_depends_on_five_crates_and_the_parser() {
    let allowed = set(&["crossbeam-queue", "gmod", "memchr", "mio", "realtime-resp", "thiserror"]);
    let found = dependencies("realtime", "", false);
    let others: Vec<_> = found.difference(&allowed).collect();
    assert!(others.is_empty(), "the module's default build may not depend on {others:?}");
    assert!(found.contains("gmod"), "cargo tree was not understood: {found:?}");
}

#[test]
fn tls_adds_rustls_with_ring_and_the_public_authorities() {
    let (lean, full) = (dependencies("realtime", "", true), dependencies("realtime", "tls", true));
    let added: BTreeSet<_> = full.difference(&lean).map(String::as_str).collect();
    let windows = |name: &&str| !name.starts_with("windows");
    let expected = [
        "getrandom",
        "once_cell",
        "ring",
        "rustls",
        "rustls-pki-types",
        "rustls-webpki",
        "subtle",
        "untrusted",
        "webpki-roots",
        "zeroize",
    ];
    assert_eq!(added.into_iter().filter(windows).collect::<Vec<_>>(), expected);
    let of_tls = |name: &&String| expected.contains(&&***name);
    assert_eq!(lean.iter().find(of_tls), None, "without the feature nothing of it is there");
}

#[test]
fn postgres_adds_its_protocol_and_what_that_needs() {
    let direct = dependencies("realtime", "postgres", false);
    let lean = dependencies("realtime", "", false);
    let added: Vec<_> = direct.difference(&lean).map(String::as_str).collect();
    assert_eq!(added, ["bytes", "postgres-protocol"]);
    let (lean, full) = (dependencies("realtime", "", true), dependencies("realtime", "postgres", true));
    // Adding a crate is a decision: postgres-protocol 0.6 brings hashes, random numbers and the tables of SASLprep.
    let added: BTreeSet<_> = full.difference(&lean).map(String::as_str).collect();
    for expected in ["hmac", "md-5", "rand", "sha2", "stringprep"] {
        assert!(added.contains(expected), "{added:?}");
    }
    assert!(added.len() <= 32, "{} crates: {added:?}", added.len());
}

#[test]
fn parser_depends_on_memchr_alone() {
    assert_eq!(dependencies("realtime-resp", "", true), set(&["memchr"]));
}

#[test]
fn gmod_comes_without_its_detours() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--target", "all", "--prefix", "none"])
        .args(["--package", "realtime"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    for crate_name in ["retour", "skidscan", "ctor"] {
        assert!(!text.lines().any(|line| line.starts_with(&format!("{crate_name} "))), "{crate_name} got in");
    }
    assert!(text.contains("gmod v"), "cargo tree was not understood: {text}");
}
