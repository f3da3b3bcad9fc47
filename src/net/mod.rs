//! The worker thread: one event loop for all clients. The only user of mio.
//!
//! The loop carries bytes, commands and the time to each client's [`Session`], and carries out what the session wishes:
//! links made and closed, bytes written, a call at a certain time. It knows links only by number, and nothing of what
//! is said on them.
//!
//! It sleeps in `poll` when nothing happens, with no timer but those that are due. After a command it lingers a moment
//! before it sleeps again, so that a burst of commands costs one wake-up.

mod connect;
mod driver;
mod event_loop;
mod io;
mod link;
mod resolve;
#[cfg(test)]
mod tests;
mod transport;

use std::convert::Infallible;
use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::backend::Session;
use crate::model::{Join, Spawn, Wake};
use crate::queue::Inbox;
use event_loop::EventLoop;
use resolve::Resolver;

/// What the worker runs: one boxed session for each client.
pub type BoxedSession = Box<dyn Session>;

/// Starts the worker thread.
#[derive(Debug, Clone)]
pub struct Worker {
    wakes: Arc<AtomicU64>,
    resolver: Arc<Resolver>,
}

impl Worker {
    /// A worker that resolves names as the system does.
    pub fn new() -> Self {
        Self { wakes: Arc::default(), resolver: Resolver::of_the_system() }
    }

    /// How often a sleeping worker was woken, at a system call each.
    pub fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }
}

impl Default for Worker {
    fn default() -> Self {
        Self::new()
    }
}

impl Spawn<Inbox<BoxedSession>> for Worker {
    fn spawn(&self, inbox: Inbox<BoxedSession>) -> Result<Box<dyn Join>> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), io::WAKER)?;
        let waker = Arc::new(LoopWaker { waker, wakes: Arc::clone(&self.wakes) });
        inbox.attach(Arc::<LoopWaker>::clone(&waker));
        let event_loop = EventLoop::new(poll, inbox, waker, Arc::clone(&self.resolver))?;
        let (running, ended) = channel::<Infallible>();
        let thread = thread::Builder::new().name("realtime".into()).spawn(move || {
            let _running = running;
            event_loop.run();
        })?;
        Ok(Box::new(Running { thread, ended }))
    }
}

/// Ends the worker's sleep.
#[derive(Debug)]
struct LoopWaker {
    waker: mio::Waker,
    wakes: Arc<AtomicU64>,
}

impl Wake for LoopWaker {
    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        // Fails only if the system has no memory for one more event. Nobody up here could do more than try again,
        // and the next order does.
        let _ = self.waker.wake();
    }
}

/// A worker thread that runs.
struct Running {
    thread: JoinHandle<()>,
    /// Closed when the thread ends, however it ends.
    ended: Receiver<Infallible>,
}

impl Join for Running {
    fn join(self: Box<Self>, deadline: Instant) -> bool {
        let patience = deadline.saturating_duration_since(Instant::now());
        let Err(end) = self.ended.recv_timeout(patience);
        if end == RecvTimeoutError::Timeout {
            return false;
        }
        // It has nothing left to do but to return. A panic was reported by the panic hook.
        let _ = self.thread.join();
        true
    }
}
