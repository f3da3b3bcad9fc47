//! The worker's thread: its start and its end.

use std::io::Result;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::driver::BoxedSession;
use super::event_loop::EventLoop;
use super::resolve::Resolver;
use super::transport::TlsConfigs;
use super::waker::LoopWaker;
use crate::backend::{OptionError, PrepareTls, Tls};
use crate::model::{Join, Spawn};
use crate::queue::Inbox;

/// Starts the worker thread.
#[derive(Debug, Clone)]
pub struct Spawner {
    pub(super) wakes: Arc<AtomicU64>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) tls: Arc<TlsConfigs>,
}

impl Spawner {
    /// Spawns workers that resolve names with the system's resolver.
    pub fn new() -> Self {
        Self { wakes: Arc::default(), resolver: Resolver::of_the_system(), tls: Arc::default() }
    }

    /// How often a sleeping worker was woken. Each costs a system call.
    pub fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }
}

impl Default for Spawner {
    fn default() -> Self {
        Self::new()
    }
}

impl Spawn<Inbox<BoxedSession>> for Spawner {
    fn spawn(&self, inbox: Inbox<BoxedSession>) -> Result<Box<dyn Join>> {
        let poll = mio::Poll::new()?;
        let waker = Arc::new(LoopWaker::new(poll.registry(), Arc::clone(&self.wakes))?);
        inbox.attach(Arc::<LoopWaker>::clone(&waker));
        let event_loop =
            EventLoop::new(poll, inbox, waker, Arc::clone(&self.resolver), Arc::clone(&self.tls))?;
        let ended = Arc::<Ended>::default();
        let end = EndOnDrop(Arc::clone(&ended));
        let thread = thread::Builder::new().name("realtime".into()).spawn(move || {
            let _end = end;
            event_loop.run();
        })?;
        Ok(Box::new(WorkerThread { thread, ended }))
    }
}

impl PrepareTls for Spawner {
    fn prepare_tls(&self, tls: &Arc<Tls>) -> std::result::Result<(), OptionError> {
        self.tls.prepare(tls).map(drop)
    }
}

/// A running worker thread.
struct WorkerThread {
    thread: JoinHandle<()>,
    ended: Arc<Ended>,
}

/// Whether the thread has ended.
#[derive(Default)]
struct Ended {
    ended: Mutex<bool>,
    told: Condvar,
}

/// Reports the thread's end, however it ends.
struct EndOnDrop(Arc<Ended>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.told.notify_all();
    }
}

impl Join for WorkerThread {
    fn join(self: Box<Self>, deadline: Instant) -> bool {
        let patience = deadline.saturating_duration_since(Instant::now());
        let ended = self.ended.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.ended.told.wait_timeout_while(ended, patience, |ended| !*ended);
        let (ended, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !*ended {
            return false;
        }
        drop(ended);
        // The thread is about to return. The panic hook has reported a panic.
        let _ = self.thread.join();
        true
    }
}
