//! The command line of the project's own tools.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::*;
use xtask::check::check;
use xtask::dist::dist;
use xtask::package::package;
use xtask::platform::{PLATFORMS, Platform};

const USAGE: &str = "\
Usage: cargo dist [PLATFORM…]         builds the module into dist/: linux, linux64, win32, win64; all four unless told
       cargo dist --check FILE…       says whether built modules are what servers can load
       cargo dist --crate             packages the parser, and tests it unpacked
";

enum Request {
    Help,
    Dist(Vec<&'static Platform>),
    Check(Vec<PathBuf>),
    Crate,
}

fn parse() -> Result<Request, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
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
            eprint!("cargo dist: {error}\n\n{USAGE}");
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
            // Each file is told of, whatever is wrong with the one before.
            let bad = files.iter().filter(|file| !is_fine(file)).count();
            if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
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
            eprintln!("cargo dist: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The project's folder, which this crate is in.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
