//! The handle of a server.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::{Poll, Waker};

use crate::acl::Users;
use crate::builder::Builder;
use crate::event_loop;
use crate::faults::Close;
use crate::socket::{Address, Door};
use crate::state::{Settings, State};

/// The state that the server's thread and the calls that drive it share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Notified after every change.
    pub(crate) changed: Condvar,
    waker: Waker,
}

impl Shared {
    /// A panic while the lock was held has been reported by its thread; the state is still intact enough to be read
    /// and to be ended.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server on a separate thread, which ends when this is dropped.
///
/// ```
/// use std::io::{Read, Write};
///
/// let server = fake_redis::FakeRedis::start()?;
/// let mut client = std::net::TcpStream::connect(("127.0.0.1", server.port()))?;
/// client.write_all(b"*1\r\n$4\r\nPING\r\n")?;
/// let mut reply = [0; 7];
/// client.read_exact(&mut reply)?;
/// assert_eq!(&reply, b"+PONG\r\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FakeRedis {
    pub(crate) shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    address: Address,
}

/// The expected state was not reached in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not within {limit:?}; the server saw {accepted} connections, of which these are open: {open:#?}")]
pub struct NotInTime {
    limit: Duration,
    accepted: u64,
    open: Vec<crate::ConnectionInfo>,
}

impl FakeRedis {
    /// A server with default settings, on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// The system gives no port, thread or event queue.
    pub fn start() -> io::Result<FakeRedis> {
        Builder::default().start()
    }

    /// A server to be configured before it starts.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn start_with(settings: Settings, users: Users, address: &Address) -> io::Result<FakeRedis> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker::new(&registry, event_loop::WAKER)?;
        let (mut door, address) = Door::open(address)?;
        door.register(&registry, event_loop::DOOR)?;
        let state = State::new(settings, users, door, address.clone(), registry);
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), waker });
        let thread = thread::Builder::new().name("fake-redis".into()).spawn({
            let shared = Arc::clone(&shared);
            move || event_loop::run(shared, poll)
        })?;
        Ok(FakeRedis { shared, thread: Some(thread), address })
    }

    /// The server's address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The TCP port; 0 if the server is on a Unix socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self.address {
            Address::Tcp(port) => port,
            #[cfg(unix)]
            Address::Unix(_) => 0,
        }
    }

    /// The URL for a client, without user and password: `redis://127.0.0.1:port` or `unix:///path`.
    #[must_use]
    pub fn url(&self) -> String {
        self.address.to_string()
    }

    /// Changes the state while the server's thread stands still. Immediate consequences, such as the end of a
    /// connection, have happened when this returns.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.change_later(|state| {
            let outcome = change(state);
            state.settle();
            outcome
        })
    }

    /// Changes the state, and leaves the consequences to the server's thread: many changes in a row then cost one
    /// wake-up and one write.
    pub(crate) fn change_later<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.shared.lock();
        let outcome = change(&mut state);
        let asleep = !std::mem::replace(&mut state.woken, true);
        drop(state);
        if asleep {
            self.wake();
        }
        self.shared.changed.notify_all();
        outcome
    }

    fn wake(&self) {
        #[expect(clippy::panic, reason = "only a broken system makes the waker fail")]
        if let Err(error) = self.shared.waker.wake() {
            panic!("fake-redis: waking the server's thread failed: {error}");
        }
    }

    /// Reads the state; the server stands still meanwhile, so `look` must not call it.
    pub fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.shared.lock())
    }

    /// Waits until `wanted` is true. The server stands still while it runs, so it must not call the server.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let server = fake_redis::FakeRedis::start()?;
    /// let client = std::net::TcpStream::connect(("127.0.0.1", server.port()))?;
    /// server.wait_until(|state| state.open() == 1, Duration::from_secs(10))?;
    /// # drop(client);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotInTime`], which shows the connections at that time.
    pub fn wait_until(
        &self,
        mut wanted: impl FnMut(&State) -> bool,
        limit: Duration,
    ) -> Result<(), NotInTime> {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.lock();
        while !wanted(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NotInTime { limit, accepted: state.accepted(), open: state.connections() });
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Ends all connections and refuses new ones. Keys, users, settings and faults stay; the port is held, so that
    /// [`FakeRedis::start_again`] finds it free. Without effect on a server that was stopped before.
    ///
    /// # Errors
    ///
    /// The system does not release the address, or another process took the port at the same moment.
    pub fn stop(&self) -> io::Result<()> {
        self.change(|state| {
            let outcome = shut(state);
            state.bury_all(Close::Fin);
            outcome
        })
    }

    /// Refuses new connections and keeps those that are open, until [`FakeRedis::start_again`].
    ///
    /// # Errors
    ///
    /// As for [`FakeRedis::stop`].
    pub fn refuse(&self) -> io::Result<()> {
        self.change(shut)
    }

    /// Accepts connections again, at the same address. Without effect on a server that does.
    ///
    /// # Errors
    ///
    /// The address is taken.
    pub fn start_again(&self) -> io::Result<()> {
        self.change(|state| {
            if state.door.is_open() {
                return Ok(());
            }
            state.door.open_again(&state.address)?;
            state.door.register(&state.registry, event_loop::DOOR)
        })
    }
}

fn shut(state: &mut State) -> io::Result<()> {
    state.door.shut(&state.address, &state.registry)
}

impl Drop for FakeRedis {
    fn drop(&mut self) {
        let outcome = self.change(|state| {
            state.quit = true;
            state.bury_all(Close::Fin);
            state.door.give_up(&state.address, &state.registry)
        });
        if let Err(error) = outcome {
            eprintln!("fake-redis: {} was not given back: {error}", self.url());
        }
        // A panic of the thread has been printed by the thread.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
