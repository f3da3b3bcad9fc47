//! The parts of Markdown that the tests use: files, fenced blocks, headings, links, code in a line.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold no pages of the project.
const NO_PAGES: &[&str] = &["target", "dist", "corpus", "regressions", "node_modules"];

/// A fenced block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where the block's first line is, from 1.
    pub(crate) line: usize,
    /// The text after the opening fence.
    pub(crate) language: String,
    /// The lines, without the fence's indentation.
    pub(crate) code: String,
    /// Whether the fence begins its line.
    pub(crate) indented: bool,
    /// The heading of the second level that it is below.
    pub(crate) chapter: String,
    /// The comment `<!-- produce` right before it, if there is one.
    pub(crate) produce: Option<String>,
    /// The comment `<!-- check` right after it, if there is one.
    pub(crate) check: Option<String>,
}

/// Every page of the repository, by its path in it.
pub(crate) fn pages(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(root, &mut found);
    let mut pages: Vec<_> = found
        .into_iter()
        .map(|path| {
            let name =
                path.strip_prefix(root).expect("in the repository").to_string_lossy().replace('\\', "/");
            (name, fs::read_to_string(&path).expect("UTF-8"))
        })
        .collect();
    pages.sort();
    pages
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !NO_PAGES.contains(&name.as_str()) {
            walk(&path, found);
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
}

/// All fenced blocks.
pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let lines: Vec<&str> = markdown.lines().collect();
    let mut found = Vec::new();
    let mut produce = None;
    let mut is_after_a_block = false;
    let mut chapter = String::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        let ticks = text.len() - text.trim_start_matches('`').len();
        if text.starts_with("~~~") {
            // Valid in Markdown, too; the tests of Lua and Rust do not support them.
            found.push(Block { line: at + 2, language: text.to_owned(), ..Block::default() });
            is_after_a_block = false;
        } else if ticks >= 3 {
            let fence = "`".repeat(ticks);
            let end = end_of(&lines, at, |line| line.trim() == fence);
            let code = lines[at + 1..end].iter().map(|line| line.get(indent..).unwrap_or_default());
            found.push(Block {
                line: at + 2,
                language: text.trim_start_matches('`').trim().to_owned(),
                code: code.collect::<Vec<_>>().join("\n"),
                indented: indent > 0,
                chapter: chapter.clone(),
                produce: produce.take(),
                check: None,
            });
            is_after_a_block = true;
            at = end;
        } else if text == "<!-- produce" {
            let end = end_of(&lines, at, |line| line.trim() == "-->");
            produce = Some(lines[at + 1..end].join("\n"));
            at = end;
        } else if text == "<!-- check" {
            let end = end_of(&lines, at, |line| line.trim() == "-->");
            if let Some(block) = found.last_mut().filter(|_| is_after_a_block) {
                block.check = Some(lines[at + 1..end].join("\n"));
            }
            at = end;
        } else if !text.is_empty() {
            produce = None;
            is_after_a_block = false;
            if let Some(heading) = line.strip_prefix("## ") {
                heading.clone_into(&mut chapter);
            }
        }
        at += 1;
    }
    found
}

fn end_of(lines: &[&str], start: usize, ends: impl Fn(&str) -> bool) -> usize {
    let behind = &lines[start + 1..];
    start + 1 + behind.iter().position(|line| ends(line)).unwrap_or(behind.len())
}

/// The text without blocks and comments; lines stay where they are.
pub(crate) fn prose(markdown: &str) -> String {
    let mut text = String::new();
    let mut fence: Option<String> = None;
    let mut comment = false;
    for line in markdown.lines() {
        let trimmed = line.trim_start();
        let ticks = trimmed.len() - trimmed.trim_start_matches('`').len();
        match &fence {
            Some(open) if trimmed.trim_end() == open => fence = None,
            Some(_) => {}
            None if ticks >= 3 => fence = Some("`".repeat(ticks)),
            None if comment || trimmed.starts_with("<!--") => comment = !line.contains("-->"),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// Code between backticks.
pub(crate) fn inline_code(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The targets of the links in a line, pictures included.
pub(crate) fn links(line: &str) -> Vec<String> {
    // Without code, in which a parenthesis may follow a bracket.
    let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let targets = plain.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// The anchors of a page's headings, in GitHub's form.
pub(crate) fn anchors(markdown: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let text = prose(markdown);
    let headings =
        text.lines().filter(|line| line.trim_start_matches('#').starts_with(' ') && line.starts_with('#'));
    headings
        .map(|line| {
            let slug = slug(line.trim_start_matches('#').trim());
            let times = seen.entry(slug.clone()).or_default();
            *times += 1;
            if *times == 1 { slug } else { format!("{slug}-{}", *times - 1) }
        })
        .collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}
