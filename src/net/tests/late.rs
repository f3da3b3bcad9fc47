//! Answers of the resolver that come too late, or nearly, for the attempt that asked.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use mio::Token;

use super::super::LoopWaker;
use super::super::io::{Io, WAKER};
use super::super::link::{Link, News};
use super::super::resolve::{Answer, Resolver};
use super::lookups::held;
use super::{LONG, listener, localhost, name};
use crate::backend::{LinkError, Stage};
use crate::model::{LinkId, SessionId};

#[test]
fn a_late_answer_serves_the_next_attempt_once() {
    let (mut bench, begins, go_on) = held();
    let (_listener, port) = listener();
    let news = bench.connect(name("slow", port), LONG);
    begins.recv_timeout(LONG).expect("a lookup");
    // The attempt is given up while the lookup runs.
    bench.disconnect(SessionId(0));
    assert!(matches!(news.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected)));
    go_on.send(()).expect("a lookup that waits");
    bench.resolver_is_idle();
    // Another lookup would be held.
    let news = bench.connect(name("slow", port), LONG);
    assert!(matches!(news.recv_timeout(LONG), Ok(Ok(_))));
    assert!(begins.try_recv().is_err(), "looked up again");
    let news = bench.connect(name("slow", port), LONG);
    begins.recv_timeout(LONG).expect("a lookup of its own");
    drop(go_on);
    assert!(matches!(news.recv_timeout(LONG), Ok(Ok(_))));
    bench.end();
}

/// What the links of a loop use. No lookup finds anything.
struct Parts {
    io: Io,
    _poll: mio::Poll,
}

impl Parts {
    fn new() -> Self {
        let poll = mio::Poll::new().expect("a selector");
        let waker = mio::Waker::new(poll.registry(), WAKER).expect("a waker");
        let waker = Arc::new(LoopWaker { waker, wakes: Arc::default() });
        let resolver = Resolver::new(|_| Err(io::ErrorKind::NotFound.into()));
        let io = Io::new(poll.registry(), waker, resolver).expect("all there is");
        Self { io, _poll: poll }
    }

    /// A link to the name "slow" that begins at `now` and has ten seconds.
    fn link(&self, now: Instant) -> Link {
        let deadline = now + Duration::from_secs(10);
        let (link, news) = Link::connect(LinkId(0), Token(1), name("slow", 1), None, deadline, &self.io, now);
        assert!(matches!(news, News::Nothing));
        link
    }

    /// What the next attempt gets, which begins at `now`.
    fn next_answer(&self, now: Instant) -> Result<Vec<SocketAddr>, String> {
        let _lookup = self.io.look_up("slow", Token(2), now);
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(answer) = self.io.looked_up().filter(|answer| answer.token == Token(2)) {
                return answer.resolved;
            }
            assert!(Instant::now() < deadline, "no answer");
            std::thread::yield_now();
        }
    }
}

fn answer() -> Answer {
    Answer { token: Token(1), host: "slow".into(), resolved: Ok(vec![address()]) }
}

fn address() -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, 9), 0).into()
}

#[test]
fn an_answer_that_leaves_less_time_than_it_took_serves_the_next_attempt_as_well() {
    for (seconds, is_kept) in [(4, false), (6, true), (10, true), (11, true)] {
        let parts = Parts::new();
        let began = Instant::now();
        let mut link = parts.link(began);
        let now = began + Duration::from_secs(seconds);
        let news = link.resolved(answer(), &parts.io, now);
        let is_lost = matches!(news, News::Lost(LinkError::Resolve { .. }));
        assert_eq!(is_lost, seconds >= 10, "{seconds} s: {news:?}");
        assert_eq!(parts.next_answer(now).is_ok(), is_kept, "{seconds} s");
    }
}

#[test]
fn an_attempt_names_the_lookup_that_took_its_time() {
    let parts = Parts::new();
    let (listener, port) = listener();
    let began = Instant::now();
    let deadline = began + Duration::from_secs(10);
    let (mut link, _) =
        Link::connect(LinkId(0), Token(1), name("slow", port), None, deadline, &parts.io, began);
    let answer = Answer { resolved: Ok(vec![localhost()]), ..answer() };
    let news = link.resolved(answer, &parts.io, began + Duration::from_secs(9));
    assert!(matches!(news, News::Nothing), "{news:?}");
    listener.accept().expect("the connection");
    let news = link.make(&parts.io, began + Duration::from_secs(10));
    let News::Connected(how) = news else { panic!("not connected: {news:?}") };
    let took = Duration::from_secs(9);
    assert_eq!(how.slowest, Some(Stage::Lookup { host: "slow".into(), took }));
}

#[test]
fn late_addresses_are_kept_for_a_minute_and_failures_not_at_all() {
    let now = Instant::now();
    let later = now + Duration::from_secs(60);
    let parts = Parts::new();
    parts.io.keep_late(answer(), now);
    assert_eq!(parts.next_answer(later), Ok(vec![address()]));
    assert!(parts.next_answer(later).is_err(), "they serve once");
    parts.io.keep_late(answer(), now);
    assert!(parts.next_answer(later + Duration::from_secs(1)).is_err());
    parts.io.keep_late(Answer { resolved: Err("too late".into()), ..answer() }, now);
    assert_ne!(parts.next_answer(now), Err("too late".into()));
}
