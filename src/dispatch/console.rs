//! Lines for the server's console, for events that no script listens to.

use std::time::{Duration, Instant};

use super::EventKind;
use super::failures::Failures;
use crate::model::{Code, DropReason, Error, Event, NAME_CHARACTERS, Ready, printable};

/// Characters of a line. The parts of a line are bounded separately, at half of this in total.
const LINE_CHARACTERS: usize = 2048;

/// At most one line of a kind for each client within this time, and one more about why its server refuses to serve
/// it. Refused subscriptions and requests are reported [together](Failures).
const INTERVAL: Duration = Duration::from_secs(10);

/// While a connection is lost for the same reason again and again, the time between two lines doubles up to this.
const LONGEST_INTERVAL: Duration = Duration::from_secs(600);

/// A reason that was not seen for this long counts as new.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

/// Turns a client's events into console lines, but not too many.
#[derive(Debug)]
pub(super) struct Console {
    label: String,
    kinds: [Silence; EventKind::ALL.len()],
    /// For the server's own reasons not to serve us. After each restart a line about a lost connection comes right
    /// before such a reason, and must not hide it.
    refusals: Silence,
    unreadable: Silence,
    told_down: bool,
    failing: Option<Outage>,
    failures: Failures,
}

/// A connection that is lost for the same reason again and again.
#[derive(Debug)]
struct Outage {
    reason: Error,
    /// When it was last lost.
    last: Instant,
    /// Time between two lines.
    interval: Duration,
    /// The reason was printed.
    told: bool,
}

impl Outage {
    /// The connection was lost again.
    fn again(before: Option<Self>, reason: &Error, now: Instant) -> Self {
        before
            .filter(|before| before.reason == *reason)
            .filter(|before| now.saturating_duration_since(before.last) < FORGOTTEN_AFTER)
            .map_or_else(
                || Self { reason: reason.clone(), last: now, interval: INTERVAL, told: false },
                |before| Self { last: now, ..before },
            )
    }

    /// The reason is printed.
    fn tell(&mut self) {
        if std::mem::replace(&mut self.told, true) {
            self.interval = self.interval.saturating_mul(2).min(LONGEST_INTERVAL);
        }
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Silence {
    since: Option<Instant>,
    missed: u64,
}

impl Silence {
    /// Ends the silence, if it has lasted that long, and returns the number of missed lines, as the end of the next
    /// line.
    fn end(&mut self, interval: Duration, now: Instant) -> Option<String> {
        if self.since.is_some_and(|since| now.saturating_duration_since(since) < interval) {
            self.missed += 1;
            return None;
        }
        let missed = std::mem::replace(self, Self { since: Some(now), missed: 0 }).missed;
        Some(if missed == 0 { String::new() } else { format!(" ({missed} more since the last line)") })
    }

    /// When to report the missed lines, if there are any.
    fn due(&self, interval: Duration) -> Option<Instant> {
        self.since.filter(|_| self.missed > 0).map(|since| since + interval)
    }

    /// Takes the missed lines, to be reported now.
    fn rest(&mut self, now: Instant) -> Option<u64> {
        let missed = std::mem::take(&mut self.missed);
        (missed > 0).then(|| {
            self.since = Some(now);
            missed
        })
    }
}

impl Console {
    /// `label` names the client, and contains no secret.
    pub(super) fn new(label: String) -> Self {
        Self {
            label,
            kinds: Default::default(),
            refusals: Silence::default(),
            unreadable: Silence::default(),
            told_down: false,
            failing: None,
            failures: Failures::default(),
        }
    }

    /// Another session has replaced the one before. Lines that were kept are still printed.
    pub(super) fn relabel(&mut self, label: String) {
        let (failures, unreadable) =
            (std::mem::take(&mut self.failures), std::mem::take(&mut self.unreadable));
        *self = Self { failures, unreadable, ..Self::new(label) };
    }

    /// When [`Console::lines`] has lines to print.
    pub(super) fn due(&self) -> Option<Instant> {
        self.failures.due().into_iter().chain(self.unreadable.due(INTERVAL)).min()
    }

    /// Lines for the failures that were collected.
    pub(super) fn lines(&mut self, now: Instant) -> Vec<String> {
        let unreadable = self.unreadable.due(INTERVAL).is_some_and(|due| due <= now);
        let unreadable = unreadable.then(|| self.unreadable.rest(now)).flatten().map(left_out);
        self.failures.lines(now).into_iter().chain(unreadable).map(|line| self.notice(&line)).collect()
    }

    /// Lines for everything that was collected, due or not: the client ends.
    pub(super) fn rest(&mut self) -> Vec<String> {
        let unreadable = self.unreadable.rest(Instant::now()).map(left_out);
        let lines: Vec<_> = self.failures.rest().chain(unreadable).collect();
        lines.into_iter().map(|line| self.notice(&line)).collect()
    }

    /// The line for a notice to the owner, printed whatever scripts listen to.
    pub(super) fn notice(&self, notice: &str) -> String {
        format!("[realtime] {}: {}", self.label, printable(notice.as_bytes(), LINE_CHARACTERS))
    }

    /// The line for a message that cannot be read, unless one was printed recently.
    pub(super) fn unreadable<'a>(
        &mut self,
        channel: impl FnOnce() -> &'a [u8],
        reason: &str,
        now: Instant,
    ) -> Option<String> {
        let more = self.unreadable.end(INTERVAL, now)?;
        let channel = printable(channel(), NAME_CHARACTERS);
        let label = &self.label;
        Some(format!("[realtime] {label}: a message on \"{channel}\" was left out: {reason}{more}"))
    }

    /// Which of several addresses is in use.
    fn place(&self, ready: &Ready) -> String {
        let is_known = |address: &&str| {
            self.label.strip_suffix(address).is_some_and(|rest| rest.is_empty() || rest.ends_with(" at "))
        };
        let address = ready.address.as_deref().filter(|address| !is_known(address));
        address.map(|address| format!(" at {address}")).unwrap_or_default()
    }

    /// The line for an event that no script listens to, unless one was printed recently. Refused subscriptions and
    /// requests are kept for [`Console::lines`].
    pub(super) fn line(&mut self, event: &Event, clock: impl FnOnce() -> Instant) -> Option<String> {
        let kind = EventKind::of(event)?;
        let text = match event {
            Event::Ready(ready) => {
                let told_down = std::mem::take(&mut self.told_down);
                return told_down.then(|| format!("[realtime] {}: ready{}", self.label, self.place(ready)));
            }
            Event::Down { error, retry_in: None } => error.to_string(),
            Event::Down { error, retry_in: Some(retry_in) } => {
                // The server's own words may end with a full stop.
                let error = error.to_string();
                format!("{}; {}", error.trim_end_matches('.'), next_attempt(*retry_in))
            }
            Event::Dropped { count, bytes, reason } => {
                let reason = match reason {
                    DropReason::Overflow => "the queue was full",
                    DropReason::TooLarge => "larger than max_message_bytes",
                };
                format!("{count} messages of {bytes} bytes were dropped: {reason}")
            }
            Event::SubscribeFailed { .. } | Event::RequestFailed { .. } => {
                self.failures.add(event, clock());
                return None;
            }
            Event::Gap { .. } | Event::Subscribed(_) | Event::Notice(_) | Event::Closed => return None,
        };
        let now = clock();
        let failing = match event {
            Event::Down { error, .. } => {
                let failing = Outage::again(self.failing.take(), error, now);
                Some(self.failing.insert(failing))
            }
            _ => None,
        };
        let interval = failing.as_ref().map_or(INTERVAL, |failing| failing.interval);
        let silence = match event {
            Event::Down { error: Error { code: Code::Server(_), .. }, .. } => &mut self.refusals,
            _ => &mut self.kinds[kind as usize],
        };
        let more = silence.end(interval, now)?;
        if let Some(failing) = failing {
            failing.tell();
        }
        self.told_down |= kind == EventKind::Down;
        // The parts are printable already. This makes sure of one line, whatever a backend returns in future.
        let text = printable(text.as_bytes(), LINE_CHARACTERS);
        Some(format!("[realtime] {}: {text}{more}", self.label))
    }
}

/// Messages that could not be read, after one that a line has reported.
fn left_out(count: u64) -> String {
    match count {
        1 => "one more message was left out, because it could not be read".into(),
        _ => format!("{count} more messages were left out, because they could not be read"),
    }
}

/// When the next attempt begins, as precisely as a reader needs.
fn next_attempt(retry_in: Duration) -> String {
    const SECOND: Duration = Duration::from_secs(1);
    match retry_in {
        short if short < Duration::from_millis(1) => "trying again at once".into(),
        short if short < SECOND => format!("next attempt in {} ms", short.as_millis()),
        long => format!("next attempt in {:.1} s", long.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests;
