//! Link options that Cargo.toml cannot express.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The game unloads modules while threads and functions of theirs may be alive: this keeps the library in memory.
    // Windows does the same at run time.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
