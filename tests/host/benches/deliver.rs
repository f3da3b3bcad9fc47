//! Dispatch into LuaJIT, in process: runs `benches/game/main_thread.lua` in the host and shows its output.
//!
//! Arguments after `--` that contain a `=` go to the script: `cargo bench -p gmod-host -- rounds=50`.

use std::{
    env, io,
    path::Path,
    process::{Command, ExitCode},
};

fn main() -> io::Result<ExitCode> {
    // cargo adds a --bench.
    let settings = env::args().skip(1).filter(|argument| argument.contains('='));
    let status = Command::new(env!("CARGO_BIN_EXE_gmod-host"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .arg("benches/game/main_thread.lua")
        .args(settings)
        .env_remove("REDIS_URL")
        .env_remove("REALTIME_URL")
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
