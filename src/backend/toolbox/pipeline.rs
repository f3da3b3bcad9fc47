//! What is on its way to one connection, and what is expected back.

use std::collections::VecDeque;

use super::transmit::Transmit;

/// Entries for which an empty queue keeps room.
const KEEP_IN_FLIGHT: usize = 1024;

/// Bytes on their way to one connection, and for each command in them what is expected as its answer. Answers come in the
/// order of the commands.
#[derive(Debug)]
pub struct Pipeline<E> {
    transmit: Transmit,
    in_flight: VecDeque<InFlight<E>>,
}

#[derive(Debug)]
struct InFlight<E> {
    /// Offset of its first byte in the stream.
    start: u64,
    /// Offset behind its last byte.
    end: u64,
    expectation: E,
}

/// What a lost connection leaves.
#[derive(Debug)]
pub struct Cut<E> {
    /// The server may have received these.
    pub maybe_sent: Vec<E>,
    /// The server received nothing of these.
    pub unsent: Vec<E>,
}

impl<E> Default for Pipeline<E> {
    fn default() -> Self {
        Self { transmit: Transmit::default(), in_flight: VecDeque::new() }
    }
}

impl<E> Pipeline<E> {
    /// Sends what `encode` appends to the bytes; it returns what is expected as the answer.
    pub fn send(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> E) {
        let start = self.transmit.end();
        let expectation = encode(self.transmit.tail());
        self.in_flight.push_back(InFlight { start, end: self.transmit.end(), expectation });
    }

    /// Sends something that has no answer.
    pub fn tell(&mut self, bytes: &[u8]) {
        self.transmit.tail().extend_from_slice(bytes);
    }

    /// The bytes to be written next.
    pub fn pending(&self) -> &[u8] {
        self.transmit.pending()
    }

    /// The first `n` of those bytes were written.
    pub fn transmitted(&mut self, n: usize) {
        self.transmit.transmitted(n);
    }

    /// Whether no answer is expected.
    pub fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// What the next answer belongs to. `None` if no byte of its command was written, so that nothing can be an answer to it.
    pub fn front_mut(&mut self) -> Option<&mut E> {
        let sent = self.transmit.sent();
        self.in_flight.front_mut().filter(|entry| entry.start < sent).map(|entry| &mut entry.expectation)
    }

    /// Likewise, to look at.
    pub fn front(&self) -> Option<&E> {
        self.sent().next()
    }

    /// What is expected of commands of which something was written, in their order.
    pub fn sent(&self) -> impl Iterator<Item = &E> {
        let sent = self.transmit.sent();
        self.in_flight.iter().take_while(move |entry| entry.start < sent).map(|entry| &entry.expectation)
    }

    /// The oldest expectation was met.
    pub fn pop_front(&mut self) -> Option<E> {
        let entry = self.in_flight.pop_front();
        if self.in_flight.is_empty() && self.in_flight.capacity() > KEEP_IN_FLIGHT {
            self.in_flight.shrink_to(KEEP_IN_FLIGHT);
        }
        entry.map(|entry| entry.expectation)
    }

    /// Goes through all expectations in their order. `change` is told whether something of the command was written, and
    /// returns what is expected instead. Where it returns `None`, the command is taken back if nothing of it was written; of
    /// all others an answer has to be expected.
    pub fn change(&mut self, mut change: impl FnMut(E, bool) -> Option<E>) {
        let sent = self.transmit.sent();
        let mut taken_back = Vec::new();
        let mut bytes = 0;
        for _ in 0..self.in_flight.len() {
            let Some(InFlight { start, end, expectation }) = self.in_flight.pop_front() else { break };
            match change(expectation, start < sent) {
                Some(expectation) => {
                    self.in_flight.push_back(InFlight {
                        start: start - bytes,
                        end: end - bytes,
                        expectation,
                    });
                }
                None => {
                    debug_assert!(start >= sent, "an answer will come");
                    taken_back.push(start..end);
                    bytes += end - start;
                }
            }
        }
        self.transmit.cut(&taken_back);
    }

    /// The connection is lost: tells what may have reached the server from what did not.
    pub fn cut(self) -> Cut<E> {
        let sent = self.transmit.sent();
        let mut cut = Cut { maybe_sent: Vec::new(), unsent: Vec::new() };
        for InFlight { start, expectation, .. } in self.in_flight {
            let part = if start < sent { &mut cut.maybe_sent } else { &mut cut.unsent };
            part.push(expectation);
        }
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three commands of two bytes, of which `n` bytes were written.
    fn written(n: usize) -> Pipeline<char> {
        let mut pipeline = Pipeline::default();
        for c in ['a', 'b', 'c'] {
            pipeline.send(|out| {
                out.extend([c as u8; 2]);
                c
            });
        }
        pipeline.transmitted(n);
        pipeline
    }

    #[test]
    fn a_command_may_have_arrived_once_a_byte_of_it_was_written() {
        for (n, maybe_sent, unsent) in
            [(0, "", "abc"), (1, "a", "bc"), (2, "a", "bc"), (3, "ab", "c"), (6, "abc", "")]
        {
            let Cut { maybe_sent: sent, unsent: rest } = written(n).cut();
            assert_eq!(
                (String::from_iter(sent), String::from_iter(rest)),
                (maybe_sent.into(), unsent.into()),
                "{n}"
            );
            let mut pipeline = written(n);
            assert_eq!(pipeline.front_mut().copied(), maybe_sent.chars().next(), "{n}");
            assert_eq!(pipeline.sent().collect::<String>(), maybe_sent, "{n}");
        }
    }

    #[test]
    fn what_is_taken_back_is_never_written() {
        for n in 0..=2 {
            let mut pipeline = written(n);
            pipeline.change(|c, sent| (c != 'b' || sent).then_some(c));
            assert_eq!(pipeline.pending(), &b"aacc"[n..], "{n}");
            pipeline.transmitted(4);
            assert_eq!(pipeline.sent().collect::<String>(), "ac", "{n}");
            assert_eq!((pipeline.pop_front(), pipeline.pop_front()), (Some('a'), Some('c')));
        }
        let mut pipeline = written(3);
        pipeline.change(|c, sent| if c == 'b' { sent.then_some('x') } else { Some(c) });
        assert_eq!(pipeline.pending(), b"bcc", "the server has the beginning of it");
        assert_eq!(pipeline.cut().maybe_sent, ['a', 'x']);
    }

    #[test]
    fn a_bursts_memory_is_given_back() {
        let mut pipeline = Pipeline::default();
        for _ in 0..10 * KEEP_IN_FLIGHT {
            pipeline.send(|out| out.push(b'x'));
        }
        while pipeline.pop_front().is_some() {}
        assert!(pipeline.is_empty() && pipeline.in_flight.capacity() <= KEEP_IN_FLIGHT);
    }
}
