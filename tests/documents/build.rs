//! Makes a module of each page that has Rust in it.
//!
//! A check of a block may follow it, in a comment of the Markdown, which readers do not see. It is appended to the
//! block:
//!
//! ````markdown
//! ```rust
//! let sum = 1 + 1;
//! ```
//! <!-- check
//! assert_eq!(sum, 2);
//! -->
//! ````
#![expect(clippy::expect_used, reason = "a build that cannot read the pages fails")]

use std::{env, fmt::Write as _, fs, path::Path};

#[path = "../host/tests/snippets/markdown.rs"]
#[expect(dead_code, reason = "it serves the other tests of the documentation, too")]
mod markdown;

/// Their code must compile in the programs of readers, which may be older than this project.
const OLDER: [&str; 2] = ["docs/parser", "resp/"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository");
    let out = env::var("OUT_DIR").expect("cargo says where");
    let mut modules = String::new();
    for (name, text) in markdown::pages(&root) {
        println!("cargo::rerun-if-changed={}", root.join(&name).display());
        if !text.contains("```rust") {
            continue;
        }
        let module = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_lowercase();
        let page = Path::new(&out).join(format!("{module}.md"));
        let mut text = woven(&text);
        if OLDER.iter().any(|pages| name.starts_with(pages)) {
            text = text.replace("\n```rust\n", "\n```rust,edition2021\n");
        }
        fs::write(&page, text).expect("cargo's own folder");
        writeln!(modules, "#[doc = include_str!({page:?})]\nmod {module} {{}}").expect("a string");
    }
    fs::write(Path::new(&out).join("pages.rs"), modules).expect("cargo's own folder");
}

/// The page with each check in its block. Every line of a block keeps its line number.
fn woven(page: &str) -> String {
    let mut lines = page.lines().peekable();
    let mut text: Vec<&str> = Vec::new();
    let mut rust = false;
    while let Some(line) = lines.next() {
        let ends = rust && line == "```";
        rust = line == "```rust" || (rust && !ends);
        let mut behind = 0;
        if ends && lines.peek() == Some(&"<!-- check") {
            let check: Vec<&str> = lines.by_ref().skip(1).take_while(|line| *line != "-->").collect();
            text.extend(check);
            behind = 2;
        }
        text.push(line);
        text.resize(text.len() + behind, "");
    }
    text.join("\n")
}
