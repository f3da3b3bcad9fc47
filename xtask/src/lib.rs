//! The project's own tools. `cargo dist` builds the module for all platforms, checks what came out, and packs it;
//! `cargo xtask release` says whether that may be released; `cargo xtask site` has the pages ready for mdBook, `cargo xtask
//! pictures` draws the console.

pub mod addon;
pub mod build;
pub mod bundle;
pub mod changelog;
pub mod check;
pub mod command;
pub mod dist;
pub mod edition;
pub mod licenses;
pub mod package;
pub mod pictures;
pub mod placeholder;
pub mod platform;
pub mod release;
pub mod site;
pub mod tools;
pub mod unwinder;
