//! Lookups of names: slow ones, shared ones, and those that fail.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::resolve::{Resolver, start_thread};
use super::{Fixture, LONG, listener, localhost, name};
use crate::backend::LinkError;
use crate::model::SessionId;

/// Lookups that report their name. Each value sent lets one of them finish, and dropping the sender all.
pub(super) fn held() -> (Fixture, Receiver<String>, Sender<()>) {
    let (begun, begins) = channel();
    let (go_on, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let fixture = Fixture::new(move |host| {
        begun.send(host.into()).expect("a test that listens");
        let _ = gate.lock().expect("no panic").recv();
        Ok(vec![localhost()])
    });
    (fixture, begins, go_on)
}

#[test]
fn a_lookup_that_never_ends_stalls_nobody_else_and_delays_no_close() {
    let (go_on, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let mut fixture = Fixture::new(move |host| {
        if host == "stuck" {
            let _ = gate.lock().expect("one lookup of that name").recv();
        }
        Ok(vec![localhost()])
    });
    let (_listener, port) = listener();
    let stuck = fixture.connect(name("stuck", port), LONG);
    let fine = fixture.connect(name("fine", port), LONG);
    assert!(matches!(fine.recv_timeout(LONG), Ok(Ok(_))));
    assert!(stuck.try_recv().is_err());
    fixture.end();
    drop(go_on);
}

#[test]
fn a_lookup_has_its_deadline() {
    let (mut fixture, _begins, go_on) = held();
    let news = fixture.connect(name("stuck", 1), Duration::from_millis(20));
    let Ok(Err(LinkError::Resolve { host, reason })) = news.recv_timeout(LONG) else {
        panic!("not resolved")
    };
    assert_eq!((host.as_str(), reason.as_str()), ("stuck", "no answer in time"));
    drop(go_on);
    fixture.end();
}

#[test]
fn a_lookup_that_never_ends_keeps_nothing_of_a_worker_that_ended() {
    let (mut fixture, begins, go_on) = held();
    let news = fixture.connect(name("stuck", 1), LONG);
    begins.recv_timeout(LONG).expect("a lookup");
    let wakes = Arc::clone(&fixture.wakes);
    fixture.end();
    assert!(news.try_recv().is_err());
    // A waker has a descriptor.
    assert_eq!(Arc::strong_count(&wakes), 1);
    drop(go_on);
}

#[test]
fn what_nobody_waits_for_any_more_is_not_looked_up() {
    let (mut fixture, begins, go_on) = held();
    let (_listener, port) = listener();
    let busy: Vec<_> = (0..4).map(|n| fixture.connect(name(&format!("busy-{n}"), port), LONG)).collect();
    let mut asked: Vec<_> = (0..4).map(|_| begins.recv_timeout(LONG).expect("four lookups")).collect();
    let given_up = fixture.connect(name("given-up", port), Duration::from_millis(20));
    assert!(matches!(given_up.recv_timeout(LONG), Ok(Err(LinkError::Resolve { .. }))));
    let wanted = fixture.connect(name("wanted", port), LONG);
    drop(go_on);
    for news in busy.iter().chain([&wanted]) {
        assert!(matches!(news.recv_timeout(LONG), Ok(Ok(_))));
    }
    fixture.end();
    asked.extend(begins.try_iter());
    asked.sort();
    assert_eq!(asked, ["busy-0", "busy-1", "busy-2", "busy-3", "wanted"]);
}

#[test]
fn lookups_that_were_given_up_keep_nobody_waiting_up_to_a_bound() {
    const MOST: usize = 16;
    let (mut fixture, begins, go_on) = held();
    for n in 0..MOST {
        let host = format!("dead-{n}");
        let news = fixture.connect(name(&host, 1), LONG);
        assert_eq!(begins.recv_timeout(LONG), Ok(host));
        fixture.disconnect(SessionId(fixture.clients - 1));
        assert_eq!(news.recv_timeout(LONG).err(), Some(RecvTimeoutError::Disconnected));
    }
    // No more than that: the next one waits until one of them ends.
    let (_listener, port) = listener();
    let fine = fixture.connect(name("fine", port), LONG);
    let other = fixture.connect(name("127.0.0.1", port), LONG);
    assert!(matches!(other.recv_timeout(LONG), Ok(Ok(_))));
    assert!(begins.try_recv().is_err(), "one too many at a time");
    drop(go_on);
    assert!(matches!(fine.recv_timeout(LONG), Ok(Ok(_))));
    fixture.resolver_is_idle();
    // The threads beyond four have ended.
    assert_eq!(fixture.resolver.threads(), 4);
    fixture.end();
}

#[test]
fn lookups_of_one_name_are_shared_and_four_names_run_at_a_time() {
    const NAMES: usize = 8;
    const CLIENTS: usize = 24;
    let (mut fixture, begins, go_on) = held();
    let (_listener, port) = listener();
    let news: Vec<_> =
        (0..CLIENTS).map(|n| fixture.connect(name(&format!("name-{}", n % NAMES), port), LONG)).collect();
    let mut lookups = HashMap::<String, usize>::new();
    for _ in 0..4 {
        *lookups.entry(begins.recv_timeout(LONG).expect("four lookups")).or_default() += 1;
    }
    // Once two more connections are made, one after the other, each client has asked.
    for _ in 0..2 {
        let news = fixture.connect(name("127.0.0.1", port), LONG);
        assert!(matches!(news.recv_timeout(LONG), Ok(Ok(_))));
    }
    assert!(begins.try_recv().is_err(), "a fifth lookup at a time");
    drop(go_on);
    for news in &news {
        assert!(matches!(news.recv_timeout(LONG), Ok(Ok(_))));
    }
    fixture.end();
    while let Ok(name) = begins.try_recv() {
        *lookups.entry(name).or_default() += 1;
    }
    assert_eq!(lookups.len(), NAMES);
    assert!(lookups.values().all(|&times| times == 1), "{lookups:?}");
}

#[test]
fn a_lookup_that_panics_is_an_answer_and_its_thread_lives() {
    const LOOKUPS: usize = 6;
    let mut fixture = Fixture::new(|host| match host {
        "fine" => Ok(vec![localhost()]),
        _ => panic!("asked for {host}"),
    });
    // More of them than there are threads.
    for n in 0..LOOKUPS {
        let news = fixture.connect(name(&format!("broken-{n}"), 1), LONG);
        let Ok(Err(LinkError::Resolve { reason, .. })) = news.recv_timeout(LONG) else {
            panic!("not resolved")
        };
        assert!(reason.contains("bug"), "{reason}");
    }
    let (_listener, port) = listener();
    let fine = fixture.connect(name("fine", port), LONG);
    assert!(matches!(fine.recv_timeout(LONG), Ok(Ok(_))));
    fixture.end();
}

/// A system without free threads, in one test only.
static REFUSES_THREADS: AtomicBool = AtomicBool::new(false);

#[test]
fn without_a_thread_of_its_own_a_lookup_waits_for_another_one_and_fails_if_there_is_none() {
    let (begun, begins) = channel();
    let (go_on, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let resolve = move |host: &str| {
        begun.send(host.to_owned()).expect("a test that listens");
        let _ = gate.lock().expect("no panic").recv();
        Ok(vec![localhost()])
    };
    let resolver = Resolver::on_threads(resolve, |work| {
        if REFUSES_THREADS.load(Ordering::SeqCst) {
            return Err(ErrorKind::WouldBlock.into());
        }
        start_thread(work)
    });
    let mut fixture = Fixture::with_resolver(resolver);
    let (_listener, port) = listener();
    REFUSES_THREADS.store(true, Ordering::SeqCst);
    let none = fixture.connect(name("none", port), LONG);
    let Ok(Err(LinkError::Resolve { host, reason })) = none.recv_timeout(LONG) else {
        panic!("not resolved")
    };
    assert!(host == "none" && reason.starts_with("no thread to do it on: "), "{host}: {reason}");
    REFUSES_THREADS.store(false, Ordering::SeqCst);
    let first = fixture.connect(name("first", port), LONG);
    assert_eq!(begins.recv_timeout(LONG).as_deref(), Ok("first"));
    REFUSES_THREADS.store(true, Ordering::SeqCst);
    let second = fixture.connect(name("second", port), LONG);
    // A turn after the second one has asked.
    let other = fixture.connect(name("127.0.0.1", port), LONG);
    assert!(matches!(other.recv_timeout(LONG), Ok(Ok(_))));
    assert!(second.try_recv().is_err() && begins.try_recv().is_err(), "it waits for the first one's thread");
    drop(go_on);
    for news in [first, second] {
        assert!(matches!(news.recv_timeout(LONG), Ok(Ok(_))));
    }
    assert_eq!(fixture.resolver.threads(), 1);
    fixture.end();
}

#[test]
fn an_address_needs_no_resolver() {
    let mut fixture = Fixture::new(|host| panic!("asked for {host}"));
    let (_listener, port) = listener();
    let news = fixture.connect(name("127.0.0.1", port), LONG);
    assert!(matches!(news.recv_timeout(LONG), Ok(Ok(_))));
    fixture.end();
}

#[test]
fn a_name_without_an_address_is_not_resolved() {
    let mut fixture = Fixture::new(|_| Ok(Vec::new()));
    let news = fixture.connect(name("empty", 1), LONG);
    assert!(matches!(news.recv_timeout(LONG), Ok(Err(LinkError::Resolve { .. }))));
    fixture.end();
}
