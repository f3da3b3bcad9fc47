//! A redis-server, for what only a real one can say.

use std::{
    env,
    process::{Command, Stdio},
};

/// Whether tests that need a redis-server run. Where CI is set, a missing one is a failure.
pub(crate) fn there_must_be_one() -> bool {
    env::var_os("CI").is_some() || is_there("redis-server")
}

/// Whether a program is on the PATH.
pub(crate) fn is_there(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok()
}
