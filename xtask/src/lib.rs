//! The project's own tools. `cargo dist` builds the module for all platforms, checks the result, and packs it; `cargo
//! xtask release` checks whether it may be released; `cargo xtask site` prepares the pages for mdBook, `cargo xtask
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
