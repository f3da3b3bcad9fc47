//! Our parser, and a lower bound for every parser that looks at each line's end.

use std::hint::black_box;

use resp::{Decoder, Element, Value};

use super::{Corpus, Parser};
use crate::error::Error;

#[derive(Debug, Default)]
pub(crate) struct Ours(Decoder);

impl Parser for Ours {
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error> {
        let mut seen = 0;
        for mut piece in corpus.pieces() {
            while let Some(frame) = self.0.feed(&mut piece).map_err(Error::peer("realtime-resp"))? {
                touch(frame.root());
                seen += 1;
            }
        }
        Ok(seen)
    }
}

/// The same to owned values.
#[derive(Debug, Default)]
pub(crate) struct Owned(Decoder);

impl Parser for Owned {
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error> {
        let mut seen = 0;
        for mut piece in corpus.pieces() {
            while let Some(frame) = self.0.feed(&mut piece).map_err(Error::peer("realtime-resp"))? {
                black_box(frame.into_owned());
                seen += 1;
            }
        }
        Ok(seen)
    }
}

/// Reads a value where it is, as a program does with the strings of a message: only an aggregate takes a call.
#[inline(always)]
fn touch(element: Element<'_>) {
    // The access to bytes that makes no value.
    if let Some(text) = element.as_bytes() {
        black_box(text);
        return;
    }
    match element.value() {
        Value::Integer(integer) => {
            black_box(integer);
        }
        other => touch_other(other),
    }
}

fn touch_other(value: Value<'_>) {
    match value {
        Value::SimpleError(text) | Value::BlobError(text) | Value::BigNumber(text) => {
            black_box(text);
        }
        Value::Double(double) => {
            black_box(double);
        }
        Value::Boolean(boolean) => {
            black_box(boolean);
        }
        Value::Array(items) | Value::Set(items) | Value::Push(items) => items.for_each(touch),
        Value::Map(pairs) => pairs.for_each(|(key, value)| {
            touch(key);
            touch(value);
        }),
        other => {
            black_box(other);
        }
    }
}

/// One memchr pass over every CR of the same bytes, without finding frames.
#[derive(Debug)]
pub(crate) struct Memchr;

impl Parser for Memchr {
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error> {
        for piece in corpus.pieces() {
            for position in memchr::memchr_iter(b'\r', piece) {
                black_box(position);
            }
        }
        Ok(corpus.frames.len())
    }
}
