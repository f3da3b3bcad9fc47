//! The tools that a build needs on the machine, and how to install missing ones.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::output;
use crate::platform::{Platform, System};

/// The versions with which the released files are linked. `ZIG_PINS` has them with the hashes of their packages.
const CARGO_ZIGBUILD: &str = "0.24.1";
const ZIG: &str = "0.17.1";

/// Where `cargo dist` looks for zig beside the PATH, in the project's folder, so that it need not be on the PATH.
const ZIG_FOLDER: &str = "target/zig";

/// The requirements file with which pip installs there, in the project's folder.
const ZIG_PINS: &str = ".ci/zig.txt";

/// A missing tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    what: String,
    install: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; install it: {}", self.what, self.install)
    }
}

/// The tools that were found.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) cargo: PathBuf,
    /// Where programs are searched for.
    pub(crate) path: std::ffi::OsString,
    /// Rust's library of that target, with the first and last object files of a DLL.
    sysroot: PathBuf,
}

impl Tools {
    /// Looks for the tools for these platforms.
    ///
    /// # Errors
    ///
    /// All missing tools.
    pub(crate) fn find(root: &Path, platforms: &[&Platform]) -> Result<Self, Vec<Missing>> {
        let mut missing = Vec::new();
        let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        let path = path_with(&root.join(ZIG_FOLDER).join("bin"));
        let sysroot = sysroot(root);
        if !sysroot.join("lib/rustlib/src/rust/library/Cargo.lock").is_file() {
            missing.push(Missing {
                what: "Rust's own library comes without its sources".to_owned(),
                install: by_toolchain(
                    &sysroot,
                    "rustup component add rust-src",
                    "apt-get install rust-web-src",
                ),
            });
        }
        if platforms.iter().any(|platform| platform.system == System::Linux) {
            missing.extend(zig(&path));
        }
        for platform in platforms.iter().filter(|platform| platform.system == System::Windows) {
            missing.extend(mingw(platform));
        }
        if missing.is_empty() { Ok(Self { cargo, path, sysroot }) } else { Err(missing) }
    }

    /// The folder with `rsbegin.o` and `rsend.o`, unless the compiler finds them itself.
    pub(crate) fn start_objects(&self, platform: &Platform) -> bool {
        self.sysroot.join("lib/rustlib").join(platform.triple).join("lib/rsbegin.o").is_file()
    }

    /// Where their sources are.
    pub(crate) fn start_sources(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library/rtstartup")
    }

    /// A program that is searched for in zig's folder, too.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", &self.path);
        command
    }
}

fn path_with(folder: &Path) -> std::ffi::OsString {
    let others = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(env::split_paths(&others));
    env::join_paths(folders).unwrap_or(others)
}

fn sysroot(root: &Path) -> PathBuf {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    output(Command::new(rustc).args(["--print", "sysroot"]).current_dir(root)).unwrap_or_default().into()
}

/// The advice for the toolchain's origin.
fn by_toolchain(sysroot: &Path, rustup: &str, debian: &str) -> String {
    if sysroot == Path::new("/usr") { debian.to_owned() } else { rustup.to_owned() }
}

fn zig(path: &std::ffi::OsStr) -> Option<Missing> {
    let version =
        |program: &str, arguments: &[&str]| output(Command::new(program).args(arguments).env("PATH", path));
    let cargo_zigbuild = version("cargo-zigbuild", &["--version"]);
    let zig = version("python3", &["-m", "ziglang", "version"]).or_else(|| version("zig", &["version"]));
    let found = (cargo_zigbuild.as_deref().and_then(|text| text.split(' ').next_back()), zig.as_deref());
    if found == (Some(CARGO_ZIGBUILD), Some(ZIG)) {
        return None;
    }
    let shown = |version: Option<&str>| version.unwrap_or("none").to_owned();
    Some(Missing {
        what: format!(
            "Linux needs cargo-zigbuild {CARGO_ZIGBUILD} (found: {}) and zig {ZIG} (found: {})",
            shown(found.0),
            shown(found.1)
        ),
        install: format!(
            "python3 -m venv {ZIG_FOLDER} && {ZIG_FOLDER}/bin/pip install --require-hashes -r {ZIG_PINS} \
             (Debian: apt-get install python3-venv)"
        ),
    })
}

fn mingw(platform: &Platform) -> Option<Missing> {
    let (compiler, package) = if platform.is_64 {
        ("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64-win32")
    } else {
        ("i686-w64-mingw32-gcc", "gcc-mingw-w64-i686-win32")
    };
    output(Command::new(compiler).arg("--version")).is_none().then(|| Missing {
        what: format!("{} needs MinGW, whose compiler is {compiler}", platform.name),
        install: format!("apt-get install {package}"),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{CARGO_ZIGBUILD, ZIG, ZIG_PINS};

    /// Each line of the file with its continuation lines, without comments.
    fn pins() -> Vec<String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(ZIG_PINS);
        let text = std::fs::read_to_string(file).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
        joined.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_pip_installs_are_the_versions_that_cargo_dist_wants() {
        let pins = pins();
        let packages: Vec<_> = pins.iter().map(|pin| pin.split_whitespace().next().unwrap()).collect();
        assert_eq!(packages, [format!("cargo-zigbuild=={CARGO_ZIGBUILD}"), format!("ziglang=={ZIG}")]);
    }

    #[test]
    fn every_package_has_a_sha256_for_each_of_two_machines() {
        for pin in pins() {
            let hashes: Vec<_> = pin.split_whitespace().skip(1).collect();
            assert_eq!(hashes.len(), 2, "{pin}");
            for hash in hashes {
                let digits = hash.strip_prefix("--hash=sha256:").unwrap_or_default();
                assert!(digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
            }
        }
    }
}
