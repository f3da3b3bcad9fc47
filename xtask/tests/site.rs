//! The site's sources: which pages there are, and where their links lead.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use xtask::site::{INDEX, dead_links, pages, rewritten, summary, write};

/// The repository's address, as Cargo.toml has it.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A folder of a test's own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("site-{name}-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it cannot be removed, it stays in the target folder.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_page_of_docs_is_in_the_index_once() {
    let index = fs::read_to_string(root().join(INDEX)).unwrap();
    let pages = pages(&index);
    let unique: BTreeSet<&String> = pages.iter().collect();
    assert_eq!(unique.len(), pages.len(), "{pages:?}");
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = format!("docs/{}", entry.unwrap().file_name().to_str().unwrap());
        if Path::new(&name).extension().is_some_and(|end| end == "md") {
            assert!(pages.contains(&name), "{INDEX} does not link {name}");
        }
    }
}

#[test]
fn the_summary_is_the_index_with_its_parts() {
    let index = "# All\n\n## Owners\n\n- [From nothing](owners.md#files): more\n\n## Others\n\n- [Changes](../CHANGELOG.md)\n";
    let wanted = "# Summary\n\n[realtime](README.md)\n[All pages](docs/README.md)\n\n# Owners\n\n\
                  - [From nothing](docs/owners.md)\n\n# Others\n\n- [Changes](CHANGELOG.md)\n";
    assert_eq!(summary(index), wanted);
}

#[test]
fn links_lead_to_pages_or_to_the_repository() {
    let pages = ["README.md", "docs/README.md", "docs/api.md", "tests/host/README.md"].map(str::to_owned);
    for (text, wanted) in [
        ("[a](api.md#b)", "[a](api.md#b)".to_owned()),
        ("[a](#b) [c](https://example.org/d.md)", "[a](#b) [c](https://example.org/d.md)".to_owned()),
        (
            "[a](../README.md) and [b](../tests/host/README.md#c)",
            "[a](../index.html) and [b](../tests/host/index.html#c)".to_owned(),
        ),
        ("[a](../lua/examples)", format!("[a]({REPOSITORY}/blob/main/lua/examples)")),
        ("[a](../xtask/src/main.rs#L5).", format!("[a]({REPOSITORY}/blob/main/xtask/src/main.rs).")),
        ("![a](charts/b.svg)", "![a](charts/b.svg)".to_owned()),
        ("`[a](../lua)` [`b`](../lua)", format!("`[a](../lua)` [`b`]({REPOSITORY}/blob/main/lua)")),
        ("```\n[a](../lua)\n```\n", "```\n[a](../lua)\n```\n".to_owned()),
    ] {
        assert_eq!(rewritten("docs/api.md", text, &pages), wanted);
    }
}

#[test]
fn the_sources_of_the_site_have_all_pages_and_pictures() {
    let folder = Folder::new("sources");
    write(&root(), &folder.0).unwrap();
    let summary = fs::read_to_string(folder.0.join("src/SUMMARY.md")).unwrap();
    let listed: Vec<&str> = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(listed.len() > 20, "{listed:?}");
    for page in listed {
        let text = fs::read_to_string(folder.0.join("src").join(page)).unwrap();
        assert!(text.starts_with("# "), "{page} has no title");
    }
    assert!(folder.0.join("src/benches/peers/charts/parse.svg").is_file());
}

#[test]
fn a_dead_link_of_the_built_site_is_found() {
    let folder = Folder::new("dead");
    fs::create_dir_all(folder.0.join("docs")).unwrap();
    let put = |name: &str, text: &str| fs::write(folder.0.join(name), text).unwrap();
    put(
        "index.html",
        r##"<a href="docs/a.html#here">a</a> <a href="docs/a.html#there">b</a> <a href="#top">c</a>"##,
    );
    put(
        "docs/a.html",
        r##"<h1 id="here"><a href="../none.html">d</a><img src="../index.html"><a href="https://e.org">"##,
    );
    put("print.html", r#"<a href="none.html">repeats other pages</a>"#);
    let mut dead = dead_links(&folder.0).unwrap();
    dead.sort();
    let dead: Vec<(&str, &str)> = dead.iter().map(|(file, link)| (file.as_str(), link.as_str())).collect();
    assert_eq!(
        dead,
        [("docs/a.html", "../none.html"), ("index.html", "#top"), ("index.html", "docs/a.html#there")]
    );
}
