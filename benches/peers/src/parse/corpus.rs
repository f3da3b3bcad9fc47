//! The bytes that all parsers read.

use bytes::Bytes;
use resp::{Decoder, Encoder};

use crate::error::Error;

/// The size of the input in bytes: the same frame many times, in whole frames.
const SIZE: usize = 256 * 1024;

/// A stream of frames, and how it arrives.
#[derive(Debug)]
pub(crate) struct Corpus {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
    /// How long each frame is.
    pub(crate) frames: Vec<usize>,
    /// How many bytes arrive at a time.
    pub(crate) piece: usize,
    /// The protocol's version.
    pub(crate) protocol: u8,
}

impl Corpus {
    fn new(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Error> {
        let mut decoder = Decoder::new();
        let (mut rest, mut frames) = (&bytes[..], Vec::new());
        while !rest.is_empty() {
            let before = rest.len();
            decoder.feed(&mut rest).map_err(Error::peer("our own corpus"))?;
            frames.push(before - rest.len());
        }
        Ok(Self { name: name.into(), bytes: bytes.into(), frames, piece: usize::MAX, protocol: 3 })
    }

    fn repeated(name: impl Into<String>, write: impl Fn(&mut Encoder<'_>)) -> Result<Self, Error> {
        let (mut out, mut frames) = (Vec::new(), 0);
        while out.len() < SIZE || frames < 4 {
            write(&mut Encoder::new(&mut out));
            frames += 1;
        }
        Self::new(name, out)
    }

    /// The pieces, one after the other.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(self.piece)
    }

    /// How many bytes have arrived after each piece.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = usize> {
        let len = self.bytes.len();
        (1..=len.div_ceil(self.piece)).map(move |pieces| pieces.saturating_mul(self.piece).min(len))
    }
}

/// All of them. `elements` is how many the large array has.
///
/// # Errors
///
/// None, unless our own decoder refuses the output of our own encoder.
pub(crate) fn all(elements: u32) -> Result<Vec<Corpus>, Error> {
    let mut all = Vec::new();
    for (size, name) in [(16, "16 B"), (64, "64 B"), (512, "512 B"), (4096, "4 KiB"), (1 << 20, "1 MiB")] {
        let payload = vec![b'x'; size];
        all.push(Corpus::repeated(format!("RESP3 push, {name}"), |encoder| {
            encoder.push(3).bulk_string(b"message").bulk_string(b"chat").bulk_string(&payload);
        })?);
    }
    let payload = [b'x'; 64];
    let resp2 = Corpus::repeated("RESP2 message, 64 B", |encoder| {
        encoder.array(3).bulk_string(b"message").bulk_string(b"chat").bulk_string(&payload);
    })?;
    all.push(Corpus { protocol: 2, ..resp2 });
    for (channels, name) in [(10, "10"), (1000, "1,000"), (100_000, "100,000")] {
        all.push(Corpus::new(format!("RESP3 push, 64 B, {name} channels"), taking_turns(3, channels))?);
        let resp2 = Corpus::new(format!("RESP2 message, 64 B, {name} channels"), taking_turns(2, channels))?;
        all.push(Corpus { protocol: 2, ..resp2 });
    }
    all.push(Corpus::repeated("mixed small replies", mixed)?);
    all.push(Corpus::repeated("array 32 deep", |encoder| {
        for _ in 0..32 {
            encoder.array(2).integer(1);
        }
        encoder.bulk_string(b"leaf");
    })?);
    all.push(Corpus::repeated("array of 1,000, mixed", |encoder| {
        encoder.array(1000);
        for i in 0..500 {
            encoder.integer(i).bulk_string(b"value");
        }
    })?);
    let mut array = Vec::new();
    Encoder::new(&mut array).array(elements as usize);
    for i in 0..elements {
        Encoder::new(&mut array).bulk_string(i.to_string().as_bytes());
    }
    for (piece, how) in [(usize::MAX, "whole"), (4096, "in 4 KiB pieces"), (1448, "in 1,448 B pieces")] {
        let corpus = Corpus::new(format!("array of {}, {how}", thousands(elements)), array.clone())?;
        all.push(Corpus { piece, ..corpus });
    }
    Ok(all)
}

/// Messages of so many channels, in an order without a pattern, with names of different lengths.
fn taking_turns(protocol: u8, channels: u64) -> Vec<u8> {
    // Knuth's factors; the upper bits are the random ones.
    let (mut state, payload) = (1_u64, [b'x'; 64]);
    let mut out = Vec::new();
    while out.len() < SIZE {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let channel = format!("news.{}", (state >> 33) % channels);
        let mut encoder = Encoder::new(&mut out);
        let head = if protocol == 3 { encoder.push(3) } else { encoder.array(3) };
        head.bulk_string(b"message").bulk_string(channel.as_bytes()).bulk_string(&payload);
    }
    out
}

fn mixed(encoder: &mut Encoder<'_>) {
    encoder.integer(1234).bulk_string(b"value").null();
    encoder.map(2).bulk_string(b"a").integer(1).bulk_string(b"b").double(0.5);
    // Cannot fail: there is no line end in it.
    let _written = encoder.simple_string("OK");
}

fn thousands(number: u32) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}
