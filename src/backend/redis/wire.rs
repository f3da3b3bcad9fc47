//! Commands into bytes, straight into a link's transmit buffer.

use crate::model::Args;

/// Appends a command of any arguments.
pub(super) fn command<'a>(out: &mut Vec<u8>, args: impl ExactSizeIterator<Item = &'a [u8]>) {
    header(out, b'*', args.len());
    for arg in args {
        bulk(out, arg);
    }
}
fn header(out: &mut Vec<u8>, kind: u8, n: usize) {
    out.push(kind);
    out.extend_from_slice(n.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}
fn bulk(out: &mut Vec<u8>, arg: &[u8]) {
    header(out, b'$', arg.len());
    out.extend_from_slice(arg);
    out.extend_from_slice(b"\r\n");
}

/// Appends a command of few words.
pub(super) fn words(out: &mut Vec<u8>, words: &[&[u8]]) {
    command(out, words.iter().copied());
}

/// Appends a PUBLISH of a channel and a message.
pub(super) fn publish(out: &mut Vec<u8>, args: &Args) {
    header(out, b'*', args.len() + 1);
    bulk(out, b"PUBLISH");
    for arg in args.iter() {
        bulk(out, arg);
    }
}

/// Appends a SUBSCRIBE or the like.
pub(super) fn batch<'a>(out: &mut Vec<u8>, name: &[u8], names: impl ExactSizeIterator<Item = &'a [u8]>) {
    header(out, b'*', names.len() + 1);
    bulk(out, name);
    for name in names {
        bulk(out, name);
    }
}
