//! Tests of making links: slow and shared lookups, several addresses, deadlines. And of timers.

#[cfg(target_os = "linux")]
mod addresses;
mod late;
mod lookups;
mod opening;
mod pauses;
#[cfg(feature = "tls")]
mod securing;
mod timers;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::resolve::Resolver;
use super::{BoxedSession, Spawner};
use crate::backend::{Action, Connected, Endpoint, LinkError, Session};
use crate::model::{
    Command, Counters, Event, Join, Limits, LinkId, Overflow, Room, SessionId, Sink, Spawn, Wake,
};
use crate::queue::{Order, Orders, Signal, events, orders};

/// Much longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// The result of a link.
type News = Receiver<Result<Connected, LinkError>>;

/// A session that makes one link and reports its result. It has no timer: the loop ends every attempt.
struct Reporter {
    actions: VecDeque<Action>,
    told: Sender<Result<Connected, LinkError>>,
}

impl Session for Reporter {
    fn handle_connected(&mut self, _: LinkId, _: Instant, how: Connected, _: &mut dyn Sink) {
        self.told.send(Ok(how)).expect("a test that listens");
    }

    fn room_needed(&self, _: LinkId) -> Room {
        Room::None
    }

    fn handle_input(&mut self, _: LinkId, _: Instant, _: &[u8], _: &mut dyn Sink) {}

    fn handle_paused(&mut self, _: LinkId) {}

    fn handle_resumed(&mut self, _: LinkId, _: Instant) {}

    fn handle_command(&mut self, _: Instant, command: Command, sink: &mut dyn Sink) {
        assert!(matches!(command, Command::Disconnect { .. }));
        sink.event(Event::Closed);
        self.actions.push_back(Action::Finish);
    }

    fn handle_timeout(&mut self, _: Instant, _: &mut dyn Sink) {}

    fn handle_disconnected(&mut self, _: LinkId, _: Instant, cause: LinkError, _: &mut dyn Sink) {
        self.told.send(Err(cause)).expect("a test that listens");
    }

    fn poll_transmit(&mut self, _: LinkId, _: Instant) -> &[u8] {
        &[]
    }

    fn transmitted(&mut self, _: LinkId, _: usize) {}

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

struct NoWaker;

impl Wake for NoWaker {
    fn wake(&self) {}
}

struct Fixture {
    orders: Orders<BoxedSession>,
    running: Box<dyn Join>,
    resolver: Arc<Resolver>,
    /// Held by everything that can wake the worker.
    wakes: Arc<AtomicU64>,
    clients: u32,
}

impl Fixture {
    fn new(resolve: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self::with_resolver(Resolver::new(resolve))
    }

    fn with_resolver(resolver: Arc<Resolver>) -> Self {
        let (orders, inbox) = orders();
        let wakes = Arc::default();
        let spawner =
            Spawner { wakes: Arc::clone(&wakes), resolver: Arc::clone(&resolver), tls: Arc::default() };
        let running = spawner.spawn(inbox).expect("a worker");
        Self { orders, running, resolver, wakes, clients: 0 }
    }

    fn connect(&mut self, endpoint: Endpoint, patience: Duration) -> News {
        self.connect_after(None, endpoint, patience)
    }

    fn connect_after(&mut self, after: Option<SocketAddr>, endpoint: Endpoint, patience: Duration) -> News {
        let (told, news) = channel();
        let deadline = Instant::now() + patience;
        let action = Action::Connect { link: LinkId(0), endpoint, after, deadline };
        self.open(Reporter { actions: [action].into(), told });
        news
    }

    fn disconnect(&mut self, client: SessionId) {
        let command = Command::Disconnect { deadline: Instant::now() + LONG };
        self.orders.push(Order::Command { id: client, command });
    }

    /// Waits until no lookup runs.
    fn resolver_is_idle(&self) {
        let deadline = Instant::now() + LONG;
        while !self.resolver.is_idle() {
            assert!(Instant::now() < deadline, "a lookup that never ends");
            std::thread::yield_now();
        }
    }

    fn open(&mut self, session: impl Session + 'static) -> SessionId {
        self.open_boxed(Box::new(session))
    }

    fn open_boxed(&mut self, session: BoxedSession) -> SessionId {
        self.open_with(session, Vec::new())
    }

    fn open_with(&mut self, session: BoxedSession, commands: Vec<Command>) -> SessionId {
        let limits = Limits {
            queue_events: 1,
            queue_bytes: 1,
            overflow: Overflow::Pause,
            max_pending: 1,
            pending_bytes: 1,
        };
        let (producer, _) = events(limits, Arc::<Counters>::default(), Signal::default(), Arc::new(NoWaker));
        let client = SessionId(self.clients);
        self.clients += 1;
        self.orders.push(Order::Open { id: client, session, producer, commands });
        client
    }

    fn end(self) {
        self.orders.push(Order::Shutdown { deadline: Instant::now() + LONG });
        assert!(self.running.join(Instant::now() + LONG));
    }
}

fn name(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp { host: host.into(), port }
}

fn localhost() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind(localhost()).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}
