//! Building the module for one platform.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::command::{CommandError, run};
use crate::edition::Edition;
use crate::platform::{Platform, System};
use crate::tools::Tools;
use crate::unwinder::{self, UnwinderError};

/// A separate target folder: its compiler runs with nightly features that the others do not enable, which cargo would
/// not notice.
const TARGET_FOLDER: &str = "target/dist";

/// Why there is no module.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The compiler's own, printed on the console.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The stand-in to link with could not be made.
    #[error("the stand-in for libgcc_s.so.1: {0}")]
    Unwinder(#[from] UnwinderError),
    /// The system's own.
    #[error("{0}: {1}")]
    Write(PathBuf, #[source] io::Error),
}

/// Builds it, and returns the library.
pub(crate) fn build(
    tools: &Tools,
    root: &Path,
    platform: &Platform,
    edition: &Edition,
) -> Result<PathBuf, BuildError> {
    let target = root.join(TARGET_FOLDER);
    let mut flags = FLAGS.map(str::to_owned).to_vec();
    let parts = target.join("parts").join(platform.triple);
    let mut cargo = match platform.system {
        System::Linux => {
            let unwinder = unwinder::build(tools, platform, &parts)?;
            flags.push(format!("-Clink-arg={}", unwinder.display()));
            let mut cargo = tools.command("cargo-zigbuild");
            cargo.args(["rustc", "--target", &format!("{}.2.17", platform.triple)]);
            cargo
        }
        System::Windows => {
            // The C runtime and the unwinder are linked in instead of coming from libgcc's DLL.
            flags.push("-Ctarget-feature=+crt-static".to_owned());
            if !tools.start_objects(platform) {
                start_objects(tools, platform, &parts)?;
                flags.push(format!("-Lnative={}", parts.display()));
            }
            let mut cargo = tools.command(&tools.cargo);
            cargo.args(["rustc", "--target", platform.triple]);
            cargo
        }
    };
    cargo
        .args(["--locked", "--profile", "dist", "--package", "realtime", "--lib"])
        // Cargo.toml names an rlib too, and cargo does no link-time optimization where one is built.
        .args(["--crate-type", "cdylib"])
        .args(["--features", &edition.features.join(",")])
        .args(["-Zbuild-std=std,panic_unwind", &format!("-Zbuild-std-features={STD_FEATURES}")])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTC_BOOTSTRAP", "1")
        // Separated in cargo's own way, so that a folder's name may contain spaces.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    run(&mut cargo)?;
    Ok(target.join(platform.triple).join("dist").join(platform.built_name()))
}

/// How the standard library is built: without the symbols of backtraces, because a stripped module has none.
const STD_FEATURES: &str = "panic-unwind,optimize_for_size,backtrace-trace-only";

const FLAGS: [&str; 4] = [
    // Panics say what went wrong, not in which file of the machine that built it.
    "-Zlocation-detail=none",
    // Functions that are not marked for inlining are called instead of copied. At this number no path of a
    // message takes 3 % more instructions than in the release profile (`cargo bench --profile dist --bench instructions`), and a
    // publish takes 13 % more.
    "-Cllvm-args=-inline-threshold=50",
    // Logins to PostgreSQL hash some thousand times. Without SHA instructions of the processor that takes some milliseconds longer.
    "--cfg=sha2_backend_soft=\"compact\"",
    // ChaCha20 makes only the random text of such a login, no stream.
    "--cfg=chacha20_backend=\"soft\"",
];

/// The object files at the beginning and the end of each of Rust's DLLs. Debian's toolchain has only their sources.
fn start_objects(tools: &Tools, platform: &Platform, folder: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(folder).map_err(|error| BuildError::Write(folder.to_owned(), error))?;
    for name in ["rsbegin", "rsend"] {
        let mut rustc = tools.command("rustc");
        rustc
            .args(["--target", platform.triple, "--emit=obj", "-Cpanic=abort", "-o"])
            .arg(folder.join(name).with_extension("o"))
            .arg(tools.start_sources().join(name).with_extension("rs"))
            .env("RUSTC_BOOTSTRAP", "1");
        run(&mut rustc)?;
    }
    Ok(())
}
