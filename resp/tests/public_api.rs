//! The public interface is the one in `public-api.txt`: whoever changes it sees that, and so does whoever reads the change.
//! And each name in it is in an example, which is a doctest.
//! `UPDATE_PUBLIC_API=1 cargo test --test public_api` writes the file anew.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources below this folder.
fn sources(folder: &Path) -> Vec<String> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: &Path| vec![fs::read_to_string(path).expect("a source")];
    paths.iter().flat_map(|path| if path.is_dir() { sources(path) } else { read(path) }).collect()
}

/// Every line of a source that declares something public, without its body.
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

/// What is public, in order.
fn public() -> Vec<String> {
    let mut found: Vec<String> =
        sources(&root().join("src")).iter().flat_map(|source| of_file(source)).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn it_is_as_written_down() {
    let found = public();
    let found = found.join("\n") + "\n";
    let file = root().join("public-api.txt");
    if std::env::var_os("UPDATE_PUBLIC_API").is_some() {
        fs::write(&file, &found).expect("the file can be written");
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    let (known_lines, found_lines): (Vec<_>, Vec<_>) = (known.lines().collect(), found.lines().collect());
    let gone: Vec<_> = known_lines.iter().filter(|line| !found_lines.contains(line)).collect();
    let new: Vec<_> = found_lines.iter().filter(|line| !known_lines.contains(line)).collect();
    assert!(gone.is_empty() && new.is_empty(), "gone: {gone:#?}\nnew: {new:#?}");
}

/// The documentation in a source.
fn documentation(source: &str) -> String {
    let lines = source.lines().map(str::trim_start);
    let texts = lines.map(|line| {
        line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).unwrap_or_default().trim_start()
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// The Rust in a text's blocks.
fn blocks(text: &str) -> String {
    let parts = text.split("\n```").skip(1).step_by(2);
    parts.filter(|block| !block.starts_with("sh") && !block.starts_with("json")).collect()
}

/// The name of what a line of `public-api.txt` declares: a type, a method, a field or a variant.
fn declared(line: &str) -> Option<&str> {
    let text = line.split_once(")] ").map_or(line, |(_, text)| text);
    let name = if let Some((_, member)) = text.split_once(": pub ") {
        member.trim_start_matches("const ").trim_start_matches("fn ")
    } else if let Some(variant) = text.strip_prefix("pub enum ") {
        variant.split_once(": ").map_or(variant, |(_, variant)| variant)
    } else {
        text.strip_prefix("pub struct ").or_else(|| text.strip_prefix("pub mod "))?
    };
    words(name).next()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[test]
fn each_name_is_in_an_example() {
    let comments: Vec<String> =
        sources(&root().join("src")).iter().map(|source| documentation(source)).collect();
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let examples: Vec<String> = comments.iter().chain([&readme]).map(|text| blocks(text)).collect();
    let known: HashSet<&str> = examples.iter().flat_map(|example| words(example)).collect();
    let api = public();
    let names: Vec<&str> = api.iter().filter_map(|line| declared(line)).collect();
    assert!(names.contains(&"feed") && names.contains(&"UnknownType") && names.contains(&"skip_blobs_over"));
    let without: Vec<&&str> = names.iter().filter(|name| !known.contains(**name)).collect();
    assert!(without.is_empty(), "no example has {without:?}");
}
