//! The command line of the project's own tools.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::*;
use xtask::check::check;
use xtask::dist::dist;
use xtask::package::package;
use xtask::pictures;
use xtask::platform::{PLATFORMS, Platform};
use xtask::release::{Findings, NOTES, examine};
use xtask::site;

/// The folder of the site.
const SITE: &str = "target/site";

/// The version of the release: the workspace's.
const VERSION: &str = env!("CARGO_PKG_VERSION");

const USAGE: &str = "\
Usage: cargo dist [PLATFORM…]         builds the module into dist/: linux, linux64, win32, win64; all four by default
       cargo dist --check FILE…       says whether servers can load the built modules
       cargo dist --crate             packages the parser, and tests it unpacked
       cargo xtask release --tag TAG  says whether dist/ may be released under that tag, and writes dist/NOTES.md
       cargo xtask release --dry-run  the same as a rehearsal: tasks for the day of the release are listed, but do not fail it
       cargo xtask pictures           draws the pictures of the console anew, from the pages
       cargo xtask site               writes the pages for mdBook into target/site/
       cargo xtask site --check       says whether the links of the built site in target/site/book/ lead somewhere
";

enum Request {
    Help,
    Dist(Vec<&'static Platform>),
    Check(Vec<PathBuf>),
    Crate,
    Pictures,
    Site { is_check: bool },
    Release { tag: Option<String>, is_rehearsal: bool },
}

fn parse() -> Result<Request, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    match parser.next()? {
        Some(Value(name)) if name == "dist" => parse_dist(&mut parser),
        Some(Value(name)) if name == "release" => parse_release(&mut parser),
        Some(Value(name)) if name == "pictures" => Ok(Request::Pictures),
        Some(Value(name)) if name == "site" => match parser.next()? {
            None => Ok(Request::Site { is_check: false }),
            Some(Long("check")) => Ok(Request::Site { is_check: true }),
            Some(other) => Err(other.unexpected()),
        },
        Some(Short('h') | Long("help")) => Ok(Request::Help),
        Some(other) => Err(other.unexpected()),
        None => Err("name a task: dist, release, pictures or site".into()),
    }
}

fn parse_release(parser: &mut lexopt::Parser) -> Result<Request, lexopt::Error> {
    let (mut tag, mut is_rehearsal) = (None, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("tag") => tag = Some(parser.value()?.string()?),
            Long("dry-run") => is_rehearsal = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Release { tag, is_rehearsal })
}

fn parse_dist(parser: &mut lexopt::Parser) -> Result<Request, lexopt::Error> {
    let mut platforms = Vec::new();
    let mut files: Option<Vec<PathBuf>> = None;
    while let Some(argument) = parser.next()? {
        match (argument, &mut files) {
            (Short('h') | Long("help"), _) => return Ok(Request::Help),
            (Long("crate"), None) if platforms.is_empty() => return Ok(Request::Crate),
            (Long("check"), None) => files = Some(Vec::new()),
            (Value(file), Some(files)) => files.push(file.into()),
            (Value(name), None) => {
                let name = name.string()?;
                let platform = Platform::named(&name)
                    .ok_or_else(|| format!("platforms are linux, linux64, win32 and win64, not '{name}'"))?;
                if !platforms.contains(&platform) {
                    platforms.push(platform);
                }
            }
            (other, _) => return Err(other.unexpected()),
        }
    }
    match files {
        Some(files) if files.is_empty() => Err("--check needs a file".into()),
        Some(files) => Ok(Request::Check(files)),
        None if platforms.is_empty() => Ok(Request::Dist(PLATFORMS.iter().collect())),
        None => Ok(Request::Dist(platforms)),
    }
}

fn main() -> ExitCode {
    let request = match parse() {
        Ok(request) => request,
        Err(error) => {
            eprint!("xtask: {error}\n\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    match request {
        Request::Help => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Request::Crate => report(package(&root())),
        Request::Dist(platforms) => report(dist(&root(), &platforms)),
        Request::Check(files) => {
            // Each file is checked, whatever is wrong with the one before.
            let bad = files.iter().filter(|file| !is_fine(file)).count();
            if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Request::Pictures => report(pictures::write(&root())),
        Request::Site { is_check: false } => report(site::write(&root(), &root().join(SITE))),
        Request::Site { is_check: true } => match site::dead_links(&root().join(SITE).join("book")) {
            Ok(dead) => {
                for (file, link) in &dead {
                    eprintln!("{file}: {link} leads nowhere");
                }
                if dead.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => report(Err(error)),
        },
        Request::Release { tag, is_rehearsal } => match examine(&root(), VERSION, tag.as_deref()) {
            Ok(findings) => conclude(&findings, is_rehearsal),
            Err(error) => report(Err(error)),
        },
    }
}

/// Prints the findings. In a rehearsal only faults count.
fn conclude(findings: &Findings, is_rehearsal: bool) -> ExitCode {
    for fault in &findings.faults {
        eprintln!("wrong: {fault}");
    }
    for left in &findings.to_do {
        eprintln!("left to do: {left}");
    }
    if findings.faults.is_empty() && (is_rehearsal || findings.to_do.is_empty()) {
        println!(
            "{VERSION}: version, changelog, manifest, sums and zips agree; the notes are in dist/{NOTES}"
        );
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn is_fine(file: &Path) -> bool {
    match check(file, &[]) {
        Ok(found) => {
            let glibc = found.glibc.map_or_else(String::new, |glibc| format!(", glibc {glibc} or newer"));
            println!("{}: fine, {} bytes{glibc}", file.display(), found.size);
            true
        }
        Err(error) => {
            eprintln!("{error}");
            false
        }
    }
}

fn report<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The project's folder, which this crate is in.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
