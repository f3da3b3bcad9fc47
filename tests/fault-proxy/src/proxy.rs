//! The proxy as its user holds it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Interest, Poll, Waker};
use socket2::{Domain, Socket, Type};

use crate::connection::Connection;
use crate::event_loop::{self, Door, State};
use crate::faults::{Cut, Faults};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Notified after every change.
    pub(crate) changed: Condvar,
    waker: Waker,
}

impl Shared {
    /// A panic while the lock was held was reported by its thread; the state is still whole enough to end.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A proxy on a separate thread, which ends with all its connections when this is dropped.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
///
/// use fault_proxy::{Course, FaultProxy, Faults};
///
/// let server = TcpListener::bind("127.0.0.1:0")?;
/// let proxy = FaultProxy::start(server.local_addr()?)?;
/// proxy.next([Faults { up: Course { cut_at: Some(3), ..Course::default() }, ..Faults::default() }]);
/// TcpStream::connect(proxy.address())?.write_all(b"abcdef")?;
/// let mut got = String::new();
/// server.accept()?.0.read_to_string(&mut got)?;
/// assert_eq!(got, "abc");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    address: SocketAddr,
}

impl FaultProxy {
    /// A proxy on a free port of 127.0.0.1 that connects each client to `server`.
    ///
    /// # Errors
    ///
    /// The system gives no port, thread or event queue.
    pub fn start(server: SocketAddr) -> io::Result<FaultProxy> {
        Self::start_at(Ipv4Addr::LOCALHOST, server)
    }

    /// Like [`FaultProxy::start`], on a free port of that local address. Ports of ended connections stay in use for a
    /// minute: with thousands of proxies more than one address is needed.
    ///
    /// # Errors
    ///
    /// As [`FaultProxy::start`]; the address is none of this machine's.
    pub fn start_at(ip: Ipv4Addr, server: SocketAddr) -> io::Result<FaultProxy> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker::new(&registry, event_loop::WAKER)?;
        let socket = bind((ip, 0).into())?;
        let address = socket.local_addr()?;
        let address = address.as_socket().ok_or_else(|| io::Error::other("not an IP address"))?;
        let mut state = State {
            registry,
            door: Door::Shut(socket),
            upstream: server,
            next: [].into(),
            usual: Faults::default(),
            links: [].into(),
            past: Vec::new(),
            accepted: 0,
            quit: false,
        };
        open(&mut state)?;
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), waker });
        let thread = thread::Builder::new().name("fault-proxy".into()).spawn({
            let shared = Arc::clone(&shared);
            move || event_loop::run(shared, poll)
        })?;
        Ok(FaultProxy { shared, thread: Some(thread), address })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the state, and makes the thread carry out the consequences at once.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.shared.lock();
        let outcome = change(&mut state);
        state.serve();
        drop(state);
        #[expect(clippy::panic, reason = "only a broken system makes the waker fail")]
        if let Err(error) = self.shared.waker.wake() {
            panic!("fault-proxy: waking the proxy's thread failed: {error}");
        }
        self.shared.changed.notify_all();
        outcome
    }

    /// The faults of future connections, except those for [`FaultProxy::next`].
    pub fn faults(&self, faults: Faults) {
        self.change(|state| state.usual = faults);
    }

    /// The faults of the next connections, one each, in the order in which they are accepted. Replaces earlier calls.
    pub fn next(&self, faults: impl IntoIterator<Item = Faults>) {
        self.change(|state| state.next = faults.into_iter().collect());
    }

    /// Changes the faults of open connections. Returns of how many.
    ///
    /// ```
    /// # use std::net::TcpListener;
    /// # use fault_proxy::FaultProxy;
    /// # let server = TcpListener::bind("127.0.0.1:0")?;
    /// # let proxy = FaultProxy::start(server.local_addr()?)?;
    /// proxy.edit(|faults| faults.down.stall = true); // nothing reaches the clients …
    /// proxy.edit(|faults| faults.down.stall = false); // … and goes on
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn edit(&self, mut edit: impl FnMut(&mut Faults)) -> usize {
        self.change(|state| {
            let links = state.links.values_mut();
            links
                .map(|link| {
                    let mut faults = Faults {
                        up: std::mem::take(&mut link.up.course),
                        down: std::mem::take(&mut link.down.course),
                        ..Faults::default()
                    };
                    edit(&mut faults);
                    (link.up.course, link.down.course) = (faults.up, faults.down);
                    (link.up.due, link.down.due) = (None, None);
                })
                .count()
        })
    }

    /// Cuts all open connections at once. Returns how many. [`Cut::HalfClose`] has a direction, so it belongs into a
    /// [`Course`](crate::Course); here it ends both.
    pub fn cut(&self, how: Cut) -> usize {
        self.change(|state| state.cut(how))
    }

    /// Refuses new connections and keeps those that are open, until [`FaultProxy::accept`].
    ///
    /// # Errors
    ///
    /// Another process took the port in the same moment.
    pub fn refuse(&self) -> io::Result<()> {
        let address = self.address;
        self.change(|state| {
            if let Door::Open(door) = &mut state.door {
                state.registry.deregister(door)?;
                state.door = Door::Neither;
                state.door = Door::Shut(bind(address)?);
            }
            Ok(())
        })
    }

    /// Takes connections again.
    ///
    /// # Errors
    ///
    /// The system does not let it listen.
    pub fn accept(&self) -> io::Result<()> {
        self.change(open)
    }

    /// Connects clients to another server from now on. Connections that are open stay with theirs.
    pub fn swap(&self, server: SocketAddr) {
        self.change(|state| state.upstream = server);
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.lock().accepted
    }

    /// How many connections a fault has cut, and how many of those the client has closed since.
    #[must_use]
    pub fn cuts(&self) -> (usize, usize) {
        self.shared.lock().cuts()
    }

    /// The connections that are open, and of the others those that were recorded or cut, in the order in which they were
    /// accepted.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.lock().connections()
    }

    /// Waits until `wanted` is true for the connections; returns whether it was in time. The proxy stands still while
    /// `wanted` runs, so it must not call the proxy.
    #[must_use]
    pub fn wait_until(&self, mut wanted: impl FnMut(&[Connection]) -> bool, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.lock();
        while !wanted(&state.connections()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.change(|state| {
            state.quit = true;
            state.links.clear();
        });
        // A panic of the thread has been printed by the thread.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Elsewhere than on Unix the option would let two processes share a port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn open(state: &mut State) -> io::Result<()> {
    match std::mem::replace(&mut state.door, Door::Neither) {
        Door::Shut(socket) => {
            socket.listen(BACKLOG)?;
            let mut door = TcpListener::from_std(socket.into());
            state.registry.register(&mut door, event_loop::DOOR, Interest::READABLE)?;
            state.door = Door::Open(door);
        }
        door => state.door = door,
    }
    Ok(())
}
