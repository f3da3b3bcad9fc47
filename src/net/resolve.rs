//! Name resolution, which blocks in the system and so has threads of its own.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use mio::Token;

use super::LoopWaker;
use crate::model::Wake;

/// How many lookups run at a time.
const MAX_THREADS: usize = 4;

/// How long addresses that came too late are kept for the next lookup of their name.
const KEEP_LATE: Duration = Duration::from_secs(60);

/// The addresses of a name, or what the system said. Their ports mean nothing.
pub(super) type Resolved = Result<Vec<SocketAddr>, String>;

type Resolve = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Resolves names on a few threads that are kept for the next lookups.
///
/// The threads live as long as the process: a lookup cannot be interrupted, and waiting for one at the end of a map
/// would stall the game.
pub(super) struct Resolver {
    resolve: Box<Resolve>,
    state: Mutex<State>,
    job: Condvar,
}

#[derive(Default)]
struct State {
    threads: usize,
    idle: usize,
    /// Names that no thread has begun to look up.
    jobs: VecDeque<Arc<str>>,
    /// Who waits for which name. A name stays in here until its lookup has ended. What there is of who waits belongs to
    /// them: a lookup that never ends keeps nothing of a link that is gone, nor of a worker that has ended.
    waiting: HashMap<Arc<str>, Vec<Weak<Reply>>>,
    /// Addresses that came when nobody waited for them any more, and when they came. Without them, a name whose lookup
    /// takes a little longer than an attempt to connect would never be resolved.
    late: HashMap<Arc<str>, (Instant, Vec<SocketAddr>)>,
}

impl State {
    /// Forgets who no longer waits, and the names that nobody waits for and no thread has begun to look up.
    fn forget_unwanted(&mut self) {
        for replies in self.waiting.values_mut() {
            replies.retain(|reply| reply.strong_count() > 0);
        }
        let waiting = &mut self.waiting;
        self.jobs.retain(|host| {
            let wanted = waiting.get(host).is_some_and(|replies| !replies.is_empty());
            if !wanted {
                waiting.remove(host);
            }
            wanted
        });
    }

    /// Keeps addresses that came too late. A failure is not kept: the next lookup may succeed.
    fn keep_late(&mut self, host: Arc<str>, resolved: Resolved, now: Instant) {
        self.late.retain(|_, (came, _)| is_fresh(*came, now));
        if let Ok(addresses) = resolved {
            self.late.insert(host, (now, addresses));
        }
    }

    /// Takes the addresses that came too late for the lookup before, if they are still good. They serve only once, so that
    /// a name that has moved is found.
    fn take_late(&mut self, host: &str, now: Instant) -> Option<Vec<SocketAddr>> {
        let (came, addresses) = self.late.remove(host)?;
        is_fresh(came, now).then_some(addresses)
    }
}

/// Whether addresses that came too late are still good.
fn is_fresh(came: Instant, now: Instant) -> bool {
    now.saturating_duration_since(came) <= KEEP_LATE
}

/// A question that was asked. Dropping it withdraws it.
#[derive(Debug)]
pub(super) struct Lookup {
    _reply: Arc<Reply>,
}

/// Who waits for an answer.
#[derive(Debug)]
pub(super) struct Reply {
    token: Token,
    answers: Sender<Answer>,
    waker: Arc<LoopWaker>,
}

/// The answer of a lookup on its way to the event loop.
#[derive(Debug)]
pub(super) struct Answer {
    /// The link that asked.
    pub(super) token: Token,
    pub(super) host: Arc<str>,
    pub(super) resolved: Resolved,
}

impl Reply {
    pub(super) fn new(token: Token, answers: Sender<Answer>, waker: Arc<LoopWaker>) -> Self {
        Self { token, answers, waker }
    }

    fn send(&self, host: Arc<str>, resolved: Resolved) {
        // Fails if the worker has ended meanwhile, and with it whoever wanted to know.
        if self.answers.send(Answer { token: self.token, host, resolved }).is_ok() {
            self.waker.wake();
        }
    }
}

impl Resolver {
    /// The one that asks the system; the same for the whole process.
    pub(super) fn of_the_system() -> Arc<Self> {
        static SYSTEM: OnceLock<Arc<Resolver>> = OnceLock::new();
        let new = || Self::new(|host| Ok((host, 0).to_socket_addrs()?.collect()));
        Arc::clone(SYSTEM.get_or_init(new))
    }

    pub(super) fn new(
        resolve: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { resolve: Box::new(resolve), state: Mutex::default(), job: Condvar::new() })
    }

    /// Looks a name up, or joins a lookup of it that runs already. An answer that came too late for the attempt before is
    /// taken for this one. Never waits.
    #[must_use = "the answer comes as long as the question is kept"]
    pub(super) fn look_up(self: &Arc<Self>, host: &str, reply: Reply, now: Instant) -> Lookup {
        let reply = Arc::new(reply);
        self.ask(host, &reply, now);
        Lookup { _reply: reply }
    }

    /// Takes back addresses that reached the event loop after their link was gone.
    pub(super) fn keep_late(&self, host: Arc<str>, resolved: Resolved, now: Instant) {
        self.lock().keep_late(host, resolved, now);
    }

    /// Whether no lookup runs or waits for a thread.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    fn ask(self: &Arc<Self>, host: &str, reply: &Arc<Reply>, now: Instant) {
        let mut state = self.lock();
        state.forget_unwanted();
        if let Some(addresses) = state.take_late(host, now) {
            drop(state);
            reply.send(host.into(), Ok(addresses));
            return;
        }
        if let Some(replies) = state.waiting.get_mut(host) {
            replies.push(Arc::downgrade(reply));
            return;
        }
        if state.jobs.len() >= state.idle && state.threads < MAX_THREADS {
            let this = Arc::clone(self);
            match thread::Builder::new().name("realtime-dns".into()).spawn(move || this.serve()) {
                Ok(_) => state.threads += 1,
                // The threads there are will come to it.
                Err(_) if state.threads > 0 => {}
                Err(error) => {
                    drop(state);
                    reply.send(host.into(), Err(format!("no thread to do it on: {error}")));
                    return;
                }
            }
        }
        let host: Arc<str> = host.into();
        state.waiting.insert(Arc::clone(&host), vec![Arc::downgrade(reply)]);
        state.jobs.push_back(host);
        self.job.notify_one();
    }

    /// What each thread does.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            state.forget_unwanted();
            let Some(host) = state.jobs.pop_front() else {
                state.idle += 1;
                state = self.job.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            drop(state);
            // A thread that panicked would be missing for ever, and whoever waits for this name with it.
            let resolved = match catch_unwind(AssertUnwindSafe(|| (self.resolve)(&host))) {
                Ok(Ok(addresses)) if addresses.is_empty() => Err("it has no address".into()),
                Ok(Ok(addresses)) => Ok(addresses),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the lookup ended by a bug in this module, please report it".into()),
            };
            state = self.lock();
            let replies = state.waiting.remove(&host).unwrap_or_default();
            let replies: Vec<_> = replies.iter().filter_map(Weak::upgrade).collect();
            if replies.is_empty() {
                state.keep_late(host, resolved, Instant::now());
                continue;
            }
            for reply in replies {
                reply.send(Arc::clone(&host), resolved.clone());
            }
        }
    }

    /// No code that can panic runs while this is held, so that a poisoned lock holds nothing broken.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
