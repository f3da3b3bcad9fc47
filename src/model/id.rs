//! Names for things that cross a room's border.

use std::fmt;

use super::printable::{NAME_CHARACTERS, printable};

/// A place in a slab of the main thread: what an event is for.
///
/// The generation tells an old tenant of the place from the new one, so that what is still queued for a removed
/// callback reaches nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Position in the slab.
    pub index: u32,
    /// How often the position had been given out before.
    pub generation: u32,
}

/// A session that the worker runs. A client that is reconnected with other settings gets another one. Never given out
/// twice in one Lua state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub u32);

/// One connection of a session. A session numbers its own links, from 0 up, and reuses a number when it reconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u8);

/// Whether a subscription names one channel or a glob pattern of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicKind {
    /// One channel, by its exact name.
    Channel,
    /// Every channel that a glob pattern matches.
    Pattern,
}

/// What one subscribes to. Names are any bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Channel or pattern.
    pub kind: TopicKind,
    /// The channel's name, or the pattern.
    pub name: Box<[u8]>,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            TopicKind::Channel => "channel",
            TopicKind::Pattern => "pattern",
        };
        write!(f, "{kind} \"{}\"", printable(&self.name, NAME_CHARACTERS))
    }
}
