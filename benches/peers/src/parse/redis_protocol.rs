//! redis-protocol, as ranges into the input and as `Bytes`. It starts over with each piece, and gets everything that
//! has arrived in one slice, without a copy.

use std::hint::black_box;

use redis_protocol::error::RedisProtocolError;
use redis_protocol::{resp2, resp3};

use super::{Corpus, Parser};
use crate::error::Error;

#[derive(Debug)]
pub(crate) struct Ranges;

impl Parser for Ranges {
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error> {
        each(corpus, |at, arrived| {
            let input = &corpus.bytes[at..arrived];
            Ok(if corpus.protocol == 2 {
                resp2::decode::decode_range(input)?.map(|(frame, len)| {
                    ranges2(&frame, input);
                    len
                })
            } else {
                resp3::decode::complete::decode_range(input)?.map(|(frame, len)| {
                    ranges3(&frame, input);
                    len
                })
            })
        })
    }
}

#[derive(Debug)]
pub(crate) struct Bytes;

impl Parser for Bytes {
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error> {
        each(corpus, |at, arrived| {
            let input = corpus.bytes.slice(at..arrived);
            Ok(if corpus.protocol == 2 {
                resp2::decode::decode_bytes(&input)?.map(|(frame, len)| {
                    bytes2(&frame);
                    len
                })
            } else {
                resp3::decode::complete::decode_bytes(&input)?.map(|(frame, len)| {
                    bytes3(&frame);
                    len
                })
            })
        })
    }
}

/// Calls `decode` with the range of bytes that have arrived and were not taken yet, until no complete frame is left.
fn each(
    corpus: &Corpus,
    mut decode: impl FnMut(usize, usize) -> Result<Option<usize>, RedisProtocolError>,
) -> Result<usize, Error> {
    let (mut seen, mut at) = (0, 0);
    for arrived in corpus.arrivals() {
        while let Some(len) = decode(at, arrived).map_err(Error::peer("redis-protocol"))? {
            at += len;
            seen += 1;
        }
    }
    Ok(seen)
}

fn ranges2(frame: &resp2::types::RangeFrame, input: &[u8]) {
    use resp2::types::RangeFrame;
    match frame {
        RangeFrame::BulkString((from, to)) | RangeFrame::SimpleString((from, to)) => {
            black_box(&input[*from..*to]);
        }
        RangeFrame::Array(items) => items.iter().for_each(|item| ranges2(item, input)),
        other => {
            black_box(other);
        }
    }
}

fn bytes2(frame: &resp2::types::BytesFrame) {
    use resp2::types::BytesFrame;
    match frame {
        BytesFrame::BulkString(bytes) | BytesFrame::SimpleString(bytes) => {
            black_box(&bytes[..]);
        }
        BytesFrame::Array(items) => items.iter().for_each(bytes2),
        other => {
            black_box(other);
        }
    }
}

fn ranges3(frame: &resp3::types::RangeFrame, input: &[u8]) {
    use resp3::types::RangeFrame;
    match frame {
        RangeFrame::BlobString { data: (from, to), .. }
        | RangeFrame::SimpleString { data: (from, to), .. } => {
            black_box(&input[*from..*to]);
        }
        RangeFrame::Number { data, .. } => {
            black_box(data);
        }
        RangeFrame::Double { data, .. } => {
            black_box(data);
        }
        RangeFrame::Array { data, .. } | RangeFrame::Push { data, .. } => {
            data.iter().for_each(|item| ranges3(item, input));
        }
        RangeFrame::Map { data, .. } => data.iter().for_each(|(key, value)| {
            ranges3(key, input);
            ranges3(value, input);
        }),
        other => {
            black_box(other);
        }
    }
}

fn bytes3(frame: &resp3::types::BytesFrame) {
    use resp3::types::BytesFrame;
    match frame {
        BytesFrame::BlobString { data, .. } | BytesFrame::SimpleString { data, .. } => {
            black_box(&data[..]);
        }
        BytesFrame::Number { data, .. } => {
            black_box(data);
        }
        BytesFrame::Double { data, .. } => {
            black_box(data);
        }
        BytesFrame::Array { data, .. } | BytesFrame::Push { data, .. } => data.iter().for_each(bytes3),
        BytesFrame::Map { data, .. } => data.iter().for_each(|(key, value)| {
            bytes3(key);
            bytes3(value);
        }),
        other => {
            black_box(other);
        }
    }
}
