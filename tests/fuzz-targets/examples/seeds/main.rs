//! Writes the first inputs of every fuzzer: `cargo run -p fuzz-targets --example seeds -- fuzz/corpus`, those of
//! `tls_records` with `--features tls`, those of `postgres` with `--features postgres`.
//!
//! They come from the parser's conformance tables, from recordings of a real redis-server (`fuzz/captures/`, recorded
//! again with the argument `--record`), and from conversations written down here. Files are named by their content,
//! so that a second run adds nothing. `cargo fuzz cmin TARGET` then removes those that add no coverage.

#![allow(clippy::expect_used, clippy::panic, reason = "a tool that cannot go on says why")]

mod conversations;
mod record;
#[cfg(feature = "tls")]
mod tls;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::{env, fs};

use fuzz_targets::{cluster_inputs, conformance_inputs, deafness_input, pieces_input};

/// Random scripts for the target `deafness`.
const DEAFNESS_SEEDS: u64 = 16;
/// The size limit of a file in the corpus.
const MAX_FILE: usize = 4096;

fn main() {
    let mut arguments = env::args().skip(1);
    let corpus = arguments.next().expect("the folder of the corpora, and perhaps --record");
    let corpus = Path::new(&corpus);
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/captures");
    if arguments.next().as_deref() == Some("--record") {
        fs::create_dir_all(&captures).expect("a folder for captures");
        for (name, bytes) in record::record() {
            fs::write(captures.join(name), bytes).expect("a capture is written");
        }
    }
    let mut streams = conformance_inputs();
    let tables = streams.len();
    let mut captured: Vec<_> = fs::read_dir(&captures)
        .expect("fuzz/captures")
        .map(|entry| fs::read(entry.expect("an entry").path()).expect("a capture"))
        .collect();
    captured.sort();
    streams.extend(captured.iter().cloned());

    for stream in &streams {
        write(corpus, "decoder_twin", stream);
        write(corpus, "decoder_pieces", &pieces_input(&[1, 2, 3, 5, 8, 13, 21, 34], stream));
        write(corpus, "encode_decode", stream);
    }
    for script in conversations::scripts(&streams[..tables], &captured) {
        write(corpus, "session", &script.to_bytes());
    }
    for seed in 0..DEAFNESS_SEEDS {
        write(corpus, "deafness", &deafness_input(seed));
    }
    for input in cluster_inputs() {
        write(corpus, "cluster", &input);
    }
    for input in conversations::sentinel() {
        write(corpus, "sentinel", &input);
    }
    for input in conversations::options() {
        write(corpus, "options", &input);
    }
    #[cfg(feature = "postgres")]
    write(corpus, "postgres", &fuzz_targets::postgres_input());
    #[cfg(feature = "tls")]
    for input in tls::inputs() {
        write(corpus, "tls_records", &input);
    }
}

fn write(corpus: &Path, target: &str, input: &[u8]) {
    if input.len() > MAX_FILE {
        return;
    }
    let folder = corpus.join(target);
    fs::create_dir_all(&folder).expect("a folder for the corpus");
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    fs::write(folder.join(format!("seed-{:016x}", hasher.finish())), input).expect("a seed is written");
}
