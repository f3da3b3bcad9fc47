//! resp-rs, <https://crates.io/crates/resp-rs>

use bytes::Bytes;
use resp::ErrorKind;
use resp_rs::ParseError;
use resp_rs::resp3::{Frame, parse_frame};

use super::common::twin::{Body, Tree};
use super::{Fault, Outcome, Peer};

pub(crate) const PEER: Peer = Peer { name: "resp-rs", parse, normal: |_| (), faults: FAULTS };

const FAULTS: &[Fault] = &[
    Fault {
        reason: "it tells a streamed value's header, parts and end as values of their own, and counts them as elements",
        example: b"*1\r\n$?\r\n;1\r\na\r\n;0\r\n",
        explains: |case| case.has(b"?\r\n") || case.input.starts_with(b";") || case.input.starts_with(b"."),
    },
    Fault {
        reason: "a chunk or an end mark outside of a stream is a value to it",
        example: b"*1\r\n.\r\n",
        explains: |case| {
            case.accepts() && matches!(case.kind, Some(ErrorKind::UnexpectedChunk | ErrorKind::UnexpectedEnd))
        },
    },
    Fault {
        reason: "a push in the middle of a reply counts as one of its elements",
        example: b"*2\r\n>1\r\n+x\r\n:1\r\n:2\r\n",
        explains: |case| {
            let is_push = matches!(&case.ours, Outcome::Value(Tree { body: Body::List(b'>', _), .. }, _));
            case.input[1..].contains(&b'>') && (is_push || case.ours != Outcome::Error)
        },
    },
    Fault {
        reason: "a push inside of a push is fine to it",
        example: b">1\r\n>0\r\n",
        explains: |case| case.kind == Some(ErrorKind::NestedPush),
    },
    Fault {
        reason: "it judges a line once it is whole: what can never become valid is incomplete to it",
        example: b":x",
        explains: |case| case.ours == Outcome::Error && case.theirs == Outcome::Incomplete,
    },
    Fault {
        reason: "a CR or LF inside a line is text to it",
        example: b"+a\nb\r\n",
        explains: |case| case.kind == Some(ErrorKind::BadLineEnd) && case.accepts(),
    },
    Fault {
        reason: "doubles are whatever Rust's parser takes, and what is too large is infinite",
        example: b",1e400\r\n",
        explains: |case| case.kind == Some(ErrorKind::BadDouble) && case.accepts(),
    },
    Fault {
        reason: "of the ways in which C writes NaN it does not know all",
        example: b",nan(x)\r\n",
        explains: |case| case.refuses() && (case.has(b"nan") || case.has(b"NAN")),
    },
];

fn parse(input: &[u8]) -> Outcome {
    let mut rest = Bytes::copy_from_slice(input);
    loop {
        match parse_frame(rest) {
            // It returns attributes as separate values.
            Ok((Frame::Attribute(_), behind)) => rest = behind,
            Ok((frame, behind)) => return Outcome::Value(tree(frame), input.len() - behind.len()),
            Err(ParseError::Incomplete) => return Outcome::Incomplete,
            Err(_) => return Outcome::Error,
        }
    }
}

fn tree(frame: Frame) -> Tree {
    let list = |kind, items: Vec<Frame>| Body::List(kind, items.into_iter().map(tree).collect());
    let body = match frame {
        Frame::SimpleString(text) => Body::Text(b'+', text.to_vec()),
        Frame::Error(text) => Body::Text(b'-', text.to_vec()),
        Frame::BulkString(Some(text)) => Body::Text(b'$', text.to_vec()),
        Frame::BlobError(text) => Body::Text(b'!', text.to_vec()),
        Frame::BigNumber(text) => Body::Text(b'(', text.to_vec()),
        Frame::VerbatimString { payload } => Body::Text(b'=', payload.to_vec()),
        Frame::Integer(n) => Body::Integer(n),
        Frame::Double(n) => Body::Double(n),
        Frame::SpecialFloat(text) => Body::Double(match &text[..] {
            b"inf" => f64::INFINITY,
            b"-inf" => f64::NEG_INFINITY,
            _ => f64::NAN,
        }),
        Frame::Boolean(b) => Body::Boolean(b),
        Frame::Null | Frame::BulkString(None) | Frame::Array(None) => Body::Null,
        Frame::Array(Some(items)) => list(b'*', items),
        Frame::Set(items) => list(b'~', items),
        Frame::Push(items) => list(b'>', items),
        Frame::Map(pairs) => {
            Body::Map(pairs.into_iter().map(|(key, value)| (tree(key), tree(value))).collect())
        }
        // Parts of streamed values, for which we have no counterpart.
        other => Body::Text(b'?', format!("{other:?}").into_bytes()),
    };
    Tree { attributes: Vec::new(), streamed: false, body }
}
