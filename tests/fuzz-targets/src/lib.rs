//! The fuzz targets. Each takes any bytes and panics if an invariant is violated.
//!
//! The bodies are plain functions, so that the corpora are replayed by `cargo test` on stable Rust; `fuzz/` feeds them
//! from libFuzzer.

#![allow(clippy::panic, clippy::expect_used, reason = "a target that finds something says what")]

mod client;
mod cluster;
#[path = "../../../resp/tests/common/mod.rs"]
mod common;
mod conformance;
mod deafness;
mod decoder;
mod json;
#[path = "../../json/common.rs"]
mod json_common;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod sentinel;
mod session;
#[cfg(feature = "tls")]
mod tls;
mod tree;

pub use cluster::{cluster, cluster_inputs};
pub use conformance::conformance_inputs;
pub use deafness::{Seen, deafness, deafness_input};
pub use decoder::{decoder_pieces, decoder_twin, encode_decode, pieces_input, valid_stream};
pub use json::{json_decode, json_encode_decode};
pub use options::options;
#[cfg(feature = "postgres")]
pub use postgres::{postgres, postgres_input};
pub use sentinel::sentinel;
pub use session::{Act, Profile, Reply, Script, Wish, session};
#[cfg(feature = "tls")]
pub use tls::{TlsAct, profile, tls_input, tls_records};

/// A target by its name.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As the folders of its corpus and its fuzzer are called.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "cluster", run: cluster },
    Target {
        name: "deafness",
        run: |input| {
            deafness(input);
        },
    },
    Target { name: "decoder_pieces", run: decoder_pieces },
    Target { name: "decoder_twin", run: decoder_twin },
    Target { name: "encode_decode", run: encode_decode },
    Target { name: "json_decode", run: json_decode },
    Target { name: "json_encode_decode", run: json_encode_decode },
    Target { name: "options", run: options },
    #[cfg(feature = "postgres")]
    Target { name: "postgres", run: postgres },
    Target { name: "sentinel", run: sentinel },
    Target { name: "session", run: session },
    #[cfg(feature = "tls")]
    Target { name: "tls_records", run: tls_records },
];
