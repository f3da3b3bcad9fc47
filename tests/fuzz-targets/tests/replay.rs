//! Everything that a fuzzer ever found interesting, through the same functions, on stable Rust.

#![allow(clippy::expect_used, reason = "a test that cannot go on says why")]

use std::path::Path;
use std::{fs, thread};

use fuzz_targets::{Act, Profile, Script, TARGETS, Target};

/// The naive twin is recursive.
const STACK: usize = 64 << 20;
/// Each needs a feature.
const WITH_FEATURES: [(&str, bool); 2] =
    [("tls_records", cfg!(feature = "tls")), ("postgres", cfg!(feature = "postgres"))];

fn inputs(folder: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder).join(target);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry of the corpus").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.display().to_string(), fs::read(&path).expect("an input of the corpus")))
        .collect()
}

fn replay(name: &str) {
    let Target { run, .. } =
        *TARGETS.iter().find(|target| target.name == name).expect("a target of that name");
    let corpus = inputs("corpus", name);
    assert!(!corpus.is_empty(), "there is no corpus of {name}");
    let inputs = [corpus, inputs("regressions", name)].concat();
    let count = inputs.len();
    let thread = thread::Builder::new().stack_size(STACK).spawn(move || {
        for (path, input) in inputs {
            // Names the current one in case it panics; shown only for a failed test.
            println!("{path}");
            run(&input);
        }
    });
    thread.expect("a thread").join().expect("the input named last breaks a promise");
    println!("{name}: {count} inputs");
}

#[test]
fn every_folder_of_inputs_has_its_target() {
    for folder in ["corpus", "regressions"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder);
        for entry in fs::read_dir(folder).expect("the folder") {
            let name = entry.expect("an entry").file_name();
            if WITH_FEATURES.iter().any(|(target, is_there)| !is_there && name == *target) {
                continue;
            }
            assert!(TARGETS.iter().any(|target| *target.name == *name), "{}", name.display());
        }
    }
}

#[cfg(feature = "postgres")]
#[test]
fn postgres() {
    replay("postgres");
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_with_random_scripts() {
    let mut random = 1_u64;
    for _ in 0..3000 {
        let input: Vec<u8> = (0..400)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                random.to_le_bytes()[5]
            })
            .collect();
        fuzz_targets::postgres(&input);
    }
}

#[test]
fn cluster() {
    replay("cluster");
}

#[test]
fn deafness() {
    replay("deafness");
}

#[test]
fn decoder_pieces() {
    replay("decoder_pieces");
}

#[test]
fn decoder_twin() {
    replay("decoder_twin");
}

#[test]
fn encode_decode() {
    replay("encode_decode");
}

#[test]
fn json_decode() {
    replay("json_decode");
}

#[test]
fn json_encode_decode() {
    replay("json_encode_decode");
}

#[test]
fn options() {
    replay("options");
}

#[test]
fn sentinel() {
    replay("sentinel");
}

#[test]
fn session() {
    replay("session");
}

#[cfg(feature = "tls")]
#[test]
fn tls_records() {
    replay("tls_records");
}

/// A guard for the session's target: floods large enough for it to see that one is held.
#[test]
fn floods_are_not_held() {
    for link in [0, 1] {
        for kind in 0..8 {
            let profile =
                Profile { protocol: 1 + link, login: false, named: false, small: true, old_server: false };
            let mut acts = vec![Act::Connected(0)];
            acts.extend([0, 0, 0].map(Act::AnswerAll));
            acts.push(Act::Raw(0, b"*10000000\r\n".to_vec()));
            acts.extend([(); 4].map(|()| Act::Flood(0, kind, 255)));
            fuzz_targets::session(&Script { profile, acts }.to_bytes());
        }
    }
}

#[test]
fn every_target_is_replayed_and_fuzzed() {
    let mut fuzzers: Vec<_> =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets"))
            .expect("the fuzzers")
            .map(|entry| {
                entry.expect("an entry").path().with_extension("").file_name().expect("a name").to_owned()
            })
            .collect();
    fuzzers.sort();
    let mut targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    targets.extend(WITH_FEATURES.iter().filter(|(_, is_there)| !is_there).map(|(target, _)| *target));
    targets.sort_unstable();
    assert_eq!(fuzzers, targets);
    assert_eq!(
        targets,
        [
            "cluster",
            "deafness",
            "decoder_pieces",
            "decoder_twin",
            "encode_decode",
            "json_decode",
            "json_encode_decode",
            "options",
            "postgres",
            "sentinel",
            "session",
            "tls_records"
        ]
    );
}
