//! Builds LuaJIT as the shared library that the game calls lua_shared, and the modules for the host's own tests and benches.
//! Needs a C compiler for the target, and make.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};

/// Modules in C, and the names by which the program and its tests know where they are. They are written for Unix.
const MODULES: [(&str, &str); 2] = [("probe.c", "GMOD_HOST_PROBE"), ("bare.c", "GMOD_HOST_BARE")];

/// Set to 1, it builds LuaJIT with its own checks.
const CHECKS: &str = "GMOD_HOST_LUAJIT_CHECKS";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=c");

    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    // LuaJIT's own checks abort at a module's misuse of the C API. They are off unless asked for: the game has none, and
    // they abort when memory runs out, too.
    println!("cargo:rerun-if-env-changed={CHECKS}");
    let debug = env::var_os(CHECKS).is_some_and(|checks| checks == "1");
    let luajit = luajit_src::Build::new().debug(debug).try_build().map_err(|error| error.to_string())?;

    let windows = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "windows");
    let (name, before, behind): (_, &[_], &[_]) = if windows {
        // Modules find the library among those that are loaded, by this name.
        ("lua_shared.dll", &["-static-libgcc", "-Wl,--export-all-symbols"], &["-Wl,--no-whole-archive"])
    } else {
        ("lua_shared.so", &["-Wl,-soname,lua_shared.so"], &["-Wl,--no-whole-archive", "-lm", "-ldl"])
    };
    // Every symbol of the static library, and the one that only the game's library has.
    let lua_shared = out.join(name);
    run(c_compiler(luajit.include_dir())
        .arg("-shared")
        .args(before)
        .arg("-o")
        .arg(&lua_shared)
        .args(["c/lua_shared.c", "-Wl,--whole-archive"])
        .arg(luajit.lib_dir().join("libluajit.a"))
        .args(behind))?;
    println!("cargo:rustc-env=GMOD_HOST_LUA_SHARED={}", lua_shared.display());
    if windows {
        return Ok(());
    }

    // Modules are to find the program's function before the C library's: see src/ffi/names.rs.
    println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=getaddrinfo");

    for (source, name) in MODULES {
        let module = out.join(source).with_extension("so");
        run(c_compiler(luajit.include_dir())
            .args(["-shared", "-pthread", "-o"])
            .arg(&module)
            .arg(Path::new("c").join(source))
            .arg(&lua_shared))?;
        println!("cargo:rustc-env={name}={}", module.display());
    }
    Ok(())
}

/// The target's C compiler with its flags, `-m32` for instance.
fn c_compiler(include: &Path) -> Command {
    let mut command = cc::Build::new().get_compiler().to_command();
    command.args(["-fPIC", "-O2", "-Wall", "-I"]).arg(include);
    command
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
