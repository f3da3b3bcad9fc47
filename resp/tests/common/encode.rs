//! Trees back to bytes.

use resp::Encoder;

use super::twin::{Body, Tree};

/// Writes a tree with the encoder.
pub(crate) fn encode(tree: &Tree, out: &mut Vec<u8>) {
    if !tree.attributes.is_empty() {
        Encoder::new(out).attribute(tree.attributes.len());
        for (key, value) in &tree.attributes {
            encode(key, out);
            encode(value, out);
        }
    }
    match &tree.body {
        Body::Text(b'$', text) if tree.streamed => {
            Encoder::new(out).streamed_string();
            for piece in text.chunks(7) {
                Encoder::new(out).chunk(piece);
            }
            Encoder::new(out).end_chunks();
        }
        Body::Text(kind, text) => {
            let mut encoder = Encoder::new(out);
            match kind {
                b'+' => encoder.simple_string(text).expect("a line"),
                b'-' => encoder.simple_error(text).expect("a line"),
                b'(' => encoder.big_number(text).expect("a number"),
                b'$' => encoder.bulk_string(text),
                b'!' => encoder.blob_error(text),
                _ => encoder.verbatim_string(*b"txt", &text[4..]),
            };
        }
        Body::Integer(n) => drop(Encoder::new(out).integer(*n)),
        Body::Double(n) => drop(Encoder::new(out).double(*n)),
        Body::Boolean(b) => drop(Encoder::new(out).boolean(*b)),
        Body::Null => drop(Encoder::new(out).null()),
        Body::List(kind, items) => {
            let mut encoder = Encoder::new(out);
            match (kind, tree.streamed) {
                (b'*', false) => encoder.array(items.len()),
                (b'*', true) => encoder.streamed_array(),
                (b'~', false) => encoder.set(items.len()),
                (b'~', true) => encoder.streamed_set(),
                _ => encoder.push(items.len()),
            };
            items.iter().for_each(|item| encode(item, out));
            if tree.streamed {
                Encoder::new(out).end_stream();
            }
        }
        Body::TruncatedError(_) | Body::Skipped(_) => panic!("the rest is lost"),
        Body::Map(pairs) => {
            if tree.streamed {
                Encoder::new(out).streamed_map();
            } else {
                Encoder::new(out).map(pairs.len());
            }
            for (key, value) in pairs {
                encode(key, out);
                encode(value, out);
            }
            if tree.streamed {
                Encoder::new(out).end_stream();
            }
        }
    }
}
