//! No link within the repository is broken: the file exists, and the heading, too.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{collections::BTreeSet, fs, path::Path};

use libtest_mimic::Failed;

use crate::markdown;

/// Files whose comments name pages.
const SOURCES: &[&str] = &["rs", "lua", "toml", "py"];
const FOLDERS: &[&str] = &["src", "resp", "lua", "tests", "benches"];

pub(crate) fn all_lead_somewhere(root: &Path) -> Result<(), Failed> {
    let pages = markdown::pages(root);
    let mut dead = Vec::new();
    let mut seen = 0;
    for (name, text) in &pages {
        for (number, line) in markdown::prose(text).lines().enumerate() {
            for link in markdown::links(line) {
                seen += 1;
                if let Err(why) = follow(root, &pages, name, &link) {
                    dead.push(format!("{name}:{}: {link}: {why}", number + 1));
                }
            }
        }
    }
    if seen < 100 {
        return Err(format!("only {seen} links were found").into());
    }
    if dead.is_empty() { Ok(()) } else { Err(dead.join("\n").into()) }
}

fn follow(root: &Path, pages: &[(String, String)], from: &str, link: &str) -> Result<(), String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return Ok(());
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let to = if file.is_empty() { from.to_owned() } else { beside(from, file)? };
    if !root.join(&to).exists() {
        return Err(format!("there is no {to}"));
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let (_, text) = pages.iter().find(|(name, _)| *name == to).ok_or("an anchor in what is no page")?;
    let anchors = markdown::anchors(text);
    if anchors.iter().any(|there| there == anchor) {
        return Ok(());
    }
    Err(format!("{to} has {anchors:?}"))
}

/// The path of `file` as seen from a page.
fn beside(page: &str, file: &str) -> Result<String, String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in file.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop().ok_or("out of the repository")?),
            other => parts.push(other),
        }
    }
    Ok(parts.join("/"))
}

/// Pages that sources name exist under that path.
pub(crate) fn pages_that_sources_name(root: &Path) -> Result<(), Failed> {
    let pages: BTreeSet<String> = markdown::pages(root).into_iter().map(|(name, _)| name).collect();
    let mut wrong = Vec::new();
    for folder in FOLDERS {
        look(&root.join(folder), &pages, &mut wrong);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn look(folder: &Path, pages: &BTreeSet<String>, wrong: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            if !path.ends_with("target") {
                look(&path, pages, wrong);
            }
        } else if path.extension().is_some_and(|end| SOURCES.iter().any(|source| end == *source)) {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
            let words = text.split(|c| !is_part(c)).map(|word| word.trim_end_matches('.'));
            // A bare name may be beside the file; with a folder it starts at the root.
            for word in words.filter(|word| word.starts_with("docs/") && word.ends_with(".md")) {
                if !pages.contains(word) {
                    wrong.push(format!("{}: there is no {word}", path.display()));
                }
            }
        }
    }
}

pub(crate) fn dead_ones_are_found(root: &Path) -> Result<(), Failed> {
    let pages = vec![("docs/faq.md".to_owned(), "# A b `c`\n```sh\n# d\n```\n## E\n## E\n".to_owned())];
    for good in ["../README.md", "#a-b-c", "#e-1", "https://example.com/none", "../lua"] {
        follow(root, &pages, "docs/faq.md", good)?;
    }
    for bad in ["none.md", "#d", "#e-2", "../../out.md", "../lua#x"] {
        if follow(root, &pages, "docs/faq.md", bad).is_ok() {
            return Err(format!("{bad} leads nowhere, and it passes").into());
        }
    }
    let found = markdown::links("[a](b.md) and `[c](d)` and ![e](f.svg)");
    if found == ["b.md", "f.svg"] { Ok(()) } else { Err(format!("{found:?}").into()) }
}
