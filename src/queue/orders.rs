//! From the main thread to the worker.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crossbeam_queue::SegQueue;

use super::Producer;
use crate::model::{Command, SessionId, Wake};

/// An order of the main thread to the worker. `S` is what the worker runs for a client: a boxed session.
#[derive(Debug)]
pub enum Order<S> {
    /// Run this session, which uses this producer.
    Open {
        /// Its id in later orders.
        id: SessionId,
        /// The session.
        session: S,
        /// Its way to the main thread.
        producer: Producer,
        /// Its first commands.
        commands: Vec<Command>,
    },
    /// A command for a session. Ignored if the session has ended.
    Command {
        /// Which session.
        id: SessionId,
        /// The command.
        command: Command,
    },
    /// The Lua state ends: accepted commands are still sent until `deadline`, then the thread ends. Only the first
    /// one counts.
    Shutdown {
        /// When to end at the latest.
        deadline: Instant,
    },
}

/// The two ends of the way to the worker.
///
/// Its length is bounded by the requests, which need tickets, and by the number of other calls that a script makes.
pub fn orders<S>() -> (Orders<S>, Inbox<S>) {
    let queue = Arc::new(OrderQueue {
        queue: SegQueue::new(),
        bell: Arc::default(),
        abandoned: AtomicBool::new(false),
    });
    (Orders(Arc::clone(&queue)), Inbox(queue))
}

/// The main thread's end. Dropping it ends the worker at once, if no [`Order::Shutdown`] came before.
pub struct Orders<S>(Arc<OrderQueue<S>>);

impl<S> Orders<S> {
    /// Hands an order over, and wakes the worker if it sleeps.
    pub fn push(&self, order: Order<S>) {
        self.0.queue.push(order);
        self.0.bell.ring();
        if self.0.abandoned.load(Ordering::Relaxed) {
            self.0.clear();
        }
    }

    /// Wakes the worker if it sleeps; for the consumers of [`super::events`].
    pub fn waker(&self) -> Arc<dyn Wake> {
        Arc::<Bell>::clone(&self.0.bell)
    }
}

impl<S> Drop for Orders<S> {
    fn drop(&mut self) {
        self.push(Order::Shutdown { deadline: Instant::now() });
    }
}

/// The worker's end.
pub struct Inbox<S>(Arc<OrderQueue<S>>);

impl<S> Inbox<S> {
    /// Sets how to wake this end. Until then nothing is woken; setting it again changes nothing.
    pub fn attach(&self, wake: Arc<dyn Wake>) {
        let _ = self.0.bell.wake.set(wake);
    }

    /// The next order, if there is one. Never waits.
    pub fn pop(&self) -> Option<Order<S>> {
        self.0.queue.pop()
    }

    /// Announces that this end is about to sleep. From now on an order wakes it. `false` if something has come
    /// already: then it is awake, and has to look.
    pub fn fall_asleep(&self) -> bool {
        let bell = &self.0.bell;
        bell.asleep.store(true, Ordering::Relaxed);
        // Either we see what the other end did before it checked whether we sleep, or it sees that we do.
        fence(Ordering::SeqCst);
        let quiet = self.0.queue.is_empty() && !bell.rung.load(Ordering::Acquire);
        if !quiet {
            self.wake_up();
        }
        quiet
    }

    /// This end is awake, and looks at everything before it sleeps again.
    pub fn wake_up(&self) {
        self.0.bell.asleep.store(false, Ordering::Relaxed);
        self.0.bell.rung.swap(false, Ordering::AcqRel);
    }
}

impl<S> Drop for Inbox<S> {
    fn drop(&mut self) {
        self.0.abandoned.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.0.clear();
    }
}

struct OrderQueue<S> {
    queue: SegQueue<Order<S>>,
    bell: Arc<Bell>,
    /// The worker has ended: orders are dropped, and a producer in them reports that its client is closed.
    abandoned: AtomicBool,
}

impl<S> OrderQueue<S> {
    fn clear(&self) {
        while self.queue.pop().is_some() {}
    }
}

/// Knows whether the worker sleeps, and how to wake it.
#[derive(Default)]
struct Bell {
    asleep: AtomicBool,
    /// Rung since the worker last woke up.
    rung: AtomicBool,
    wake: OnceLock<Arc<dyn Wake>>,
}

impl Bell {
    /// Wakes the worker if it sleeps, because something was put into its queue.
    fn ring(&self) {
        fence(Ordering::SeqCst);
        // The swap is only paid for when the worker sleeps, and only one of many rings wakes it.
        if self.asleep.load(Ordering::Relaxed)
            && self.asleep.swap(false, Ordering::AcqRel)
            && let Some(wake) = self.wake.get()
        {
            wake.wake();
        }
    }
}

impl Wake for Bell {
    fn wake(&self) {
        self.rung.store(true, Ordering::Release);
        self.ring();
    }
}

impl<S> fmt::Debug for Orders<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orders").field("waiting", &self.0.queue.len()).finish()
    }
}

impl<S> fmt::Debug for Inbox<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("waiting", &self.0.queue.len()).finish()
    }
}
