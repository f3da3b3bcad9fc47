//! How fast frames and commands are encoded, in bytes and frames a second.
#![allow(clippy::expect_used, reason = "a bench that cannot go on says why")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use resp::Encoder;

fn main() {
    divan::main();
}

/// Frames per iteration, into a buffer that has room for them.
const BATCH: usize = 1000;

fn run(bencher: Bencher<'_, '_>, write: impl Fn(&mut Encoder<'_>)) {
    let mut out = Vec::new();
    let mut batch = || {
        out.clear();
        for _ in 0..BATCH {
            write(&mut Encoder::new(&mut out));
        }
        black_box(&out).len()
    };
    let bytes = batch();
    bencher.counter(BytesCount::new(bytes)).counter(ItemsCount::new(BATCH)).bench_local(batch);
}

#[divan::bench(args = [16, 64, 512, 4096])]
fn publish(bencher: Bencher<'_, '_>, size: usize) {
    let payload = vec![b'x'; size];
    run(bencher, |encoder| {
        encoder.command([&b"PUBLISH"[..], b"chat", black_box(&payload)]);
    });
}

#[divan::bench(args = [16, 64, 512, 4096])]
fn resp3_push(bencher: Bencher<'_, '_>, size: usize) {
    let payload = vec![b'x'; size];
    run(bencher, |encoder| {
        encoder.push(3).bulk_string(b"message").bulk_string(b"chat").bulk_string(black_box(&payload));
    });
}

#[divan::bench(args = [1, 10, 100])]
fn subscribe_to_channels(bencher: Bencher<'_, '_>, channels: usize) {
    let mut words = vec![b"SUBSCRIBE".to_vec()];
    words.extend((0..channels).map(|n| format!("channel.{n:05}").into_bytes()));
    run(bencher, |encoder| {
        encoder.command(black_box(&words));
    });
}

#[divan::bench]
fn integer(bencher: Bencher<'_, '_>) {
    run(bencher, |encoder| {
        encoder.integer(black_box(1_234_567));
    });
}

#[divan::bench]
fn double(bencher: Bencher<'_, '_>) {
    run(bencher, |encoder| {
        encoder.double(black_box(0.1));
    });
}

#[divan::bench]
fn simple_string(bencher: Bencher<'_, '_>) {
    run(bencher, |encoder| {
        encoder.simple_string(black_box("OK")).expect("one line");
    });
}
