//! hiredis, redis-rs and rustis.

use std::hint::black_box;

use bytes::BytesMut;
use redis::{Value, ValueCodec};
use rustis::resp::bench_support::BenchDecoder;
use tokio_util::codec::Decoder;

use super::{Corpus, Parser};
use crate::error::Error;
use crate::hiredis::Reader;

/// How much hiredis reads at a time. More would be unfair: after each kilobyte of replies it moves the rest to the
/// front.
const HIREDIS_READ: usize = 16 * 1024;

/// A `redisReader`: feed, getReply, freeReplyObject.
#[derive(Debug)]
pub(crate) struct Hiredis(pub(crate) Reader);

impl Parser for Hiredis {
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error> {
        // A frame longer than a read comes whole, unless the bench measures pieces.
        let longest = corpus.frames.iter().copied().max().unwrap_or_default();
        let piece = corpus.piece.min(HIREDIS_READ.max(longest));
        corpus.bytes.chunks(piece).map(|piece| self.0.feed(piece)).sum()
    }
}

/// The codec of redis-rs' asynchronous connections, over one buffer that is kept.
#[derive(Default)]
pub(crate) struct RedisRs {
    codec: ValueCodec,
    buffer: BytesMut,
}

impl Parser for RedisRs {
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error> {
        let mut seen = 0;
        for piece in corpus.pieces() {
            self.buffer.extend_from_slice(piece);
            while let Some(value) = self.codec.decode(&mut self.buffer).map_err(Error::peer("redis-rs"))? {
                touch(&value);
                seen += 1;
            }
        }
        Ok(seen)
    }
}

fn touch(value: &Value) {
    match value {
        Value::Int(integer) => {
            black_box(integer);
        }
        Value::BulkString(bytes) => {
            black_box(&bytes[..]);
        }
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => {
            black_box(&text[..]);
        }
        Value::Double(double) => {
            black_box(double);
        }
        Value::Array(items) | Value::Set(items) => items.iter().for_each(touch),
        Value::Push { kind, data } => {
            black_box(kind);
            data.iter().for_each(touch);
        }
        Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            touch(key);
            touch(value);
        }),
        other => {
            black_box(other);
        }
    }
}

/// The decoder of rustis' connections, through the interface for its own benches. That makes the index of each frame
/// without returning it, so no leaf is read; and it takes one frame at a time.
#[derive(Default)]
pub(crate) struct Rustis(BenchDecoder);

impl Parser for Rustis {
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error> {
        let mut seen = 0;
        let mut rest = &corpus.bytes[..];
        for frame in &corpus.frames {
            let (frame, behind) = rest.split_at(*frame);
            rest = behind;
            // An error means that the frame is incomplete; the count shows it if it never completes.
            seen += frame.chunks(corpus.piece).filter(|piece| self.0.feed(piece).is_ok()).count();
        }
        Ok(seen)
    }
}
