//! Links that are secured: one continues its handshake in each round of turns.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Token};

use super::super::link::{Link, Progress};
use super::late::Parts;
use super::{LONG, listener, name};
use crate::backend::{Tls, Trust};
use crate::model::LinkId;

/// A link that is connected, and its peer.
fn connected(parts: &mut Parts, number: u8) -> (Link, TcpStream) {
    let (listener, port) = listener();
    let now = Instant::now();
    let (endpoint, token) = (name("127.0.0.1", port), Token(usize::from(number) + 1));
    let mut link =
        Link::connect(LinkId(number), token, endpoint, None, now + LONG, &parts.io, now).expect("an attempt");
    let (peer, _) = listener.accept().expect("a connection");
    let mut events = Events::with_capacity(8);
    while !matches!(link.check(&mut parts.io, now).expect("a connection"), Some(Progress::Connected(_))) {
        parts.poll.poll(&mut events, Some(Duration::from_millis(100))).expect("a selector");
        events.iter().filter(|event| event.token() == token).for_each(|event| link.handle_event(event));
    }
    (link, peer)
}

/// Whether the client has begun its handshake. `wait`: waits until it has.
fn has_begun(peer: &mut TcpStream, wait: bool) -> bool {
    peer.set_nonblocking(!wait).expect("a socket");
    match peer.read(&mut [0; 64]) {
        Ok(n) => n > 0,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn one_link_goes_on_with_its_handshake_in_each_round() {
    let mut parts = Parts::new();
    let tls = Arc::new(Tls { trust: Trust::Everyone, identity: None });
    let mut both = [0, 1].map(|number| connected(&mut parts, number));
    for (link, _) in &mut both {
        link.begin_securing(Arc::clone(&tls), "127.0.0.1".into());
        assert!(link.is_busy() && link.transport().is_none(), "the session writes nothing from now on");
    }
    parts.io.begin_round();
    for (link, _) in &mut both {
        assert!(link.check(&mut parts.io, Instant::now()).expect("a handshake").is_none());
    }
    assert!(has_begun(&mut both[0].1, true) && !has_begun(&mut both[1].1, false));
    assert!(
        !both[0].0.is_busy() && both[1].0.is_busy(),
        "it waits for the server; its turn is still to come"
    );
    parts.io.begin_round();
    for (link, _) in &mut both {
        assert!(link.check(&mut parts.io, Instant::now()).expect("a handshake").is_none());
    }
    assert!(has_begun(&mut both[1].1, true));
    for (link, _) in both {
        link.close(&mut parts.io);
    }
}

#[test]
fn a_link_with_ever_more_to_do_for_its_handshake_lets_the_others_go_first() {
    let mut parts = Parts::new();
    let tls = Arc::new(Tls { trust: Trust::Everyone, identity: None });
    let mut links = [0, 1, 2].map(|number| connected(&mut parts, number));
    for (link, _) in &mut links {
        link.begin_securing(Arc::clone(&tls), "127.0.0.1".into());
    }
    parts.io.begin_round();
    for (link, _) in &mut links {
        assert!(link.check(&mut parts.io, Instant::now()).expect("a handshake").is_none());
    }
    // The first link's server has sent something before the next round: the beginning of a record, which is not
    // enough to continue.
    let [(first, server), (second, _), (last, waits)] = &mut links;
    assert!(has_begun(server, true));
    server.write_all(&[22, 3, 3]).expect("a connection");
    let mut events = Events::with_capacity(8);
    let token = first.token;
    while !first.is_busy() {
        parts.poll.poll(&mut events, Some(Duration::from_millis(100))).expect("a selector");
        events.iter().filter(|event| event.token() == token).for_each(|event| first.handle_event(event));
    }
    // A closed link is not waited for.
    std::mem::replace(second, connected(&mut parts, 3).0).close(&mut parts.io);
    parts.io.begin_round();
    assert!(first.check(&mut parts.io, Instant::now()).expect("a handshake").is_none());
    assert!(first.is_busy(), "it has had its turn");
    assert!(last.check(&mut parts.io, Instant::now()).expect("a handshake").is_none());
    assert!(!last.is_busy(), "its turn has come");
    assert!(has_begun(waits, true));
    for (link, _) in links {
        link.close(&mut parts.io);
    }
}
