//! Addresses at which connecting hangs, which only Linux lets a test have.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::{Bench, LONG, listener, localhost, name};
use crate::backend::{LinkError, Stage};

fn bound(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&address.into()).expect("a port");
    socket
}

/// A listener whose backlog is full: whoever connects to it waits.
struct Deaf {
    _listener: Socket,
    _first: Vec<Socket>,
    address: SocketAddr,
}

impl Deaf {
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
    // One refuses, one never answers, the last one is there.
    let deaf = Deaf::new(Ipv4Addr::new(127, 0, 0, 2), port);
    let refusing = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), 0));
    let addresses = vec![refusing, deaf.address, localhost()];
    let mut bench = Bench::new(move |_| Ok(addresses.clone()));
    let news = bench.connect(name("several", port), Duration::from_secs(6));
    let Ok(Ok(how)) = news.recv_timeout(LONG) else { panic!("not connected") };
    let Some(Stage::Connect { address, .. }) = how.slowest else { panic!("nothing took long: {how:?}") };
    assert_eq!(address, deaf.address.to_string());
    bench.end();
}

#[test]
fn the_last_address_is_told_when_none_answers() {
    // Nobody listens there, and nobody else can.
    let refusing = bound(localhost());
    let port = refusing.local_addr().ok().and_then(|address| address.as_socket()).expect("a port").port();
    let deaf = Deaf::new(Ipv4Addr::new(127, 0, 0, 2), port);
    let addresses = vec![localhost(), deaf.address];
    let mut bench = Bench::new(move |_| Ok(addresses.clone()));
    let news = bench.connect(name("several", port), Duration::from_millis(50));
    let Ok(Err(LinkError::TimedOut(Stage::Connect { address, .. }))) = news.recv_timeout(LONG) else {
        panic!("connected to nobody")
    };
    assert_eq!(address, deaf.address.to_string());
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
