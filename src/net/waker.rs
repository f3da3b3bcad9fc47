//! Wakes the worker.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mio::{Registry, Token};

use crate::model::Wake;

/// The token of the waker; links have the others.
pub(super) const WAKER: Token = Token(0);

/// Wakes the worker from its sleep.
#[derive(Debug)]
pub(super) struct LoopWaker {
    waker: mio::Waker,
    wakes: Arc<AtomicU64>,
}

impl LoopWaker {
    /// Counts in `wakes` how often it is used.
    pub(super) fn new(registry: &Registry, wakes: Arc<AtomicU64>) -> Result<Self> {
        Ok(Self { waker: mio::Waker::new(registry, WAKER)?, wakes })
    }
}

impl Wake for LoopWaker {
    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        // Fails only if the system has no memory for one more event. The next order tries again.
        let _ = self.waker.wake();
    }
}
