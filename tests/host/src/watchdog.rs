//! Ends a run whose main thread is stuck.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::{ffi, run::EXIT_TIMEOUT};

/// How long the main thread may take to end in order once the timeout is over: longer than a busy machine keeps it from a processor.
const GRACE: Duration = Duration::from_secs(10);

/// Ends the process after the timeout, unless it is dropped before.
#[derive(Debug)]
pub(crate) struct Watchdog {
    _called_off: mpsc::Sender<()>,
}

impl Watchdog {
    /// Watches from now on: `timeout` and a little more.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(crate) fn start(timeout: Duration, folder: PathBuf) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            if receiver.recv_timeout(timeout.saturating_add(GRACE)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            eprintln!("gmod-host: the main thread is stuck, after {} seconds", timeout.as_secs_f64());
            // Errors here do not matter: the process ends.
            let _flushed = io::stdout().flush();
            let _removed = std::fs::remove_dir_all(folder);
            ffi::exit_now(EXIT_TIMEOUT);
        })?;
        Ok(Self { _called_off: sender })
    }
}
