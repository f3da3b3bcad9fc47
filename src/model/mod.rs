//! The types that every room shares: ids, commands, events, values, errors, and the small traits by which a room asks
//! for what another one owns. Nothing here knows Redis, sockets or Lua.

mod args;
mod command;
mod counters;
mod error;
mod event;
mod id;
mod limits;
mod printable;
mod remedy;
mod traits;
mod value;

pub use args::Args;
pub use command::{Command, Request, RequestKind};
pub use counters::{Counters, Figure, LoopCounters, Node, QueueCounters, SessionCounters, State};
pub use error::{Code, Error, panic_text};
pub use event::{ConnectTimes, DropReason, Event, Ready, Role};
pub use id::{
    ClientSlot, Clients, LinkId, RequestSlot, Requests, SessionId, Slot, SubscriptionSlot, Subscriptions,
    Topic, TopicKind,
};
pub use limits::{Limits, Overflow, READ_BYTES};
pub use printable::{NAME_CHARACTERS, Printable, printable};
pub use remedy::Remedy;
pub use traits::{Join, ReplyTo, RequestName, Room, Sink, Spawn, Ticket, Wake};
pub use value::{MAX_EXACT, Rows, Value};
