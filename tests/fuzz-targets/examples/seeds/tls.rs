//! Conversations over TLS that the fuzzer begins with.

use fuzz_targets::TlsAct::{
    Buffer, Change, Close, Deliver, End, Exchange, Insert, Record, Rekey, Remove, Repeat, Send, Write,
};
use fuzz_targets::{TlsAct, profile, tls_input};

const ALL: u16 = u16::MAX;
/// Up to where both ends are secured.
const HANDSHAKE: [TlsAct; 7] =
    [Deliver(0), Exchange, Deliver(ALL), Exchange, Deliver(ALL), Exchange, Deliver(ALL)];

pub(crate) fn inputs() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for bits in 0..8 {
        let mut with = |acts: &[TlsAct]| inputs.push(tls_input(bits, acts));
        with(&[]);
        with(&[Deliver(0), Exchange, Change(80, 1), Deliver(ALL)]);
        with(&[Deliver(0), Exchange, Deliver(5), Deliver(100), Remove(0, 3), Deliver(ALL)]);
        with(&[Deliver(0), Exchange, Record(0, 1, 2), Record(0, 0, 1), Deliver(ALL)]);
        with(&[Deliver(0), Exchange, Insert(0, 255, 22), Deliver(ALL), End]);
        with(&[Record(0, 2, 65_535), Record(0, 2, 16_384), Deliver(ALL)]);
        if bits & profile::STRANGER > 0 {
            continue;
        }
        let mut after = |acts: &[TlsAct]| inputs.push(tls_input(bits, &[&HANDSHAKE[..], acts].concat()));
        after(&[Send(40_000), Deliver(1), Deliver(16_000), Deliver(ALL), Write(20_000), Exchange]);
        after(&[Buffer(100), Send(3000), Send(1), Deliver(ALL), Rekey, Send(100), Deliver(ALL), Write(10)]);
        after(&[Send(100), Send(100), Change(130, 255), Deliver(ALL)]);
        after(&[Send(100), Repeat(0, 122), Deliver(ALL)]);
        after(&[Send(100), Send(100), Remove(0, 122), Deliver(ALL)]);
        after(&[Send(100), Record(0, 3, 40), Record(0, 1, 2), Deliver(ALL), Close, Exchange, Deliver(ALL)]);
        after(&[Send(100), Deliver(50), End, Deliver(ALL)]);
        after(&[Send(100), Close, Exchange, Deliver(ALL), Send(10), Deliver(ALL), End]);
    }
    inputs
}
