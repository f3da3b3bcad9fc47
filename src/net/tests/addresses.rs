//! Addresses at which connecting hangs; only Linux lets a test set them up.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::{Fixture, LONG, listener, localhost, name};
use crate::backend::{LinkError, OptionValue, Options, Stage, Start, configure};

fn bound(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&address.into()).expect("a port");
    socket
}

/// A listener whose backlog is full: every connection to it hangs.
struct FullBacklog {
    _listener: Socket,
    _first: Vec<Socket>,
    address: SocketAddr,
}

impl FullBacklog {
    fn new(ip: Ipv4Addr, port: u16) -> Self {
        let listener = bound((ip, port).into());
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
    // One refuses, one never answers, the last one accepts.
    let full = FullBacklog::new(Ipv4Addr::new(127, 0, 0, 2), port);
    let refusing = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), 0));
    let addresses = vec![refusing, full.address, localhost()];
    let mut fixture = Fixture::new(move |_| Ok(addresses.clone()));
    let news = fixture.connect(name("several", port), Duration::from_secs(6));
    let Ok(Ok(how)) = news.recv_timeout(LONG) else { panic!("not connected") };
    let Some(Stage::Connect { address, .. }) = how.slowest else { panic!("nothing took long: {how:?}") };
    assert_eq!(address, full.address.to_string());
    fixture.end();
}

#[test]
fn the_last_address_is_told_when_none_answers() {
    // NoWaker listens there, and nobody else can.
    let refusing = bound(localhost());
    let port = refusing.local_addr().ok().and_then(|address| address.as_socket()).expect("a port").port();
    let full = FullBacklog::new(Ipv4Addr::new(127, 0, 0, 2), port);
    let addresses = vec![localhost(), full.address];
    let mut fixture = Fixture::new(move |_| Ok(addresses.clone()));
    let news = fixture.connect(name("several", port), Duration::from_millis(50));
    let Ok(Err(LinkError::TimedOut(Stage::Connect { address, .. }, None))) = news.recv_timeout(LONG) else {
        panic!("connected to nobody")
    };
    assert_eq!(address, full.address.to_string());
    fixture.end();
}

/// Three addresses that accept, in order, and their port.
fn three_listeners() -> ([TcpListener; 3], [SocketAddr; 3]) {
    loop {
        let bind = |last, port| TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), port));
        let first = bind(2, 0).expect("a port");
        let port = first.local_addr().expect("an address").port();
        // The port may be in use at another address.
        if let (Ok(second), Ok(third)) = (bind(3, port), bind(4, port)) {
            let addresses = [2, 3, 4].map(|last| (Ipv4Addr::new(127, 0, 0, last), port).into());
            return ([first, second, third], addresses);
        }
    }
}

#[test]
fn every_address_has_its_turn_whatever_order_the_resolver_gives() {
    let (_listeners, addresses) = three_listeners();
    let [a, b, c] = addresses;
    let port = a.port();
    // Each order in turn. With the first two alone, the one after the last peer in the list would never be `b`.
    let orders = [[a, b, c], [c, b, a], [b, c, a]];
    let calls = AtomicUsize::new(0);
    let mut fixture =
        Fixture::new(move |_| Ok(orders[calls.fetch_add(1, Ordering::Relaxed) % orders.len()].to_vec()));
    let mut peers = Vec::new();
    for turn in 0..7 {
        let after = peers.last().copied();
        let news = fixture.connect_after(after, name("several", port), LONG);
        let Ok(Ok(how)) = news.recv_timeout(LONG) else { panic!("not connected in turn {turn}") };
        peers.push(how.peer.expect("an address"));
    }
    assert_eq!(peers, [a, b, c, a, b, c, a]);
    // The resolver's order is the first one; an address that is not in it any more is skipped.
    let news = fixture.connect(name("several", port), LONG);
    assert_eq!(news.recv_timeout(LONG).ok().and_then(Result::ok).and_then(|how| how.peer), Some(c));
    let gone = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), port - 1));
    let news = fixture.connect_after(Some(gone), name("several", port), LONG);
    assert_eq!(news.recv_timeout(LONG).ok().and_then(Result::ok).and_then(|how| how.peer), Some(b));
    fixture.end();
}

#[test]
fn a_client_leaves_the_address_that_hangs_up_for_the_next() {
    let (listeners, addresses) = three_listeners();
    let [hangs_up, http, redis] = listeners;
    let mut fixture = Fixture::new(move |_| Ok(addresses.to_vec()));
    let url = format!("redis://several:{}", addresses[0].port());
    let pairs = vec![("reconnect_max".to_owned(), OptionValue::Number(0.1))];
    let backend = configure(Options { url: Some(url), pairs, ..Options::default() }).expect("good options");
    let start = Start { now: Instant::now(), seed: 1, counters: Arc::default() };
    fixture.open_boxed(backend.session(start));
    drop(hangs_up.accept().expect("a connection"));
    let (mut stream, _) = http.accept().expect("a connection");
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("a client");
    let (mut stream, _) = redis.accept().expect("a connection");
    let mut hello = [0; 8];
    stream.read_exact(&mut hello).expect("a HELLO");
    assert_eq!(&hello, b"*2\r\n$5\r\n");
    fixture.end();
}

#[test]
fn a_close_while_connecting_is_a_close() {
    let full = FullBacklog::new(Ipv4Addr::LOCALHOST, 0);
    let mut fixture = Fixture::new(|_| Ok(Vec::new()));
    let news = fixture.connect(name("127.0.0.1", full.address.port()), LONG);
    fixture.end();
    assert!(news.try_recv().is_err());
}
