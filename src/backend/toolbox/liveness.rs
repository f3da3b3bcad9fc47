//! Whether the peer of one connection is alive, and from when messages may be missing if it is not.

use std::time::{Duration, Instant};

use crate::model::READ_BYTES;

/// The pause before the server's answers are checked again, if a check came in the middle of a frame.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Measures the silence of one connection. After `interval` without a byte the backend sends something that must be
/// answered; after `timeout` more the peer counts as dead. Silence means nothing while the connection is paused.
#[derive(Debug)]
pub struct Liveness {
    interval: Duration,
    timeout: Duration,
    /// Everything that the server sent up to this time has arrived. Bytes read right after a pause may be old, so
    /// they do not move it.
    heard: Instant,
    /// Its value before the last input.
    heard_before: Instant,
    /// When the silence began: the last byte read, or the end of the last pause.
    listening: Instant,
    /// When the peer counts as dead. Set when something that must be answered was sent; any input clears it.
    dead_at: Option<Instant>,
    /// A PING has no answer yet.
    ping_in_flight: bool,
    /// While the peer owes confirmations: when it last answered anything, or when the first confirmation was
    /// requested. A link that delivers messages may still ignore commands.
    confirming: Option<Instant>,
    /// Bytes may wait, but they are not read, because the queue is full.
    paused: bool,
    /// When the last pause ended.
    resumed: Option<Instant>,
    /// The last input had messages for a subscription.
    brought_messages: bool,
    /// Messages probably wait for the end of the current pause: the last input before it had some.
    behind: bool,
    /// Reading has resumed, but the bytes that waited are not all read yet.
    catching_up: bool,
    /// When the last pause with waiting messages ended. Confirmations and events fill the queue, too, and no server
    /// drops a client for them.
    lagged: Option<Instant>,
    /// The last input ended in the middle of a frame.
    within_frame: bool,
}

/// The result of [`Liveness::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Nothing is due.
    Alive,
    /// Nothing was received for `interval`: send something that must be answered.
    Quiet,
    /// Nothing was received for this long, although something was sent.
    Silent(Duration),
    /// Something was received, but for this long no answer, and a confirmation is owed.
    Unconfirmed(Duration),
}

impl Liveness {
    /// A new connection.
    pub fn new(now: Instant, interval: Duration, timeout: Duration) -> Self {
        Self {
            interval,
            timeout,
            heard: now,
            heard_before: now,
            listening: now,
            dead_at: None,
            ping_in_flight: false,
            confirming: None,
            paused: false,
            resumed: None,
            brought_messages: false,
            behind: false,
            catching_up: false,
            lagged: None,
            within_frame: false,
        }
    }

    /// Input arrives.
    pub fn hear(&mut self, now: Instant) {
        self.heard_before = self.heard;
        if !self.catching_up {
            self.heard = now;
        }
        self.listening = now;
        self.dead_at = None;
        self.brought_messages = false;
    }

    /// The current input has messages for a subscription.
    #[inline]
    pub fn brings_messages(&mut self) {
        self.brought_messages = true;
    }

    /// The last input was decoded; it had this many bytes.
    pub fn understood(&mut self, now: Instant, bytes: usize, within_frame: bool) {
        self.within_frame = within_frame;
        if self.catching_up && self.brought_messages {
            // These messages were waiting when reading resumed.
            self.lagged = Some(now);
        }
        // A read that returned less than it could shows that nothing is left waiting.
        self.catching_up &= bytes >= READ_BYTES;
    }

    /// The connection is not read until [`Liveness::resume`].
    pub fn pause(&mut self) {
        self.paused = true;
        self.behind |= self.brought_messages;
        self.dead_at = None;
    }

    /// The connection is read again.
    pub fn resume(&mut self, now: Instant) {
        self.paused = false;
        self.catching_up = true;
        self.resumed = Some(now);
        self.listening = now;
        self.confirming = self.confirming.map(|_| now);
        if std::mem::take(&mut self.behind) {
            self.lagged = Some(now);
        }
    }

    /// Whether reading is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// When the last pause ended.
    pub fn resumed(&self) -> Option<Instant> {
        self.resumed
    }

    /// Everything that the server sent up to this time has arrived.
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// The same before the last input: events that the input reports happened after this time.
    pub fn heard_before(&self) -> Instant {
        self.heard_before
    }

    /// When the last byte was read, if it ended in the middle of a frame.
    pub fn within_frame(&self) -> Option<Instant> {
        self.within_frame.then_some(self.listening)
    }

    /// When the silence began.
    pub fn listening(&self) -> Instant {
        self.listening
    }

    /// Whether messages wait to be read, or did within this time.
    pub fn lagged_within(&self, time: Duration, now: Instant) -> bool {
        self.behind || self.lagged.is_some_and(|at| now.saturating_duration_since(at) < time)
    }

    /// A confirmation is owed from now on, if none was.
    pub fn expect_confirmation(&mut self, now: Instant) {
        self.confirming.get_or_insert(now);
    }

    /// The peer answered something.
    pub fn answered(&mut self, now: Instant) {
        self.confirming = self.confirming.map(|_| now);
    }

    /// The peer confirmed something, and may owe more.
    pub fn confirmed(&mut self, now: Instant, owes_more: bool) {
        self.confirming = owes_more.then_some(now);
    }

    /// Whether to send a PING, because none is in flight.
    pub fn ping(&mut self) -> bool {
        !std::mem::replace(&mut self.ping_in_flight, true)
    }

    /// The PING was answered.
    pub fn pong(&mut self) {
        self.ping_in_flight = false;
    }

    /// When [`Liveness::check`] is due.
    pub fn due(&self) -> Option<Instant> {
        if self.paused {
            return None;
        }
        let silence = self.dead_at.unwrap_or(self.listening + self.interval);
        let confirming = self.confirming.map(|since| since + self.interval + self.timeout);
        Some(confirming.map_or(silence, |confirming| confirming.min(silence)))
    }

    /// Whether the peer is alive.
    pub fn check(&mut self, now: Instant) -> Sign {
        let patience = self.interval + self.timeout;
        if self.paused {
            return Sign::Alive;
        }
        if let Some(since) = self.confirming.filter(|since| *since + patience <= now) {
            if !self.within_frame {
                return Sign::Unconfirmed(now.saturating_duration_since(since));
            }
            // A long answer may be arriving.
            self.confirming = Some(now + LOOK_AGAIN - patience);
        }
        match self.dead_at {
            Some(at) if at <= now => Sign::Silent(now.saturating_duration_since(self.listening)),
            None if self.listening + self.interval <= now => {
                self.dead_at = Some(now + self.timeout);
                Sign::Quiet
            }
            _ => Sign::Alive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);
    const TIMEOUT: Duration = Duration::from_secs(5);
    const MINUTE: Duration = Duration::from_secs(60);

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn silence_is_asked_about_once_and_then_counts_as_death() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, INTERVAL, TIMEOUT);
        for (seconds, sign) in [
            (14, Sign::Alive),
            (15, Sign::Quiet),
            (19, Sign::Alive),
            (20, Sign::Silent(Duration::from_secs(20))),
        ] {
            assert_eq!(liveness.check(at(start, seconds)), sign, "after {seconds} s");
        }
        assert_eq!(liveness.due(), Some(at(start, 20)));
        liveness.hear(at(start, 20));
        assert_eq!(liveness.check(at(start, 34)), Sign::Alive);
        assert_eq!(liveness.due(), Some(at(start, 35)));
        assert!(liveness.ping() && !liveness.ping(), "one PING at a time");
        liveness.pong();
        assert!(liveness.ping());
    }

    #[test]
    fn silence_means_nothing_while_nobody_listens() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, INTERVAL, TIMEOUT);
        liveness.hear(start);
        liveness.brings_messages();
        liveness.pause();
        assert_eq!((liveness.due(), liveness.check(at(start, 1000))), (None, Sign::Alive));
        assert!(liveness.lagged_within(MINUTE, at(start, 1000)), "messages wait");
        liveness.resume(at(start, 1000));
        assert_eq!(liveness.due(), Some(at(start, 1015)));
        // The first bytes read after a pause may be as old as the pause.
        liveness.hear(at(start, 1001));
        assert_eq!(liveness.heard(), start);
        liveness.understood(at(start, 1001), READ_BYTES, false);
        liveness.hear(at(start, 1002));
        assert_eq!(liveness.heard(), start, "there may be more of it");
        liveness.understood(at(start, 1002), READ_BYTES - 1, false);
        liveness.hear(at(start, 1003));
        assert_eq!(liveness.heard(), at(start, 1003));
        assert!(liveness.lagged_within(MINUTE, at(start, 1059)));
        assert!(!liveness.lagged_within(MINUTE, at(start, 1060)), "too long ago to be blamed");
    }

    #[test]
    fn messages_are_no_answer_to_what_waits_for_a_confirmation() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, INTERVAL, TIMEOUT);
        liveness.expect_confirmation(at(start, 1));
        liveness.expect_confirmation(at(start, 9));
        liveness.hear(at(start, 20));
        assert_eq!(liveness.due(), Some(at(start, 21)));
        liveness.understood(at(start, 20), 10, true);
        assert_eq!(liveness.check(at(start, 21)), Sign::Alive, "it may be a long answer");
        assert_eq!(liveness.due(), Some(at(start, 22)));
        liveness.understood(at(start, 21), 10, false);
        assert!(matches!(liveness.check(at(start, 22)), Sign::Unconfirmed(_)));
        liveness.answered(at(start, 22));
        assert_eq!(liveness.check(at(start, 23)), Sign::Alive);
        liveness.confirmed(at(start, 23), false);
        liveness.hear(at(start, 99));
        assert_eq!(liveness.due(), Some(at(start, 114)), "nothing is owed");
    }
}
