//! The public interface is the one in `public-api.txt`: whoever changes it sees that, and so does whoever reads the change.
//! `UPDATE_PUBLIC_API=1 cargo test --test public_api` writes the file anew.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

use std::fs;
use std::path::{Path, PathBuf};

/// Every line of source below this folder that declares something public, without its body.
fn declarations(folder: &Path, out: &mut Vec<String>) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            declarations(&path, out);
        } else {
            out.extend(of_file(&fs::read_to_string(&path).expect("a source")));
        }
    }
}

fn of_file(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    // What the lines that are indented once belong to, if that is public; and what is derived for the type that follows.
    let (mut inside, mut derived) = (String::new(), String::new());
    let mut lines = source.lines().peekable();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if line.starts_with("#[derive(") {
            derived = format!("{text} ");
        } else if line.starts_with("pub ") || line.starts_with("impl") {
            inside = declaration(text, &mut lines);
            let is_public = inside.starts_with("pub ") || inside.contains(" for ");
            if is_public && !inside.contains("Sealed") {
                found.push(format!("{derived}{inside}"));
            }
            derived.clear();
        } else if line.starts_with(|c: char| c.is_alphabetic()) {
            inside.clear();
            derived.clear();
        } else if is_member(line, &inside) {
            found.push(format!("{inside}: {}", declaration(text, &mut lines)));
        }
    }
    found
}

/// A public method or field, a variant of a public enum, or a method of a public trait.
fn is_member(line: &str, inside: &str) -> bool {
    let Some(text) = line.strip_prefix("    ") else { return false };
    let is_variant = inside.starts_with("pub enum") && text.starts_with(|c: char| c.is_ascii_uppercase());
    let is_method = inside.starts_with("pub trait") && text.starts_with("fn ");
    is_variant || is_method || (!inside.is_empty() && text.starts_with("pub "))
}

/// A declaration up to its body, on one line.
fn declaration<'a>(first: &'a str, lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> String {
    let mut text = first.to_owned();
    let is_function = text.contains("fn ");
    while !text.contains(" {") && !text.ends_with([';', '}']) && (is_function || !text.ends_with(',')) {
        let Some(next) = lines.next() else { break };
        text.push(' ');
        text.push_str(next.trim());
    }
    let body = if text.starts_with("pub use") { None } else { text.find(" {") };
    text.truncate(body.unwrap_or(text.len()));
    text.trim_end_matches([',', ';']).to_owned()
}

#[test]
fn it_is_as_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    declarations(&root.join("src"), &mut found);
    found.sort();
    found.dedup();
    let found = found.join("\n") + "\n";
    let file = root.join("public-api.txt");
    if std::env::var_os("UPDATE_PUBLIC_API").is_some() {
        fs::write(&file, &found).expect("the file can be written");
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    let (known_lines, found_lines): (Vec<_>, Vec<_>) = (known.lines().collect(), found.lines().collect());
    let gone: Vec<_> = known_lines.iter().filter(|line| !found_lines.contains(line)).collect();
    let new: Vec<_> = found_lines.iter().filter(|line| !known_lines.contains(line)).collect();
    assert!(gone.is_empty() && new.is_empty(), "gone: {gone:#?}\nnew: {new:#?}");
}
