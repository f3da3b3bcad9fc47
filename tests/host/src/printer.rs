//! Prints above the line that is being typed, on a thread of its own.
//!
//! The line editor takes a piece of text between two keys, and keeps one more in hand. After Enter it takes none
//! until the main thread has handled the line: if the main thread waited for its text to be taken, both would wait
//! for ever.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// Passes text on without waiting.
pub(crate) struct Printer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The text still to be passed on.
    text: String,
    is_printing: bool,
    failed: Option<io::Error>,
}

impl Printer {
    /// A printer that passes text to `print`.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(crate) fn start(print: impl FnMut(String) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        thread::Builder::new().name("printer".to_owned()).spawn(move || hand_on(&of_thread, print))?;
        Ok(Self(shared))
    }

    /// Prints complete lines, soon.
    ///
    /// # Errors
    ///
    /// Errors of earlier text.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        state.text.push_str(text);
        self.0.changed.notify_all();
        state.failed.take().map_or(Ok(()), Err)
    }

    /// Waits until everything is passed on, or the time is over; returns whether it is.
    pub(crate) fn settle(&self, patience: Duration) -> bool {
        let is_busy = |state: &mut State| state.is_printing || !state.text.is_empty();
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), patience, is_busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Shared {
    /// A panic in here leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lives as long as the process.
fn hand_on(shared: &Shared, mut print: impl FnMut(String) -> io::Result<()>) {
    loop {
        let waited = shared.changed.wait_while(shared.lock(), |state| state.text.is_empty());
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let text = std::mem::take(&mut state.text);
        state.is_printing = true;
        drop(state);
        let printed = print(text);
        let mut state = shared.lock();
        state.is_printing = false;
        if let Err(error) = printed {
            state.failed = Some(error);
        }
        shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn nobody_waits_for_text_to_be_taken() {
        let (take, taken) = mpsc::sync_channel(0);
        let print = move |text: String| take.send(text).map_err(io::Error::other);
        let printer = Printer::start(print).unwrap();
        for _ in 0..1000 {
            printer.print("line\n").unwrap();
        }
        assert!(!printer.settle(Duration::ZERO));
        let mut lines = 0;
        while lines < 1000 {
            lines += taken.recv_timeout(PATIENCE).unwrap().lines().count();
        }
        assert_eq!(lines, 1000);
        assert!(printer.settle(PATIENCE));
    }

    #[test]
    fn an_error_is_told_with_the_next_text() {
        let printer = Printer::start(|_| Err(io::Error::other("the terminal is gone"))).unwrap();
        printer.print("a\n").unwrap();
        assert!(printer.settle(PATIENCE));
        assert_eq!(printer.print("b\n").unwrap_err().to_string(), "the terminal is gone");
    }
}
