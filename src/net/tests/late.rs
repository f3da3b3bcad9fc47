//! Answers of the resolver that come too late, or almost too late, for the attempt that asked.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use mio::Token;

use super::super::io::Io;
use super::super::link::{Link, Progress};
use super::super::resolve::{Answer, Resolver};
use super::super::waker::LoopWaker;
use super::lookups::held;
use super::{LONG, listener, localhost, name};
use crate::backend::{LinkError, Stage};
use crate::model::{LinkId, SessionId};

#[test]
fn a_late_answer_serves_the_next_attempt_once() {
    let (mut fixture, begins, go_on) = held();
    let (_listener, port) = listener();
    let news = fixture.connect(name("slow", port), LONG);
    begins.recv_timeout(LONG).expect("a lookup");
    // The attempt is given up while the lookup runs.
    fixture.disconnect(SessionId(0));
    assert!(matches!(news.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected)));
    go_on.send(()).expect("a lookup that waits");
    fixture.resolver_is_idle();
    // Another lookup would be held.
    let news = fixture.connect(name("slow", port), LONG);
    assert!(matches!(news.recv_timeout(LONG), Ok(Ok(_))));
    assert!(begins.try_recv().is_err(), "looked up again");
    let news = fixture.connect(name("slow", port), LONG);
    begins.recv_timeout(LONG).expect("a lookup of its own");
    drop(go_on);
    assert!(matches!(news.recv_timeout(LONG), Ok(Ok(_))));
    fixture.end();
}

/// The parts that the links of a loop use. No lookup finds an address.
pub(super) struct Parts {
    pub(super) io: Io,
    pub(super) poll: mio::Poll,
}

impl Parts {
    pub(super) fn new() -> Self {
        let poll = mio::Poll::new().expect("a selector");
        let waker = Arc::new(LoopWaker::new(poll.registry(), Arc::default()).expect("a waker"));
        let resolver = Resolver::new(|_| Err(io::ErrorKind::NotFound.into()));
        let io = Io::new(poll.registry(), waker, resolver, Arc::default()).expect("all there is");
        Self { io, poll }
    }

    /// A link to the name "slow" that begins at `now` and has ten seconds.
    fn link(&self, now: Instant) -> Link {
        let deadline = now + Duration::from_secs(10);
        Link::connect(LinkId(0), Token(1), name("slow", 1), None, deadline, &self.io, now).expect("a lookup")
    }

    /// The answer that an attempt beginning at `now` gets.
    fn next_answer(&self, now: Instant) -> Result<Vec<SocketAddr>, String> {
        let _lookup = self.io.look_up("slow", Token(2), now);
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(answer) = self.io.looked_up().filter(|answer| answer.token == Token(2)) {
                return answer.resolution;
            }
            assert!(Instant::now() < deadline, "no answer");
            std::thread::yield_now();
        }
    }
}

fn answer() -> Answer {
    Answer { token: Token(1), host: "slow".into(), resolution: Ok(vec![address()]) }
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
        let outcome = link.handle_answer(answer(), &parts.io, now);
        let is_lost = matches!(outcome, Err(LinkError::Resolve { .. }));
        assert_eq!(is_lost, seconds >= 10, "{seconds} s: {outcome:?}");
        assert_eq!(parts.next_answer(now).is_ok(), is_kept, "{seconds} s");
    }
}

#[test]
fn an_attempt_names_the_lookup_that_took_its_time() {
    let mut parts = Parts::new();
    let (listener, port) = listener();
    let began = Instant::now();
    let deadline = began + Duration::from_secs(10);
    let mut link = Link::connect(LinkId(0), Token(1), name("slow", port), None, deadline, &parts.io, began)
        .expect("a lookup");
    let answer = Answer { resolution: Ok(vec![localhost()]), ..answer() };
    link.handle_answer(answer, &parts.io, began + Duration::from_secs(9)).expect("an attempt");
    listener.accept().expect("the connection");
    let connected = link.check(&mut parts.io, began + Duration::from_secs(10));
    let Ok(Some(Progress::Connected(how))) = connected else { panic!("not connected: {connected:?}") };
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
    parts.io.keep_late(Answer { resolution: Err("too late".into()), ..answer() }, now);
    assert_ne!(parts.next_answer(now), Err("too late".into()));
}
