//! The game's Lua: arguments in, values out, callback references, the tick. The only room that knows `gmod`.
//!
//! `trampoline.rs`, `anchor.rs` and `rounds.rs` keep Lua errors from passing a frame that owns something, and panics
//! from reaching Lua.

mod anchor;
mod api;
mod args;
mod build;
mod callback_args;
mod client;
mod closing;
mod config_file;
mod connect;
mod crypto;
mod decoded;
mod fixed;
mod frame;
mod function;
mod functions;
mod handle;
mod json;
mod keys;
mod library;
mod message_options;
mod module;
mod next;
mod number;
mod option_file;
mod output;
mod pin;
mod pulse;
mod push;
mod raw;
mod refs;
mod report;
mod requests;
mod rounds;
mod setup;
mod slices;
mod spare;
mod stats;
mod trampoline;
mod twins;
mod walk;
mod wishes;

use std::fmt::Arguments;
use std::io::{self, Write};

pub use module::{Network, Run};
pub use setup::{close, open};

/// Prints a message where Lua can't: on stderr. A missing console is no reason to stop, let alone to panic.
fn complain(what: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "[realtime] {what}");
}

/// Every type that holds a Lua value stays on the main thread: this does not compile if one of these types can leave
/// it.
const _: () = {
    trait CanLeave<Marker> {
        fn answer() {}
    }
    impl<T: ?Sized> CanLeave<()> for T {}
    struct Sendable;
    impl<T: ?Sized + Send> CanLeave<Sendable> for T {}
    // With two matching implementations, the compiler could not tell which one is meant.
    let _ = <module::Module as CanLeave<_>>::answer;
    let _ = <refs::Ref as CanLeave<_>>::answer;
    let _ = <frame::Frame as CanLeave<_>>::answer;
    let _ = <raw::Lua as CanLeave<_>>::answer;
};
