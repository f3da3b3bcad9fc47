//! What waits to be written to one link.

use std::ops::Range;

/// Capacity that an empty buffer keeps, a thousand short publishes; a larger burst's memory is given back.
const KEEP: usize = 128 << 10;

/// Bytes on their way to one link, with their offsets in the stream of all bytes ever written to it, so that it can be
/// told of each command whether any of it was transmitted.
#[derive(Debug, Default)]
pub(super) struct Transmit {
    bytes: Vec<u8>,
    /// How many of `bytes` were transmitted.
    start: usize,
    /// Bytes transmitted on this connection.
    sent: u64,
}

impl Transmit {
    /// What is to be written next.
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Offset of the first byte that was not transmitted yet.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Offset behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.sent + self.len() as u64
    }

    /// Where a command is encoded to: behind the last byte. Only to be appended to.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The first `n` bytes were written.
    pub(super) fn transmitted(&mut self, n: usize) {
        let n = n.min(self.len());
        self.start += n;
        self.sent += n as u64;
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            self.bytes.shrink_to(KEEP);
        } else if self.start >= KEEP.max(self.bytes.len() / 2) {
            // Each byte moves at most once for each time that as many were written: linear altogether.
            self.bytes.drain(..std::mem::take(&mut self.start));
        }
    }

    /// Takes out ranges of offsets, ascending and wholly untransmitted; what follows them moves up.
    pub(super) fn cut(&mut self, ranges: &[Range<u64>]) {
        let (base, len) = (self.sent - self.start as u64, self.bytes.len());
        let index = |offset: u64| usize::try_from(offset - base).unwrap_or(len).min(len);
        let Some(first) = ranges.first() else { return };
        let mut write = index(first.start);
        for (n, range) in ranges.iter().enumerate() {
            let from = index(range.end);
            let to = ranges.get(n + 1).map_or(len, |next| index(next.start));
            self.bytes.copy_within(from..to, write);
            write += to - from;
        }
        self.bytes.truncate(write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_leave_the_rest_in_order_at_any_state_of_transmission() {
        for sent in 0..=2 {
            let mut transmit = Transmit::default();
            transmit.tail().extend_from_slice(b"aabbccddee");
            transmit.transmitted(sent);
            transmit.cut(&[2..4, 6..8]);
            assert_eq!(transmit.pending(), &b"aaccee"[sent..]);
            assert_eq!(transmit.end(), 6);
        }
    }

    #[test]
    fn offsets_survive_compaction() {
        let mut transmit = Transmit::default();
        transmit.tail().resize(4 * KEEP, b'x');
        transmit.tail().extend_from_slice(b"cut me");
        transmit.tail().extend_from_slice(b"tail");
        transmit.transmitted(3 * KEEP);
        let offset = 4 * KEEP as u64;
        transmit.cut(std::slice::from_ref(&(offset..offset + 6)));
        transmit.transmitted(KEEP);
        assert_eq!(transmit.pending(), b"tail");
        transmit.transmitted(100);
        assert_eq!(transmit.len(), 0, "no more than there was");
        assert!(transmit.bytes.capacity() <= KEEP, "a burst's memory is given back");
    }
}
