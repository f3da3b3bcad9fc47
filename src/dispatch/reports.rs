//! Errors of callbacks, reported without flooding the console.
//!
//! A callback that raises an error usually does so at every message. The first few errors with one text are reported
//! in full; later ones are counted, and the count is reported.

use std::time::{Duration, Instant};

use crate::model::printable;

/// How often the count is reported, and how long an error has to be absent to count as new.
const INTERVAL: Duration = Duration::from_secs(10);
/// Errors of one text that are reported in full.
const IN_FULL: u32 = 5;
/// How many different texts are kept separately. So at most `TEXTS * IN_FULL` errors are reported in full within an
/// interval.
const TEXTS: usize = 64;
/// How many bytes of a text identify it.
const TEXT_BYTES: usize = 256;

/// Decides which errors are reported, and counts the others.
#[derive(Debug, Default)]
pub struct Reports {
    known: Vec<RecentError>,
    /// The errors for which `known` has no room, counted together, with the text of the first one.
    others: Option<RecentError>,
    /// When to report the next count.
    due: Option<Instant>,
    line: String,
}

/// A recent error.
#[derive(Debug)]
struct RecentError {
    text: Box<[u8]>,
    /// When it first came, or its count was last reported.
    since: Instant,
    /// How many were reported.
    told: u32,
    /// How many were not, since then.
    missed: u64,
}

impl RecentError {
    fn new(text: &[u8], now: Instant) -> Self {
        Self { text: text.into(), since: now, told: 0, missed: 0 }
    }

    /// Whether its interval is over.
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= INTERVAL
    }

    /// A line with the number of errors that were not reported. The next errors are counted from zero.
    fn count_out(&mut self, now: Instant, other: &str) -> String {
        let seconds = now.saturating_duration_since(self.since).as_secs_f64();
        let errors = if self.missed == 1 { "error" } else { "errors" };
        let text = printable(&self.text, TEXT_BYTES);
        let line = format!("{} more {errors} in callbacks within {seconds:.0} s{other}: {text}", self.missed);
        (self.since, self.missed) = (now, 0);
        line
    }
}

/// The words for errors without a place of their own.
const OTHER: &str = ", of several kinds, such as";

impl Reports {
    /// Whether to report the error with this message, which a traceback follows, in full.
    pub fn admit(&mut self, message: &[u8], now: Instant) -> bool {
        let end = message.iter().take(TEXT_BYTES).position(|&byte| byte == b'\n');
        let text = &message[..end.unwrap_or_else(|| message.len().min(TEXT_BYTES))];
        // An error that was absent, with its count reported, is forgotten.
        let is_old = |known: &RecentError| known.missed == 0 && known.is_over(now);
        let at = match self.known.iter().position(|known| *known.text == *text) {
            Some(at) if is_old(&self.known[at]) => {
                (self.known[at].since, self.known[at].told) = (now, 0);
                at
            }
            Some(at) => at,
            None => {
                self.known.retain(|known| !is_old(known));
                self.known.push(RecentError::new(text, now));
                self.known.len() - 1
            }
        };
        let known = if at < TEXTS {
            &mut self.known[at]
        } else {
            let last = self.known.pop();
            self.others.get_or_insert_with(|| last.unwrap_or_else(|| RecentError::new(text, now)))
        };
        if at < TEXTS && known.told < IN_FULL {
            known.told += 1;
            return true;
        }
        known.missed += 1;
        let due = known.since + INTERVAL;
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
        false
    }

    /// Whether there is a [`Reports::line`]. Costs nothing as long as every error was reported.
    #[inline]
    pub fn is_due(&self, clock: impl FnOnce() -> Instant) -> bool {
        self.due.is_some_and(|due| due <= clock())
    }

    /// The next count to report, if it is due.
    pub fn line(&mut self, now: Instant) -> Option<&str> {
        self.due.filter(|&due| due <= now)?;
        let line = self.take(|known| known.is_over(now), now);
        let waiting = self.known.iter().chain(&self.others).filter(|known| known.missed > 0);
        self.due = waiting.map(|known| known.since + INTERVAL).min();
        self.line = format!("[realtime] {}", line?);
        Some(&self.line)
    }

    /// Everything that was not reported yet: the Lua state ends.
    pub fn rest(&mut self, now: Instant) -> impl Iterator<Item = String> {
        std::iter::from_fn(move || self.take(|_| true, now))
    }

    /// A count for which `wanted` is true.
    fn take(&mut self, wanted: impl Fn(&RecentError) -> bool, now: Instant) -> Option<String> {
        let mut known = self.known.iter_mut();
        if let Some(known) = known.find(|known| known.missed > 0 && wanted(known)) {
            return Some(known.count_out(now, ""));
        }
        Some(self.others.take_if(|others| wanted(others))?.count_out(now, OTHER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Errors at times of our own.
    struct World {
        reports: Reports,
        start: Instant,
        millis: u64,
    }

    impl World {
        fn new() -> Self {
            Self { reports: Reports::default(), start: Instant::now(), millis: 0 }
        }

        fn now(&self) -> Instant {
            self.start + Duration::from_millis(self.millis)
        }

        /// How many of `times` errors were reported in full.
        fn raise(&mut self, times: usize, message: &str) -> usize {
            let now = self.now();
            (0..times).filter(|_| self.reports.admit(message.as_bytes(), now)).count()
        }

        fn lines(&mut self) -> Vec<String> {
            let now = self.now();
            assert_eq!(self.reports.is_due(|| now), self.reports.due.is_some_and(|due| due <= now));
            std::iter::from_fn(|| self.reports.line(now).map(Into::into)).collect()
        }
    }

    #[test]
    fn the_first_few_are_reported_and_the_others_counted() {
        let mut world = World::new();
        assert_eq!(world.raise(10_000, "a.lua:5: boom\nstack traceback:\n\t…"), 5);
        world.millis = 9_999;
        assert_eq!(world.lines(), [""; 0]);
        world.millis = 10_000;
        assert_eq!(world.lines(), ["[realtime] 9995 more errors in callbacks within 10 s: a.lua:5: boom"]);
        assert_eq!(world.lines(), [""; 0], "told once");
    }

    #[test]
    fn a_count_is_one_line_without_control_characters() {
        let mut world = World::new();
        world.raise(6, "kůň \x1b[2J\r[realtime] ready");
        world.millis = 10_000;
        let text = r"kůň \x1b[2J\x0d[realtime] ready";
        assert_eq!(world.lines(), [format!("[realtime] 1 more error in callbacks within 10 s: {text}")]);
    }

    #[test]
    fn an_error_that_goes_on_is_one_line_in_each_interval() {
        let mut world = World::new();
        let (mut in_full, mut lines) = (0, Vec::new());
        for _ in 0..60 {
            in_full += world.raise(100, "boom");
            world.millis += 1_000;
            lines.extend(world.lines());
        }
        assert_eq!((in_full, lines.len()), (5, 6), "{lines:?}");
        let counted: usize =
            lines.iter().map(|line| line.split(' ').nth(1).unwrap().parse::<usize>().unwrap()).sum();
        assert_eq!(in_full + counted, 6_000, "none is lost");
    }

    #[test]
    fn an_error_that_stayed_away_is_new_again() {
        let mut world = World::new();
        assert_eq!(world.raise(4, "boom"), 4);
        world.millis = 10_000;
        assert_eq!(world.raise(6, "boom"), 5);
        world.millis = 20_000;
        assert_eq!(world.lines(), ["[realtime] 1 more error in callbacks within 10 s: boom"]);
        world.millis = 29_999;
        assert_eq!(world.raise(1, "boom"), 0, "lately");
        world.millis = 30_000;
        assert_eq!(world.lines().len(), 1);
        world.millis = 40_000;
        assert_eq!(world.raise(1, "boom"), 1);
    }

    #[test]
    fn what_is_not_yet_counted_out_is_not_forgotten() {
        let mut world = World::new();
        world.raise(6, "boom");
        world.millis = 60_000;
        assert_eq!(world.raise(2, "boom"), 0);
        assert_eq!(world.lines(), ["[realtime] 3 more errors in callbacks within 60 s: boom"]);
    }

    #[test]
    fn each_text_is_known_by_its_own_first_line() {
        let mut world = World::new();
        assert_eq!(
            world.raise(9, "a\nfrom here") + world.raise(9, "b") + world.raise(9, "a\nfrom there"),
            10
        );
        world.millis = 10_000;
        assert_eq!(world.lines().len(), 2);
    }

    #[test]
    fn any_number_of_texts_is_bounded_and_counted() {
        let mut world = World::new();
        let long = "x".repeat(100_000);
        let in_full: usize = (0..10_000).map(|n| world.raise(1, &format!("player {n}: {long}"))).sum();
        assert_eq!(in_full, TEXTS);
        assert!(world.reports.known.len() <= TEXTS);
        assert!(world.reports.known.iter().all(|known| known.text.len() <= TEXT_BYTES));
        world.millis = 10_000;
        let lines = world.lines();
        assert_eq!(lines.len(), 1);
        let told =
            "[realtime] 9936 more errors in callbacks within 10 s, of several kinds, such as: player 64: ";
        assert!(lines[0].starts_with(told) && lines[0].len() < 2 * TEXT_BYTES, "{}", lines[0]);
        assert_eq!(world.raise(1, "another"), 1, "the old ones have made room");
    }

    #[test]
    fn the_end_tells_the_rest() {
        let mut world = World::new();
        world.raise(7, "a");
        world.raise(5, "b");
        for n in 0..TEXTS {
            world.raise(1, &format!("c {n}"));
        }
        world.millis = 3_000;
        let now = world.now();
        let rest: Vec<_> = world.reports.rest(now).collect();
        assert_eq!(
            rest,
            [
                "2 more errors in callbacks within 3 s: a",
                "2 more errors in callbacks within 3 s, of several kinds, such as: c 62"
            ]
        );
    }

    #[test]
    fn as_long_as_all_are_reported_no_clock_is_read() {
        let mut world = World::new();
        world.raise(5, "boom");
        assert!(!world.reports.is_due(|| panic!("a look at the clock")));
        world.raise(1, "boom");
        world.millis = 10_000;
        assert_eq!(world.lines().len(), 1);
        assert!(!world.reports.is_due(|| panic!("a look at the clock after the last count")));
    }
}
