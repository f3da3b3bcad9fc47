//! Compiles the program that uses libpq and LuaJIT. Needs a C compiler, make, and libpq with its headers.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=c");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let luajit = luajit_src::Build::new().debug(false).try_build().map_err(|error| error.to_string())?;
    let program = out.join("libpq_peer");
    let paths = Command::new("pg_config").args(["--includedir", "--libdir"]).output();
    let paths = paths.map_err(|error| format!("pg_config: {error}; install libpq-dev"))?.stdout;
    let paths = String::from_utf8(paths)?;
    let mut paths = paths.lines();
    let (include, lib) = (paths.next().unwrap_or_default(), paths.next().unwrap_or_default());
    let mut compiler = cc::Build::new().get_compiler().to_command();
    compiler.args(["-O2", "-Wall", "-Wextra", "-I"]).arg(luajit.include_dir()).args(["-I", include, "-o"]);
    compiler.arg(&program).arg("c/libpq_peer.c").arg(luajit.lib_dir().join("libluajit.a"));
    compiler.args(["-L", lib, "-lpq", "-lm", "-ldl"]);
    let status = compiler.status()?;
    if !status.success() {
        return Err(format!("{compiler:?}: {status}").into());
    }
    println!("cargo:rustc-env=LIBPQ_PEER={}", program.display());
    Ok(())
}
