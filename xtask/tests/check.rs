//! The checker against real files: small libraries that the system's C compiler makes, each with one thing wrong.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::check::{CheckError, Fault, check};

/// A folder of the test's own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A library that stands for another one, with these functions in that version.
    fn stand_in(&self, library: &str, version: &str, functions: &[&str]) -> PathBuf {
        let code: String = functions.iter().map(|name| format!("void {name}(void) {{}}\n")).collect();
        let map = format!("{version} {{ global: {}; local: *; }};\n", functions.join("; "));
        let (source, map) =
            (self.write(&format!("{library}.c"), &code), self.write(&format!("{library}.map"), &map));
        let out = self.path(library);
        compile(Command::new("cc").args(["-shared", "-fPIC", "-nostdlib", "-fno-builtin"]).args([
            format!("-Wl,-soname,{library}"),
            format!("-Wl,--version-script={}", map.display()),
            "-o".to_owned(),
            out.display().to_string(),
            source.display().to_string(),
        ]));
        out
    }

    /// A correct module, except for the given changes.
    fn module(&self, wish: &Wish<'_>) -> PathBuf {
        let libc = self.stand_in("libc.so.6", wish.glibc, &["getrandom_"]);
        let gcc = self.stand_in("libgcc_s.so.1", "GCC_3.0", &["_Unwind_Resume"]);
        let source = self.write(
            "module.c",
            &format!(
                "void getrandom_(void); void _Unwind_Resume(void);
                int gmod13_open(void *state) {{ getrandom_(); _Unwind_Resume(); return state != 0; }}
                int {}(void *state) {{ return state != 0; }}
                const char built_at[] __attribute__((used, visibility(\"hidden\"))) = \"{}\";",
                wish.close, wish.text
            ),
        );
        let out = self.path("gmsv_realtime_linux64.dll");
        let mut command = Command::new("cc");
        command
            .args(["-shared", "-fPIC", "-nostdlib", "-fno-builtin", "-O1", "-o"])
            .args([&out, &source, &libc, &gcc]);
        command.args(wish.flags);
        compile(&mut command);
        out
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it cannot be removed, it stays in the target folder.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

struct Wish<'a> {
    glibc: &'a str,
    close: &'a str,
    flags: &'a [&'a str],
    text: &'a str,
}

const FINE: Wish<'_> =
    Wish { glibc: "GLIBC_2.17", close: "gmod13_close", flags: &["-s", "-Wl,-z,nodelete"], text: "" };

fn compile(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn faults(file: &Path, folders: &[PathBuf]) -> Vec<Fault> {
    match check(file, folders) {
        Err(CheckError::Faulty(_, faults)) => faults,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_module_that_is_as_it_should_be_passes() {
    let folder = Folder::new("fine");
    let report = check(&folder.module(&FINE), std::slice::from_ref(&folder.0)).unwrap();
    assert_eq!(report.glibc.unwrap().to_string(), "2.17");
    assert_eq!(report.libraries, ["libc.so.6", "libgcc_s.so.1"]);
}

#[test]
fn a_symbol_of_a_newer_glibc_is_refused() {
    let folder = Folder::new("glibc");
    let file = folder.module(&Wish { glibc: "GLIBC_2.34", ..FINE });
    let error = check(&file, &[]).unwrap_err().to_string();
    assert!(error.contains("needs getrandom_@GLIBC_2.34"), "{error}");
    assert!(error.contains("no newer glibc than 2.17"), "{error}");
}

#[test]
fn a_missing_entry_point_is_refused_and_so_is_another_export() {
    let folder = Folder::new("exports");
    let file = folder.module(&Wish { close: "gmod13_shut", ..FINE });
    assert_eq!(
        faults(&file, &[]),
        [Fault::NoEntryPoint("gmod13_close"), Fault::Exports(vec!["gmod13_shut".to_owned()])]
    );
}

#[test]
fn what_is_not_stripped_or_can_be_unloaded_is_refused() {
    let folder = Folder::new("flags");
    let file = folder.module(&Wish { flags: &[], ..FINE });
    assert!(matches!(faults(&file, &[])[..], [Fault::NotStripped, Fault::Unloads(_)]));
}

#[test]
fn an_executable_stack_is_refused() {
    let folder = Folder::new("stack");
    let file = folder.module(&Wish { flags: &["-s", "-Wl,-z,nodelete,-z,execstack"], ..FINE });
    assert_eq!(faults(&file, &[]), [Fault::NotHardened]);
}

#[test]
fn a_folder_of_the_building_machine_is_refused() {
    let folder = Folder::new("folder");
    let file = folder.module(&Wish { text: "/home/somebody/realtime/src/lib.rs", ..FINE });
    assert_eq!(faults(&file, &["/home/somebody".into()]), [Fault::Folder("/home/somebody".to_owned())]);
    assert!(check(&file, &["/home/another".into()]).is_ok());
}

#[test]
fn a_file_for_64_bits_is_refused_under_the_name_of_32() {
    let folder = Folder::new("bits");
    let file = folder.module(&FINE);
    let other = file.with_file_name("gmsv_realtime_linux.dll");
    fs::rename(&file, &other).unwrap();
    let error = check(&other, &[]).unwrap_err().to_string();
    assert!(error.contains("no library for Linux in 32 bits: it is a library, Linux in 64 bits"), "{error}");
}

#[test]
fn what_is_no_library_says_so() {
    let folder = Folder::new("nonsense");
    let text = folder.write("gmsv_realtime_win64.dll", "MZ, and no more");
    assert!(matches!(check(&text, &[]), Err(CheckError::Parse(..))));
    assert!(matches!(check(&folder.path("gmsv_realtime_win32.dll"), &[]), Err(CheckError::Read(..))));
    assert!(matches!(check(&folder.path("librealtime.so"), &[]), Err(CheckError::Name(_))));
}
