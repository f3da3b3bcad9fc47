//! Ciphertext in pieces of any size, and damaged: the plaintext read is the plaintext sent, up to the damage, and
//! nothing panics or loops.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Damage to the ciphertext of one direction.
#[derive(Debug, Clone)]
enum Damage {
    None,
    /// The byte at this position, in thousandths, has other bits.
    Changed(usize, u8),
    /// These bytes are inserted there.
    Inserted(usize, Vec<u8>),
    /// This many bytes are missing there.
    Cut(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::None),
        (0..1000usize, 1..=255u8).prop_map(|(at, bits)| Damage::Changed(at, bits)),
        (0..1000usize, vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Damage::Inserted(at, bytes)),
        (0..1000usize, 1..2000usize).prop_map(|(at, length)| Damage::Cut(at, length)),
    ]
}

/// Applies it, and says whether anything changed.
fn apply(damage: &Damage, bytes: &mut Vec<u8>) -> bool {
    let place = |at: usize, length: usize| at * length / 1000;
    let before = bytes.clone();
    match damage {
        Damage::None => {}
        Damage::Changed(at, bits) => {
            let at = place(*at, bytes.len());
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bits);
        }
        Damage::Inserted(at, inserted) => {
            let at = place(*at, bytes.len());
            bytes.splice(at..at, inserted.iter().copied());
        }
        Damage::Cut(at, length) => {
            let at = place(*at, bytes.len());
            bytes.drain(at..(at + length).min(bytes.len()));
        }
    }
    *bytes != before
}

/// Passes the bytes in pieces of these sizes, and reads as the event loop does. Returns the plaintext, and how it
/// ended.
fn read_all(ends: &mut Ends, bytes: &[u8], pieces: &[usize], buffer: usize) -> (Vec<u8>, Option<LinkError>) {
    let (mut got, mut rest) = (Vec::new(), bytes);
    let (mut buffer, mut sizes) = (vec![0; buffer], pieces.iter().cycle());
    loop {
        let n = sizes.next().map_or(rest.len(), |&size| size.min(rest.len()));
        ends.wire.state().to_client.extend(&rest[..n]);
        rest = &rest[n..];
        let mut reads = 0;
        while ends.client.can_read() {
            reads += 1;
            assert!(reads < 1_000_000, "a read without end");
            match ends.client.read(&mut buffer) {
                Ok(n) => got.extend_from_slice(&buffer[..n]),
                Err(error) => return (got, Some(error)),
            }
        }
        if rest.is_empty() {
            return (got, None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_was_sent_up_to_the_damage(
        texts in vec(vec(any::<u8>(), 0..30_000), 1..6),
        pieces in vec(1..50_000usize, 1..6),
        buffer in prop_oneof![Just(READ_BYTES), 2..5000usize],
        damage in damage(),
        tickets_first in any::<bool>(),
    ) {
        static WORLD: std::sync::LazyLock<World> = std::sync::LazyLock::new(World::new);
        let mut ends = WORLD.secured();
        if tickets_first {
            prop_assert_eq!(ends.read().expect("a connection"), b"");
        }
        texts.iter().for_each(|text| ends.send(text));
        let mut bytes: Vec<u8> = ends.wire.state().to_client.drain(..).collect();
        let damaged = apply(&damage, &mut bytes);
        let (got, end) = read_all(&mut ends, &bytes, &pieces, buffer);
        let sent = texts.concat();
        prop_assert!(sent.starts_with(&got), "{} bytes that were never sent", got.len());
        if !damaged {
            prop_assert!(end.is_none(), "{end:?}");
            prop_assert_eq!(got.len(), sent.len());
        } else if let Some(end) = end {
            prop_assert!(matches!(end, LinkError::Tls(_) | LinkError::Eof), "{end:?}");
        }
    }

    #[test]
    fn a_handshake_that_is_damaged_ends_or_waits(
        pieces in vec(1..600usize, 1..5),
        damage in damage(),
        garbage in vec(any::<u8>(), 0..300),
        speaks in any::<bool>(),
    ) {
        static WORLD: std::sync::LazyLock<World> = std::sync::LazyLock::new(World::new);
        let mut ends = Ends::new(&WORLD.client(), NAME, &WORLD.server);
        prop_assert!(ends.client.finish_securing().expect("a beginning").is_none());
        ends.serve().expect("a connection");
        let mut bytes: Vec<u8> = ends.wire.state().to_client.drain(..).collect();
        let damaged = apply(&damage, &mut bytes) || !speaks;
        let bytes = if speaks { bytes } else { garbage };
        let (mut rest, mut sizes, mut outcome) = (&bytes[..], pieces.iter().cycle(), Ok(None));
        while !rest.is_empty() && matches!(outcome, Ok(None)) {
            let n = sizes.next().map_or(rest.len(), |&size| size.min(rest.len()));
            ends.wire.state().to_client.extend(&rest[..n]);
            rest = &rest[n..];
            outcome = ends.client.finish_securing();
        }
        // Damage within the handshake never leads to a connection; after its end there may be tickets.
        if !damaged {
            prop_assert!(matches!(outcome, Ok(Some(_))), "{outcome:?}");
        }
        if let Ok(Some(_)) = outcome {
            prop_assert!(ends.serve().is_ok(), "the server is not where the client is");
        }
    }
}
