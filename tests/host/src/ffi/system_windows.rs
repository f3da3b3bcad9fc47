//! Services of the system: those that Windows has.

use std::{
    env, io,
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Windows has no SIGPIPE.
pub(crate) fn restore_sigpipe() {}

/// Windows ends the process at once, except for a Ctrl-C while a line is edited.
pub(crate) fn end_on_interrupt() {}

/// The end is never requested.
pub(crate) fn interrupted() -> bool {
    false
}

/// A console's mode is set by its shell.
#[derive(Debug)]
pub(crate) struct TerminalMode;

impl TerminalMode {
    pub(crate) fn keep() -> Self {
        Self
    }
}

/// Sets an environment variable for this process.
///
/// # Errors
///
/// The name or the value cannot be in an environment.
pub(crate) fn set_environment(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    let text = |bytes| str::from_utf8(bytes).map_err(|_| "the environment takes UTF-8");
    let (name, value) = (text(name)?, text(value)?);
    if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
        return Err("the environment takes no empty names, and no NUL bytes");
    }
    // SAFETY: on Windows this is safe at any time.
    unsafe { env::set_var(name, value) };
    Ok(())
}

/// Removes a variable from the environment.
///
/// # Errors
///
/// The name cannot be in an environment.
pub(crate) fn unset_environment(name: &[u8]) -> Result<(), &'static str> {
    let name = str::from_utf8(name).map_err(|_| "the environment takes UTF-8")?;
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err("the environment takes no empty names, and no NUL bytes");
    }
    // SAFETY: on Windows this is safe at any time.
    unsafe { env::remove_var(name) };
    Ok(())
}

/// The time since the start of this process: there is no clock here that is the same for all processes.
pub(crate) fn monotonic() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The processor time that this thread has used.
///
/// # Errors
///
/// Always: the host supports it only on Linux.
pub(crate) fn thread_time() -> io::Result<Duration> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "the host reads a thread's processor time on Linux alone"))
}

/// Bytes that C and Rust code has allocated.
///
/// # Errors
///
/// Always: they cannot be counted here.
pub(crate) fn allocated_bytes() -> io::Result<usize> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "the host counts memory on Linux alone"))
}

/// Not possible: a server that this starts may outlive it if it is killed.
pub(crate) fn die_with_parent(_: &mut Command) {}

/// Signals for a server's process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// End it cleanly.
    End,
    /// Stop it.
    Pause,
    /// Continue it.
    Resume,
}

/// Sends a signal to a child process.
///
/// # Errors
///
/// Always: Windows has no signals.
pub(crate) fn send_signal(_: u32, signal: Signal) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!("Windows has no signal to tell a process: {signal:?}"),
    ))
}

/// Ends the process immediately.
pub(crate) fn exit_now(code: i32) -> ! {
    std::process::exit(code)
}
