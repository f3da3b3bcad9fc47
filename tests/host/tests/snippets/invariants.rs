//! Each invariant of docs/architecture.md names existing tests. tests/README.md names each of its files and folders.

use std::{fs, path::Path};

use libtest_mimic::Failed;

use crate::markdown::inline_code;

const PAGE: &str = "docs/architecture.md";
const CHAPTER: &str = "## Invariants\n";

/// Files that tests/README.md need not name.
const NOT_NAMED: &[&str] = &["README.md"];

pub(crate) fn each_names_tests_that_are_there(root: &Path) -> Result<(), Failed> {
    let text = fs::read_to_string(root.join(PAGE))?;
    let chapter = text.split_once(CHAPTER).ok_or("no chapter of invariants")?.1;
    let chapter = chapter.split("\n## ").next().unwrap_or_default();
    let (invariants, wrong) = check(chapter, |file| fs::read_to_string(root.join(file)).ok());
    if invariants < 10 {
        return Err(format!("only {invariants} invariants were found").into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// The number of invariants in a chapter, and mistakes in the tests that they name.
fn check(chapter: &str, read: impl Fn(&str) -> Option<String>) -> (usize, Vec<String>) {
    let mut items: Vec<(String, String)> = Vec::new();
    for line in chapter.lines() {
        match line.split_once(". ") {
            Some((number, rest)) if number.parse::<usize>().is_ok() => {
                items.push((number.to_owned(), rest.to_owned()));
            }
            _ => items.last_mut().into_iter().for_each(|(_, text)| text.extend(["\n", line])),
        }
    }
    let mut wrong = Vec::new();
    for (number, text) in &items {
        let mut names = 0;
        // In the form `file`: `name`, `name`; `file`: `name`.
        let tests = text.split_once("Tests: ").map(|(_, tests)| tests).unwrap_or_default();
        for named in tests.split(';') {
            let mut codes = inline_code(named).into_iter();
            let Some(file) = codes.next() else { continue };
            let source = read(file);
            if source.is_none() {
                wrong.push(format!("{number}: there is no {file}"));
            }
            for name in codes {
                names += 1;
                if source.as_ref().is_some_and(|source| !has_test(source, name)) {
                    wrong.push(format!("{number}: {file} has no test {name}"));
                }
            }
        }
        if names == 0 {
            wrong.push(format!("{number}: names no test"));
        }
    }
    (items.len(), wrong)
}

/// Whether a source, in Rust or Lua, has a test of this name.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_rust = |pair: &[&str]| pair[0] == "#[test]" && pair[1].starts_with(&format!("fn {name}("));
    lines.windows(2).any(is_rust)
        || lines.iter().any(|line| line.starts_with(&format!("host.test(\"{name}\",")))
}

pub(crate) fn missing_ones_are_found() -> Result<(), Failed> {
    let read = |file: &str| match file {
        "a.rs" => Some("#[test]\nfn one() {}\nfn helper() {}\n".to_owned()),
        "b.lua" => Some("host.test(\"two words\", function()".to_owned()),
        _ => None,
    };
    for (text, wrong) in [
        ("1. It holds. Tests: `a.rs`: `one`; `b.lua`: `two words`.", 0),
        (
            "1. It holds. Tests: `a.rs`: `one`;\n   `b.lua`: `two words`.\n2. So does this.
   Tests: `a.rs`: `one`, `one`.",
            0,
        ),
        ("1. It holds.", 1),
        ("1. It holds `always`.", 1),
        ("1. It holds. Tests: `a.rs`: `one`.\n2. And this. Tests: `a.rs`: `helper`.", 1),
        ("1. It holds. Tests: `a.rs`: `one`, `gone`; `b.lua`: `two`.", 2),
        ("1. It holds. Tests: `c.rs`: `one`.", 1),
    ] {
        let (_, found) = check(text, read);
        if found.len() != wrong {
            return Err(format!("{text}: {found:?}").into());
        }
    }
    Ok(())
}

pub(crate) fn tests_are_described(root: &Path) -> Result<(), Failed> {
    let text = fs::read_to_string(root.join("tests/README.md"))?;
    let mut missing = Vec::new();
    for entry in fs::read_dir(root.join("tests"))? {
        let entry = entry?;
        let slash = if entry.file_type()?.is_dir() { "/" } else { "" };
        let name = format!("{}{slash}", entry.file_name().to_string_lossy());
        if !NOT_NAMED.contains(&name.as_str()) && !text.contains(&format!("`{name}`")) {
            missing.push(name);
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("tests/README.md does not name {missing:?}").into()) }
}
