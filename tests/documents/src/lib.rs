//! Runs the Rust code in the documentation: every page of the repository with a block of Rust becomes the
//! documentation of a module here, and rustdoc runs its blocks. `build.rs` finds them, and explains what may surround
//! a block.

#[cfg(doctest)]
mod pages {
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}
