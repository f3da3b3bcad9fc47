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
    let line = "[realtime] main: a message on \"\\x1b\" was left out: a reason (2 more since the last line)";
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
    // Another reason is news, and so is the same one after a quiet time.
    let mut at = |second, why| {
        console.line(&down_for(why, Duration::ZERO), || start + Duration::from_secs(second)).is_some()
    };
    assert_eq!((at(2000, "nobody there"), at(2001, "hung up"), at(2002, "hung up")), (false, true, false));
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
