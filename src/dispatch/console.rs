//! Lines for the server's console, where no script listens.

use std::time::{Duration, Instant};

use super::EventKind;
use crate::model::{DropReason, Event};

/// At most one line of a kind for each client within this time.
const INTERVAL: Duration = Duration::from_secs(10);

/// A pause before the next attempt that a line would show as 0.0 s.
const WORTH_A_FIGURE: Duration = Duration::from_millis(50);

/// Turns a client's events into console lines, not too many.
#[derive(Debug)]
pub(super) struct Console {
    label: String,
    kinds: [Silence; EventKind::ALL.len()],
    told_down: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Silence {
    since: Option<Instant>,
    missed: u64,
}

impl Console {
    /// `label` says which client it is. No secret.
    pub(super) fn new(label: String) -> Self {
        Self { label, kinds: Default::default(), told_down: false }
    }

    /// The line for an event that no script listens to, if it deserves one now.
    pub(super) fn line(&mut self, event: &Event, clock: impl FnOnce() -> Instant) -> Option<String> {
        let kind = EventKind::of(event)?;
        let text = match event {
            Event::Ready(_) => {
                return std::mem::take(&mut self.told_down)
                    .then(|| format!("[realtime] {}: ready", self.label));
            }
            Event::Down { error, retry_in } => {
                // The server's own words may end with a full stop.
                let error = error.to_string();
                let error = error.trim_end_matches('.');
                match *retry_in {
                    Duration::MAX => format!("{error}; there is no further attempt"),
                    pause if pause < WORTH_A_FIGURE => format!("{error}; trying again at once"),
                    pause => format!("{error}; trying again in {:.1} s", pause.as_secs_f64()),
                }
            }
            Event::Dropped { count, bytes, reason } => {
                let reason = match reason {
                    DropReason::Overflow => "the queue was full",
                    DropReason::TooLarge => "larger than max_message_bytes",
                };
                format!("{count} messages of {bytes} bytes were dropped: {reason}")
            }
            Event::SubscribeFailed { topic, error } => format!("cannot subscribe to {topic}: {error}"),
            Event::RequestFailed { command, channel, error } => {
                let command = command.escape_ascii();
                match channel {
                    Some(channel) => format!("{command} to \"{}\" failed: {error}", channel.escape_ascii()),
                    None => format!("{command} failed: {error}"),
                }
            }
            Event::Gap { .. } | Event::Subscribed(_) | Event::Closed => return None,
        };
        let now = clock();
        let silence = &mut self.kinds[kind as usize];
        if silence.since.is_some_and(|since| now.saturating_duration_since(since) < INTERVAL) {
            silence.missed += 1;
            return None;
        }
        let missed = std::mem::replace(silence, Silence { since: Some(now), missed: 0 }).missed;
        self.told_down |= kind == EventKind::Down;
        let more = if missed == 0 { String::new() } else { format!(" ({missed} more since the last line)") };
        Some(format!("[realtime] {}: {text}{more}", self.label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Code, Error, Ready};

    fn down() -> Event {
        down_for("nobody there", Duration::from_millis(400))
    }

    fn down_for(why: &'static str, retry_in: Duration) -> Event {
        Event::Down { error: Error::unsent(Code::Refused, why), retry_in }
    }

    fn ready() -> Event {
        Event::Ready(Ready { first: true, protocol: 3, server: None, version: None })
    }

    #[test]
    fn lines_of_a_kind_keep_their_distance_and_count_what_they_missed() {
        let start = Instant::now();
        let mut console = Console::new("main".into());
        let mut at = |millis| console.line(&down(), || start + Duration::from_millis(millis));
        assert_eq!(at(0).as_deref(), Some("[realtime] main: REFUSED: nobody there; trying again in 0.4 s"));
        assert_eq!((at(10), at(9_999)), (None, None));
        assert!(at(10_000).unwrap().ends_with("(2 more since the last line)"));
    }

    #[test]
    fn a_line_says_when_the_next_attempt_is() {
        let line = |retry_in| {
            let mut console = Console::new("main".into());
            console.line(&down_for("no such user.", retry_in), Instant::now).unwrap()
        };
        let begin = "[realtime] main: REFUSED: no such user; ";
        assert_eq!(line(Duration::ZERO), format!("{begin}trying again at once"));
        assert_eq!(line(Duration::from_millis(49)), format!("{begin}trying again at once"));
        assert_eq!(line(Duration::from_millis(50)), format!("{begin}trying again in 0.1 s"));
        assert_eq!(line(Duration::from_millis(29_960)), format!("{begin}trying again in 30.0 s"));
        assert_eq!(line(Duration::MAX), format!("{begin}there is no further attempt"));
    }

    #[test]
    fn ready_speaks_only_after_a_printed_down() {
        let mut console = Console::new("main".into());
        assert_eq!(console.line(&ready(), Instant::now), None);
        console.line(&down(), Instant::now);
        assert_eq!(console.line(&ready(), Instant::now).as_deref(), Some("[realtime] main: ready"));
        assert_eq!(console.line(&ready(), Instant::now), None);
    }
}
