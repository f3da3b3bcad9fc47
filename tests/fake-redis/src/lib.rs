//! A Redis server inside the test's own process, with faults on demand.
//!
//! To a client it is like Redis 7.0 in everything about connections and pub/sub, in RESP2 and RESP3, down to the
//! words of its errors: this crate's tests run the same conversations against both. Of the commands on data it has
//! those that examples and tests need. It takes no inline commands. It can be a node of a cluster or a Sentinel, as
//! far as clients ask these: see [`Mode`].
//!
//! It does on request what a real server does only when things go wrong: see [`Faults`], [`Reaction`] and the methods
//! of [`FakeRedis`]. Nothing happens by chance and nothing waits for a clock, unless requested; a test waits for an
//! expected state with [`FakeRedis::wait_until`].
//!
//! ```
//! use fake_redis::{Close, FakeRedis, Target};
//!
//! let server = FakeRedis::start()?;
//! println!("{}", server.url());
//! assert_eq!(server.publish("news", "nobody listens"), 0);
//! server.drop_connections(Target::Subscribers, Close::Reset);
//! server.stop()?; // refuses connections
//! server.start_again()?; // takes them again, on the same port
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Beside the real commands there is `FAKE.REPLY bytes`, whose reply is those bytes, and [`FakeRedis::send`] for
//! bytes without a request.
#![forbid(unsafe_code)]

mod acl;
mod builder;
mod commands;
mod connection;
mod drive;
mod event_loop;
mod failure;
mod faults;
mod glob;
mod hash_slots;
mod keyspace;
mod pubsub;
mod reply;
mod request;
mod sentinel;
mod server;
mod socket;
mod state;

pub use acl::AclError;
pub use builder::Builder;
pub use faults::{Close, Faults, Health, Hello, Mode, Reaction, Role, Target};
pub use glob::matches;
pub use reply::Protocol;
pub use server::{FakeRedis, NotInTime};
pub use socket::Address;
pub use state::{ConnectionInfo, State};
