//! A link that is paused while bytes wait.

use std::io::Write;
use std::time::{Duration, Instant};

use mio::{Events, Token};

use super::super::link::Link;
use super::late::Parts;
use super::{LONG, listener, name};
use crate::model::LinkId;

/// Passes the selector's events to the link until `ready`.
fn wait(parts: &mut Parts, link: &mut Link, ready: impl Fn(&mut Link, &mut Parts) -> bool) {
    let mut events = Events::with_capacity(8);
    let deadline = Instant::now() + LONG;
    while !ready(link, parts) {
        assert!(Instant::now() < deadline, "no news: {link:?}");
        parts.poll.poll(&mut events, Some(Duration::from_millis(100))).expect("a selector");
        events.iter().for_each(|event| link.handle_event(event));
    }
}

#[test]
fn a_paused_link_is_readable_once_it_goes_on_without_news() {
    let mut parts = Parts::new();
    let (listener, port) = listener();
    let now = Instant::now();
    let endpoint = name("127.0.0.1", port);
    let mut link =
        Link::connect(LinkId(0), Token(1), endpoint, None, now + LONG, &parts.io, now).expect("an attempt");
    let (mut peer, _) = listener.accept().expect("a connection");
    assert_eq!(link.timeout(), Some(now + LONG));
    wait(&mut parts, &mut link, |link, parts| {
        link.check(&mut parts.io, now).expect("a connection").is_some()
    });
    assert_eq!(link.timeout(), None, "from here on the session has the deadlines");
    assert!(!link.can_read());
    link.pause();
    // Events that come meanwhile are kept.
    peer.write_all(b"bytes").expect("a connection");
    wait(&mut parts, &mut link, |link, _| link.transport().expect("a connection").can_read());
    assert!(link.is_paused() && !link.can_read());
    link.resume();
    assert!(!link.is_paused() && link.can_read());
    let mut buffer = [0; 64];
    assert_eq!(link.transport().expect("a connection").read(&mut buffer).expect("bytes"), 5);
    assert_eq!(&buffer[..5], b"bytes");
    link.close(&mut parts.io);
}
