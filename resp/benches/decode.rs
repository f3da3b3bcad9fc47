//! How fast frames are decoded, in bytes and frames a second.
#![allow(clippy::expect_used, reason = "a bench that cannot go on says why")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use resp::{Decoder, Encoder};

fn main() {
    divan::main();
}

/// The size of the input in bytes: the same frame many times, in whole frames.
const CORPUS: usize = 256 * 1024;

fn repeat(write: impl Fn(&mut Encoder<'_>)) -> (Vec<u8>, usize) {
    let mut out = Vec::new();
    let mut frames = 0;
    while out.len() < CORPUS || frames < 4 {
        write(&mut Encoder::new(&mut out));
        frames += 1;
    }
    (out, frames)
}

fn run(bencher: Bencher<'_, '_>, (corpus, frames): &(Vec<u8>, usize), piece: usize) {
    let mut decoder = Decoder::new();
    bencher.counter(BytesCount::new(corpus.len())).counter(ItemsCount::new(*frames)).bench_local(|| {
        let mut seen = 0;
        for mut input in corpus.chunks(piece) {
            while let Some(frame) = decoder.feed(&mut input).expect("valid") {
                black_box(frame.value());
                seen += 1;
            }
        }
        assert_eq!(seen, *frames);
    });
}

#[divan::bench(args = [16, 64, 512, 4096, 1 << 20])]
fn resp3_push(bencher: Bencher<'_, '_>, size: usize) {
    let payload = vec![b'x'; size];
    let corpus = repeat(|encoder| {
        encoder.push(3).bulk_string(b"message").bulk_string(b"chat").bulk_string(&payload);
    });
    run(bencher, &corpus, usize::MAX);
}

#[divan::bench(args = [64])]
fn resp3_push_in_pieces_of_64_kib(bencher: Bencher<'_, '_>, size: usize) {
    let payload = vec![b'x'; size];
    let corpus = repeat(|encoder| {
        encoder.push(3).bulk_string(b"message").bulk_string(b"chat").bulk_string(&payload);
    });
    run(bencher, &corpus, 64 * 1024);
}

#[divan::bench(args = [64])]
fn resp2_message(bencher: Bencher<'_, '_>, size: usize) {
    let payload = vec![b'x'; size];
    let corpus = repeat(|encoder| {
        encoder.array(3).bulk_string(b"message").bulk_string(b"chat").bulk_string(&payload);
    });
    run(bencher, &corpus, usize::MAX);
}

#[divan::bench]
fn mixed_replies(bencher: Bencher<'_, '_>) {
    let corpus = repeat(|encoder| {
        if let Ok(encoder) = encoder.simple_string("OK") {
            encoder
                .integer(1234)
                .bulk_string(b"value")
                .null()
                .map(2)
                .bulk_string(b"a")
                .integer(1)
                .bulk_string(b"b")
                .double(0.5);
        }
    });
    run(bencher, &(corpus.0, corpus.1 * 5), usize::MAX);
}

/// The same, converted to owned values and dropped.
#[divan::bench]
fn mixed_replies_owned(bencher: Bencher<'_, '_>) {
    let (corpus, _) = repeat(|encoder| {
        encoder.integer(1234).bulk_string(b"value").null().map(2);
        encoder.bulk_string(b"a").integer(1).bulk_string(b"b").double(0.5);
    });
    let mut decoder = Decoder::new();
    bencher.counter(BytesCount::new(corpus.len())).bench_local(|| {
        let mut input = &corpus[..];
        while let Some(frame) = decoder.feed(&mut input).expect("valid") {
            black_box(frame.into_owned());
        }
    });
}

/// Arrays of one array each, with an integer in the innermost.
#[divan::bench(args = [1, 8, 64])]
fn nested_arrays(bencher: Bencher<'_, '_>, depth: usize) {
    let corpus = repeat(|encoder| {
        for _ in 0..depth {
            encoder.array(1);
        }
        encoder.integer(1);
    });
    run(bencher, &corpus, usize::MAX);
}

/// A tree of lists and maps: three levels of eight.
#[divan::bench]
fn tree_of_maps(bencher: Bencher<'_, '_>) {
    fn level(encoder: &mut Encoder<'_>, levels: usize) {
        encoder.map(8);
        for key in 0..8 {
            encoder.integer(key);
            if levels > 1 {
                level(encoder, levels - 1);
            } else {
                encoder.bulk_string(b"value");
            }
        }
    }
    run(bencher, &repeat(|encoder| level(encoder, 3)), usize::MAX);
}

#[divan::bench(args = [10, 1000, 100_000])]
fn wide_array_of_integers(bencher: Bencher<'_, '_>, count: usize) {
    let corpus = repeat(|encoder| {
        encoder.array(count);
        for n in 0..count {
            encoder.integer(i64::try_from(n).expect("small"));
        }
    });
    run(bencher, &corpus, usize::MAX);
}

#[divan::bench(args = [10, 1000, 100_000])]
fn wide_map_of_strings(bencher: Bencher<'_, '_>, pairs: usize) {
    let corpus = repeat(|encoder| {
        encoder.map(pairs);
        for n in 0..pairs {
            encoder.bulk_string(format!("key:{n:06}").as_bytes()).bulk_string(b"a value of some bytes");
        }
    });
    run(bencher, &corpus, usize::MAX);
}

#[divan::bench(args = [usize::MAX, 4096, 1448])]
fn array_of_100_000(bencher: Bencher<'_, '_>, piece: usize) {
    let mut out = Vec::new();
    Encoder::new(&mut out).array(100_000);
    for i in 0..100_000u32 {
        Encoder::new(&mut out).bulk_string(i.to_string().as_bytes());
    }
    run(bencher, &(out, 1), piece);
}
