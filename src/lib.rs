//! Redis pub/sub for Garry's Mod servers.
//!
//! The module's interface is Lua (see the README); these rooms are public so that tests and benches can reach them.
//! Data flows one way through them, and each imports only what `ARCHITECTURE.md` allows:
//!
//! ```text
//! socket -> net -> resp -> backend session -> queue -> dispatch -> lua callback
//! lua call -> lua -> queue (+ wake) -> net -> backend session -> resp encoder -> socket
//! ```

pub mod backend;
pub mod dispatch;
pub mod lua;
pub mod model;
pub mod net;
pub mod queue;
