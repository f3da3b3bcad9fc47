//! Rare behaviour of sockets, with a scripted stream.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};

use mio::event::Source;
use mio::{Interest, Poll, Registry, Token};

use super::super::Transport;
use super::super::socket::{Socket, Stream};
use crate::backend::LinkError;

/// A stream that answers each call from its script, and would block after that.
#[derive(Debug, Default)]
struct Script {
    reads: VecDeque<Result<&'static [u8], ErrorKind>>,
    writes: VecDeque<Result<usize, ErrorKind>>,
    error: Option<ErrorKind>,
    peer: Option<ErrorKind>,
    /// The interests that it was registered with.
    interests: Arc<Mutex<Vec<Interest>>>,
    refuses_interest: bool,
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.reads.pop_front().unwrap_or(Err(ErrorKind::WouldBlock))?;
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Script {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Ok(self.writes.pop_front().unwrap_or(Err(ErrorKind::WouldBlock))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        unreachable!("nothing is buffered")
    }
}

impl Source for Script {
    fn register(&mut self, _: &Registry, _: Token, interest: Interest) -> io::Result<()> {
        self.interests.lock().expect("no panic").push(interest);
        Ok(())
    }

    fn reregister(&mut self, _: &Registry, _: Token, interest: Interest) -> io::Result<()> {
        self.interests.lock().expect("no panic").push(interest);
        if self.refuses_interest { Err(ErrorKind::OutOfMemory.into()) } else { Ok(()) }
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Script {
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.error.map(io::Error::from))
    }

    fn check_peer(&self) -> io::Result<()> {
        self.peer.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn set_nodelay(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket that is connected.
fn connected(script: Script, poll: &Poll) -> Socket<Script> {
    let mut socket = Socket::new(script, poll.registry(), Token(1)).expect("a socket");
    assert!(socket.finish_connect().expect("a connection"));
    socket
}

fn poll() -> Poll {
    Poll::new().expect("a selector")
}

#[test]
fn an_interrupted_call_is_made_again() {
    let reads = [Err(ErrorKind::Interrupted), Err(ErrorKind::Interrupted), Ok(&b"bytes"[..])];
    let writes = [Err(ErrorKind::Interrupted), Ok(3)];
    let script = Script { reads: reads.into(), writes: writes.into(), ..Script::default() };
    let mut socket = connected(script, &poll());
    assert_eq!(socket.read(&mut [0; 64]).expect("bytes"), 5);
    assert_eq!(socket.write(b"more"), 3);
    assert!(socket.can_write());
}

#[test]
fn a_write_that_fails_is_told_once_everything_is_read() {
    for failure in [Err(ErrorKind::BrokenPipe), Ok(0)] {
        let kind = failure.err().unwrap_or(ErrorKind::WriteZero);
        let reads = [Ok(&b"-ERR too many"[..]), Ok(b" clients\r\n")];
        let script = Script { reads: reads.into(), writes: [failure].into(), ..Script::default() };
        let (poll, interests) = (poll(), Arc::clone(&script.interests));
        let mut socket = connected(script, &poll);
        assert!(!socket.can_read());
        assert_eq!(socket.write(b"hello"), 0);
        assert!(!socket.can_write());
        let mut buffer = [0; 64];
        for length in [13, 10] {
            assert!(socket.can_read());
            assert_eq!(socket.read(&mut buffer).expect("bytes"), length);
        }
        assert!(socket.can_read(), "the failure is still to be told");
        let end = socket.read(&mut buffer).expect_err("the end");
        assert!(matches!(&end, LinkError::Io(error) if error.kind() == kind), "{end:?}");
        // Writability is not asked for any more.
        socket.rearm(poll.registry());
        assert_eq!(interests.lock().expect("no panic").last(), Some(&Interest::READABLE));
    }
}

#[test]
fn a_read_that_fails_ends_the_connection() {
    let script = Script { reads: [Err(ErrorKind::ConnectionReset)].into(), ..Script::default() };
    let end = connected(script, &poll()).read(&mut [0; 64]).expect_err("the end");
    assert!(matches!(&end, LinkError::Io(error) if error.kind() == ErrorKind::ConnectionReset), "{end:?}");
}

#[test]
fn the_selector_is_asked_for_writability_only_while_a_write_waits() {
    const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
    let script = Script { writes: [Err(ErrorKind::WouldBlock)].into(), ..Script::default() };
    let (poll, interests) = (poll(), Arc::clone(&script.interests));
    let mut socket = connected(script, &poll);
    let rearmed = |socket: &mut Socket<Script>| {
        socket.rearm(poll.registry());
        socket.rearm(poll.registry());
        std::mem::take(&mut *interests.lock().expect("no panic"))
    };
    assert_eq!(rearmed(&mut socket), [BOTH, Interest::READABLE]);
    assert_eq!(rearmed(&mut socket), []);
    assert_eq!(socket.write(b"hello"), 0);
    assert!(!socket.can_write());
    assert_eq!(rearmed(&mut socket), [BOTH]);
}

#[test]
fn a_selector_that_refuses_ends_the_connection() {
    let poll = poll();
    let mut socket = connected(Script { refuses_interest: true, ..Script::default() }, &poll);
    socket.rearm(poll.registry());
    assert!(socket.can_read() && !socket.can_write());
    assert!(matches!(socket.read(&mut [0; 64]), Err(LinkError::Io(_))));
}

#[test]
fn connecting_goes_on_until_there_is_a_peer_or_an_error() {
    let outcome = |error, peer| {
        let script = Script { error, peer, ..Script::default() };
        let mut socket = Socket::new(script, poll().registry(), Token(1)).expect("a socket");
        let outcome = socket.finish_connect().map_err(|error| error.kind());
        assert_eq!(socket.can_write(), outcome == Ok(true));
        outcome
    };
    let (refused, absent) = (ErrorKind::ConnectionRefused, ErrorKind::NotConnected);
    assert_eq!(outcome(None, Some(absent)), Ok(false));
    assert_eq!(outcome(None, None), Ok(true));
    assert_eq!(outcome(Some(refused), Some(absent)), Err(refused));
    // mio asks for both, because either may come alone.
    assert_eq!(outcome(Some(refused), None), Err(refused));
    assert_eq!(outcome(None, Some(refused)), Err(refused));
}
