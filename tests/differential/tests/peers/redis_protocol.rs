//! redis-protocol, <https://crates.io/crates/redis-protocol>

use redis_protocol::resp3::decode::complete::decode;
use redis_protocol::resp3::types::{OwnedFrame, VerbatimStringFormat};
use resp::ErrorKind;

use super::common::twin::{Body, Tree};
use super::{Fault, Outcome, Peer};

pub(crate) const PEER: Peer = Peer { name: "redis-protocol", parse, normal: unordered, faults: FAULTS };

const FAULTS: &[Fault] = &[
    Fault {
        reason: "it judges a line once it is whole: what can never become valid is incomplete to it",
        example: b":x",
        explains: |case| case.ours == Outcome::Error && case.theirs == Outcome::Incomplete,
    },
    Fault {
        reason: "a length may have a sign",
        example: b"$+3\r\nabc\r\n",
        explains: |case| case.kind == Some(ErrorKind::BadLength) && case.accepts(),
    },
    Fault {
        reason: "it knows streamed forms at the outermost level only, and by other functions",
        example: b"*?\r\n:1\r\n.\r\n",
        explains: |case| case.has(b"?\r\n") && case.refuses(),
    },
    Fault {
        reason: "a chunk or an end mark outside of a stream is a value to it",
        example: b"*1\r\n.\r\n",
        explains: |case| {
            case.accepts() && matches!(case.kind, Some(ErrorKind::UnexpectedChunk | ErrorKind::UnexpectedEnd))
        },
    },
    Fault {
        reason: "an error must be UTF-8",
        example: b"-ERR \xff\r\n",
        explains: |case| case.refuses() && case.has(b"-") && std::str::from_utf8(case.input).is_err(),
    },
    Fault {
        reason: "it does not know RESP2's nulls",
        example: b"$-1\r\n",
        explains: |case| case.refuses() && case.has(b"-1\r\n"),
    },
    Fault {
        reason: "a null may have anything in it",
        example: b"_x\r\n",
        explains: |case| case.kind == Some(ErrorKind::BadNull) && case.accepts(),
    },
    Fault {
        reason: "what stands in place of the CRLF behind a blob is skipped unseen",
        example: b"$3\r\nabcXX",
        explains: |case| case.kind == Some(ErrorKind::BadBlobEnd),
    },
    Fault {
        reason: "a big number may be any text",
        example: b"(x\r\n",
        explains: |case| case.kind == Some(ErrorKind::BadBigNumber) && case.accepts(),
    },
    Fault {
        reason: "verbatim strings are of the formats txt and mkd alone",
        example: b"=5\r\nabc:x\r\n",
        explains: |case| case.refuses() && case.has(b"="),
    },
    Fault {
        reason: "the colon of a verbatim string is skipped unseen",
        example: b"=5\r\ntxt-x\r\n",
        explains: |case| case.kind == Some(ErrorKind::BadVerbatim),
    },
    Fault {
        reason: "elements of sets, and keys of maps and attributes, may only be of some types",
        example: b"~1\r\n*0\r\n",
        explains: |case| case.refuses() && (case.has(b"~") || case.has(b"%") || case.has(b"|")),
    },
    Fault {
        reason: "of elements of a set and of keys that are alike, one is left",
        example: b"~2\r\n:1\r\n:1\r\n",
        explains: |case| match (&case.ours, &case.theirs) {
            (Outcome::Value(_, ours), Outcome::Value(_, theirs)) => {
                ours == theirs && (case.has(b"~") || case.has(b"%"))
            }
            _ => false,
        },
    },
    Fault {
        reason: "an attribute cannot stand before a null, nor behind another one",
        example: b"|1\r\n+a\r\n:1\r\n_\r\n",
        explains: |case| case.refuses() && case.has(b"|"),
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
    match decode(input) {
        Ok(Some((frame, taken))) => Outcome::Value(tree(frame), taken),
        Ok(None) => Outcome::Incomplete,
        Err(_) => Outcome::Error,
    }
}

/// Its sets and maps are hash tables, which keep neither order nor duplicates.
fn unordered(tree: &mut Tree) {
    match &mut tree.body {
        Body::List(kind, items) => {
            items.iter_mut().for_each(unordered);
            if *kind == b'~' {
                items.sort_by_cached_key(|item| format!("{item:?}"));
            }
        }
        Body::Map(pairs) => {
            pairs.iter_mut().for_each(|(key, value)| {
                unordered(key);
                unordered(value);
            });
            pairs.sort_by_cached_key(|pair| format!("{pair:?}"));
        }
        _ => {}
    }
}

fn tree(frame: OwnedFrame) -> Tree {
    let list = |kind, items: Vec<OwnedFrame>| Body::List(kind, items.into_iter().map(tree).collect());
    let body = match frame {
        OwnedFrame::SimpleString { data, .. } => Body::Text(b'+', data),
        OwnedFrame::SimpleError { data, .. } => Body::Text(b'-', data.into_bytes()),
        OwnedFrame::BlobString { data, .. } => Body::Text(b'$', data),
        OwnedFrame::BlobError { data, .. } => Body::Text(b'!', data),
        OwnedFrame::BigNumber { data, .. } => Body::Text(b'(', data),
        OwnedFrame::VerbatimString { data, format, .. } => {
            let format = match format {
                VerbatimStringFormat::Text => b"txt:",
                VerbatimStringFormat::Markdown => b"mkd:",
            };
            Body::Text(b'=', [&format[..], &data].concat())
        }
        OwnedFrame::Number { data, .. } => Body::Integer(data),
        OwnedFrame::Double { data, .. } => Body::Double(data),
        OwnedFrame::Boolean { data, .. } => Body::Boolean(data),
        OwnedFrame::Null => Body::Null,
        OwnedFrame::Array { data, .. } => list(b'*', data),
        OwnedFrame::Push { data, .. } => list(b'>', data),
        OwnedFrame::Set { data, .. } => list(b'~', data.into_iter().collect()),
        OwnedFrame::Map { data, .. } => {
            Body::Map(data.into_iter().map(|(key, value)| (tree(key), tree(value))).collect())
        }
        other => Body::Text(b'?', format!("{other:?}").into_bytes()),
    };
    Tree { attributes: Vec::new(), streamed: false, body }
}
