//! Blocks of `python` run, with the example's modules beside them.

use std::{env, fs, path::Path, process::Command};

use libtest_mimic::Failed;

use crate::{fresh_folder, markdown::Block, servers::find};

/// The folder with the modules that a block may import.
const MODULES: &str = "lua/examples/bridge";

const PROGRAM: &str = "python3";

/// Whether Python is required: where it is installed, and in the gate.
pub(crate) fn is_expected() -> bool {
    find(PROGRAM).is_some() || env::var_os("CI").is_some()
}

pub(crate) fn runs(root: &Path, name: &str, block: &Block) -> Result<(), Failed> {
    let folder = fresh_folder(&format!("{name}-{}", block.line))?;
    program(root, &folder, &block.code)?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Runs a program in a folder. What it writes to its errors is the failure.
pub(crate) fn program(root: &Path, folder: &Path, code: &str) -> Result<(), Failed> {
    let script = folder.join("block.py");
    fs::write(&script, code)?;
    let mut command = Command::new(find(PROGRAM).ok_or("no python3")?);
    command.env("PYTHONPATH", root.join(MODULES)).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.arg(&script).current_dir(folder).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}
