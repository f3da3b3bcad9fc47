//! The proxy's one thread.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use socket2::{Domain, Socket, Type};

use crate::connection::{Connection, Link};
use crate::faults::{Cut, Faults};
use crate::proxy::Shared;

pub(crate) const WAKER: Token = Token(usize::MAX);
pub(crate) const DOOR: Token = Token(usize::MAX - 1);
/// Events taken from the system at once.
const EVENTS: usize = 256;
/// Each connection has a token for its client and one for its server.
const SIDES: usize = 2;

/// The state that the thread and the calls that drive it share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) registry: Registry,
    pub(crate) door: Door,
    pub(crate) upstream: SocketAddr,
    /// Faults of the next connections, in turn; then those of all others.
    pub(crate) next: std::collections::VecDeque<Faults>,
    pub(crate) usual: Faults,
    pub(crate) links: BTreeMap<u64, Link>,
    /// Data of past connections that were recorded, or cut.
    pub(crate) past: Vec<Connection>,
    pub(crate) accepted: u64,
    pub(crate) quit: bool,
}

#[derive(Debug)]
pub(crate) enum Door {
    Open(TcpListener),
    /// The port stays bound, so that connections are refused and no other process gets it.
    Shut(Socket),
    /// On the way from one to the other.
    Neither,
}

impl State {
    /// Accepts all waiting clients.
    fn accept(&mut self) {
        loop {
            let Door::Open(door) = &self.door else { return };
            match door.accept() {
                Ok((client, _)) => {
                    // A client that cannot be served is disconnected.
                    let _hung_up = self.admit(client);
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                // No client waits; or the process has no descriptor left, and the next turn tries again.
                Err(_) => return,
            }
        }
    }

    fn admit(&mut self, mut client: TcpStream) -> io::Result<()> {
        let id = self.accepted;
        self.accepted += 1;
        let faults = self.next.pop_front().unwrap_or_else(|| self.usual.clone());
        let first = usize::try_from(id).map_err(io::Error::other)? * SIDES;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(&mut client, Token(first), interest)?;
        let server = if faults.mute {
            None
        } else {
            let mut server = connect(client.local_addr()?.ip(), self.upstream)?;
            self.registry.register(&mut server, Token(first + 1), interest)?;
            Some(server)
        };
        self.links.insert(id, Link::new(id, client, server, faults));
        Ok(())
    }

    fn note(&mut self, token: Token, readable: bool, writable: bool) {
        let Some(link) = self.links.get_mut(&((token.0 / SIDES) as u64)) else { return };
        let (from, to) = if token.0.is_multiple_of(SIDES) {
            (&mut link.up, &mut link.down)
        } else {
            (&mut link.down, &mut link.up)
        };
        from.readable |= readable;
        to.writable |= writable;
    }

    /// Does as much as possible; returns the time at which there is more to do without an event on a socket.
    pub(crate) fn serve(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let mut due: Option<Instant> = None;
        let Self { links, past, .. } = self;
        links.retain(|_, link| {
            due = [due, link.serve(now)].into_iter().flatten().min();
            let over = link.is_over();
            if over && (link.is_cut() || link.up.record.is_some()) {
                past.push(link.describe());
            }
            !over
        });
        due
    }

    pub(crate) fn connections(&self) -> Vec<Connection> {
        let open = self.links.values().map(Link::describe);
        let mut all: Vec<_> = self.past.iter().cloned().chain(open).collect();
        all.sort_by_key(|connection| connection.id);
        all
    }

    pub(crate) fn cuts(&self) -> (usize, usize) {
        let past = self.past.iter().filter(|connection| connection.cut).count();
        let live: Vec<_> = self.links.values().filter(|link| link.is_cut()).collect();
        let left = live.iter().filter(|link| link.client.is_none()).count();
        (past + live.len(), past + left)
    }

    pub(crate) fn cut(&mut self, how: Cut) -> usize {
        let open = self.links.values_mut().filter(|link| link.client.is_some());
        open.map(|link| link.end(how)).count()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the thread owns its share")]
pub(crate) fn run(shared: Arc<Shared>, mut poll: Poll) {
    let mut events = Events::with_capacity(EVENTS);
    let mut due: Option<Instant> = None;
    loop {
        let timeout = due.map(|due| due.saturating_duration_since(Instant::now()));
        if let Err(error) = poll.poll(&mut events, timeout)
            && error.kind() != ErrorKind::Interrupted
        {
            #[expect(clippy::panic, reason = "only a broken system makes poll fail; the message says so")]
            {
                panic!("fault-proxy: waiting for sockets failed: {error}");
            }
        }
        let mut state = shared.lock();
        if state.quit {
            return;
        }
        state.accept();
        for event in &events {
            let readable = event.is_readable() || event.is_read_closed() || event.is_error();
            state.note(event.token(), readable, event.is_writable() || event.is_write_closed());
        }
        due = state.serve();
        drop(state);
        shared.changed.notify_all();
    }
}

/// Begins to connect to a server. From the proxy's own address: ports of 127.0.0.1 are reused within seconds, and
/// would not distinguish connections of several proxies.
fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    if from.is_ipv4() != to.is_ipv4() || !to.ip().is_loopback() {
        return TcpStream::connect(to);
    }
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    match socket.connect(&to.into()) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(error),
        // Mostly it is under way. Any other failure is seen at the first read.
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}
