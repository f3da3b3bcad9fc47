//! Counters that the worker writes and the main thread reads, without a lock except for texts that change rarely.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{DropReason, Role, Topic};

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

/// Figures of one client, for any reader. Each is written through one of three types, all on the worker:
/// [`SessionCounters`], [`QueueCounters`] and [`LoopCounters`]. A reader may see one figure a moment before another.
#[derive(Debug, Default)]
pub struct Counters {
    state: AtomicU8,
    /// 0 if it is not known.
    role: AtomicU8,
    /// Messages that arrived for a live subscription.
    pub received: Figure,
    /// Bytes read from sockets.
    pub bytes_in: Figure,
    /// Bytes written to sockets.
    pub bytes_out: Figure,
    /// Publishes that the server answered without an error.
    pub published: Figure,
    /// Connections that became ready after the first one.
    pub reconnects: Figure,
    /// Messages dropped because the queue was full.
    pub dropped_overflow: Figure,
    /// Messages dropped because they were larger than allowed.
    pub dropped_too_large: Figure,
    /// The last round trip of a PING, in nanoseconds; 0 before the first.
    pub round_trip: Figure,
    /// Channels and patterns confirmed by the server on the current connection.
    pub confirmed: Figure,
    /// Channels and patterns that the server refused on the current connection and that will be asked for again.
    pub refused: Figure,
    one_refused: Mutex<Option<Box<str>>>,
    refused_topics: Mutex<Box<[Topic]>>,
    address: Mutex<Option<Box<str>>>,
    sentinel: Mutex<[Option<Box<str>>; 2]>,
    nodes: Mutex<Box<[Node]>>,
}

/// A node of a cluster that a client is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its address.
    pub address: Box<str>,
    /// Its role.
    pub role: Role,
    /// How many hash slots it holds.
    pub slots: u32,
    /// Whether a link to it is up.
    pub is_connected: bool,
}

/// A number that one thread writes.
#[derive(Debug, Default)]
pub struct Figure(AtomicU64);

impl Figure {
    /// Its value.
    pub fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    fn add(&self, n: u64) {
        // One writer: a load and a store cost less than a locked addition.
        self.set(self.load(Ordering::Relaxed).wrapping_add(n));
    }
}

impl Counters {
    /// The client's state now, perhaps ahead of the events that report it.
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Connecting,
            1 => State::Ready,
            2 => State::Waiting,
            _ => State::Closed,
        }
    }

    /// One of the refused channels and patterns, with its reason.
    pub fn one_refused(&self) -> Option<Box<str>> {
        self.one_refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The refused topics; if there are very many, only some of them.
    pub fn refused_topics(&self) -> Box<[Topic]> {
        self.refused_topics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The address that the client is connected to, or tries to connect to, if the session knows it.
    pub fn address(&self) -> Option<Box<str>> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The Sentinel that watches the master, and why its master is not confirmed, if the session has one.
    pub fn sentinel(&self) -> [Option<Box<str>>; 2] {
        self.sentinel.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The nodes of the cluster, if it is one and lists them.
    pub fn nodes(&self) -> Box<[Node]> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The server's role, as it last reported it.
    pub fn role(&self) -> Option<Role> {
        [Role::Master, Role::Replica]
            .into_iter()
            .find(|&role| role as u8 == self.role.load(Ordering::Relaxed))
    }
}

/// The figures that a session writes.
#[derive(Debug)]
pub struct SessionCounters(Arc<Counters>);

impl SessionCounters {
    /// For the session that they describe.
    pub fn new(counters: Arc<Counters>) -> Self {
        Self(counters)
    }

    /// Sets the client's state.
    pub fn set_state(&self, state: State) {
        self.0.state.store(state as u8, Ordering::Release);
    }

    /// Sets the server's role.
    pub fn set_role(&self, role: Option<Role>) {
        self.0.role.store(role.map_or(0, |role| role as u8), Ordering::Relaxed);
    }

    /// Sets the number of confirmed channels and patterns.
    pub fn set_confirmed(&self, count: u64) {
        self.0.confirmed.set(count);
    }

    /// Sets the number of refused channels and patterns, one of them with its reason, and their list, which
    /// may leave some out if there are very many.
    pub fn set_refused(&self, count: u64, one: Option<String>, topics: Vec<Topic>) {
        self.0.refused.set(count);
        *self.0.refused_topics.lock().unwrap_or_else(PoisonError::into_inner) = topics.into();
        // Nothing can panic while the lock is held.
        *self.0.one_refused.lock().unwrap_or_else(PoisonError::into_inner) = one.map(Into::into);
    }

    /// Sets the address that the client is connected to, or tries to connect to; `None` once the session has ended.
    pub fn set_address(&self, address: Option<String>) {
        // As above.
        *self.0.address.lock().unwrap_or_else(PoisonError::into_inner) = address.map(Into::into);
    }

    /// Sets the Sentinel that watches the master, and why its master is not confirmed.
    pub fn set_sentinel(&self, sentinel: Option<String>, problem: Option<String>) {
        // As above.
        *self.0.sentinel.lock().unwrap_or_else(PoisonError::into_inner) =
            [sentinel, problem].map(|text| text.map(Into::into));
    }

    /// Sets the nodes of the cluster; none if it is no cluster.
    pub fn set_nodes(&self, nodes: Vec<Node>) {
        // As above.
        *self.0.nodes.lock().unwrap_or_else(PoisonError::into_inner) = nodes.into();
    }

    /// Sets the time that a round trip took.
    pub fn set_round_trip(&self, time: Duration) {
        // 0 means none yet.
        self.0.round_trip.set(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1));
    }

    /// A publish was answered without an error.
    pub fn published(&self) {
        self.0.published.add(1);
    }

    /// The client is ready again.
    pub fn reconnected(&self) {
        self.0.reconnects.add(1);
    }
}

/// The figures that the queue writes.
#[derive(Debug)]
pub struct QueueCounters(Arc<Counters>);

impl QueueCounters {
    /// For the queue that they describe.
    pub fn new(counters: Arc<Counters>) -> Self {
        Self(counters)
    }

    /// A message arrived.
    #[inline]
    pub fn received(&self) {
        self.0.received.add(1);
    }

    /// This many messages were dropped.
    pub fn dropped(&self, count: u64, reason: DropReason) {
        match reason {
            DropReason::Overflow => &self.0.dropped_overflow,
            DropReason::TooLarge => &self.0.dropped_too_large,
        }
        .add(count);
    }

    /// The session is gone, and may not have reported it.
    pub fn closed(&self) {
        self.0.state.store(State::Closed as u8, Ordering::Release);
    }

    /// All figures, for reading.
    pub fn all(&self) -> &Arc<Counters> {
        &self.0
    }
}

/// The figures that the event loop writes.
#[derive(Debug)]
pub struct LoopCounters(Arc<Counters>);

impl LoopCounters {
    /// For the driver of the session that they describe.
    pub fn new(counters: Arc<Counters>) -> Self {
        Self(counters)
    }

    /// This many bytes were read from a socket.
    pub fn read(&self, bytes: usize) {
        self.0.bytes_in.add(bytes as u64);
    }

    /// This many bytes were written to a socket.
    pub fn written(&self, bytes: usize) {
        self.0.bytes_out.add(bytes as u64);
    }
}
