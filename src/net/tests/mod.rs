//! Making links: slow and shared lookups, several addresses, deadlines.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::resolve::Resolver;
use super::{BoxedSession, Worker};
use crate::backend::{Action, Endpoint, LinkError, Session};
use crate::model::{
    ClientId, Command, Counters, Event, Flow, Join, Limits, LinkId, Overflow, Sink, Spawn, Topic, TopicKind,
    Wake,
};
use crate::queue::{Order, Orders, Signal, events, orders};

/// Far beyond what anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// How much later than the loop a session gives up.
const SLACK: Duration = Duration::from_millis(500);

/// A session that makes one link and tells what became of it.
struct Probe {
    actions: VecDeque<Action>,
    /// When it gives up by itself, if the loop does not.
    deadline: Option<Instant>,
    told: Sender<Result<(), LinkError>>,
}

impl Session for Probe {
    fn handle_connected(&mut self, _: LinkId, _: Instant, _: &mut dyn Sink) {
        self.deadline = None;
        self.told.send(Ok(())).expect("a test that listens");
    }

    fn handle_input(&mut self, _: LinkId, _: Instant, bytes: &[u8], _: &mut dyn Sink) -> usize {
        bytes.len()
    }

    fn handle_command(&mut self, _: Instant, command: Command, sink: &mut dyn Sink) {
        assert!(matches!(command, Command::Disconnect { .. }));
        assert_eq!(sink.event(Event::Closed), Flow::Go);
        self.actions.push_back(Action::Finish);
    }

    fn handle_timeout(&mut self, now: Instant, _: &mut dyn Sink) {
        if self.deadline.take_if(|deadline| *deadline <= now).is_some() {
            let late = io::Error::new(io::ErrorKind::TimedOut, "the session gave up before the loop");
            self.told.send(Err(LinkError::Io(late))).expect("a test that listens");
        }
    }

    fn handle_disconnected(&mut self, _: LinkId, _: Instant, cause: LinkError, _: &mut dyn Sink) {
        self.deadline = None;
        self.told.send(Err(cause)).expect("a test that listens");
    }

    fn poll_transmit(&mut self, _: LinkId) -> &[u8] {
        &[]
    }

    fn transmitted(&mut self, _: LinkId, _: Instant, _: usize) {}

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }
}

/// A session that stands still in a command until the test lets it go on, with a timer that is then due, and tells which
/// call came.
struct Stalled {
    actions: VecDeque<Action>,
    go_on: Receiver<()>,
    due: Option<Instant>,
    told: Sender<&'static str>,
}

impl Session for Stalled {
    fn handle_connected(&mut self, _: LinkId, _: Instant, _: &mut dyn Sink) {
        self.told.send("connected").expect("a test that listens");
    }

    fn handle_input(&mut self, _: LinkId, _: Instant, bytes: &[u8], _: &mut dyn Sink) -> usize {
        self.told.send("input").expect("a test that listens");
        bytes.len()
    }

    fn handle_command(&mut self, now: Instant, command: Command, sink: &mut dyn Sink) {
        if let Command::Disconnect { .. } = command {
            assert_eq!(sink.event(Event::Closed), Flow::Go);
            self.actions.push_back(Action::Finish);
        } else {
            self.go_on.recv_timeout(LONG).expect("a test that goes on");
            self.due = Some(now);
        }
    }

    fn handle_timeout(&mut self, now: Instant, _: &mut dyn Sink) {
        if self.due.take_if(|due| *due <= now).is_some() {
            self.told.send("timeout").expect("a test that listens");
        }
    }

    fn handle_disconnected(&mut self, _: LinkId, _: Instant, _: LinkError, _: &mut dyn Sink) {}

    fn poll_transmit(&mut self, _: LinkId) -> &[u8] {
        &[]
    }

    fn transmitted(&mut self, _: LinkId, _: Instant, _: usize) {}

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

struct Bench {
    orders: Orders<BoxedSession>,
    running: Box<dyn Join>,
    /// Kept by whoever can wake the worker.
    wakes: Arc<AtomicU64>,
    clients: u32,
}

impl Bench {
    fn new(resolve: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        let (orders, inbox) = orders();
        let worker = Worker { wakes: Arc::default(), resolver: Resolver::new(resolve) };
        let running = worker.spawn(inbox).expect("a worker");
        Self { orders, running, wakes: worker.wakes, clients: 0 }
    }

    fn connect(&mut self, endpoint: Endpoint, patience: Duration) -> Receiver<Result<(), LinkError>> {
        let (told, news) = channel();
        let deadline = Instant::now() + patience;
        let action = Action::Connect { link: LinkId(0), endpoint, deadline };
        self.open(Probe { actions: [action].into(), deadline: Some(deadline + SLACK), told });
        news
    }

    fn open(&mut self, session: impl Session + 'static) -> ClientId {
        let limits = Limits {
            queue_events: 1,
            queue_bytes: 1,
            overflow: Overflow::Pause,
            max_pending: 1,
            pending_bytes: 1,
        };
        let (producer, _) = events(limits, Arc::<Counters>::default(), Signal::default(), Arc::new(Nobody));
        let client = ClientId(self.clients);
        self.clients += 1;
        self.orders.push(Order::Open { client, session: Box::new(session), producer });
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

#[test]
fn a_lookup_that_never_ends_stalls_nobody_else_and_delays_no_close() {
    let (go_on, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let mut bench = Bench::new(move |host| {
        if host == "stuck" {
            let _ = gate.lock().expect("one lookup of that name").recv();
        }
        Ok(vec![localhost()])
    });
    let (_listener, port) = listener();
    let stuck = bench.connect(name("stuck", port), LONG);
    let fine = bench.connect(name("fine", port), LONG);
    assert!(matches!(fine.recv_timeout(LONG), Ok(Ok(()))));
    assert!(stuck.try_recv().is_err());
    bench.end();
    drop(go_on);
}

#[test]
fn a_lookup_has_its_deadline() {
    let (go_on, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let mut bench = Bench::new(move |_| {
        let _ = gate.lock().expect("one lookup").recv();
        Ok(vec![localhost()])
    });
    let news = bench.connect(name("stuck", 1), Duration::from_millis(20));
    let Ok(Err(LinkError::Resolve { host, reason })) = news.recv_timeout(LONG) else {
        panic!("not resolved")
    };
    assert_eq!((host.as_str(), reason.as_str()), ("stuck", "no answer in time"));
    drop(go_on);
    bench.end();
}

#[test]
fn a_lookup_that_never_ends_keeps_nothing_of_a_worker_that_ended() {
    let (begun, begins) = channel::<()>();
    let (go_on, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let mut bench = Bench::new(move |_| {
        begun.send(()).expect("a test that listens");
        let _ = gate.lock().expect("one lookup").recv();
        Ok(Vec::new())
    });
    let news = bench.connect(name("stuck", 1), LONG);
    begins.recv_timeout(LONG).expect("a lookup");
    let wakes = Arc::clone(&bench.wakes);
    bench.end();
    assert!(news.try_recv().is_err());
    // What wakes a worker has a descriptor.
    assert_eq!(Arc::strong_count(&wakes), 1);
    drop(go_on);
}

#[test]
fn what_nobody_waits_for_any_more_is_not_looked_up() {
    let (begun, begins) = channel::<String>();
    let (go_on, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let mut bench = Bench::new(move |host| {
        begun.send(host.into()).expect("a test that listens");
        let _ = gate.lock().expect("no panic").recv();
        Ok(vec![localhost()])
    });
    let (_listener, port) = listener();
    let busy: Vec<_> = (0..4).map(|n| bench.connect(name(&format!("busy-{n}"), port), LONG)).collect();
    let mut asked: Vec<_> = (0..4).map(|_| begins.recv_timeout(LONG).expect("four lookups")).collect();
    let given_up = bench.connect(name("given-up", port), Duration::from_millis(20));
    assert!(matches!(given_up.recv_timeout(LONG), Ok(Err(LinkError::Resolve { .. }))));
    let wanted = bench.connect(name("wanted", port), LONG);
    drop(go_on);
    for news in busy.iter().chain([&wanted]) {
        assert!(matches!(news.recv_timeout(LONG), Ok(Ok(()))));
    }
    bench.end();
    asked.extend(begins.try_iter());
    asked.sort();
    assert_eq!(asked, ["busy-0", "busy-1", "busy-2", "busy-3", "wanted"]);
}

#[test]
fn lookups_of_one_name_are_shared_and_four_names_run_at_a_time() {
    const NAMES: usize = 8;
    const CLIENTS: usize = 24;
    let (begun, begins) = channel::<String>();
    let (go_on, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let mut bench = Bench::new(move |host| {
        begun.send(host.into()).expect("a test that listens");
        let _ = gate.lock().expect("no panic").recv();
        Ok(vec![localhost()])
    });
    let (_listener, port) = listener();
    let news: Vec<_> =
        (0..CLIENTS).map(|n| bench.connect(name(&format!("name-{}", n % NAMES), port), LONG)).collect();
    let mut lookups = HashMap::<String, usize>::new();
    for _ in 0..4 {
        *lookups.entry(begins.recv_timeout(LONG).expect("four lookups")).or_default() += 1;
    }
    // A turn that came after all of them: now everyone has asked.
    for _ in 0..2 {
        let news = bench.connect(name("127.0.0.1", port), LONG);
        assert!(matches!(news.recv_timeout(LONG), Ok(Ok(()))));
    }
    assert!(begins.try_recv().is_err(), "a fifth lookup at a time");
    drop(go_on);
    for news in &news {
        assert!(matches!(news.recv_timeout(LONG), Ok(Ok(()))));
    }
    bench.end();
    while let Ok(name) = begins.try_recv() {
        *lookups.entry(name).or_default() += 1;
    }
    assert_eq!(lookups.len(), NAMES);
    assert!(lookups.values().all(|&times| times == 1), "{lookups:?}");
}

#[test]
fn a_lookup_that_panics_is_an_answer_and_its_thread_lives() {
    const LOOKUPS: usize = 6;
    let mut bench = Bench::new(|host| match host {
        "fine" => Ok(vec![localhost()]),
        _ => panic!("asked for {host}"),
    });
    // More of them than there are threads.
    for n in 0..LOOKUPS {
        let news = bench.connect(name(&format!("broken-{n}"), 1), LONG);
        let Ok(Err(LinkError::Resolve { reason, .. })) = news.recv_timeout(LONG) else {
            panic!("not resolved")
        };
        assert!(reason.contains("bug"), "{reason}");
    }
    let (_listener, port) = listener();
    let fine = bench.connect(name("fine", port), LONG);
    assert!(matches!(fine.recv_timeout(LONG), Ok(Ok(()))));
    bench.end();
}

#[test]
fn an_address_needs_no_resolver() {
    let mut bench = Bench::new(|host| panic!("asked for {host}"));
    let (_listener, port) = listener();
    let news = bench.connect(name("127.0.0.1", port), LONG);
    assert!(matches!(news.recv_timeout(LONG), Ok(Ok(()))));
    bench.end();
}

#[test]
fn a_name_without_an_address_is_not_resolved() {
    let mut bench = Bench::new(|_| Ok(Vec::new()));
    let news = bench.connect(name("empty", 1), LONG);
    assert!(matches!(news.recv_timeout(LONG), Ok(Err(LinkError::Resolve { .. }))));
    bench.end();
}

/// Addresses at which connecting hangs, which only Linux lets a test have.
#[cfg(target_os = "linux")]
mod deaf {
    use socket2::{Domain, Socket, Type};

    use super::*;

    /// A listener whose backlog is full: whoever connects to it waits.
    struct Deaf {
        _listener: Socket,
        _first: Vec<Socket>,
        address: SocketAddr,
    }

    impl Deaf {
        fn new(ip: Ipv4Addr, port: u16) -> Self {
            let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            listener.bind(&SocketAddr::from((ip, port)).into()).expect("a port");
            listener.listen(0).expect("a listener");
            let address = listener.local_addr().expect("an address");
            let connect = |_| {
                let first = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
                first.set_nonblocking(true).expect("a non-blocking socket");
                let _ = first.connect(&address);
                first
            };
            let first = (0..4).map(connect).collect();
            let address = address.as_socket().expect("an IP address");
            Self { _listener: listener, _first: first, address }
        }
    }

    #[test]
    fn all_addresses_are_tried_each_with_its_share_of_the_time() {
        let (_listener, port) = listener();
        // One refuses, one never answers, the last one is there.
        let deaf = Deaf::new(Ipv4Addr::new(127, 0, 0, 2), port);
        let refusing = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), 0));
        let addresses = vec![refusing, deaf.address, localhost()];
        let mut bench = Bench::new(move |_| Ok(addresses.clone()));
        let news = bench.connect(name("several", port), Duration::from_secs(2));
        assert!(matches!(news.recv_timeout(LONG), Ok(Ok(()))));
        bench.end();
    }

    #[test]
    fn the_last_address_is_told_when_none_answers() {
        let deaf = Deaf::new(Ipv4Addr::new(127, 0, 0, 2), 0);
        let (refusing, port) = (localhost(), deaf.address.port());
        let addresses = vec![refusing, deaf.address];
        let mut bench = Bench::new(move |_| Ok(addresses.clone()));
        let news = bench.connect(name("several", port), Duration::from_millis(50));
        let Ok(Err(LinkError::Connect { address, source })) = news.recv_timeout(LONG) else {
            panic!("connected to nobody")
        };
        assert_eq!(address, deaf.address.to_string());
        assert_eq!(source.kind(), io::ErrorKind::TimedOut);
        bench.end();
    }

    #[test]
    fn a_close_while_connecting_is_a_close() {
        let deaf = Deaf::new(Ipv4Addr::LOCALHOST, 0);
        let mut bench = Bench::new(|_| Ok(Vec::new()));
        let news = bench.connect(name("127.0.0.1", deaf.address.port()), LONG);
        bench.end();
        assert!(news.try_recv().is_err());
    }
}

#[test]
fn what_came_while_the_worker_stood_still_is_read_before_any_timer() {
    let mut bench = Bench::new(|_| Ok(Vec::new()));
    let (listener, port) = listener();
    let (told, calls) = channel();
    let (let_go, go_on) = channel();
    let action = Action::Connect {
        link: LinkId(0),
        endpoint: name("127.0.0.1", port),
        deadline: Instant::now() + LONG,
    };
    let client = bench.open(Stalled { actions: [action].into(), go_on, due: None, told });
    assert_eq!(calls.recv_timeout(LONG), Ok("connected"));
    let (mut peer, _) = listener.accept().expect("a connection");
    let topic = Topic { kind: TopicKind::Channel, name: b"x"[..].into() };
    bench.orders.push(Order::Command { client, command: Command::Unsubscribe(topic) });
    peer.write_all(b"an answer").expect("a connection");
    let_go.send(()).expect("a session that waits");
    assert_eq!(calls.recv_timeout(LONG), Ok("input"));
    assert_eq!(calls.recv_timeout(LONG), Ok("timeout"));
    bench.end();
}
