//! `cargo xtask site`: the pages for mdBook, in `target/site/`. The pages are copies of the project's own. Their
//! order and their titles are those of docs/README.md. A link to a file that is not a page leads to the repository.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The repository's address, from Cargo.toml.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The page that lists all others.
pub const INDEX: &str = "docs/README.md";

/// The first page.
const FRONT: &str = "README.md";

/// Why there is no site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The system's own.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// Written beside the pages.
const SETTINGS: &str = r#"# Written by cargo xtask site.
[book]
title = "realtime"
description = "Redis pub/sub for Garry's Mod servers, and its parser for Rust"
language = "en"
src = "src"

[build]
build-dir = "book"
create-missing = false

[output.html]
git-repository-url = "REPOSITORY"
no-section-label = true

# The examples run in tests, not in the browser.
[output.html.playground]
runnable = false
"#;

/// Writes the site's sources into `folder`, which is made from scratch.
///
/// # Errors
///
/// A page cannot be read, or nothing can be written.
pub fn write(root: &Path, folder: &Path) -> Result<(), SiteError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| SiteError::Io(path, error)
    };
    if folder.is_dir() {
        fs::remove_dir_all(folder).map_err(at(folder))?;
    }
    let read = |name: &str| fs::read_to_string(root.join(name)).map_err(at(Path::new(name)));
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(at(parent))?;
        }
        fs::write(&path, bytes).map_err(at(&path))
    };
    let index = read(INDEX)?;
    let pages = pages(&index);
    put("book.toml", SETTINGS.replace("REPOSITORY", REPOSITORY).as_bytes())?;
    put("src/SUMMARY.md", summary(&index).as_bytes())?;
    let mut pictures = BTreeSet::new();
    for page in &pages {
        let text = read(page)?;
        pictures.extend(
            targets(&text).filter_map(|link| beside(page, path_of(link))).filter(|path| is_picture(path)),
        );
        put(&format!("src/{page}"), rewritten(page, &text, &pages).as_bytes())?;
    }
    for picture in pictures {
        let bytes = fs::read(root.join(&picture)).map_err(at(Path::new(&picture)))?;
        put(&format!("src/{picture}"), &bytes)?;
    }
    Ok(())
}

/// All pages of the site, by their paths in the project: the front, the index, and the pages that it links.
#[must_use]
pub fn pages(index: &str) -> Vec<String> {
    let linked = targets(index).filter_map(|link| beside(INDEX, path_of(link)));
    [FRONT.to_owned(), INDEX.to_owned()].into_iter().chain(linked).collect()
}

/// `SUMMARY.md`: the index, with its headings as parts.
#[must_use]
pub fn summary(index: &str) -> String {
    let mut text = format!("# Summary\n\n[realtime]({FRONT})\n[All pages]({INDEX})\n");
    for line in index.lines() {
        if let Some(part) = line.strip_prefix("## ") {
            text += &format!("\n# {part}\n\n");
        } else if let Some((title, rest)) = line.strip_prefix("- [").and_then(|rest| rest.split_once("](")) {
            let link = rest.split(')').next().unwrap_or_default();
            if let Some(page) = beside(INDEX, path_of(link)) {
                text += &format!("- [{title}]({page})\n");
            }
        }
    }
    text
}

/// A page with its links as the site needs them.
#[must_use]
pub fn rewritten(page: &str, text: &str, pages: &[String]) -> String {
    let mut out = String::with_capacity(text.len());
    for (piece, is_target) in pieces(text) {
        if !is_target {
            out += piece;
            continue;
        }
        let (path, anchor) =
            piece.split_once('#').map_or((piece, None), |(path, anchor)| (path, Some(anchor)));
        let is_elsewhere = path.is_empty() || path.contains("://");
        match beside(page, path).filter(|_| !is_elsewhere) {
            None => out += piece,
            Some(target) if is_picture(&target) => out += piece,
            Some(target) if pages.contains(&target) => {
                // mdBook turns a folder's README.md into index.html.
                match path.strip_suffix("README.md") {
                    Some(folder) => out += &format!("{folder}index.html"),
                    None => out += path,
                }
                if let Some(anchor) = anchor {
                    out += &format!("#{anchor}");
                }
            }
            Some(target) => out += &format!("{REPOSITORY}/blob/main/{target}"),
        }
    }
    out
}

fn is_picture(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "svg" || end == "png")
}

/// A link without its anchor.
fn path_of(link: &str) -> &str {
    link.split('#').next().unwrap_or(link)
}

/// The path in the project for the link `link` on a page; none if that is outside.
fn beside(page: &str, link: &str) -> Option<String> {
    if link.is_empty() || link.contains("://") {
        return None;
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// The targets of a page's links, pictures included.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter(|(_, is_target)| *is_target).map(|(piece, _)| piece)
}

/// The text in pieces: targets of links, and the text between them. Put together they are the text. Code contains no
/// links.
fn pieces(text: &str) -> Vec<(&str, bool)> {
    let mut pieces = Vec::new();
    let mut fence: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let ticks = &trimmed[..trimmed.len() - trimmed.trim_start_matches('`').len()];
        match fence {
            Some(open) => {
                if trimmed == open {
                    fence = None;
                }
                pieces.push((line, false));
            }
            None if ticks.len() >= 3 => {
                fence = Some(ticks);
                pieces.push((line, false));
            }
            None => links(line, &mut pieces),
        }
    }
    pieces
}

/// The pieces of a line outside of fences.
fn links<'a>(line: &'a str, pieces: &mut Vec<(&'a str, bool)>) {
    let (mut from, mut at, mut is_code) = (0, 0, false);
    while let Some(next) = line[at..].find(['`', ']']).map(|found| at + found) {
        at = next + 1;
        if line[next..].starts_with('`') {
            is_code = !is_code;
        } else if !is_code && line[at..].starts_with('(') {
            let Some(length) = line[at..].find(')') else { continue };
            pieces.push((&line[from..=at], false));
            pieces.push((&line[at + 1..at + length], true));
            from = at + length;
            at = from;
        }
    }
    pieces.push((&line[from..], false));
}

/// Links of the built site without a target: the file, and the link.
///
/// # Errors
///
/// A file cannot be read.
pub fn dead_links(book: &Path) -> Result<Vec<(String, String)>, SiteError> {
    let mut files = Vec::new();
    html(book, &mut files)?;
    let mut dead = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).map_err(|error| SiteError::Io(file.clone(), error))?;
        let name = file.strip_prefix(book).unwrap_or(file).display().to_string();
        // These two repeat other pages, or are shown at any address.
        if name == "print.html" || name == "404.html" || name == "toc.html" {
            continue;
        }
        let quoted = |mark| text.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
        for link in quoted(" href=\"").chain(quoted(" src=\"")) {
            if !leads_somewhere(file, &text, link)? {
                dead.push((name.clone(), link.to_owned()));
            }
        }
    }
    Ok(dead)
}

fn leads_somewhere(file: &Path, text: &str, link: &str) -> Result<bool, SiteError> {
    if link.contains("://") || link.starts_with("data:") || link.starts_with("mailto:") {
        return Ok(true);
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { file.to_owned() } else { file.parent().unwrap_or(file).join(path) };
    if !target.exists() {
        return Ok(false);
    }
    if anchor.is_empty() || target.extension().is_none_or(|end| end != "html") {
        return Ok(true);
    }
    let id = format!(" id=\"{anchor}\"");
    if path.is_empty() {
        return Ok(text.contains(&id));
    }
    Ok(fs::read_to_string(&target).map_err(|error| SiteError::Io(target, error))?.contains(&id))
}

fn html(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), SiteError> {
    let at = |error| SiteError::Io(folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(at)? {
        let path = entry.map_err(at)?.path();
        if path.is_dir() {
            html(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "html") {
            found.push(path);
        }
    }
    Ok(())
}
