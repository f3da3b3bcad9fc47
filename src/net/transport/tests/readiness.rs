//! Real sockets with a real selector: when they are readable and writable.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use socket2::{Domain, Type};

use super::super::{Target, Transport, connect};
use crate::backend::LinkError;

const LONG: Duration = Duration::from_secs(60);
const TOKEN: Token = Token(7);

/// The other end of a connection.
trait Peer: Read + Write + Debug {}
impl<T: Read + Write + Debug> Peer for T {}

/// A transport that is connected, its selector, and its peer.
struct Connection {
    poll: Poll,
    transport: Box<dyn Transport>,
    peer: Box<dyn Peer>,
}

impl Connection {
    fn begin(target: &Target, accept: impl FnOnce() -> Box<dyn Peer>) -> Self {
        let poll = Poll::new().expect("a selector");
        let transport = connect(target, poll.registry(), TOKEN).expect("a socket");
        let mut this = Self { poll, transport, peer: accept() };
        this.wait(|transport| transport.can_write());
        assert!(this.transport.finish_connect().expect("a connection"));
        this.rearm();
        this
    }

    fn tcp() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let target = Target::Tcp(listener.local_addr().expect("an address"));
        Self::begin(&target, || Box::new(listener.accept().expect("a connection").0))
    }

    #[cfg(unix)]
    fn unix() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        Self::begin(&Target::Unix(path), || Box::new(listener.accept().expect("a connection").0))
    }

    /// One of each kind.
    fn each() -> Vec<Self> {
        let all = [Self::tcp()].into_iter();
        #[cfg(unix)]
        let all = all.chain([Self::unix()]);
        all.collect()
    }

    /// Takes the waiting events, and returns whether any was about writability.
    fn take_events(&mut self, patience: Duration) -> bool {
        let mut events = Events::with_capacity(8);
        self.poll.poll(&mut events, Some(patience)).expect("a selector");
        let mut told = false;
        for event in &events {
            assert_eq!(event.token(), TOKEN);
            told |= event.is_writable();
            self.transport.handle_event(event);
        }
        told
    }

    /// Takes events until `ready`.
    fn wait(&mut self, ready: impl Fn(&dyn Transport) -> bool) {
        let deadline = Instant::now() + LONG;
        while !ready(&*self.transport) {
            assert!(Instant::now() < deadline, "no news: {:?}", self.transport);
            self.take_events(Duration::from_millis(100));
        }
    }

    fn rearm(&mut self) {
        self.transport.rearm(self.poll.registry());
    }

    fn send(&mut self, bytes: &[u8]) {
        self.peer.write_all(bytes).expect("a connection");
    }

    /// Reads at most `most` bytes.
    fn read(&mut self, most: usize) -> Vec<u8> {
        let mut buffer = vec![0; most];
        let n = self.transport.read(&mut buffer).expect("a connection");
        buffer.truncate(n);
        buffer
    }
}

#[test]
fn a_short_read_leaves_nothing_and_the_next_bytes_are_news() {
    for mut connection in Connection::each() {
        assert!(!connection.transport.can_read());
        for bytes in [&b"one"[..], b"two, longer", b"3"] {
            connection.send(bytes);
            connection.wait(|transport| transport.can_read());
            assert_eq!(connection.read(64), bytes);
            // Windows reports more only after a read that would have blocked.
            if !cfg!(unix) {
                assert_eq!(connection.read(64), b"");
            }
            assert!(!connection.transport.can_read());
        }
    }
}

#[test]
fn what_was_not_read_stays_readable_without_news() {
    for mut connection in Connection::each() {
        connection.send(b"0123456789");
        connection.wait(|transport| transport.can_read());
        // Turns in which the link is paused.
        for _ in 0..3 {
            connection.rearm();
            connection.take_events(Duration::ZERO);
            assert!(connection.transport.can_read());
        }
        assert_eq!(connection.read(5), b"01234");
        assert!(connection.transport.can_read());
        assert_eq!(connection.read(5), b"56789");
        // A full buffer does not show that nothing is left.
        assert!(connection.transport.can_read());
        assert_eq!(connection.read(5), b"");
        assert!(!connection.transport.can_read());
    }
}

#[test]
fn the_last_bytes_are_read_before_the_end() {
    for mut connection in Connection::each() {
        connection.send(b"goodbye");
        connection.peer = Box::new(std::io::Cursor::new(Vec::new()));
        let mut heard = Vec::new();
        let end = loop {
            connection.wait(|transport| transport.can_read());
            let mut buffer = [0; 64];
            match connection.transport.read(&mut buffer) {
                Ok(n) => heard.extend_from_slice(&buffer[..n]),
                Err(end) => break end,
            }
        };
        assert_eq!(heard, b"goodbye");
        assert!(matches!(end, LinkError::Eof), "{end:?}");
    }
}

#[test]
fn an_end_that_is_known_already_is_found_after_a_short_read() {
    for mut connection in Connection::each() {
        connection.send(b"goodbye");
        connection.peer = Box::new(std::io::Cursor::new(Vec::new()));
        // Wait for both events, then read as one turn does.
        let deadline = Instant::now() + LONG;
        while !format!("{:?}", connection.transport).contains("read_closed: true") {
            assert!(Instant::now() < deadline, "no news of the end");
            connection.take_events(Duration::from_millis(100));
        }
        assert_eq!(connection.read(64), b"goodbye");
        assert!(connection.transport.can_read(), "nothing more will be told of it");
        assert!(matches!(connection.transport.read(&mut [0; 64]), Err(LinkError::Eof)));
    }
}

#[test]
fn writing_stops_when_the_peer_is_full_and_goes_on_when_it_has_read() {
    let piece = vec![7; 1 << 16];
    for mut connection in Connection::each() {
        let mut written = 0;
        while connection.transport.can_write() {
            written += connection.transport.write(&piece);
        }
        assert!(written > 0);
        assert_eq!(connection.transport.write(&piece), 0);
        connection.rearm();
        let mut read = vec![0; written];
        connection.peer.read_exact(&mut read).expect("a connection");
        assert!(read.iter().all(|&byte| byte == 7));
        connection.wait(|transport| transport.can_write());
        connection.rearm();
        connection.take_events(Duration::ZERO);
        // Nothing asked for more events of that kind.
        assert_eq!(connection.transport.write(b"more"), 4);
        connection.peer.read_exact(&mut read[..4]).expect("a connection");
        assert_eq!(&read[..4], b"more");
        assert!(!connection.take_events(Duration::ZERO), "{:?}", connection.transport);
    }
}

#[test]
fn nobody_there_is_an_error() {
    // Bound, so that nothing else can listen there.
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
    let address = socket.local_addr().expect("an address").as_socket().expect("an IP address");
    let poll = Poll::new().expect("a selector");
    let Ok(transport) = connect(&Target::Tcp(address), poll.registry(), TOKEN) else { return };
    let mut connection = Connection { poll, transport, peer: Box::new(std::io::Cursor::new(Vec::new())) };
    connection.wait(|transport| transport.can_read() || transport.can_write());
    connection.transport.finish_connect().expect_err("nobody listens");
}

#[test]
fn a_transport_that_was_closed_is_not_told_of() {
    for mut connection in Connection::each() {
        let mut events = Events::with_capacity(8);
        connection.transport.close(connection.poll.registry());
        connection.send(b"news");
        connection.poll.poll(&mut events, Some(Duration::ZERO)).expect("a selector");
        assert!(events.is_empty());
    }
}
