//! Lines for the server's console, where no script listens.

use std::time::{Duration, Instant};

use super::EventKind;
use super::failures::Failures;
use crate::model::{Code, DropReason, Error, Event, NAME_CHARACTERS, Ready, printable};

/// Characters of a line. Everything in it is bounded by itself, at half of this together.
const LINE_CHARACTERS: usize = 2048;

/// At most one line of a kind for each client within this time, and one more about why its server refuses to serve it.
/// Refused subscriptions and requests are told [together](Failures).
const INTERVAL: Duration = Duration::from_secs(10);

/// While a connection is lost for the same reason again and again, the time between two lines doubles up to this.
const LONGEST_INTERVAL: Duration = Duration::from_secs(600);

/// A reason that was not seen for this long is told again as a new one.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

/// Turns a client's events into console lines, not too many.
#[derive(Debug)]
pub(super) struct Console {
    label: String,
    kinds: [Silence; EventKind::ALL.len()],
    /// For the server's own reasons not to serve us. A line about a lost connection comes right before such a reason after
    /// each restart, and must not hide it.
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
    /// When it was lost last.
    last: Instant,
    /// Time between two lines.
    interval: Duration,
    /// The reason was printed.
    told: bool,
}

impl Outage {
    /// The connection was lost once more.
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
    /// Ends the silence, if it has lasted that long, and returns what was missed in it, as the end of the next line.
    fn end(&mut self, interval: Duration, now: Instant) -> Option<String> {
        if self.since.is_some_and(|since| now.saturating_duration_since(since) < interval) {
            self.missed += 1;
            return None;
        }
        let missed = std::mem::replace(self, Self { since: Some(now), missed: 0 }).missed;
        Some(if missed == 0 { String::new() } else { format!(" ({missed} more since the last line)") })
    }

    /// When what was missed is to be told, if anything was.
    fn due(&self, interval: Duration) -> Option<Instant> {
        self.since.filter(|_| self.missed > 0).map(|since| since + interval)
    }

    /// Takes what was missed, to be told now.
    fn rest(&mut self, now: Instant) -> Option<u64> {
        let missed = std::mem::take(&mut self.missed);
        (missed > 0).then(|| {
            self.since = Some(now);
            missed
        })
    }
}

impl Console {
    /// `label` says which client it is. No secret.
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

    /// Another session is in the place of the one before. What was kept is still told.
    pub(super) fn relabel(&mut self, label: String) {
        let (failures, unreadable) =
            (std::mem::take(&mut self.failures), std::mem::take(&mut self.unreadable));
        *self = Self { failures, unreadable, ..Self::new(label) };
    }

    /// When [`Console::lines`] has some.
    pub(super) fn due(&self) -> Option<Instant> {
        self.failures.due().into_iter().chain(self.unreadable.due(INTERVAL)).min()
    }

    /// Lines for what was kept to be told together.
    pub(super) fn lines(&mut self, now: Instant) -> Vec<String> {
        let unreadable = self.unreadable.due(INTERVAL).is_some_and(|due| due <= now);
        let unreadable = unreadable.then(|| self.unreadable.rest(now)).flatten().map(left_out);
        self.failures.lines(now).into_iter().chain(unreadable).map(|line| self.notice(&line)).collect()
    }

    /// Likewise, for all of it: the client ends.
    pub(super) fn rest(&mut self) -> Vec<String> {
        let unreadable = self.unreadable.rest(Instant::now()).map(left_out);
        let lines: Vec<_> = self.failures.rest().chain(unreadable).collect();
        lines.into_iter().map(|line| self.notice(&line)).collect()
    }

    /// The line for something that the owner should know whoever listens.
    pub(super) fn notice(&self, notice: &str) -> String {
        format!("[realtime] {}: {}", self.label, printable(notice.as_bytes(), LINE_CHARACTERS))
    }

    /// The line for a message that cannot be read, if it deserves one now.
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

    /// The line for an event that no script listens to, if it deserves one now. Refused subscriptions and requests are kept for
    /// [`Console::lines`].
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
        // The parts are printable already. Whatever a backend may tell one day, this is one line.
        let text = printable(text.as_bytes(), LINE_CHARACTERS);
        Some(format!("[realtime] {}: {text}{more}", self.label))
    }
}

/// Messages that could not be read, after one that a line has told of.
fn left_out(count: u64) -> String {
    match count {
        1 => "one more message was left out, because it could not be read".into(),
        _ => format!("{count} more messages were left out, because they could not be read"),
    }
}

/// When the next attempt comes, as precisely as a reader cares.
fn next_attempt(retry_in: Duration) -> String {
    const SECOND: Duration = Duration::from_secs(1);
    match retry_in {
        short if short < Duration::from_millis(1) => "trying again at once".into(),
        short if short < SECOND => format!("next attempt in {} ms", short.as_millis()),
        long => format!("next attempt in {:.1} s", long.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Topic, TopicKind};

    fn down() -> Event {
        down_for("nobody there", Duration::from_millis(400))
    }

    fn down_for(why: &'static str, retry_in: Duration) -> Event {
        Event::Down { error: Error::unsent(Code::Refused, why), retry_in: Some(retry_in) }
    }

    fn ready() -> Event {
        Event::Ready(Ready { first: true, protocol: Some(3), ..Ready::default() })
    }

    #[test]
    fn lines_of_a_kind_keep_their_distance_and_count_what_they_missed() {
        let start = Instant::now();
        let mut console = Console::new("main".into());
        let mut at = |millis| console.line(&down(), || start + Duration::from_millis(millis));
        assert_eq!(at(0).as_deref(), Some("[realtime] main: REFUSED: nobody there; next attempt in 400 ms"));
        assert_eq!((at(10), at(9_999)), (None, None));
        assert!(at(10_000).unwrap().ends_with("(2 more since the last line)"));
    }

    #[test]
    fn messages_that_cannot_be_read_are_told_once_in_an_interval_with_their_number() {
        let start = Instant::now();
        let mut console = Console::new("main".into());
        let mut at = |millis, channel: &'static [u8]| {
            console.unreadable(|| channel, "a reason", start + Duration::from_millis(millis))
        };
        let line = "[realtime] main: a message on \"chat\" was left out: a reason";
        assert_eq!(at(0, b"chat").as_deref(), Some(line));
        assert_eq!((at(10, b"chat"), at(9_999, b"kills")), (None, None));
        let line =
            "[realtime] main: a message on \"\\x1b\" was left out: a reason (2 more since the last line)";
        assert_eq!(at(10_000, b"\x1b").as_deref(), Some(line));
        assert_eq!(at(10_001, b"chat"), None);
        let later = |millis| start + Duration::from_millis(millis);
        console.relabel("other".into());
        assert_eq!(console.due(), Some(later(20_000)), "it is told though no other one comes");
        assert_eq!(console.lines(later(19_999)), [""; 0]);
        let line = "[realtime] other: one more message was left out, because it could not be read";
        assert_eq!(console.lines(later(20_000)), [line]);
        assert_eq!((console.due(), console.rest()), (None, vec![]));
        assert_eq!(console.unreadable(|| b"chat", "a reason", later(20_001)), None);
        assert_eq!(console.rest(), [line], "the client ends before the interval is over");
    }

    #[test]
    fn ready_names_the_address_that_is_in_use_if_the_client_has_several() {
        let at = |label: &str, address: &str| {
            let mut console = Console::new(label.into());
            console.line(&down(), Instant::now);
            let address = Some(address.into());
            let ready = Event::Ready(Ready { address, ..Ready::default() });
            console.line(&ready, Instant::now).unwrap_or_default()
        };
        assert_eq!(at("main at a:1,b:2", "b:2"), "[realtime] main at a:1,b:2: ready at b:2");
        assert_eq!(at("a:1,b:2", "a:1"), "[realtime] a:1,b:2: ready at a:1");
        assert_eq!(at("main at b:2", "b:2"), "[realtime] main at b:2: ready");
        assert_eq!(at("b:2", "b:2"), "[realtime] b:2: ready");
    }

    #[test]
    fn the_same_reason_is_told_ever_more_rarely_with_a_count() {
        let start = Instant::now();
        let mut console = Console::new("main".into());
        // Lost and ready again each second.
        let mut told = Vec::new();
        for second in 0..2000 {
            let now = || start + Duration::from_secs(second);
            if let Some(line) = console.line(&down(), now) {
                told.push((second, line));
                assert_eq!(console.line(&ready(), now).as_deref(), Some("[realtime] main: ready"));
            } else {
                assert_eq!(console.line(&ready(), now), None);
            }
        }
        let at: Vec<_> = told.iter().map(|&(second, _)| second).collect();
        assert_eq!(at, [0, 10, 30, 70, 150, 310, 630, 1230, 1830]);
        for (line, before) in told[1..].iter().zip(&told) {
            let missed = format!("({} more since the last line)", line.0 - before.0 - 1);
            assert!(line.1.ends_with(&missed), "{} at {}", line.1, line.0);
        }
        // Another reason is news, and so is the same one after a time in which all was well.
        let mut at = |second, why| {
            console.line(&down_for(why, Duration::ZERO), || start + Duration::from_secs(second)).is_some()
        };
        assert_eq!(
            (at(2000, "nobody there"), at(2001, "hung up"), at(2002, "hung up")),
            (false, true, false)
        );
        assert_eq!((at(2200, "hung up"), at(2201, "hung up"), at(2210, "hung up")), (true, false, true));
    }

    #[test]
    fn a_lost_connection_does_not_hide_what_the_server_says_next() {
        let start = Instant::now();
        let mut console = Console::new("main".into());
        let loading = || Event::Down {
            error: Error::unsent(Code::Server("LOADING".into()), "not yet"),
            retry_in: Some(Duration::from_secs(1)),
        };
        let mut at = |event, millis| console.line(&event, || start + Duration::from_millis(millis));
        assert!(at(down(), 0).is_some());
        assert_eq!(
            at(loading(), 200).as_deref(),
            Some("[realtime] main: LOADING: not yet; next attempt in 1.0 s")
        );
        assert_eq!((at(down(), 300), at(loading(), 400)), (None, None));
    }

    #[test]
    fn whatever_an_event_holds_its_line_is_one_and_bounded() {
        let hostile = || b"k\xc5\xaf\n[realtime] \x1b[2J\x9b".iter().copied().chain([b'x'; 100_000]);
        let name = || Box::from_iter(hostile());
        let error = || Error::unsent(Code::Refused, String::from_utf8_lossy(&name()).into_owned());
        let topic = || Topic { kind: TopicKind::Channel, name: name() };
        let now = Instant::now();
        let line = |event: &Event| {
            let mut console = Console::new("main".into());
            let line = console.line(event, || now);
            line.unwrap_or_else(|| console.lines(now + INTERVAL).remove(0))
        };
        for event in [
            Event::Down { error: error(), retry_in: Some(Duration::ZERO) },
            Event::SubscribeFailed { topic: topic(), error: error() },
            Event::RequestFailed { command: name(), channel: None, error: error() },
            Event::RequestFailed { command: b"PUBLISH"[..].into(), channel: Some(name()), error: error() },
        ] {
            let line = line(&event);
            assert!(line.contains(r"ků\x0a[realtime] \x1b[2J"), "{line}");
            assert!(!line.contains(char::is_control) && line.len() < 2500, "{line}");
        }
        let names = Event::RequestFailed {
            command: name(),
            channel: Some(name()),
            error: Error::unsent(Code::Refused, "no"),
        };
        let line = line(&names);
        assert!(line.contains(r"\x9bxxx") && line.len() < 300, "{line}");
    }

    #[test]
    fn the_servers_full_stop_does_not_end_the_line() {
        let mut console = Console::new("main".into());
        let line = console.line(&down_for("no such user.", Duration::ZERO), Instant::now);
        assert_eq!(line.as_deref(), Some("[realtime] main: REFUSED: no such user; trying again at once"));
    }

    #[test]
    fn the_pause_before_the_next_attempt_is_told_in_fitting_units() {
        for (pause, text) in [
            (Duration::ZERO, "trying again at once"),
            (Duration::from_micros(999), "trying again at once"),
            (Duration::from_millis(1), "next attempt in 1 ms"),
            (Duration::from_micros(999_999), "next attempt in 999 ms"),
            (Duration::from_secs(1), "next attempt in 1.0 s"),
            (Duration::from_millis(29_960), "next attempt in 30.0 s"),
        ] {
            assert_eq!(next_attempt(pause), text);
        }
    }

    #[test]
    fn an_end_without_another_attempt_promises_none() {
        let event = Event::Down { error: Error::unsent(Code::Closed, "the end"), retry_in: None };
        let line = Console::new("main".into()).line(&event, Instant::now);
        assert_eq!(line.as_deref(), Some("[realtime] main: CLOSED: the end"));
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
