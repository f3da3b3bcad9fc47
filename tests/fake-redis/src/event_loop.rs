//! The server's one thread: waits for sockets, reads requests, runs them, writes their output.

use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::commands;
use crate::connection::{Connection, Ending};
use crate::server::Shared;
use crate::socket::Stream;
use crate::state::State;

pub(crate) const WAKER: Token = Token(usize::MAX);
pub(crate) const DOOR: Token = Token(usize::MAX - 1);

/// Events taken from the system at once.
const EVENTS: usize = 256;
/// How much is read from one connection before others get their turn, in bytes.
const READ_BUFFER: usize = 64 * 1024;

#[expect(clippy::needless_pass_by_value, reason = "the thread owns its share")]
pub(crate) fn run(shared: Arc<Shared>, mut poll: Poll) {
    let mut events = Events::with_capacity(EVENTS);
    let mut buffer = vec![0; READ_BUFFER];
    let mut timeout = None;
    loop {
        if let Err(error) = poll.poll(&mut events, timeout)
            && error.kind() != Interrupted
        {
            // Nothing can be served any more; the message says why.
            #[expect(clippy::panic, reason = "only a broken system makes poll fail")]
            {
                panic!("fake-redis: waiting for sockets failed: {error}");
            }
        }
        let mut state = shared.lock();
        if state.quit {
            return;
        }
        state.woken = false;
        accept(&mut state);
        for event in &events {
            let id = event.token().0 as u64;
            if let Some(connection) = state.connections.0.get_mut(&id) {
                connection.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                connection.writable |= event.is_writable() || event.is_write_closed();
            }
        }
        let ids: Vec<u64> = state.connections.0.keys().copied().collect();
        for id in ids {
            serve(&mut state, id, &mut buffer);
        }
        let (busy, due) = state.settle();
        drop(state);
        shared.changed.notify_all();
        timeout = if busy {
            // A thread that waits for the lock, or for the bytes just written, goes first.
            thread::yield_now();
            Some(Duration::ZERO)
        } else {
            due.map(|due| due.saturating_duration_since(Instant::now()))
        };
    }
}

/// Accepts all waiting connections.
fn accept(state: &mut State) {
    loop {
        match state.door.accept() {
            Ok((stream, peer)) => admit(state, stream, peer),
            // The client gave up before it was accepted.
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) => {}
            // No connection waits; or the process has no descriptor left, and the next turn tries again.
            Err(_) => return,
        }
    }
}

fn admit(state: &mut State, mut stream: Stream, peer: String) {
    let id = state.count_accepted();
    let Some(token) = usize::try_from(id).ok().map(Token) else { return };
    if stream.register(&state.registry, token).is_err() {
        return;
    }
    let authenticated = !state.users.authentication_required();
    let faults = state.settings.new_faults.clone();
    let mut connection = Connection::new(id, stream, peer, authenticated, faults);
    if state.connections.0.len() >= state.settings.max_clients {
        connection.fresh.extend_from_slice(b"-ERR max number of clients reached\r\n");
        connection.end(Ending::Flushed);
    }
    state.connections.0.insert(id, connection);
}

/// Reads once from a connection and runs the commands that came.
fn serve(state: &mut State, id: u64, buffer: &mut [u8]) {
    let Some(connection) = state.connections.0.get_mut(&id) else { return };
    let Some(n) = connection.read(buffer) else { return };
    let mut input = &buffer[..n];
    while let Some(connection) = state.connections.0.get_mut(&id)
        && connection.ending == Ending::No
    {
        let authenticated = connection.session.authenticated || !state.users.authentication_required();
        match connection.requests.next(&mut input, authenticated) {
            Ok(Some(request)) => commands::process(state, id, request),
            Ok(None) => return,
            Err(error) => {
                connection.fresh.extend_from_slice(format!("-{}\r\n", error.0).as_bytes());
                connection.end(Ending::Flushed);
                return;
            }
        }
    }
}
