//! Bytes on their way to one connection, and the answers expected for them.

use std::collections::VecDeque;
use std::time::Instant;

use super::pending::PendingRequest;
use crate::model::RequestKind;

/// The capacity that an empty buffer keeps: a thousand short publishes. The memory of a larger burst is freed.
const KEEP_BYTES: usize = 128 << 10;
/// The number of entries for which an empty queue keeps room.
const KEEP_IN_FLIGHT: usize = 1024;

/// Bytes on their way to one connection, and for each command in them the expected answer. Answers come in the order
/// of the commands.
#[derive(Debug)]
pub struct Pipeline<E> {
    bytes: Vec<u8>,
    /// How many of `bytes` were written.
    start: usize,
    /// Bytes written on this connection. Offsets count from the first one, so that it is known of each command
    /// whether any of it was written.
    sent: u64,
    in_flight: VecDeque<InFlight<E>>,
}

/// A command that has no answer yet.
#[derive(Debug)]
pub struct InFlight<E> {
    /// Offset of its first byte.
    start: u64,
    /// Offset after its last byte.
    end: u64,
    /// The request that the command carries, until it is answered. `None` for a command of the session's own.
    pub request: Option<PendingRequest>,
    /// The expected answer.
    pub expectation: E,
}

impl<E> Default for Pipeline<E> {
    fn default() -> Self {
        Self { bytes: Vec::new(), start: 0, sent: 0, in_flight: VecDeque::new() }
    }
}

impl<E> Pipeline<E> {
    /// Sends the bytes that `encode` appends; it returns the expected answer.
    pub fn send(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> E) {
        let start = self.end();
        let expectation = encode(&mut self.bytes);
        self.in_flight.push_back(InFlight { start, end: self.end(), request: None, expectation });
    }

    /// The same for a request.
    pub fn send_request(
        &mut self,
        mut request: PendingRequest,
        now: Instant,
        encode: impl FnOnce(&RequestKind, &mut Vec<u8>) -> E,
    ) {
        request.since = now;
        let start = self.end();
        let expectation = encode(&request.kind, &mut self.bytes);
        self.in_flight.push_back(InFlight { start, end: self.end(), request: Some(request), expectation });
    }

    /// Sends something that has no answer.
    pub fn tell(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes to be written next.
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Offset after the last byte.
    pub fn end(&self) -> u64 {
        self.sent + (self.bytes.len() - self.start) as u64
    }

    /// The first `n` of those bytes were written.
    pub fn transmitted(&mut self, n: usize) {
        let n = n.min(self.pending().len());
        self.start += n;
        self.sent += n as u64;
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            self.bytes.shrink_to(KEEP_BYTES);
        } else if self.start >= KEEP_BYTES.max(self.bytes.len() / 2) {
            // Bytes are moved only after at least as many were written, so moving them takes linear time in
            // total.
            self.bytes.drain(..std::mem::take(&mut self.start));
        }
    }

    /// Whether no answer is expected.
    pub fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether everything sent up to this offset was answered. If something before it was taken back, that is noticed
    /// later.
    pub fn is_answered(&self, offset: u64) -> bool {
        self.in_flight.front().is_none_or(|command| command.start >= offset)
    }

    /// The requests without an answer.
    pub fn requests(&self) -> impl Iterator<Item = &PendingRequest> {
        self.in_flight.iter().filter_map(|command| command.request.as_ref())
    }

    /// The command that the next answer belongs to. `None` if no byte of it was written, because then nothing can be
    /// an answer to it.
    pub fn front_mut(&mut self) -> Option<&mut InFlight<E>> {
        self.in_flight.front_mut().filter(|command| command.start < self.sent)
    }

    /// The same, immutable.
    pub fn front(&self) -> Option<&InFlight<E>> {
        self.sent().next()
    }

    /// The commands of which at least one byte was written, in order.
    pub fn sent(&self) -> impl Iterator<Item = &InFlight<E>> {
        self.in_flight.iter().take_while(|command| command.start < self.sent)
    }

    /// The oldest command was answered.
    pub fn pop_front(&mut self) -> Option<InFlight<E>> {
        let command = self.in_flight.pop_front();
        if self.in_flight.is_empty() && self.in_flight.capacity() > KEEP_IN_FLIGHT {
            self.in_flight.shrink_to(KEEP_IN_FLIGHT);
        }
        command
    }

    /// Passes each request to `take`, with whether any of it was written; `take` removes it if it has timed out. The
    /// request's command is taken back if none of it was written. Otherwise its answer is still expected.
    pub(super) fn take_requests(&mut self, mut take: impl FnMut(&mut Option<PendingRequest>, bool)) {
        let origin = self.sent - self.start as u64;
        let len = self.bytes.len();
        let index = |offset: u64| usize::try_from(offset - origin).unwrap_or(len).min(len);
        // The end of the commands already checked, and where the bytes after it go.
        let (mut read, mut write) = (self.start, self.start);
        let mut taken_back = 0;
        self.in_flight.retain_mut(|command| {
            let (was_sent, had_request) = (command.start < self.sent, command.request.is_some());
            take(&mut command.request, was_sent);
            if had_request && command.request.is_none() && !was_sent {
                let kept = read..index(command.start);
                self.bytes.copy_within(kept.clone(), write);
                (read, write) = (index(command.end), write + kept.len());
                taken_back += command.end - command.start;
                return false;
            }
            command.start -= taken_back;
            command.end -= taken_back;
            true
        });
        if read > write {
            self.bytes.drain(write..read);
        }
    }

    /// The connection was lost: the requests without an answer, and whether any of each was written, so that it may
    /// have reached the server.
    pub(super) fn into_requests(self) -> impl Iterator<Item = (PendingRequest, bool)> {
        let commands = self.in_flight.into_iter();
        commands.filter_map(move |command| Some((command.request?, command.start < self.sent)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ReplyTo, Ticket};

    /// The letter that a request sends.
    fn letter(request: &PendingRequest) -> char {
        char::from(u8::try_from(request.ticket.bytes).unwrap())
    }

    fn request(letter: char) -> PendingRequest {
        let ticket = Ticket { to: ReplyTo::Nobody, bytes: letter as usize };
        let now = Instant::now();
        let kind = RequestKind::Ping;
        let (after, number) = (0, u64::from(u32::from(letter)));
        PendingRequest {
            ticket,
            deadline: now,
            kind,
            after,
            since: now,
            number,
            partition: None,
            detour: None,
        }
    }

    /// Three commands of two bytes, of which `n` bytes were written.
    fn written(n: usize) -> Pipeline<()> {
        let mut pipeline = Pipeline::default();
        for c in ['a', 'b', 'c'] {
            pipeline.send_request(request(c), Instant::now(), |_, out| out.extend([c as u8; 2]));
        }
        pipeline.transmitted(n);
        pipeline
    }

    fn letters<'a>(commands: impl Iterator<Item = &'a InFlight<()>>) -> String {
        commands.map(|command| command.request.as_ref().map_or('x', letter)).collect()
    }

    #[test]
    fn a_command_may_have_arrived_once_a_byte_of_it_was_written() {
        for (n, maybe_sent, unsent) in
            [(0, "", "abc"), (1, "a", "bc"), (2, "a", "bc"), (3, "ab", "c"), (6, "abc", "")]
        {
            let (sent, rest): (Vec<_>, Vec<_>) = written(n).into_requests().partition(|&(_, sent)| sent);
            let letters_of = |requests: Vec<(PendingRequest, bool)>| -> String {
                requests.iter().map(|(request, _)| letter(request)).collect()
            };
            assert_eq!((letters_of(sent), letters_of(rest)), (maybe_sent.into(), unsent.into()), "{n}");
            let mut pipeline = written(n);
            assert_eq!(
                letters(pipeline.front_mut().iter().map(|front| &**front)),
                maybe_sent.get(..1).unwrap_or(""),
                "{n}"
            );
            assert_eq!(letters(pipeline.sent()), maybe_sent, "{n}");
        }
    }

    /// Takes the requests with these letters.
    fn take(pipeline: &mut Pipeline<()>, taken: &str) {
        pipeline.take_requests(|request, _| {
            request.take_if(|request| taken.contains(letter(request)));
        });
    }

    #[test]
    fn what_is_taken_back_is_never_written() {
        for n in 0..=2 {
            let mut pipeline = written(n);
            take(&mut pipeline, "b");
            assert_eq!(pipeline.pending(), &b"aacc"[n..], "{n}");
            pipeline.transmitted(4);
            assert_eq!(letters(pipeline.sent()), "ac", "{n}");
            let popped = [pipeline.pop_front(), pipeline.pop_front()];
            assert_eq!(letters(popped.iter().flatten()), "ac");
        }
        let mut pipeline = written(3);
        take(&mut pipeline, "b");
        assert_eq!(pipeline.pending(), b"bcc", "the server has the beginning of it");
        assert_eq!(letters(pipeline.sent()), "ax");
    }

    #[test]
    fn several_are_taken_back_at_any_state_of_transmission() {
        for sent in 0..=2 {
            let mut pipeline = Pipeline::default();
            for c in "abcde".chars() {
                pipeline.send_request(request(c), Instant::now(), |_, out| out.extend([c as u8; 2]));
            }
            pipeline.tell(b"!");
            pipeline.transmitted(sent);
            take(&mut pipeline, "bd");
            assert_eq!(pipeline.pending(), &b"aaccee!"[sent..]);
            assert_eq!(pipeline.end(), 7);
            pipeline.transmitted(7);
            assert_eq!(letters(pipeline.sent()), "ace");
        }
    }

    #[test]
    fn what_was_sent_up_to_an_offset_is_answered_once_all_of_it_is() {
        let mut pipeline = written(3);
        let end = pipeline.end();
        pipeline.send(|out| out.push(b'd'));
        for is_answered in [false, false, true] {
            pipeline.pop_front();
            assert_eq!(pipeline.is_answered(end), is_answered);
        }
        assert!(Pipeline::<()>::default().is_answered(end), "nothing is under way");
    }

    #[test]
    fn offsets_survive_compaction() {
        let mut pipeline = Pipeline::default();
        pipeline.tell(&vec![b'x'; 4 * KEEP_BYTES]);
        pipeline.send_request(request('c'), Instant::now(), |_, out| out.extend(b"cut me"));
        pipeline.tell(b"tail");
        pipeline.transmitted(3 * KEEP_BYTES);
        take(&mut pipeline, "c");
        pipeline.transmitted(KEEP_BYTES);
        assert_eq!(pipeline.pending(), b"tail");
        pipeline.transmitted(100);
        assert_eq!(pipeline.pending().len(), 0, "no more than there was");
        assert!(pipeline.bytes.capacity() <= KEEP_BYTES, "a burst's memory is given back");
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
