//! Warm, the decoder and the encoder allocate nothing.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

use allocation_counter::measure;
use resp::{Decoder, Encoder, Limits};

fn allocations_of(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

#[test]
fn warm_decoding_allocates_nothing() {
    let mut out = Vec::new();
    for _ in 0..50 {
        Encoder::new(&mut out).push(3).bulk_string(b"message").bulk_string(b"chat").bulk_string(&[b'x'; 64]);
        Encoder::new(&mut out).map(1).bulk_string(b"key").array(2).integer(1).double(0.5);
        out.extend_from_slice(
            b"|1\r\n+a\r\n:1\r\n*?\r\n$?\r\n;2\r\nab\r\n;1\r\nc\r\n;0\r\n>1\r\n+x\r\n.\r\n",
        );
    }
    for size in [out.len(), 4096, 1448, 100, 7, 1] {
        let mut decoder = Decoder::new();
        let mut run = || {
            let mut frames = 0;
            for mut piece in out.chunks(size) {
                while let Some(frame) = decoder.feed(&mut piece).expect("valid") {
                    assert!(!frame.is_truncated());
                    frames += 1;
                }
            }
            assert_eq!(frames, 200);
        };
        run();
        assert_eq!(allocations_of(run), 0, "in pieces of {size}");
    }
}

#[test]
fn warm_encoding_allocates_nothing() {
    let mut out = Vec::with_capacity(1024);
    assert_eq!(
        allocations_of(|| {
            for i in 0..1000 {
                out.clear();
                Encoder::new(&mut out)
                    .command([&b"PUBLISH"[..], b"chat", &[b'x'; 64]])
                    .integer(-i)
                    .boolean(true);
            }
        }),
        0
    );
}

/// A frame that is nested deeper than is kept takes memory for its levels, and for the marks of attributes, while it is
/// read. They are given back too.
#[test]
fn memory_of_a_deep_frame_is_given_back() {
    const LEVELS: usize = 60_000;
    let limits = Limits::new().with_depth(LEVELS).with_skip_depth_over(128);
    let mut lists = b"*1\r\n".repeat(LEVELS);
    lists.extend_from_slice(b":1\r\n");
    // Attributes in attributes: each describes the key of the one around it.
    let mut attributes = b"|1\r\n".repeat(LEVELS);
    attributes.extend_from_slice(&b":1\r\n".repeat(2 * LEVELS + 1));
    let push = [b"*1\r\n>1\r\n", &lists[4..], b":1\r\n"].concat();
    for (deep, frames) in [(lists, 1), (attributes, 1), (push, 2)] {
        for size in [1448, deep.len()] {
            let mut decoder = Decoder::with_limits(limits);
            let kept = measure(|| {
                let mut seen = 0;
                for mut piece in deep.chunks(size).chain([&b"+OK\r\n+OK\r\n"[..]]) {
                    while decoder.feed(&mut piece).expect("valid").is_some() {
                        seen += 1;
                    }
                }
                assert_eq!(seen, frames + 2);
            });
            assert!(kept.bytes_max > 12 * LEVELS as u64, "{kept:?}: the test needs deep frames");
            assert!(kept.bytes_max < 8 << 20, "{kept:?} in pieces of {size}");
            assert!(kept.bytes_current < 64 * 1024, "{kept:?} in pieces of {size}");
        }
    }
}

/// One large frame does not leave the buffers large for ever: the next one that does without gives the memory back.
#[test]
fn memory_of_a_large_frame_is_given_back() {
    const RETAINED: i64 = 256 * 1024;
    let mut wide = Vec::new();
    Encoder::new(&mut wide).array(100_000);
    for i in 0..100_000 {
        Encoder::new(&mut wide).integer(i);
    }
    let mut long = Vec::new();
    Encoder::new(&mut long).bulk_string(&vec![b'x'; 10_000_000]);
    let mut push = b"*1\r\n>1\r\n".to_vec();
    push.extend_from_slice(&long);
    push.extend_from_slice(b":1\r\n");
    for (large, frames) in [(wide, 1), (long, 1), (push, 2)] {
        for size in [1448, large.len()] {
            let mut decoder = Decoder::new();
            let kept = measure(|| {
                let mut seen = 0;
                for mut piece in large.chunks(size).chain([&b"+OK\r\n+OK\r\n"[..]]) {
                    while decoder.feed(&mut piece).expect("valid").is_some() {
                        seen += 1;
                    }
                }
                assert_eq!(seen, frames + 2);
            });
            assert!(kept.bytes_current < RETAINED, "{kept:?} in pieces of {size}");
        }
    }
}
