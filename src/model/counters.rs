//! Counters that the worker writes and the main thread reads, without a lock but for a text that changes rarely.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Role;

/// What a client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// A connection is being made, or subscriptions are being restored on it.
    Connecting = 0,
    /// Connected and subscribed.
    Ready = 1,
    /// Between two attempts to connect.
    Waiting = 2,
    /// Closed for good.
    Closed = 3,
}

impl State {
    /// The state as Lua sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Closed => "closed",
        }
    }
}

/// Figures of one client. Each is written by one thread and read by any; a reader may see one figure a moment before
/// another.
#[derive(Debug, Default)]
pub struct Counters {
    state: AtomicU8,
    /// 0 if it is not known.
    role: AtomicU8,
    /// Messages that arrived for a live subscription.
    pub received: AtomicU64,
    /// Bytes read from sockets.
    pub bytes_in: AtomicU64,
    /// Bytes written to sockets.
    pub bytes_out: AtomicU64,
    /// Publishes that the server answered without an error.
    pub published: AtomicU64,
    /// Connections that became ready after the first one.
    pub reconnects: AtomicU64,
    /// Messages dropped since the queue was full.
    pub dropped_overflow: AtomicU64,
    /// Messages dropped since they were larger than allowed.
    pub dropped_too_large: AtomicU64,
    /// The last round trip of a PING, in nanoseconds; 0 before the first.
    pub round_trip: AtomicU64,
    /// Channels and patterns confirmed by the server on the present connection.
    pub confirmed: AtomicU64,
    /// Channels and patterns that the server refused on the present connection and is asked for again.
    pub refused: AtomicU64,
    one_refused: Mutex<Option<Box<str>>>,
    address: Mutex<Option<Box<str>>>,
}

impl Counters {
    /// The client's state, as of now and perhaps ahead of the events that tell of it.
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Connecting,
            1 => State::Ready,
            2 => State::Waiting,
            _ => State::Closed,
        }
    }

    /// Says what the client is doing now.
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Says how many channels and patterns are refused, and one of them with its reason.
    pub fn set_refused(&self, count: u64, one: Option<String>) {
        self.refused.store(count, Ordering::Relaxed);
        // Nothing can panic while the lock is held.
        *self.one_refused.lock().unwrap_or_else(PoisonError::into_inner) = one.map(Into::into);
    }

    /// One of the channels and patterns that are refused, with its reason.
    pub fn one_refused(&self) -> Option<Box<str>> {
        self.one_refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says where the client is connected to, or tries to connect to; `None` once it has ended.
    pub fn set_address(&self, address: Option<String>) {
        // As above.
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = address.map(Into::into);
    }

    /// Where the client is connected to, or tries to connect to, if the session says so.
    pub fn address(&self) -> Option<Box<str>> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the server is to others, as it said last.
    pub fn role(&self) -> Option<Role> {
        [Role::Master, Role::Replica]
            .into_iter()
            .find(|&role| role as u8 == self.role.load(Ordering::Relaxed))
    }

    /// Says what the server is to others.
    pub fn set_role(&self, role: Option<Role>) {
        self.role.store(role.map_or(0, |role| role as u8), Ordering::Relaxed);
    }

    /// Adds to a figure that only the calling thread writes.
    pub fn add(figure: &AtomicU64, n: u64) {
        // One writer: a load and a store cost less than a locked addition.
        figure.store(figure.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }
}
