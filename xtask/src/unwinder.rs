//! A stand-in for libgcc_s.so.1 to link with.
//!
//! cargo-zigbuild links zig's own unwinder into a library. The module must use the system's, like LuaJIT: when a Lua
//! error passes the module's frames, LuaJIT's unwinder calls Rust's personality routine with a context of its own,
//! which only that unwinder's functions can read; with zig's, the first raised error is a segmentation fault. The
//! stand-in has the functions that Rust uses, with their original versions (GCC 4.2 is the newest of them); on the
//! server the real one replaces it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::command::{CommandError, run};
use crate::platform::Platform;
use crate::tools::Tools;

/// The versions of libgcc_s's functions, oldest first, each with the functions that came with it.
const FUNCTIONS: [(&str, &[&str]); 3] = [
    (
        "GCC_3.0",
        &[
            "_Unwind_DeleteException",
            "_Unwind_GetDataRelBase",
            "_Unwind_GetIP",
            "_Unwind_GetLanguageSpecificData",
            "_Unwind_GetRegionStart",
            "_Unwind_GetTextRelBase",
            "_Unwind_RaiseException",
            "_Unwind_Resume",
            "_Unwind_SetGR",
            "_Unwind_SetIP",
        ],
    ),
    ("GCC_3.3", &["_Unwind_Backtrace", "_Unwind_FindEnclosingFunction", "_Unwind_GetCFA"]),
    ("GCC_4.2.0", &["_Unwind_GetIPInfo"]),
];

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum UnwinderError {
    /// The system's own.
    #[error("{0}: {1}")]
    Write(PathBuf, #[source] io::Error),
    /// The compiler's own.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Makes one in `folder`, and returns the file.
pub(crate) fn build(tools: &Tools, platform: &Platform, folder: &Path) -> Result<PathBuf, UnwinderError> {
    let (source, map) = (folder.join("unwinder.c"), folder.join("unwinder.map"));
    let library = folder.join("libgcc_s.so.1");
    let write = |path: &Path, text: String| {
        fs::write(path, text).map_err(|error| UnwinderError::Write(path.to_owned(), error))
    };
    fs::create_dir_all(folder).map_err(|error| UnwinderError::Write(folder.to_owned(), error))?;
    write(&source, functions())?;
    write(&map, versions())?;
    let target = if platform.is_64 { "x86_64-linux-gnu.2.17" } else { "x86-linux-gnu.2.17" };
    let mut compiler = tools.command("cargo-zigbuild");
    compiler
        .args(["zig", "cc", "--", "-target", target, "-shared", "-nostdlib", "-fPIC"])
        .args(["-Wl,-soname,libgcc_s.so.1", &format!("-Wl,--version-script={}", map.display()), "-o"])
        .args([&library, &source]);
    run(&mut compiler)?;
    Ok(library)
}

fn functions() -> String {
    let names = FUNCTIONS.iter().flat_map(|(_, names)| names.iter());
    names.map(|name| format!("void {name}(void) {{}}\n")).collect()
}

fn versions() -> String {
    let mut former = String::new();
    let mut script = String::new();
    for (version, names) in FUNCTIONS {
        script += &format!("{version} {{ global: {}; local: *; }}{former};\n", names.join("; "));
        former = format!(" {version}");
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_builds_upon_the_one_before() {
        let script = versions();
        assert!(script.starts_with("GCC_3.0 { global: _Unwind_DeleteException; "), "{script}");
        assert!(
            script.ends_with("GCC_4.2.0 { global: _Unwind_GetIPInfo; local: *; } GCC_3.3;\n"),
            "{script}"
        );
    }
}
