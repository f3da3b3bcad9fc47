//! Compiles hiredis, the code that calls it, and LuaJIT like the stand-in host. Needs a C compiler, make, and OpenSSL with its headers.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};

/// The folder with hiredis' sources. By default the one where `run` puts them.
const HIREDIS: &str = "PEERS_HIREDIS";

/// The parts that a client needs: no TLS, no adapters for event loops.
const SOURCES: [&str; 7] = ["alloc.c", "async.c", "hiredis.c", "net.c", "read.c", "sds.c", "sockcompat.c"];
/// TLS by OpenSSL.
const TLS_SOURCE: &str = "ssl.c";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rerun-if-env-changed={HIREDIS}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let hiredis = match env::var_os(HIREDIS) {
        Some(folder) => PathBuf::from(folder),
        None => {
            PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets this")?).join("target/hiredis")
        }
    };
    for source in SOURCES.into_iter().chain([TLS_SOURCE]) {
        if !hiredis.join(source).is_file() {
            let folder = hiredis.display();
            return Err(
                format!("no {source} in {folder}: benches/peers/run --fetch gets hiredis' sources").into()
            );
        }
    }
    println!("cargo:rustc-env=HIREDIS_VERSION={}", version(&hiredis)?);

    // The flags of its own Makefile. Its warnings are its authors' business.
    cc::Build::new()
        .files(SOURCES.map(|source| hiredis.join(source)))
        .opt_level(3)
        .warnings(false)
        .compile("hiredis");
    cc::Build::new()
        .file(hiredis.join(TLS_SOURCE))
        .opt_level(3)
        .warnings(false)
        .cargo_metadata(false)
        .compile("hiredis_ssl");
    cc::Build::new().file("c/receive.c").include(&hiredis).opt_level(3).compile("receive");

    let luajit = luajit_src::Build::new().debug(false).try_build().map_err(|error| error.to_string())?;
    let lua_shared = out.join("lua_shared.so");
    run(c_compiler()
        .args(["-fPIC", "-O2", "-shared", "-Wl,-soname,lua_shared.so", "-o"])
        .arg(&lua_shared)
        .arg("-Wl,--whole-archive")
        .arg(luajit.lib_dir().join("libluajit.a"))
        .args(["-Wl,--no-whole-archive", "-lm", "-ldl"]))?;
    let program = out.join("firehose_lua");
    run(c_compiler()
        .args(["-O2", "-Wall", "-Wextra", "-I"])
        .arg(luajit.include_dir())
        .arg("-I")
        .arg(&hiredis)
        .arg("-o")
        .arg(&program)
        .arg("c/firehose_lua.c")
        .arg(out.join("libhiredis_ssl.a"))
        .arg(out.join("libhiredis.a"))
        .args(["-lssl", "-lcrypto"])
        .arg(&lua_shared)
        .arg(format!("-Wl,-rpath,{}", out.display())))?;
    println!("cargo:rustc-env=FIREHOSE_LUA={}", program.display());
    Ok(())
}

/// The version in its header, for the report.
fn version(hiredis: &Path) -> Result<String, Box<dyn Error>> {
    let header = std::fs::read_to_string(hiredis.join("hiredis.h"))?;
    let number = |name: &str| {
        let prefix = format!("#define HIREDIS_{name} ");
        header.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::trim).map(str::to_owned)
    };
    match (number("MAJOR"), number("MINOR"), number("PATCH")) {
        (Some(major), Some(minor), Some(patch)) => Ok(format!("{major}.{minor}.{patch}")),
        _ => Err("hiredis.h does not tell its version".into()),
    }
}

fn c_compiler() -> Command {
    cc::Build::new().get_compiler().to_command()
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
