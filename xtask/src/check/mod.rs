//! Whether a server can load a built module: read from the file itself, whoever built it.

mod facts;
mod version;

use std::fmt;
use std::path::{Path, PathBuf};

pub use facts::{Facts, FactsError};
pub use version::Version;

use crate::edition::Edition;
use crate::platform::{Platform, System};

/// The oldest C library for modules: CentOS 7's, which is older than that of any system on which the game still runs.
const GLIBC: [u32; 2] = [2, 17];

/// The functions that the game looks for in a module. Further exports are mistakes, and on Linux other modules would
/// see them.
const ENTRY_POINTS: [&str; 2] = ["gmod13_close", "gmod13_open"];

/// The unwinder that takes Rust's panics and LuaJIT's errors through the same frames. If a module had an
/// unwinder of its own, that one would get a context of LuaJIT's when a Lua error passes the module's frames,
/// and could not read it.
const UNWINDER: &str = "libgcc_s.so.1";

/// Libraries on every Linux with glibc.
const LINUX_LIBRARIES: [&str; 8] = [
    "ld-linux-x86-64.so.2",
    "ld-linux.so.2",
    "libc.so.6",
    "libdl.so.2",
    UNWINDER,
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
];

/// Libraries of Windows that Rust's standard library and MinGW's C runtime can need.
const WINDOWS_LIBRARIES: [&str; 8] = [
    "advapi32.dll",
    "api-ms-win-core-synch-l1-2-0.dll",
    "bcryptprimitives.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// The function with which a module keeps itself in memory on Windows (`src/lua/pin.rs`).
const PIN: &str = "GetModuleHandleExW";

/// Why a file must not be given to servers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It would not load anywhere.
    #[error("is no library for {wanted}: it is {found}")]
    Foreign {
        /// The kind that its name promises.
        wanted: String,
        /// The kind that it is.
        found: String,
    },
    /// It would not load on older systems.
    #[error(
        "needs {symbol}@GLIBC_{needed}, and servers may have no newer glibc than {oldest}; link it with zig"
    )]
    Glibc {
        /// The symbol.
        symbol: String,
        /// Its version.
        needed: Version,
        /// The oldest version that servers may have.
        oldest: Version,
    },
    /// It would not load on systems without that library.
    #[error("needs {0}, which not every server has; link it in")]
    Library(String),
    /// The game would not find the entry point.
    #[error("does not export {0}")]
    NoEntryPoint(&'static str),
    /// Other modules could call these by mistake.
    #[error("exports symbols that others must not see: {}", shortened(.0))]
    Exports(Vec<String>),
    /// A Lua error that passes its frames would crash.
    #[error(
        "has an unwinder of its own instead of {UNWINDER}'s, so a Lua error that passes its frames crashes the server"
    )]
    OwnUnwinder,
    /// Its threads could continue after their code was unloaded.
    #[error("can be unloaded while threads of it run: {0}")]
    Unloads(&'static str),
    /// It is larger than necessary, and reveals details of the build machine.
    #[error("is not stripped")]
    NotStripped,
    /// Hardened systems would not load it.
    #[error(
        "wants memory that is writable and executable, or a fixed address; hardened systems do not load it"
    )]
    NotHardened,
    /// It reveals a folder of the build machine.
    #[error("names a folder of the machine that built it: {0}")]
    Folder(String),
}

/// What is wrong with a file, or why that is unknown.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    /// It is another kind of file.
    #[error("{0}: neither an ELF nor a PE file that can be read: {1}")]
    Parse(PathBuf, #[source] FactsError),
    /// Its name names no platform.
    #[error("{0}: the name does not end in one of _linux.dll, _linux64.dll, _win32.dll, _win64.dll")]
    Name(PathBuf),
    /// It must not be given to servers.
    #[error("{}", Listed(.0, .1))]
    Faulty(PathBuf, Vec<Fault>),
}

/// The first few of many names.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

struct Listed<'a>(&'a Path, &'a [Fault]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.display();
        let mut faults = self.1.iter();
        let last = faults.next_back();
        faults.try_for_each(|fault| writeln!(f, "{path} {fault}"))?;
        last.map_or(Ok(()), |fault| write!(f, "{path} {fault}"))
    }
}

/// The facts about a correct file that are printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In bytes.
    pub size: usize,
    /// The oldest glibc on which it runs; `None` if it needs none.
    pub glibc: Option<Version>,
    /// The libraries that it needs.
    pub libraries: Vec<String>,
}

/// Checks a file against the kind that its name promises. `folders` must not occur in it.
///
/// # Errors
///
/// It cannot be read, its name names no platform, or it must not be given to servers, with all the reasons.
pub fn check(path: &Path, folders: &[PathBuf]) -> Result<Report, CheckError> {
    let platform = Platform::of_file(path).ok_or_else(|| CheckError::Name(path.to_owned()))?;
    let bytes = std::fs::read(path).map_err(|error| CheckError::Read(path.to_owned(), error))?;
    let facts = Facts::read(&bytes).map_err(|error| CheckError::Parse(path.to_owned(), error))?;
    let mut faults = judge(&facts, platform, Edition::of_file(path));
    for folder in folders.iter().filter_map(|folder| folder.to_str()) {
        if contains(&bytes, folder.as_bytes()) {
            faults.push(Fault::Folder(folder.to_owned()));
        }
    }
    if !faults.is_empty() {
        return Err(CheckError::Faulty(path.to_owned(), faults));
    }
    Ok(Report { size: bytes.len(), glibc: glibc(&facts), libraries: facts.libraries })
}

/// Everything that is wrong with a file for that platform.
#[must_use]
pub fn judge(facts: &Facts, platform: &Platform, edition: &Edition) -> Vec<Fault> {
    let mut faults = Vec::new();
    if (facts.system, facts.is_64, facts.is_x86, facts.is_library)
        != (platform.system, platform.is_64, true, true)
    {
        faults.push(Fault::Foreign { wanted: wanted(platform), found: found(facts) });
    }
    faults
        .extend(ENTRY_POINTS.into_iter().filter(|name| !has(&facts.exports, name)).map(Fault::NoEntryPoint));
    let mut others = facts.exports.clone();
    others.retain(|name| !ENTRY_POINTS.contains(&name.as_str()));
    if !others.is_empty() {
        faults.push(Fault::Exports(others));
    }
    if facts.has_symbols {
        faults.push(Fault::NotStripped);
    }
    if !facts.is_hardened {
        faults.push(Fault::NotHardened);
    }
    match facts.system {
        System::Linux => judge_linux(facts, &mut faults),
        System::Windows => judge_windows(facts, edition, &mut faults),
    }
    faults
}

fn judge_linux(facts: &Facts, faults: &mut Vec<Fault>) {
    let oldest = Version::new(&GLIBC);
    for (symbol, version) in &facts.imports {
        if let Some(needed) = version.as_deref().and_then(|version| Version::parse(version, "GLIBC_"))
            && needed > oldest
        {
            faults.push(Fault::Glibc { symbol: symbol.clone(), needed, oldest: oldest.clone() });
        }
    }
    let unusual = facts.libraries.iter().filter(|library| !LINUX_LIBRARIES.contains(&library.as_str()));
    faults.extend(unusual.cloned().map(Fault::Library));
    if !has(&facts.libraries, UNWINDER) || !facts.imports.iter().any(|(name, _)| name == "_Unwind_Resume") {
        faults.push(Fault::OwnUnwinder);
    }
    if !facts.stays_loaded {
        faults.push(Fault::Unloads("the flag NODELETE is missing; build.rs sets it"));
    }
}

fn judge_windows(facts: &Facts, edition: &Edition, faults: &mut Vec<Fault>) {
    let mut unusual = facts.libraries.clone();
    let known = |name: &str| WINDOWS_LIBRARIES.contains(&name) || edition.windows_libraries.contains(&name);
    unusual.retain(|library| !known(&library.to_ascii_lowercase()));
    faults.extend(unusual.into_iter().map(Fault::Library));
    if !facts.imports.iter().any(|(name, _)| name == PIN) {
        faults.push(Fault::Unloads("it does not import GetModuleHandleExW; src/lua/pin.rs calls it"));
    }
}

/// The newest version that a file needs: the oldest glibc that it runs on.
fn glibc(facts: &Facts) -> Option<Version> {
    let versions = facts.imports.iter().filter_map(|(_, version)| version.as_deref());
    versions.filter_map(|version| Version::parse(version, "GLIBC_")).max()
}

fn wanted(platform: &Platform) -> String {
    format!("{:?} in {} bits", platform.system, platform.bits())
}

fn found(facts: &Facts) -> String {
    let bits = if facts.is_64 { 64 } else { 32 };
    let kind = if facts.is_library { "a library" } else { "no library" };
    let processor = if facts.is_x86 { "" } else { ", for another processor" };
    format!("{kind}, {:?} in {bits} bits{processor}", facts.system)
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|found| found == name)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests;
