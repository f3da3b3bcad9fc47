//! A session whose memory is counted for each call.

use std::time::Instant;

use allocation_counter::{AllocationInfo, measure, opt_out};
use realtime::backend::{Action, Connected, LinkError, Session};
use realtime::model::{Command, LinkId, Room, Sink};

/// A session, and how many bytes it holds.
pub(crate) struct Counted {
    session: Box<dyn Session>,
    held: i64,
    /// The limit of its memory, whatever the input.
    max_held: i64,
}

impl Counted {
    pub(crate) fn new(make: impl FnOnce() -> Box<dyn Session>, max_held: i64) -> Self {
        let mut session = None;
        let memory = measure(|| session = Some(make()));
        Self { session: session.expect("it was made"), held: memory.bytes_current, max_held }
    }

    /// Makes a value that is passed to the session: its memory becomes the session's.
    pub(crate) fn made<T>(&mut self, make: impl FnOnce() -> T) -> T {
        let mut made = None;
        let memory = measure(|| made = Some(make()));
        note(memory, &mut self.held, self.max_held);
        made.expect("it was made")
    }

    /// Drops the session, which must free everything.
    pub(crate) fn end(self) {
        let Self { session, held, .. } = self;
        let memory = measure(|| drop(session));
        assert_eq!(held + memory.bytes_current, 0, "bytes that nobody gives back");
    }

    fn count<T>(&mut self, call: impl FnOnce(&mut dyn Session) -> T) -> T {
        let mut result = None;
        let memory = measure(|| result = Some(call(&mut *self.session)));
        note(memory, &mut self.held, self.max_held);
        result.expect("it was called")
    }
}

/// Counts the memory that a call allocated and freed.
fn note(memory: AllocationInfo, held: &mut i64, max_held: i64) {
    let peak = *held + i64::try_from(memory.bytes_max).unwrap_or(i64::MAX);
    *held += memory.bytes_current;
    assert!(peak < max_held, "{peak} bytes held");
}

impl Session for Counted {
    fn handle_command(&mut self, now: Instant, command: Command, sink: &mut dyn Sink) {
        self.count(|session| session.handle_command(now, command, sink));
    }

    fn handle_connected(&mut self, link: LinkId, now: Instant, how: Connected, sink: &mut dyn Sink) {
        self.count(|session| session.handle_connected(link, now, how, sink));
    }

    fn handle_disconnected(&mut self, link: LinkId, now: Instant, cause: LinkError, sink: &mut dyn Sink) {
        self.count(|session| session.handle_disconnected(link, now, cause, sink));
    }

    fn room_needed(&self, link: LinkId) -> Room {
        self.session.room_needed(link)
    }

    fn handle_input(&mut self, link: LinkId, now: Instant, bytes: &[u8], sink: &mut dyn Sink) {
        self.count(|session| session.handle_input(link, now, bytes, sink));
    }

    fn handle_paused(&mut self, link: LinkId) {
        self.count(|session| session.handle_paused(link));
    }

    fn handle_resumed(&mut self, link: LinkId, now: Instant) {
        self.count(|session| session.handle_resumed(link, now));
    }

    fn poll_transmit(&mut self, link: LinkId, now: Instant) -> &[u8] {
        let Self { session, held, max_held } = self;
        let mut bytes = &[][..];
        let memory = measure(|| bytes = session.poll_transmit(link, now));
        note(memory, held, *max_held);
        bytes
    }

    fn transmitted(&mut self, link: LinkId, n: usize) {
        self.count(|session| session.transmitted(link, n));
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.count(|session| {
            let action = session.poll_action();
            // Values made by the session are dropped within the count.
            let mut copy = None;
            opt_out(|| copy.clone_from(&action));
            copy
        })
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.count(|session| session.handle_timeout(now, sink));
    }
}
