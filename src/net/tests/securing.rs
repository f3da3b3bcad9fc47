//! Links that are secured: one goes on with its handshake in each round of turns.

use std::io::{ErrorKind, Read};
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

/// Whether the client has begun its handshake. `wait`: for it to do so.
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
