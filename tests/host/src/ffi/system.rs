//! Services of the C library.

use std::{
    ffi::{CString, c_int},
    io,
    os::unix::process::CommandExt,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Set by a signal.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A Rust program ignores SIGPIPE, but the game does not: a write to a closed peer kills it.
pub(crate) fn restore_sigpipe() {
    // SAFETY: called at the start of main, before there is another thread.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// From now on Ctrl-C, or a plain `kill`, only sets a flag: see [`interrupted`]. A second one ends the process, as
/// before.
pub(crate) fn end_on_interrupt() {
    extern "C" fn ask(_: c_int) {
        INTERRUPTED.store(true, Ordering::Relaxed);
    }
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: all zeroes is a valid sigaction with an empty mask; the handler does nothing but store an atomic, which
        // a signal's handler may.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = ask as extern "C" fn(c_int) as libc::sighandler_t;
            action.sa_flags = libc::SA_RESETHAND | libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Whether the end was requested.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// The original mode of the terminal. A line may be in the middle of being edited when the process ends: dropping
/// this restores the terminal.
#[derive(Debug)]
pub(crate) struct TerminalMode(Option<libc::termios>);

impl TerminalMode {
    pub(crate) fn keep() -> Self {
        // SAFETY: all zeroes is a valid termios, which tcgetattr fills or not.
        unsafe {
            let mut mode: libc::termios = std::mem::zeroed();
            Self((libc::tcgetattr(libc::STDIN_FILENO, &raw mut mode) == 0).then_some(mode))
        }
    }
}

impl Drop for TerminalMode {
    fn drop(&mut self) {
        if let Some(mode) = &self.0 {
            // SAFETY: a mode that tcgetattr gave.
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, mode) };
        }
    }
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

/// Removes a variable from the environment.
///
/// # Errors
///
/// The name has a NUL byte.
pub(crate) fn unset_environment(name: &[u8]) -> Result<(), std::ffi::NulError> {
    let name = CString::new(name)?;
    // SAFETY: as in `set_environment`.
    unsafe { libc::unsetenv(name.as_ptr()) };
    Ok(())
}

/// Bytes that C and Rust code has allocated from the C library. Lua's own memory is not included.
///
/// # Errors
///
/// None here; on other systems, that they cannot be counted.
pub(crate) fn allocated_bytes() -> io::Result<usize> {
    // SAFETY: mallinfo2 has no conditions.
    let memory = unsafe { libc::mallinfo2() };
    // Small blocks and those with mappings of their own.
    Ok(memory.uordblks + memory.hblkhd)
}

/// Makes the system kill a child process if this thread ends before it, by the watchdog or by a signal.
pub(crate) fn die_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec, prctl is safe to call: it takes no lock and no memory.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}

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

/// Sends a signal to a child process that was not waited for yet, so its id is not reused.
///
/// # Errors
///
/// The system's own.
pub(crate) fn send_signal(process: u32, signal: Signal) -> io::Result<()> {
    let signal = match signal {
        Signal::End => libc::SIGTERM,
        Signal::Pause => libc::SIGSTOP,
        Signal::Resume => libc::SIGCONT,
    };
    let process = libc::pid_t::try_from(process).map_err(io::Error::other)?;
    // SAFETY: kill has no conditions.
    match unsafe { libc::kill(process, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A clock that is the same for all processes of the machine.
pub(crate) fn monotonic() -> Duration {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// The processor time that this thread has used.
///
/// # Errors
///
/// None here; on other systems, that the host does not support it.
pub(crate) fn thread_time() -> io::Result<Duration> {
    Ok(read_clock(libc::CLOCK_THREAD_CPUTIME_ID))
}

/// Reads one of the clocks that every system has.
fn read_clock(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: only `time` is written to. These clocks always exist, so that it cannot fail.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Ends the process immediately, without running any more of its code.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no conditions.
    unsafe { libc::_exit(code) }
}
