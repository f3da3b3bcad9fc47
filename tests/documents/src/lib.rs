//! The Rust in the documentation runs: every page of the repository with a block of Rust becomes the documentation of a
//! module here, and rustdoc runs its blocks. `build.rs` finds them, and says what may stand around a block.

#[cfg(doctest)]
mod pages {
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}
