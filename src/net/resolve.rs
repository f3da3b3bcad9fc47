//! Name resolution, which blocks in the system and so runs on its own threads.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_queue::SegQueue;
use mio::Token;

use super::waker::LoopWaker;
use crate::model::Wake;

/// How many lookups with a waiting link run at a time.
const MAX_WANTED: usize = 4;
/// The most lookups at a time, including those that were given up. A lookup that was given up runs until the
/// system ends it, which can take a minute if no name server answers; other names must not wait for that.
const MAX_THREADS: usize = 16;

/// How long addresses that came too late are kept for the next lookup of their name.
const KEEP_LATE: Duration = Duration::from_secs(60);

/// The addresses of a name, or the system's error. Their ports mean nothing.
pub(super) type Resolution = Result<Vec<SocketAddr>, String>;

type ResolveFn = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// The work of a thread.
pub(super) type Work = Box<dyn FnOnce() + Send>;

/// Resolves names on a few threads that are kept for the next lookups.
///
/// The threads live as long as the process: a lookup cannot be interrupted, and waiting for one at the end of a map
/// would stall the game.
pub(super) struct Resolver {
    resolve: Box<ResolveFn>,
    start_thread: fn(Work) -> io::Result<()>,
    lookups: Mutex<Lookups>,
    job: Condvar,
}

#[derive(Default)]
struct Lookups {
    threads: usize,
    idle: usize,
    /// Names whose lookup has not begun.
    jobs: VecDeque<Arc<str>>,
    /// The waiting links of each name. A name stays in here until its lookup has ended. The waiters are owned by
    /// their links, so that a lookup which never ends keeps no memory of a link that is gone, or of a worker that has
    /// ended.
    waiting: HashMap<Arc<str>, Vec<Weak<Waiter>>>,
    /// Addresses that came after all had given up, and when they came. Without them, a name whose lookup takes a
    /// little longer than an attempt to connect would never be resolved.
    late: HashMap<Arc<str>, (Instant, Vec<SocketAddr>)>,
}

impl Lookups {
    /// Removes links that no longer wait, and names without a waiting link whose lookup has not begun.
    fn forget_unwanted(&mut self) {
        for waiters in self.waiting.values_mut() {
            waiters.retain(|waiter| waiter.strong_count() > 0);
        }
        let waiting = &mut self.waiting;
        self.jobs.retain(|host| {
            let wanted = waiting.get(host).is_some_and(|waiters| !waiters.is_empty());
            if !wanted {
                waiting.remove(host);
            }
            wanted
        });
    }

    /// Whether one more thread may be started.
    fn may_grow(&self) -> bool {
        // Unwanted names whose lookup has not begun were removed.
        let given_up = self.waiting.values().filter(|waiters| waiters.is_empty()).count();
        self.threads < (MAX_WANTED + given_up).min(MAX_THREADS)
    }

    /// Keeps addresses that came too late. A failure is not kept: the next lookup may succeed.
    fn keep_late(&mut self, host: Arc<str>, resolution: Resolution, now: Instant) {
        self.late.retain(|_, (came, _)| is_fresh(*came, now));
        if let Ok(addresses) = resolution {
            self.late.insert(host, (now, addresses));
        }
    }

    /// Takes the addresses that came too late for the last lookup, if they are still valid. They are used only once,
    /// so that a name that has moved is found.
    fn take_late(&mut self, host: &str, now: Instant) -> Option<Vec<SocketAddr>> {
        let (came, addresses) = self.late.remove(host)?;
        is_fresh(came, now).then_some(addresses)
    }
}

/// Whether addresses that came too late are still valid.
fn is_fresh(came: Instant, now: Instant) -> bool {
    now.saturating_duration_since(came) <= KEEP_LATE
}

/// A question to the resolver. Dropping it withdraws it.
#[derive(Debug)]
pub(super) struct Query {
    _waiter: Arc<Waiter>,
}

/// A link that waits for an answer.
#[derive(Debug)]
pub(super) struct Waiter {
    token: Token,
    /// The event loop's queue, gone once the worker has ended.
    answers: Weak<SegQueue<Answer>>,
    waker: Arc<LoopWaker>,
}

/// The answer of a lookup on its way to the event loop.
#[derive(Debug)]
pub(super) struct Answer {
    /// The link that asked.
    pub(super) token: Token,
    pub(super) host: Arc<str>,
    pub(super) resolution: Resolution,
}

impl Waiter {
    pub(super) fn new(token: Token, answers: Weak<SegQueue<Answer>>, waker: Arc<LoopWaker>) -> Self {
        Self { token, answers, waker }
    }

    fn send(&self, host: Arc<str>, resolution: Resolution) {
        if let Some(answers) = self.answers.upgrade() {
            answers.push(Answer { token: self.token, host, resolution });
            self.waker.wake();
        }
    }
}

impl Resolver {
    /// The resolver that asks the system. There is one for the whole process.
    pub(super) fn of_the_system() -> Arc<Self> {
        static SYSTEM: OnceLock<Arc<Resolver>> = OnceLock::new();
        let new = || Self::new(|host| Ok((host, 0).to_socket_addrs()?.collect()));
        Arc::clone(SYSTEM.get_or_init(new))
    }

    pub(super) fn new(
        resolve: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::on_threads(resolve, start_thread)
    }

    /// A resolver whose threads are started by `start`.
    pub(super) fn on_threads(
        resolve: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
        start_thread: fn(Work) -> io::Result<()>,
    ) -> Arc<Self> {
        let resolve = Box::new(resolve);
        Arc::new(Self { resolve, start_thread, lookups: Mutex::default(), job: Condvar::new() })
    }

    /// Looks a name up, or joins a running lookup of it. An answer that came too late for the last attempt is used
    /// for this one. Never waits.
    #[must_use = "the answer comes as long as the question is kept"]
    pub(super) fn look_up(self: &Arc<Self>, host: &str, waiter: Waiter, now: Instant) -> Query {
        let waiter = Arc::new(waiter);
        self.ask(host, &waiter, now);
        Query { _waiter: waiter }
    }

    /// Takes back addresses that reached the event loop after their link was gone.
    pub(super) fn keep_late(&self, host: Arc<str>, resolution: Resolution, now: Instant) {
        self.lock().keep_late(host, resolution, now);
    }

    /// Whether no lookup runs or waits for a thread.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    /// How many threads there are, once those that are about to end have ended.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        loop {
            let lookups = self.lock();
            if lookups.idle == lookups.threads && lookups.jobs.is_empty() {
                return lookups.threads;
            }
            drop(lookups);
            thread::yield_now();
        }
    }

    fn ask(self: &Arc<Self>, host: &str, waiter: &Arc<Waiter>, now: Instant) {
        let mut lookups = self.lock();
        lookups.forget_unwanted();
        if let Some(addresses) = lookups.take_late(host, now) {
            drop(lookups);
            waiter.send(host.into(), Ok(addresses));
            return;
        }
        if let Some(waiters) = lookups.waiting.get_mut(host) {
            waiters.push(Arc::downgrade(waiter));
            return;
        }
        if lookups.jobs.len() >= lookups.idle && lookups.may_grow() {
            let this = Arc::clone(self);
            match (self.start_thread)(Box::new(move || this.serve())) {
                Ok(()) => lookups.threads += 1,
                // One of the other threads will take the job.
                Err(_) if lookups.threads > 0 => {}
                Err(error) => {
                    drop(lookups);
                    waiter.send(host.into(), Err(format!("no thread to do it on: {error}")));
                    return;
                }
            }
        }
        let host: Arc<str> = host.into();
        lookups.waiting.insert(Arc::clone(&host), vec![Arc::downgrade(waiter)]);
        lookups.jobs.push_back(host);
        self.job.notify_one();
    }

    /// Runs on each thread.
    fn serve(&self) {
        let mut lookups = self.lock();
        loop {
            lookups.forget_unwanted();
            let Some(host) = lookups.jobs.pop_front() else {
                if lookups.threads > MAX_WANTED {
                    lookups.threads -= 1;
                    return;
                }
                lookups.idle += 1;
                lookups = self.job.wait(lookups).unwrap_or_else(PoisonError::into_inner);
                lookups.idle -= 1;
                continue;
            };
            drop(lookups);
            // After a panic the thread would be missing for ever, and this name would get no answer.
            let resolution = match catch_unwind(AssertUnwindSafe(|| (self.resolve)(&host))) {
                Ok(Ok(addresses)) if addresses.is_empty() => Err("it has no address".into()),
                Ok(Ok(addresses)) => Ok(addresses),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the lookup failed because of a bug in this module, please report it".into()),
            };
            lookups = self.lock();
            let waiters = lookups.waiting.remove(&host).unwrap_or_default();
            let waiters: Vec<_> = waiters.iter().filter_map(Weak::upgrade).collect();
            if waiters.is_empty() {
                lookups.keep_late(host, resolution, Instant::now());
                continue;
            }
            for waiter in waiters {
                waiter.send(Arc::clone(&host), resolution.clone());
            }
        }
    }

    /// Nothing panics while the lock is held, so the data behind a poisoned lock is intact.
    fn lock(&self) -> MutexGuard<'_, Lookups> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a system thread.
pub(super) fn start_thread(work: Work) -> io::Result<()> {
    thread::Builder::new().name("realtime-dns".into()).spawn(work).map(drop)
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
