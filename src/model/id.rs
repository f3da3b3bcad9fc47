//! Ids of things that cross a room's border.

use std::fmt;
use std::marker::PhantomData;

use super::printable::{NAME_CHARACTERS, printable};

/// A place in a table of the main thread. `T` is the table: a slot of one table does not fit another.
///
/// The generation distinguishes an old use of the place from the new one, so that messages queued for a removed
/// callback reach no other.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Slot<T> {
    /// Position in the table.
    pub index: u32,
    /// How often the position was given out before.
    pub generation: u32,
    table: PhantomData<T>,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slot<T> {}

impl<T> Slot<T> {
    /// The place at `index`, when it was given out `generation` times before.
    pub const fn new(index: u32, generation: u32) -> Self {
        Self { index, generation, table: PhantomData }
    }
}

/// A client's table of subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subscriptions {}

/// A client's table of requests with a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requests {}

/// The table of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clients {}

/// Names the subscription that a message is for.
pub type SubscriptionSlot = Slot<Subscriptions>;
/// Names the request that an answer is for.
pub type RequestSlot = Slot<Requests>;
/// Names a client.
pub type ClientSlot = Slot<Clients>;

/// A session that the worker runs. A client that is reconnected with other settings gets another one. Never given out
/// twice in one Lua state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub u32);

/// One connection of a session. A session numbers its own links, from 0 up, and reuses a number when it reconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u8);

/// The kinds of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TopicKind {
    /// One channel, by its exact name.
    Channel,
    /// Every channel that a glob pattern matches.
    Pattern,
    /// One sharded channel, by its exact name. It differs from the plain channel of the same name.
    ShardedChannel,
}

impl TopicKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::ShardedChannel];

    /// The word for it in texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Pattern => "pattern",
            Self::ShardedChannel => "sharded channel",
        }
    }
}

/// What a subscription is for. Names are any bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// The kind of the name.
    pub kind: TopicKind,
    /// The name of the channel or sharded channel, or the pattern.
    pub name: Box<[u8]>,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.kind.as_str(), printable(&self.name, NAME_CHARACTERS))
    }
}
