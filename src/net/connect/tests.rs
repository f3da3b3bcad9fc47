//! Attempts with a scripted transport.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::{Domain, Type};

use super::*;

const TOKEN: Token = Token(3);
const SECOND: Duration = Duration::from_secs(1);

/// The script of a transport, and the calls that it got.
#[derive(Debug, Default)]
struct Script {
    can_read: bool,
    can_write: bool,
    /// The answers to each check for a connection. Once none is left, it is not connected.
    answers: Mutex<VecDeque<io::Result<bool>>>,
    asked: AtomicUsize,
    closed: AtomicUsize,
}

impl Transport for Arc<Script> {
    fn handle_event(&mut self, _: &Event) {}

    fn finish_connect(&mut self) -> io::Result<bool> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.answers.lock().expect("no panic").pop_front().unwrap_or(Ok(false))
    }

    fn can_read(&self) -> bool {
        self.can_read
    }

    fn read(&mut self, _: &mut [u8]) -> Result<usize, LinkError> {
        unreachable!("it is not connected")
    }

    fn can_write(&self) -> bool {
        self.can_write
    }

    fn write(&mut self, _: &[u8]) -> usize {
        unreachable!("it is not connected")
    }

    fn rearm(&mut self, _: &Registry) {
        unreachable!("it is not connected")
    }

    fn close(&mut self, _: &Registry) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }
}

fn address(last: u8, port: u16) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, last), port).into()
}

/// An attempt at 127.0.0.9 that began at `now`, with its script.
fn attempt(script: Script, rest: Vec<Target>, now: Instant) -> (Attempt, Arc<Script>, mio::Poll) {
    let script = Arc::new(script);
    let attempt = Attempt {
        transport: Box::new(Arc::clone(&script)),
        token: TOKEN,
        target: Target::Tcp(address(9, 1)),
        rest: rest.into(),
        slowest: None,
        lookup: None,
        since: now,
        began: now,
        until: now + SECOND,
        deadline: now + 2 * SECOND,
    };
    (attempt, script, mio::Poll::new().expect("a selector"))
}

fn slow_connect(last: u8, took: Duration) -> Stage {
    Stage::Connect { address: address(last, 1).to_string(), took }
}

#[test]
fn a_transport_without_news_is_not_asked_before_its_time_is_up() {
    let now = Instant::now();
    let (mut attempt, script, poll) = attempt(Script::default(), Vec::new(), now);
    assert_eq!(attempt.check(poll.registry(), now).expect("more time"), None);
    assert_eq!(script.asked.load(Ordering::Relaxed), 0);
    let late = attempt.check(poll.registry(), attempt.until()).expect_err("no more time");
    let LinkError::TimedOut(stage, None) = late else { panic!("{late:?}") };
    assert_eq!(stage, slow_connect(9, SECOND));
    assert_eq!(script.asked.load(Ordering::Relaxed), 1, "it may be connected at the last moment");
}

#[test]
fn news_that_settle_nothing_leave_the_attempt_its_time() {
    for (can_read, can_write) in [(true, false), (false, true)] {
        let now = Instant::now();
        let script = Script { can_read, can_write, ..Script::default() };
        script.answers.lock().expect("no panic").extend([Ok(false), Ok(true)]);
        let (mut attempt, script, poll) = attempt(script, Vec::new(), now);
        assert_eq!(attempt.check(poll.registry(), now).expect("more time"), None);
        let connected = attempt.check(poll.registry(), now + SECOND / 2).expect("a connection");
        let slowest = Some(slow_connect(9, SECOND / 2));
        let times = ConnectTimes { connect: Some(SECOND / 2), ..ConnectTimes::default() };
        assert_eq!(connected, Some(Connected { peer: Some(address(9, 1)), slowest, times }));
        assert_eq!(script.closed.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn connecting_takes_the_time_of_the_addresses_that_failed_as_well() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let now = Instant::now();
    let script = Script { can_read: true, ..Script::default() };
    script.answers.lock().expect("no panic").push_back(Err(ErrorKind::ConnectionRefused.into()));
    let (attempt, _, mut poll) = attempt(script, vec![Target::Tcp(address(1, port))], now);
    let mut attempt = Attempt { lookup: Some(SECOND / 4), ..attempt };
    assert_eq!(attempt.check(poll.registry(), now + SECOND / 2).expect("another address"), None);
    let mut events = mio::Events::with_capacity(8);
    let connected = loop {
        poll.poll(&mut events, Some(10 * SECOND)).expect("a selector");
        events.iter().for_each(|event| attempt.handle_event(event));
        if let Some(connected) = attempt.check(poll.registry(), now + SECOND).expect("a connection") {
            break connected;
        }
    };
    let times = ConnectTimes { lookup: Some(SECOND / 4), connect: Some(SECOND), ..ConnectTimes::default() };
    assert_eq!(connected.times, times);
}

#[test]
fn a_failure_is_followed_by_the_next_address_with_the_rest_of_the_time() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let next = Target::Tcp(listener.local_addr().expect("an address"));
    let now = Instant::now();
    let script = Script { can_write: true, ..Script::default() };
    script.answers.lock().expect("no panic").push_back(Err(ErrorKind::ConnectionRefused.into()));
    let (mut attempt, script, poll) = attempt(script, vec![next.clone(), next.clone()], now);
    assert_eq!(attempt.check(poll.registry(), now + SECOND / 2).expect("another address"), None);
    assert_eq!(script.closed.load(Ordering::Relaxed), 1);
    assert_eq!((&attempt.target, attempt.rest.len()), (&next, 1));
    // 1.5 s are left for two.
    assert_eq!(attempt.until(), now + SECOND / 2 + SECOND * 3 / 4);
    assert_eq!(attempt.deadline, now + 2 * SECOND);
    assert_eq!(attempt.slowest, Some(slow_connect(9, SECOND / 2)));
}

#[test]
fn the_last_failure_is_the_error_and_a_tie_names_the_later_stage() {
    let now = Instant::now();
    let script = Script { can_write: true, ..Script::default() };
    script.answers.lock().expect("no panic").push_back(Err(ErrorKind::ConnectionRefused.into()));
    let (mut failing, _, poll) = attempt(script, Vec::new(), now);
    let error = failing.check(poll.registry(), now).expect_err("nobody there");
    assert_eq!(error.to_string(), "cannot connect to 127.0.0.9:1: connection refused");

    let (mut late, _, poll) = attempt(Script::default(), Vec::new(), now);
    late.slowest = Some(Stage::Lookup { host: "slow".into(), took: SECOND });
    let error = late.check(poll.registry(), now + SECOND).expect_err("no more time");
    assert!(matches!(error, LinkError::TimedOut(stage, None) if stage == slow_connect(9, SECOND)));
}

#[test]
fn no_more_addresses_share_the_time_than_have_a_second_each() {
    let milliseconds = Duration::from_millis;
    for (left, others, share_of_one) in [
        (5000, 0, 5000),
        (6000, 2, 2000),
        (2500, 19, 833),
        (5000, 19, 1000),
        (1400, 19, 1400),
        (1999, 1, 999),
        (50, 2, 50),
        (0, 2, 0),
    ] {
        let share = share(milliseconds(left), others).as_millis();
        assert_eq!(share, share_of_one, "{left} ms for one and {others} others");
    }
}

#[test]
fn no_address_at_all_is_an_error() {
    let now = Instant::now();
    let poll = mio::Poll::new().expect("a selector");
    let error = Attempt::begin(VecDeque::new(), None, poll.registry(), TOKEN, now, now + SECOND);
    assert!(error.expect_err("no address").to_string().contains("no address"));
}

#[test]
fn a_time_that_is_up_ends_all_addresses_that_are_left() {
    // Bound, so that nothing else can listen there. The system refuses at once or later: either way the checks end.
    let bound = [(); 3].map(|()| {
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&address(1, 0).into()).expect("a port");
        socket
    });
    let target = |socket: &socket2::Socket| socket.local_addr().ok()?.as_socket().map(Target::Tcp);
    let rest = bound.iter().map(|socket| target(socket).expect("an address")).collect();
    let now = Instant::now();
    let (mut attempt, _, poll) = attempt(Script::default(), rest, now);
    let late = now + 3 * SECOND;
    let end = attempt.check(poll.registry(), late).expect_err("no more time");
    let LinkError::TimedOut(stage, Some(last)) = &end else { panic!("{end:?}") };
    assert_eq!(
        (stage, *last),
        (&slow_connect(9, 3 * SECOND), address(9, 1)),
        "the next attempt begins after it"
    );
}
