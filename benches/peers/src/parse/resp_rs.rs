//! resp-rs, from a `Bytes`, without copies. It has to start over with each piece, and gets everything that has
//! arrived in one slice, also without a copy: its own `Parser`, which is meant for that, copies.

use std::hint::black_box;

use bytes::Bytes;
use resp_rs::{ParseError, resp2, resp3};

use super::{Corpus, Parser};
use crate::error::Error;

#[derive(Debug)]
pub(crate) struct RespRs;

impl Parser for RespRs {
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error> {
        let (mut seen, mut at) = (0, 0);
        for arrived in corpus.arrivals() {
            let mut rest = corpus.bytes.slice(at..arrived);
            while !rest.is_empty() {
                match parse(rest, corpus.protocol) {
                    Ok(behind) => rest = behind,
                    Err(ParseError::Incomplete) => break,
                    Err(error) => return Err(Error::peer("resp-rs")(error)),
                }
                seen += 1;
                at = arrived - rest.len();
            }
        }
        Ok(seen)
    }
}

/// Reads one frame and returns the rest.
fn parse(input: Bytes, protocol: u8) -> Result<Bytes, ParseError> {
    if protocol == 2 {
        let (frame, behind) = resp2::parse_frame(input)?;
        touch2(&frame);
        Ok(behind)
    } else {
        let (frame, behind) = resp3::parse_frame(input)?;
        touch3(&frame);
        Ok(behind)
    }
}

fn touch2(frame: &resp2::Frame) {
    match frame {
        resp2::Frame::BulkString(Some(bytes)) | resp2::Frame::SimpleString(bytes) => {
            black_box(&bytes[..]);
        }
        resp2::Frame::Array(Some(items)) => items.iter().for_each(touch2),
        other => {
            black_box(other);
        }
    }
}

fn touch3(frame: &resp3::Frame) {
    match frame {
        resp3::Frame::BulkString(Some(bytes)) | resp3::Frame::SimpleString(bytes) => {
            black_box(&bytes[..]);
        }
        resp3::Frame::Integer(integer) => {
            black_box(integer);
        }
        resp3::Frame::Double(double) => {
            black_box(double);
        }
        resp3::Frame::Array(Some(items)) | resp3::Frame::Set(items) | resp3::Frame::Push(items) => {
            items.iter().for_each(touch3);
        }
        resp3::Frame::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            touch3(key);
            touch3(value);
        }),
        other => {
            black_box(other);
        }
    }
}
