//! Faults that can be injected.

use std::time::Duration;

/// How a cut ends a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// Normally, on both sides: each reads what was forwarded to it, then the end of the stream. Further input is
    /// read and discarded.
    #[default]
    Close,
    /// With a TCP reset, on both sides: their next read or write fails.
    Reset,
    /// Only this direction ends, normally. The other one continues.
    HalfClose,
}

/// The course of the bytes of one direction. The default: they are forwarded as they come.
///
/// Positions count the bytes of the direction from the start of the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Nothing is read or passed on until this is false again.
    pub stall: bool,
    /// `stall` becomes true once this many bytes have passed.
    pub stall_at: Option<u64>,
    /// Bytes that are forwarded at once. 0: as many as come.
    pub piece: usize,
    /// Bytes before this position are forwarded separately from those after it.
    pub split_at: Option<u64>,
    /// Time between two pieces, and at the split. Without one the system may join the pieces again before they are read.
    pub pause: Duration,
    /// The connection is cut once this many bytes have passed; 0 cuts it at its start.
    pub cut_at: Option<u64>,
    /// How.
    pub cut: Cut,
}

/// The faults of a connection. The default: none.
///
/// ```
/// use fault_proxy::{Course, Cut, Faults};
///
/// let faults = Faults { down: Course { cut_at: Some(100), cut: Cut::Reset, ..Course::default() }, ..Faults::default() };
/// assert_eq!(faults.up, Course::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// From the client to the server.
    pub up: Course,
    /// From the server to the client.
    pub down: Course,
    /// Accepted and never answered: the server is not connected to. For connections to come only.
    pub mute: bool,
    /// The forwarded bytes are kept, see [`Connection`](crate::Connection). For future connections only.
    pub record: bool,
}
