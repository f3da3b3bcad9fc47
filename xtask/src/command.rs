//! Running other programs.

use std::ffi::OsStr;
use std::io;
use std::process::Command;

/// Why another program failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It is missing, or may not be run.
    #[error("cannot run {0}: {1}")]
    Start(String, #[source] io::Error),
    /// It has printed the reason on the standard error.
    #[error("{0} failed ({1})")]
    Failed(String, std::process::ExitStatus),
}

/// Runs a program to its end; it writes to our own console.
pub(crate) fn run(command: &mut Command) -> Result<(), CommandError> {
    let name = name(command);
    let status = command.status().map_err(|error| CommandError::Start(name.clone(), error))?;
    if status.success() { Ok(()) } else { Err(CommandError::Failed(name, status)) }
}

/// The output of a program, without the last line end; `None` if it is missing or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim_end().to_owned())
}

fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}
