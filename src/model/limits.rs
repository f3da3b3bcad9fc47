//! Bounds of the queues between the threads.

/// The most bytes that one read of a link delivers. A queue may exceed its limits by these, because a session takes
/// all bytes of a read.
pub const READ_BYTES: usize = 64 << 10;

/// Bounds of a client's queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages that may wait for the main thread.
    pub queue_events: usize,
    /// The most bytes that may wait for the main thread.
    pub queue_bytes: usize,
    /// What happens to messages beyond that.
    pub overflow: Overflow,
    /// Requests accepted and not yet answered.
    pub max_pending: usize,
    /// Bytes in requests accepted and not yet answered.
    pub pending_bytes: usize,
}

/// What happens to messages when the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The oldest waiting message makes room.
    DropOldest,
    /// The new message is dropped.
    DropNewest,
    /// Reading stops until there is room.
    Pause,
}
