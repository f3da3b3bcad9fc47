//! The parser against two independent ones, on the conformance tables, on generated streams and on mutated ones. Each
//! disagreement must be one of the peer's known faults, listed here with the reason and an example that still shows
//! it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

#[path = "../../../../resp/tests/common/mod.rs"]
mod common;
mod redis_protocol;
mod resp_rs;

use common::twin::{Body, Tree};
use fuzz_targets::{conformance_inputs, valid_stream};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use resp::{Decoder, ErrorKind, OwnedValue};

/// The result of parsing the beginning of a stream. All errors are equal, because each parser has other names for
/// them.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    /// A value, and how many bytes it and its attributes took.
    Value(Tree, usize),
    Incomplete,
    Error,
}

/// A disagreement about one frame.
struct Case<'a> {
    input: &'a [u8],
    ours: Outcome,
    /// Our error, if it is one.
    kind: Option<ErrorKind>,
    theirs: Outcome,
}

impl Case<'_> {
    fn has(&self, part: &[u8]) -> bool {
        self.input.windows(part.len()).any(|window| window == part)
    }

    fn accepts(&self) -> bool {
        matches!(self.theirs, Outcome::Value(..))
    }

    fn refuses(&self) -> bool {
        self.theirs == Outcome::Error
    }
}

/// A known fault of a peer.
struct Fault {
    reason: &'static str,
    example: &'static [u8],
    explains: fn(&Case<'_>) -> bool,
}

struct Peer {
    name: &'static str,
    parse: fn(&[u8]) -> Outcome,
    /// Removes differences that the peer's types cannot express.
    normal: fn(&mut Tree),
    faults: &'static [Fault],
}

const PEERS: [Peer; 2] = [redis_protocol::PEER, resp_rs::PEER];

/// No peer has attributes or streamed forms like ours.
fn plain(tree: &mut Tree) {
    tree.attributes.clear();
    tree.streamed = false;
    match &mut tree.body {
        Body::List(_, items) => items.iter_mut().for_each(plain),
        Body::Map(pairs) => pairs.iter_mut().for_each(|(key, value)| {
            plain(key);
            plain(value);
        }),
        _ => {}
    }
}

fn ours(input: &[u8]) -> (Outcome, Option<ErrorKind>) {
    let mut decoder = Decoder::new();
    let mut rest = input;
    let tree = match decoder.feed(&mut rest) {
        Ok(Some(frame)) => {
            if let Some(raw) = frame.raw() {
                assert_eq!(again(raw), frame.into_owned(), "\"{}\"", raw.escape_ascii());
            }
            common::tree(frame.root())
        }
        Ok(None) => return (Outcome::Incomplete, None),
        Err(error) => return (Outcome::Error, Some(error.kind)),
    };
    (Outcome::Value(tree, input.len() - rest.len()), None)
}

/// The value after a proxy has forwarded the raw bytes.
fn again(raw: &[u8]) -> OwnedValue {
    let mut rest = raw;
    let value = Decoder::new().feed(&mut rest).expect("valid").expect("whole").into_owned();
    assert!(rest.is_empty(), "one frame");
    value
}

/// Reads the stream with both, frame by frame, up to the first disagreement.
fn compare<'a>(peer: &Peer, mut input: &'a [u8]) -> Option<Case<'a>> {
    let normal = |outcome: &mut Outcome| {
        if let Outcome::Value(tree, _) = outcome {
            plain(tree);
            (peer.normal)(tree);
        }
    };
    loop {
        let (mut ours, kind) = ours(input);
        let mut theirs = (peer.parse)(input);
        normal(&mut ours);
        normal(&mut theirs);
        if ours != theirs {
            return Some(Case { input, ours, kind, theirs });
        }
        let Outcome::Value(_, taken) = ours else { return None };
        input = &input[taken..];
        if input.is_empty() {
            return None;
        }
    }
}

/// Panics for a disagreement that is not a known fault.
fn judge(peer: &Peer, input: &[u8]) {
    if let Some(case) = compare(peer, input)
        && !peer.faults.iter().any(|fault| (fault.explains)(&case))
    {
        let Case { input, ours, kind, theirs } = case;
        panic!("{} on \"{}\":\nours   {ours:?} {kind:?}\ntheirs {theirs:?}", peer.name, input.escape_ascii());
    }
}

#[test]
fn every_known_fault_occurs() {
    for peer in PEERS {
        for fault in peer.faults {
            let example = fault.example.escape_ascii();
            let case = compare(&peer, fault.example)
                .unwrap_or_else(|| panic!("{} has mended \"{example}\": {}", peer.name, fault.reason));
            assert!((fault.explains)(&case), "{}, \"{example}\": {} is no reason", peer.name, fault.reason);
            println!("{} on \"{example}\": {}", peer.name, fault.reason);
        }
    }
}

#[test]
fn conformance_tables() {
    let inputs = conformance_inputs();
    let mut disagreements = [0; PEERS.len()];
    for input in &inputs {
        for (peer, count) in PEERS.iter().zip(&mut disagreements) {
            judge(peer, input);
            *count += usize::from(compare(peer, input).is_some());
        }
    }
    for (peer, count) in PEERS.iter().zip(disagreements) {
        println!("{}: {count} of {} inputs of the tables are judged otherwise", peer.name, inputs.len());
        assert!(count * 2 < inputs.len(), "most are judged alike, or nothing is compared");
    }
}

// The same choices in every run, so that a new disagreement comes from a change.
proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_streams(seed in prop::collection::vec(any::<u8>(), 0..300)) {
        let stream = valid_stream(&seed);
        PEERS.iter().for_each(|peer| judge(peer, &stream));
    }

    #[test]
    fn mutated_streams(
        seed in prop::collection::vec(any::<u8>(), 0..200),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4),
    ) {
        let mut stream = valid_stream(&seed);
        stream.push(b'+');
        for (at, byte, how) in changes {
            let at = at.index(stream.len());
            match how {
                0 => stream[at] = byte,
                1 => stream.insert(at, byte),
                _ => stream.truncate(at.max(1)),
            }
        }
        PEERS.iter().for_each(|peer| judge(peer, &stream));
    }
}
