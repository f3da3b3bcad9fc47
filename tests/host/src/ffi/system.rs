//! What the C library does for this process.

use std::ffi::CString;

/// A Rust program ignores SIGPIPE, the game does not: a write to a closed peer kills it.
pub(crate) fn restore_sigpipe() {
    // SAFETY: called at the start of main, before there is another thread.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Sets an environment variable for this process.
///
/// # Errors
///
/// The name or the value holds a NUL byte.
pub(crate) fn set_environment(name: &[u8], value: &[u8]) -> Result<(), std::ffi::NulError> {
    let (name, value) = (CString::new(name)?, CString::new(value)?);
    // SAFETY: both are C strings. The C library's own lock keeps writers apart; a script calls this before it starts
    // what reads the environment on another thread, as its documentation demands.
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) };
    Ok(())
}

/// Ends the process at once, running nothing more of it.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no conditions.
    unsafe { libc::_exit(code) }
}
