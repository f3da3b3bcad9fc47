//! Failed subscriptions and requests that no script listens for, gathered into few console lines: one line names all
//! that failed for one reason, with one remedy for all of them.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::model::{Error, Event, NAME_CHARACTERS, Remedy, printable};

/// How long to wait for others after the first failure: a server answers for each name separately.
const GATHER: Duration = Duration::from_millis(500);
/// Then at most [`LINES`] lines within this time, one for each reason.
const INTERVAL: Duration = Duration::from_secs(10);
const LINES: usize = 4;
/// How many reasons are kept separately until they are printed. Failures for other reasons are only counted.
const REASONS: usize = 16;
/// How many names are kept until they are printed, of all reasons together. Other names are only counted,
/// except for the first name of a reason.
const NAMES: usize = 256;
/// How many names one reason may have until all of them are printed. Others are only counted.
const KNOWN: usize = 4 * NAMES;
/// Bytes of names and of a remedy's words in one line. The next line has the rest.
const LINE_BYTES: usize = 700;

/// The failures that were not printed yet.
#[derive(Debug, Default)]
pub(super) struct Failures {
    groups: VecDeque<Group>,
    /// When the next lines may be printed.
    due: Option<Instant>,
    /// When the last ones were printed.
    told: Option<Instant>,
    /// Names in all groups.
    names: usize,
}

/// The failures for one reason.
#[derive(Debug)]
struct Group {
    error: Error,
    items: VecDeque<Failure>,
    /// Hashes of all failures that this group ever had.
    known: HashSet<u64>,
    /// Failures whose name is not kept here.
    more: u64,
}

#[derive(Debug)]
struct Failure {
    kind: FailureKind,
    name: String,
    remedy: Option<Box<Remedy>>,
}

/// The kind of failure. Names of one kind are listed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum FailureKind {
    Subscribe,
    Publish,
    SPublish,
    Command,
}

impl Failures {
    /// Keeps a failure.
    pub(super) fn add(&mut self, event: &Event, now: Instant) {
        let (kind, name, error): (_, &[u8], _) = match event {
            Event::SubscribeFailed { topic, error } => (FailureKind::Subscribe, &topic.name, error),
            Event::RequestFailed { command, channel: Some(channel), error } => {
                let is_sharded = **command == *b"SPUBLISH";
                (if is_sharded { FailureKind::SPublish } else { FailureKind::Publish }, channel, error)
            }
            Event::RequestFailed { command, channel: None, error } => (FailureKind::Command, command, error),
            _ => return,
        };
        let gathered = now + GATHER;
        self.due.get_or_insert(self.told.map_or(gathered, |told| gathered.max(told + INTERVAL)));
        let has_reason = |group: &Group| group.error.code == error.code && group.has_reason(error);
        let known = self.groups.iter().position(has_reason);
        if known.is_none() && self.groups.len() < REASONS {
            self.groups.push_back(Group::new(error));
        }
        let Some(group) = self.groups.get_mut(known.unwrap_or(self.groups.len().saturating_sub(1))) else {
            return;
        };
        let mut hasher = DefaultHasher::new();
        (kind, name).hash(&mut hasher);
        if let Event::SubscribeFailed { topic, .. } = event {
            topic.kind.hash(&mut hasher);
        }
        let hash = hasher.finish();
        // There is always room for a reason's first name, so that each line names something.
        let is_full = (self.names >= NAMES && !group.items.is_empty()) || group.known.len() >= KNOWN;
        if is_full || group.known.contains(&hash) || !has_reason(group) {
            group.more += 1;
            return;
        }
        let name = match event {
            Event::SubscribeFailed { topic, .. } => topic.to_string(),
            _ if kind != FailureKind::Command => format!("\"{}\"", printable(name, NAME_CHARACTERS)),
            _ => printable(name, NAME_CHARACTERS),
        };
        group.known.insert(hash);
        group.items.push_back(Failure { kind, name, remedy: error.remedy.clone() });
        self.names += 1;
    }

    /// When [`Failures::lines`] has the next lines.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The lines to print now.
    pub(super) fn lines(&mut self, now: Instant) -> Vec<String> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let lines = (0..LINES).map_while(|_| self.line()).collect();
        self.told = Some(now);
        self.due = (!self.groups.is_empty()).then(|| now + INTERVAL);
        lines
    }

    /// Everything that was not printed yet: the Lua state ends.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = String> {
        self.due = None;
        std::iter::from_fn(|| self.line())
    }

    /// The oldest reason's next line.
    fn line(&mut self) -> Option<String> {
        let mut group = self.groups.pop_front()?;
        let before = group.items.len();
        let line = group.line();
        self.names -= before - group.items.len();
        if !group.items.is_empty() {
            self.groups.push_back(group);
        }
        Some(line)
    }
}

impl Group {
    fn new(error: &Error) -> Self {
        Self { error: error.clone(), items: VecDeque::new(), known: HashSet::new(), more: 0 }
    }

    /// Whether failures with this error belong here. One remedy may cover several reasons, such as a missing
    /// right to a command and one to a channel.
    fn has_reason(&self, error: &Error) -> bool {
        match (&self.error.remedy, &error.remedy) {
            (Some(own), Some(other)) => own.beginning == other.beginning,
            (own, other) => own.is_none() && other.is_none() && self.error.message == error.message,
        }
    }

    /// Takes out as many items as fit into one line.
    fn line(&mut self) -> String {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(item) = self.items.pop_front() {
            let words =
                item.remedy.as_ref().map_or(0, |remedy| remedy.words.iter().map(|word| word.len() + 1).sum());
            bytes += item.name.len() + words;
            if bytes > LINE_BYTES && !taken.is_empty() {
                self.items.push_front(item);
                break;
            }
            taken.push(item);
        }
        // A server answers in its own order.
        taken.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        let mut remedy = None::<Remedy>;
        for item in &taken {
            match (&mut remedy, &item.remedy) {
                (Some(remedy), Some(other)) => drop(remedy.merge(other)),
                (remedy, other) => *remedy = remedy.take().or_else(|| other.as_deref().cloned()),
            }
        }
        let names = |kind| {
            let names = taken.iter().filter(|item| item.kind == kind).map(|item| &*item.name);
            Some(names.collect::<Vec<_>>().join(", ")).filter(|names| !names.is_empty())
        };
        let parts = [
            names(FailureKind::Subscribe).map(|names| format!("cannot subscribe to {names}")),
            names(FailureKind::Publish).map(|names| format!("PUBLISH to {names} failed")),
            names(FailureKind::SPublish).map(|names| format!("SPUBLISH to {names} failed")),
            names(FailureKind::Command).map(|names| format!("{names} failed")),
        ];
        let parts = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let Error { code, .. } = &self.error;
        let remedy = remedy.map_or_else(String::new, |remedy| format!("; {remedy}"));
        let reason = self.error.reason();
        let reason = if remedy.is_empty() { reason } else { reason.trim_end_matches('.') };
        let left = self.items.len();
        let more = match (left, self.more) {
            (0, 0) => String::new(),
            (0, more) => format!(" ({more} more)"),
            (left, _) => format!(" (the next line names {left} more)"),
        };
        format!("{parts}: {code}: {reason}{remedy}{more}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Code, Topic, TopicKind};

    /// Failures at times of our own.
    struct World {
        failures: Failures,
        start: Instant,
        millis: u64,
    }

    impl World {
        fn new() -> Self {
            Self { failures: Failures::default(), start: Instant::now(), millis: 0 }
        }

        fn now(&self) -> Instant {
            self.start + Duration::from_millis(self.millis)
        }

        fn add(&mut self, event: &Event) {
            self.failures.add(event, self.now());
        }

        fn lines_at(&mut self, millis: u64) -> Vec<String> {
            self.millis = millis;
            self.failures.lines(self.now())
        }
    }

    fn forbidden(word: &str) -> Error {
        let remedy = Remedy { beginning: "type: ALLOW bob".into(), words: vec![word.into()] };
        Error::sent(Code::Server("NOPERM".into()), "no permissions.").with_remedy(remedy)
    }

    fn subscribe(name: &str, error: Error) -> Event {
        let kind = if name.contains('*') { TopicKind::Pattern } else { TopicKind::Channel };
        Event::SubscribeFailed { topic: Topic { kind, name: name.as_bytes().into() }, error }
    }

    fn request(command: &str, channel: Option<&str>, error: Error) -> Event {
        let channel = channel.map(|channel| channel.as_bytes().into());
        Event::RequestFailed { command: command.as_bytes().into(), channel, error }
    }

    #[test]
    fn all_that_one_remedy_mends_is_one_line() {
        let mut world = World::new();
        world.add(&subscribe("chat", forbidden("&chat")));
        world.add(&subscribe("kills.*", forbidden("+psubscribe")));
        world.millis = 100;
        world.add(&request("PUBLISH", Some("chat"), forbidden("&chat")));
        world.add(&request("HSET", None, forbidden("+hset")));
        world.add(&request("HSET", None, forbidden("+hset")));
        assert_eq!(world.lines_at(499), [""; 0]);
        assert_eq!(
            world.lines_at(500),
            [
                "cannot subscribe to channel \"chat\", pattern \"kills.*\"; PUBLISH to \"chat\" failed; HSET failed: NOPERM: no \
              permissions; type: ALLOW bob &chat +psubscribe +hset (1 more)"
            ]
        );
        assert_eq!((world.failures.due(), world.failures.names), (None, 0));
    }

    #[test]
    fn a_sharded_channel_is_another_one_than_the_plain_one_of_its_name() {
        let mut world = World::new();
        for command in ["PUBLISH", "SPUBLISH", "SPUBLISH"] {
            world.add(&request(command, Some("chat"), forbidden("&chat")));
        }
        let line = "PUBLISH to \"chat\" failed; SPUBLISH to \"chat\" failed: NOPERM: no permissions; type: ALLOW bob &chat (1 more)";
        assert_eq!(world.lines_at(500), [line]);
    }

    #[test]
    fn another_reason_is_another_line() {
        let mut world = World::new();
        let error = |text: &'static str| Error::sent(Code::Server("ERR".into()), text);
        world.add(&request("HSET", None, error("wrong type")));
        world.add(&request("INCR", None, error("no integer")));
        world.add(&request("HSET", None, forbidden("+hset")));
        assert_eq!(
            world.lines_at(500),
            [
                "HSET failed: ERR: wrong type",
                "INCR failed: ERR: no integer",
                "HSET failed: NOPERM: no permissions; type: ALLOW bob +hset"
            ]
        );
    }

    #[test]
    fn what_goes_on_is_told_once_in_an_interval_with_its_number() {
        let mut world = World::new();
        let mut told = Vec::new();
        for millis in (0..30_000).step_by(100) {
            world.millis = millis;
            world.add(&request("PUBLISH", Some("chat"), forbidden("&chat")));
            told.extend(world.lines_at(millis).into_iter().map(|line| (millis, line)));
        }
        assert_eq!(told.iter().map(|(millis, _)| *millis).collect::<Vec<_>>(), [500, 10_500, 20_500]);
        let line = "PUBLISH to \"chat\" failed: NOPERM: no permissions; type: ALLOW bob &chat";
        assert_eq!(told[0].1, format!("{line} (5 more)"));
        assert_eq!(told[1].1, format!("{line} (99 more)"));
    }

    #[test]
    fn many_names_take_several_lines_and_none_is_lost() {
        let mut world = World::new();
        for n in 0..200 {
            world.add(&subscribe(&format!("channel-{n}"), forbidden(&format!("&channel-{n}"))));
        }
        let (mut lines, mut told) = (Vec::new(), Vec::new());
        for millis in (500..200_000).step_by(500) {
            let new = world.lines_at(millis);
            if !new.is_empty() {
                told.push(millis);
            }
            assert!(new.len() <= LINES, "{new:?}");
            lines.extend(new);
        }
        assert!(told.len() > 1 && told.windows(2).all(|pair| pair[1] - pair[0] == 10_000), "{told:?}");
        assert_eq!(world.failures.due(), None);
        for n in 0..200 {
            let named = |line: &&String| {
                line.contains(&format!("\"channel-{n}\"")) && line.contains(&format!(" &channel-{n}"))
            };
            assert_eq!(lines.iter().filter(named).count(), 1, "{n}");
        }
        assert!(lines.iter().all(|line| line.len() < 2 * LINE_BYTES), "{lines:?}");
        assert!(lines[0].ends_with("more)") && lines[0].contains("(the next line names "), "{}", lines[0]);
    }

    #[test]
    fn any_number_of_names_and_reasons_is_bounded_and_counted() {
        let mut world = World::new();
        for n in 0..10_000 {
            world.add(&subscribe(&format!("{n}{}", "x".repeat(1000)), forbidden("+subscribe")));
            world.add(&request("GET", None, Error::sent(Code::Server("ERR".into()), format!("reason {n}"))));
        }
        assert_eq!((world.failures.groups.len(), world.failures.names), (REASONS, NAMES));
        let lines: Vec<_> = world.failures.rest().collect();
        let counted = |line: &String| line.rsplit_once(" (")?.1.strip_suffix(" more)")?.parse::<usize>().ok();
        assert_eq!(lines.iter().filter_map(counted).sum::<usize>() + NAMES, 20_000);
        assert_eq!((world.failures.groups.len(), world.failures.names), (0, 0));
    }

    #[test]
    fn a_reason_that_comes_when_all_names_are_kept_is_told_with_its_first_name() {
        let mut world = World::new();
        for n in 0..NAMES {
            world.add(&subscribe(&format!("channel-{n}"), forbidden("+subscribe")));
        }
        world.add(&request("GET", None, Error::sent(Code::Server("ERR".into()), "wrong type")));
        world.add(&request("SET", None, Error::sent(Code::Server("ERR".into()), "wrong type")));
        let lines: Vec<_> = world.failures.rest().collect();
        assert!(lines.contains(&"GET failed: ERR: wrong type (1 more)".to_owned()), "{lines:?}");
        assert_eq!(world.failures.names, 0);
    }

    #[test]
    fn new_names_without_end_do_not_fill_the_memory() {
        let mut world = World::new();
        for n in 0..50_000 {
            world.millis = n * 20;
            world.add(&request("PUBLISH", Some(&format!("player-{n}")), forbidden("+publish")));
            world.lines_at(n * 20);
        }
        let known: Vec<_> = world.failures.groups.iter().map(|group| group.known.len()).collect();
        assert!(known.iter().all(|&known| known <= KNOWN), "{known:?}");
    }

    #[test]
    fn the_end_tells_the_rest() {
        let mut world = World::new();
        world.add(&subscribe("chat", forbidden("&chat")));
        assert_eq!(world.failures.rest().count(), 1);
        assert_eq!((world.failures.rest().count(), world.failures.due()), (0, None));
    }
}
