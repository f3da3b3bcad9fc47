//! Counters of the system, and children that end with their parent.
#![allow(unsafe_code, reason = "the C library's clocks and signals")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// A clock that is the same for all processes.
pub(crate) fn monotonic() -> Duration {
    clock(libc::CLOCK_MONOTONIC)
}

/// Processor time of all threads of this process, user and system.
pub(crate) fn processor_time() -> Duration {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn clock(id: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: only `time` is written to. Both clocks always exist, so that it cannot fail.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanos)
}

/// The peak of this process's memory, in bytes.
///
/// Not `getrusage`: its figure includes what the parent had before this program was loaded.
///
/// # Errors
///
/// The system has no /proc, or another format.
pub(crate) fn peak_resident_bytes() -> io::Result<u64> {
    std::fs::read_to_string("/proc/self/status")?
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self/status has no VmHWM"))
}

/// Makes the system kill a child when the thread that starts it ends, however that ends.
pub(crate) fn die_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec, prctl is safe to call: it takes no lock and no memory.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}
