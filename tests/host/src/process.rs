//! The resources of this process, as the system counts them.

use std::{collections::BTreeMap, fs, io, time::Duration};

/// Threads of this process, the host's own included.
///
/// # Errors
///
/// The system has no /proc.
pub(crate) fn threads() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/task")?.count())
}

/// Open file descriptors of this process.
///
/// # Errors
///
/// The system has no /proc.
pub(crate) fn descriptors() -> io::Result<usize> {
    // Without the one that reads the folder.
    Ok(fs::read_dir("/proc/self/fd")?.count().saturating_sub(1))
}

/// Whether a mapped file's path contains `part`.
///
/// # Errors
///
/// The system has no /proc.
pub(crate) fn has_mapped(part: &str) -> io::Result<bool> {
    Ok(fs::read_to_string("/proc/self/maps")?.lines().any(|line| line.contains(part)))
}

/// Resident memory in bytes.
///
/// # Errors
///
/// The system has no /proc, or another format.
pub(crate) fn resident_bytes() -> io::Result<usize> {
    status("VmRSS:")
}

/// The peak of resident memory, in bytes.
///
/// # Errors
///
/// The system has no /proc, or another format.
pub(crate) fn peak_resident_bytes() -> io::Result<usize> {
    status("VmHWM:")
}

fn status(line: &'static str) -> io::Result<usize> {
    const BYTES_PER_KIB: usize = 1024;
    let status = fs::read_to_string("/proc/self/status")?;
    status
        .lines()
        .find_map(|found| found.strip_prefix(line)?.trim().strip_suffix("kB")?.trim().parse::<usize>().ok())
        .map(|kib| kib * BYTES_PER_KIB)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("/proc/self/status has no {line}")))
}

/// Processor time of each thread of this process, by its name; threads with the same name are added up.
///
/// # Errors
///
/// The system has no /proc, or does not count this.
pub(crate) fn processor_seconds() -> io::Result<BTreeMap<String, f64>> {
    by_thread("schedstat", |times| {
        let nanos = times.split_whitespace().next()?.parse().ok()?;
        Some(Duration::from_nanos(nanos).as_secs_f64())
    })
}

/// How often each thread of this process gave up the processor to wait, by its name; threads with the same name are
/// added up.
///
/// # Errors
///
/// The system has no /proc, or another format.
pub(crate) fn sleeps() -> io::Result<BTreeMap<String, f64>> {
    by_thread("status", |status| field(status, "voluntary_ctxt_switches:"))
}

/// Adds up, by the names of threads, what `read` finds in that file of each.
fn by_thread(file: &str, read: impl Fn(&str) -> Option<f64>) -> io::Result<BTreeMap<String, f64>> {
    let mut threads = BTreeMap::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let thread = thread?.path();
        let (name, text) =
            match (fs::read_to_string(thread.join("comm")), fs::read_to_string(thread.join(file))) {
                (Ok(name), Ok(text)) => (name, text),
                // It has ended since.
                _ if !thread.exists() => continue,
                (Err(error), _) | (_, Err(error)) => return Err(error),
            };
        let figure = read(&text).ok_or_else(|| unknown(&format!("/proc/self/task/*/{file}")))?;
        *threads.entry(name.trim_end().to_owned()).or_default() += figure;
    }
    Ok(threads)
}

/// How often this thread has called write(2) or its like. Bytes sent to a socket by send(2) are not included.
///
/// # Errors
///
/// The system has no /proc, or does not count this.
pub(crate) fn writes() -> io::Result<f64> {
    let counts = fs::read_to_string("/proc/thread-self/io")?;
    field(&counts, "syscw:").ok_or_else(|| unknown("/proc/thread-self/io"))
}

/// The number in the line with this beginning.
fn field(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn unknown(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{file} has an unknown format"))
}
