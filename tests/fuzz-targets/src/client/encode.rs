//! Encoders that the servers share.

use resp::Encoder;

/// Begins a push, or the array that stands for one under RESP2.
pub(crate) fn push(resp3: bool, count: usize, out: &mut Vec<u8>) -> Encoder<'_> {
    let mut encoder = Encoder::new(out);
    if resp3 {
        encoder.push(count);
    } else {
        encoder.array(count);
    }
    encoder
}
